"""What the processor does: turns an original into its variants, once, and says so."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Histogram

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.ids import Clock
from servicekit.object_store import ObjectMissingError, ObjectStore
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from servicekit.protobuf import timestamp
from services.processor.domain import Recipe, event_id, fingerprint, folder
from services.processor.pipeline import Edit, FrameReason, Rectangle, RenderResult, Rendition, render

log = structlog.get_logger()

SOURCE = "processor"
# A worker that ran out of time or memory gets another chance when the machine is less busy; then the picture is to blame.
WORKER_ATTEMPTS = 3
GIVEN_UP = (
    "This picture could not be processed: it took too long or too much memory."
    " Export it again, smaller or as JPEG, and upload that."
)
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/avif": "avif"}
FRAME_REASONS = {
    FrameReason.WHOLE: processor_pb2.FRAME_REASON_WHOLE,
    FrameReason.CROP: processor_pb2.FRAME_REASON_CROP,
    FrameReason.FOCUS: processor_pb2.FRAME_REASON_FOCUS,
    FrameReason.FACES: processor_pb2.FRAME_REASON_FACES,
    FrameReason.SALIENCY: processor_pb2.FRAME_REASON_SALIENCY,
    FrameReason.CENTRE: processor_pb2.FRAME_REASON_CENTRE,
}

RENDER_SECONDS = Histogram(
    "linkarooie_render_seconds", "Time to make all variants of a picture, by step.", ("step",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 60),
)  # fmt: skip


@dataclass(frozen=True)
class Darkroom:
    """Dependencies of the use cases."""

    bus: Bus
    objects: ObjectStore
    workers: PictureWorkers
    recipes: Sequence[Recipe]
    limits: PictureLimits
    render_timeout_seconds: float
    clock: Clock

    async def make_variants(self, original: events.ImageUploaded, *, attempt: int) -> None:
        """Makes every variant of an original and publishes `variants.ready`, or `variants.failed` when none can be made.

        Safe to repeat: finished work is found by its name and only told again. Raises what may go away by itself
        (the store is down, a worker died), so that the message comes again.
        """
        made_from = folder(original.owner_id, original.sha256, fingerprint(self.recipes))
        try:
            made = await self._finished(made_from) or await self._render(original, made_from)
        except PictureRefused as refusal:
            await self._tell_failure(original, refusal.reason, refusal.message)
        except PictureWorkerError as error:
            if attempt < WORKER_ATTEMPTS:
                raise
            log.warning("picture_given_up", image_id=original.image_id, reason=error.reason)
            await self._tell_failure(original, f"PROCESSING_{error.reason}", GIVEN_UP)
        except ObjectMissingError:
            # Deleted meanwhile, with its owner's consent: nobody waits for the result.
            log.info("original_gone", image_id=original.image_id)
        else:
            await self._tell_ready(original, made)

    async def _finished(self, made_from: str) -> processor_pb2.VariantList | None:
        """Returns what was made before, if all of it was: the list is written last."""
        manifest = processor_pb2.VariantList()
        try:
            manifest.ParseFromString(b"".join([chunk async for chunk in self.objects.read(f"{made_from}/list")]))
        except (ObjectMissingError, DecodeError):
            return None
        return manifest

    async def _render(self, original: events.ImageUploaded, made_from: str) -> processor_pb2.VariantList:
        with tempfile.TemporaryDirectory(prefix="linkarooie-render-") as name:
            directory = Path(name)
            source, out = directory / "original", directory / "out"
            out.mkdir()
            with RENDER_SECONDS.labels("fetch").time():
                await self.objects.get_file(original.object_key, source)
            with RENDER_SECONDS.labels("render").time():
                specs = [recipe.spec for recipe in self.recipes]
                result: RenderResult = await self.workers.run(
                    render, source, Edit(), specs, out, self.limits, timeout_seconds=self.render_timeout_seconds
                )
            with RENDER_SECONDS.labels("store").time():
                by_key = {recipe.key: recipe for recipe in self.recipes}
                variants = [_variant(made, by_key[made.key], made_from) for made in result.renditions]
                await asyncio.gather(
                    *(
                        self.objects.put_file(variant.object_key, made.path, content_type=made.content_type)
                        for variant, made in zip(variants, result.renditions, strict=True)
                    )
                )
                manifest = processor_pb2.VariantList(
                    variants=variants,
                    failures=[
                        processor_pb2.VariantFailure(key=failed.key, reason=failed.reason, message=failed.message)
                        for failed in result.failures
                    ],
                    look=processor_pb2.Look(
                        faces=[_rectangle(face) for face in result.look.faces], placeholder=result.look.placeholder
                    ),
                )
                file = directory / "list"
                file.write_bytes(manifest.SerializeToString())
                await self.objects.put_file(f"{made_from}/list", file, content_type="application/protobuf")
        return manifest

    async def _tell_ready(self, original: events.ImageUploaded, made: processor_pb2.VariantList) -> None:
        ready = events.VariantsReady(
            image_id=original.image_id,
            owner_id=original.owner_id,
            revision=original.revision,
            variants=made.variants,
            failures=made.failures,
            look=made.look,
            attempt=1,
            event_time=timestamp(self.clock()),
        )
        await self._publish(ready, "ready", original)

    async def _tell_failure(self, original: events.ImageUploaded, reason: str, message: str) -> None:
        failed = events.VariantsFailed(
            image_id=original.image_id,
            owner_id=original.owner_id,
            revision=original.revision,
            reason=reason,
            message=message,
            attempt=1,
            event_time=timestamp(self.clock()),
        )
        await self._publish(failed, "failed", original)

    async def _publish(
        self, event: events.VariantsReady | events.VariantsFailed, kind: str, original: events.ImageUploaded
    ) -> None:
        await self.bus.publish_fact(
            event,
            event_id=event_id(kind, original.image_id, original.revision, fingerprint(self.recipes)),
            source=SOURCE,
            owner_id=original.owner_id,
            clock=self.clock,
        )


def _variant(made: Rendition, recipe: Recipe, made_from: str) -> processor_pb2.Variant:
    return processor_pb2.Variant(
        key=made.key,
        platform=recipe.platform,
        slot=recipe.slot,
        content_type=made.content_type,
        width=made.width,
        height=made.height,
        bytes=made.bytes,
        sha256=made.sha256,
        perceptual_hash=made.perceptual_hash,
        object_key=f"{made_from}/{made.recipe_version}.{EXTENSIONS[made.content_type]}",
        recipe_version=recipe.version,
        notes=[processor_pb2.VariantNote(code=note.code, text=note.text) for note in made.notes],
        frame=processor_pb2.Frame(box=_rectangle(made.box), reason=FRAME_REASONS[made.frame_reason]),
    )


def _rectangle(box: Rectangle) -> processor_pb2.Rectangle:
    return processor_pb2.Rectangle(left=box.left, top=box.top, right=box.right, bottom=box.bottom)
