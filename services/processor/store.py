"""What was made before, in the object store: a file for each version of a recipe, and a list of them that is written last."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.protobuf.message import DecodeError

from linkarooie.processor.v1 import processor_pb2
from servicekit.object_store import ObjectMissingError, ObjectStore
from services.processor.domain import Recipe
from services.processor.messages import failure_message, look_message, variant_message
from services.processor.pipeline import RenderResult
from services.processor.pipeline.describe import SUFFIXES

CONTENT_TYPES = {f".{suffix}": content_type for content_type, suffix in SUFFIXES.items()}
# How often is looked for files while others are still being made: a fraction of what one takes.
LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Made:
    """What was made of one original with one edit, by the version of the recipe."""

    variants: Mapping[str, processor_pb2.Variant] = field(default_factory=dict)
    failures: Mapping[str, processor_pb2.VariantFailure] = field(default_factory=dict)
    look: processor_pb2.Look = field(default_factory=processor_pb2.Look)

    def without(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        """Returns the recipes that were not followed yet; of several with the same result, the first."""
        missing: dict[str, Recipe] = {}
        for recipe in recipes:
            if recipe.version not in self.variants and recipe.version not in self.failures:
                missing.setdefault(recipe.version, recipe)
        return list(missing.values())

    def by(self, recipes: Sequence[Recipe]) -> tuple[list[processor_pb2.Variant], list[processor_pb2.VariantFailure]]:
        """Returns what these recipes made, and what they could not make, each under the recipe's own name."""
        variants, failures = [], []
        for recipe in recipes:
            if made := self.variants.get(recipe.version):
                variant = processor_pb2.Variant()
                variant.CopyFrom(made)
                variant.key, variant.platform, variant.slot = recipe.key, recipe.platform, recipe.slot
                variants.append(variant)
            elif unmade := self.failures.get(recipe.version):
                failure = processor_pb2.VariantFailure()
                failure.CopyFrom(unmade)
                failure.key = recipe.key
                failures.append(failure)
        return variants, failures


class VariantStore:
    """Folders of variants. The same bytes have the same name, so replicas that make the same at once do no harm.

    A list that another replica overwrote costs at most another rendering of what it forgot.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def made(self, folder: str) -> Made:
        """Returns what is there: nothing where there is no list, or one that cannot be read."""
        found = processor_pb2.VariantList()
        try:
            found.ParseFromString(b"".join([chunk async for chunk in self._objects.read(f"{folder}/list")]))
        except (ObjectMissingError, DecodeError):
            return Made()
        return Made(
            variants={variant.recipe_version: variant for variant in found.variants},
            failures={failure.recipe_version: failure for failure in found.failures},
            look=found.look,
        )

    def shipping(self, folder: str, directory: Path) -> "Shipping":
        """Stores the files of a directory in a folder while they are being made: see `Shipping`."""

        async def put(path: Path) -> None:
            await self._objects.put_file(f"{folder}/{path.name}", path, content_type=CONTENT_TYPES[path.suffix])

        return Shipping(put, directory)

    async def keep(self, folder: str, made: Made, desk: Path) -> None:
        """Writes the list, so that what was made is found the next time. `desk` is for a temporary file."""
        listed = processor_pb2.VariantList(
            variants=made.variants.values(), failures=made.failures.values(), look=made.look
        )
        file = desk / "list"
        file.write_bytes(listed.SerializeToString(deterministic=True))
        await self._objects.put_file(f"{folder}/list", file, content_type="application/protobuf")


class Shipping:
    """Stores each file as soon as it is in the directory, within an `async with` block in which others are still being made.

    Files that were stored before a failure stay: their names say what they are.
    """

    def __init__(self, put: Callable[[Path], Coroutine[Any, Any, None]], directory: Path) -> None:
        self._put = put
        self._directory = directory
        self._puts: dict[Path, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self._watch = asyncio.create_task(self._keep_looking())
        return self

    async def finish(self) -> None:
        """Waits until all files are stored, now that no more will come. Raises what storing one raised."""
        self._watch.cancel()
        self._take_new()
        await asyncio.gather(*self._puts.values())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = (self._watch, *self._puts.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_looking(self) -> None:
        while True:
            self._take_new()
            await asyncio.sleep(LOOK_SECONDS)

    def _take_new(self) -> None:
        for path in self._directory.iterdir():
            if path.suffix in CONTENT_TYPES and path not in self._puts:
                self._puts[path] = asyncio.create_task(self._put(path))


def with_result(before: Made, folder: str, recipes: Sequence[Recipe], result: RenderResult) -> Made:
    """Returns what there was and what was made of `recipes` since."""
    versions = {recipe.key: recipe.version for recipe in recipes}
    variants = {
        made.recipe_version: variant_message(made, object_key=f"{folder}/{made.path.name}")
        for made in result.renditions
    }
    failures = {versions[failed.key]: failure_message(failed, versions[failed.key]) for failed in result.failures}
    return Made({**before.variants, **variants}, {**before.failures, **failures}, look_message(result.look))
