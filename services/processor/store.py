"""What was made before, in the object store: a file for each version of a recipe, and a list of them that is written last."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import DecodeError

from linkarooie.processor.v1 import processor_pb2
from servicekit.object_store import ObjectMissingError, ObjectStore
from services.processor.domain import Recipe
from services.processor.pipeline import FrameReason, Look, Rectangle, RenderResult, Rendition, RenditionFailure

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/avif": "avif"}
FRAME_REASONS = {
    FrameReason.WHOLE: processor_pb2.FRAME_REASON_WHOLE,
    FrameReason.CROP: processor_pb2.FRAME_REASON_CROP,
    FrameReason.FOCUS: processor_pb2.FRAME_REASON_FOCUS,
    FrameReason.FACES: processor_pb2.FRAME_REASON_FACES,
    FrameReason.SALIENCY: processor_pb2.FRAME_REASON_SALIENCY,
    FrameReason.CENTRE: processor_pb2.FRAME_REASON_CENTRE,
}


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

    async def add(self, folder: str, before: Made, recipes: Sequence[Recipe], result: RenderResult) -> Made:
        """Stores the files that `recipes` made. Returns all that is there now, for `keep`."""
        await asyncio.gather(
            *(
                self._objects.put_file(_object_key(folder, made), made.path, content_type=made.content_type)
                for made in result.renditions
            )
        )
        versions = {recipe.key: recipe.version for recipe in recipes}
        variants = {made.recipe_version: _variant(made, folder) for made in result.renditions}
        failures = {versions[failed.key]: _failure(failed, versions[failed.key]) for failed in result.failures}
        return Made({**before.variants, **variants}, {**before.failures, **failures}, _look(result.look))

    async def keep(self, folder: str, made: Made, desk: Path) -> None:
        """Writes the list, so that what was made is found the next time. `desk` is for a temporary file."""
        listed = processor_pb2.VariantList(
            variants=made.variants.values(), failures=made.failures.values(), look=made.look
        )
        file = desk / "list"
        file.write_bytes(listed.SerializeToString(deterministic=True))
        await self._objects.put_file(f"{folder}/list", file, content_type="application/protobuf")


def _object_key(folder: str, made: Rendition) -> str:
    return f"{folder}/{made.recipe_version}.{EXTENSIONS[made.content_type]}"


def _variant(made: Rendition, folder: str) -> processor_pb2.Variant:
    return processor_pb2.Variant(
        key=made.key,
        content_type=made.content_type,
        width=made.width,
        height=made.height,
        bytes=made.bytes,
        sha256=made.sha256,
        perceptual_hash=made.perceptual_hash,
        object_key=_object_key(folder, made),
        recipe_version=made.recipe_version,
        notes=[processor_pb2.VariantNote(code=note.code, text=note.text) for note in made.notes],
        frame=processor_pb2.Frame(box=_rectangle(made.box), reason=FRAME_REASONS[made.frame_reason]),
    )


def _failure(failed: RenditionFailure, version: str) -> processor_pb2.VariantFailure:
    return processor_pb2.VariantFailure(
        key=failed.key, reason=failed.reason, message=failed.message, recipe_version=version
    )


def _look(look: Look) -> processor_pb2.Look:
    return processor_pb2.Look(faces=[_rectangle(face) for face in look.faces], placeholder=look.placeholder)


def _rectangle(box: Rectangle) -> processor_pb2.Rectangle:
    return processor_pb2.Rectangle(left=box.left, top=box.top, right=box.right, bottom=box.bottom)
