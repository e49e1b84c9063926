"""Makes one variant of an original for somebody who looks at it while choosing an edit, and keeps nothing of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Histogram

from linkarooie.processor.v1 import processor_pb2
from servicekit.errors import FieldViolation, InvalidInputError, NotFoundError, PreconditionError, UnavailableError
from servicekit.object_store import ObjectMissingError
from servicekit.pictures.lanes import Lane
from servicekit.pictures.model import PictureLimits, PictureRefused, byte_words
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from services.processor.desk import desk
from services.processor.domain import Recipe, original_key
from services.processor.messages import variant_message
from services.processor.originals import Originals
from services.processor.pipeline import Edit, RenderResult, Rendition, preview

# What a client of ours takes in one message, less what the rest of the answer needs.
MOST_BYTES = (8 << 20) - (64 << 10)
# Less than whoever asks will wait, so that they hear why there is none.
TIMEOUT_SECONDS = 15.0
ORIGINAL_MISSING = "The file of this picture is not in the store. Upload it again."
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY_MAX_CHARACTERS = 100

PREVIEW_SECONDS = Histogram(
    "linkarooie_preview_seconds", "Time to make one variant for somebody to look at, its wait for a worker included.",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """A variant that is nowhere stored, and its file."""

    variant: processor_pb2.Variant
    file: bytes


class Previews:
    """The use case, with what it depends on."""

    def __init__(
        self, originals: Originals, workers: PictureWorkers, recipes: Sequence[Recipe], limits: PictureLimits
    ) -> None:
        self._originals = originals
        self._workers = workers
        self._recipes = recipes
        self._limits = limits
        # As many at once as there are workers: what waits here can still be called off.
        self._turns = asyncio.Semaphore(workers.count)

    async def make(self, owner_id: str, sha256: str, key: str, edit: Edit) -> Preview:
        """Makes the variant of one of the owner's originals: the file that a job with this edit makes, byte for byte.

        Raises `InvalidInputError` (SLOT_UNKNOWN, or for what is no hash), `NotFoundError` (ORIGINAL_MISSING), `PreconditionError`
        with the reason why there is no such file, and `UnavailableError` where trying again may help.
        """
        if not _SHA256.fullmatch(sha256):
            raise InvalidInputError.of_field("sha256", "This is no SHA-256 in lower-case hex: 64 characters 0-9, a-f.")
        recipe = self._recipe(key)
        await self._turns.acquire()
        making = asyncio.create_task(self._make(original_key(owner_id, sha256), recipe, edit))
        making.add_done_callback(lambda _: self._turns.release())
        # Who drags a frame calls off one preview after the other. To end one at work would end its worker process, and
        # to start another takes longer than to finish.
        return await asyncio.shield(making)

    def _recipe(self, key: str) -> Recipe:
        for recipe in self._recipes:
            if recipe.key == key:
                return recipe
        shown = key[:_KEY_MAX_CHARACTERS]
        message = f"Linkarooie makes no pictures for {shown!r}. Choose a slot of the catalogue, such as `x.avatar`."
        raise InvalidInputError(
            message, reason="SLOT_UNKNOWN", metadata={"slot": shown}, violations=(FieldViolation("key", message),)
        )

    async def _make(self, original: str, recipe: Recipe, edit: Edit) -> Preview:
        try:
            with PREVIEW_SECONDS.time(), desk() as out:
                async with self._originals.at_hand(original) as source:
                    result: RenderResult = await self._workers.run(
                        preview,
                        source,
                        edit,
                        recipe.spec,
                        out,
                        self._limits,
                        [each.spec for each in self._recipes],
                        timeout_seconds=TIMEOUT_SECONDS,
                        lane=Lane.INTERACTIVE,
                    )
                if result.failures:
                    [failed] = result.failures
                    raise PreconditionError(failed.message, reason=failed.reason, metadata={"slot": recipe.key})
                [made] = result.renditions
                _check_size(made)
                variant = variant_message(made, object_key="")
                variant.platform, variant.slot = recipe.platform, recipe.slot
                return Preview(variant, await asyncio.to_thread(made.path.read_bytes))
        except ObjectMissingError as error:
            raise NotFoundError(ORIGINAL_MISSING, reason="ORIGINAL_MISSING") from error
        except PictureRefused as refusal:
            raise PreconditionError(refusal.message, reason=refusal.reason, metadata=refusal.metadata) from refusal
        except PictureWorkerError as error:
            raise UnavailableError(
                "This preview could not be made at the moment. Try again in a few seconds.",
                reason=f"PROCESSING_{error.reason}",
                retry_after_seconds=2,
            ) from error


def _check_size(made: Rendition) -> None:
    if made.bytes > MOST_BYTES:
        raise PreconditionError(
            f"The file would be {byte_words(made.bytes)}, too large for a preview: at most {byte_words(MOST_BYTES)}."
            " Saving the edit makes it all the same.",
            reason="PREVIEW_TOO_LARGE",
            metadata={"bytes": str(made.bytes), "max_bytes": str(MOST_BYTES)},
        )
