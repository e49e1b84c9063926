"""What the processor does: turns an original into its variants, once, and says so."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import structlog
from prometheus_client import Counter, Histogram

from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.consumers import PoisonedMessageError
from servicekit.ids import Clock
from servicekit.object_store import ObjectMissingError, ObjectStore
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from servicekit.protobuf import timestamp
from services.processor.desk import desk
from services.processor.domain import Job, Recipe, event_id, fingerprint, folder
from services.processor.pipeline import RenderResult, render
from services.processor.store import Made, VariantStore, with_result

log = structlog.get_logger()

SOURCE = "processor"
# A worker that ran out of time or memory gets another chance when the machine is less busy; then the picture is to blame.
WORKER_ATTEMPTS = 3
_EXPORT_AGAIN = "Export it again, smaller or as JPEG, and upload that."
# NOT_STARTED is not among them: it says nothing about the picture.
WORKER_MESSAGES = {
    "TIMEOUT": f"it took longer than {{seconds:g}} seconds. {_EXPORT_AGAIN}",
    "CPU_TIME": f"it took more work than a picture may. {_EXPORT_AGAIN}",
    "OUT_OF_MEMORY": f"it took more memory than a picture may. {_EXPORT_AGAIN}",
    "FILE_SIZE": f"it became a file larger than any place takes. {_EXPORT_AGAIN}",
    "CRASHED": "reading it failed in a way that damaged files cause."
    " Open it in an image editor, save it as JPEG or PNG, and upload that.",
}
ORIGINAL_MISSING = "The file of this picture is not in the store any more. Upload it again."

RENDER_SECONDS = Histogram(
    "linkarooie_render_seconds", "Time to make all variants of a picture, by step.", ("step",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 60),
)  # fmt: skip
PICTURES = Counter(
    "linkarooie_pictures_total", "Pictures by outcome (made, found, refused, given_up) and lane.", ("outcome", "lane")
)  # fmt: skip


@dataclass
class Steps:
    """How long each step of one picture took, in milliseconds."""

    milliseconds: dict[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        with RENDER_SECONDS.labels(step).time():
            yield
        self.milliseconds[f"{step}_ms"] = round((time.monotonic() - began) * 1000)

    def total_ms(self) -> int:
        """Returns the time since the beginning, with what lay between the steps."""
        return round((time.monotonic() - self.began) * 1000)


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

    async def make_variants(self, job: Job, *, delivery: int) -> None:
        """Makes every variant of an original and publishes `variants.ready`, or `variants.failed` when none can be made.

        `delivery` counts how often the message came, 1 is the first. Safe to repeat: what was made is found by its name and
        only told again. Raises what may go away by itself (the store is down, a worker died), so that the message comes
        again, and `PoisonedMessageError` after it told of a failure, so that the operator finds the message.
        """
        try:
            await self._make(job)
        except PictureRefused as refusal:
            await self._fail(job, "refused", refusal.reason, refusal.message, cause=refusal.message)
        except PictureWorkerError as error:
            if delivery < WORKER_ATTEMPTS or error.reason not in WORKER_MESSAGES:
                raise
            words = WORKER_MESSAGES[error.reason].format(seconds=self.render_timeout_seconds)
            message = f"This picture could not be processed in {WORKER_ATTEMPTS} attempts: {words}"
            await self._fail(job, "given_up", f"PROCESSING_{error.reason}", message, cause=error.message)
        except ObjectMissingError:
            cause = f"there is no object {job.object_key}"
            await self._fail(job, "given_up", "ORIGINAL_MISSING", ORIGINAL_MISSING, cause=cause)

    async def refuse_edit(self, job: Job, problem: str) -> NoReturn:
        """Tells that a picture's edit makes no sense. Raises `PoisonedMessageError`, for the operator: we sent it ourselves."""
        message = "The changes asked for cannot be applied to this picture. Undo them and save it again."
        await self._fail(job, "refused", "EDIT_INVALID", message, cause=problem)

    async def _make(self, job: Job) -> None:
        shelf, place, steps = VariantStore(self.objects), folder(job), Steps()
        with steps.timed("look_up"):
            before = await shelf.made(place)
        missing = before.without(self.recipes)
        if not missing:
            await self._tell_ready(job, before, steps, rendered=0)
            return
        with desk() as directory:
            source, out = directory / "original", directory / "out"
            out.mkdir()
            with steps.timed("fetch"):
                await self.objects.get_file(job.object_key, source)
            async with shelf.shipping(place, out) as shipping:
                with steps.timed("render"):
                    result: RenderResult = await self.workers.run(
                        render,
                        source,
                        job.edit,
                        [recipe.spec for recipe in missing],
                        out,
                        self.limits,
                        timeout_seconds=self.render_timeout_seconds,
                        lane=job.lane,
                    )
                with steps.timed("store"):
                    await shipping.finish()
            made = with_result(before, place, missing, result)
            await self._tell_ready(job, made, steps, rendered=len(missing))
            # The list serves the next time only. A crash before it means to make the same once more, and to tell nothing new.
            await shelf.keep(place, made, directory)

    async def _tell_ready(self, job: Job, made: Made, steps: Steps, *, rendered: int) -> None:
        variants, failures = made.by(self.recipes)
        ready = events.VariantsReady(
            image_id=job.image_id,
            owner_id=job.owner_id,
            revision=job.revision,
            variants=variants,
            failures=failures,
            look=made.look,
            attempt=job.attempt,
            event_time=timestamp(self.clock()),
        )
        await self._publish(ready, "ready", job)
        PICTURES.labels("made" if rendered else "found", job.lane.value).inc()
        log.info(
            "picture_made",
            image_id=job.image_id,
            lane=job.lane.value,
            variants=len(variants),
            not_possible=len(failures),
            rendered=rendered,
            bytes=sum(variant.bytes for variant in variants),
            total_ms=steps.total_ms(),
            **steps.milliseconds,
        )

    async def _fail(self, job: Job, outcome: str, reason: str, message: str, *, cause: str) -> NoReturn:
        """Tells people by `message`, then has the message laid aside with the cause. Raises `PoisonedMessageError`."""
        failed = events.VariantsFailed(
            image_id=job.image_id,
            owner_id=job.owner_id,
            revision=job.revision,
            reason=reason,
            message=message,
            attempt=job.attempt,
            event_time=timestamp(self.clock()),
        )
        await self._publish(failed, "failed", job)
        PICTURES.labels(outcome, job.lane.value).inc()
        log.warning("picture_not_made", image_id=job.image_id, lane=job.lane.value, reason=reason, cause=cause)
        raise PoisonedMessageError(f"{reason}: {cause}")

    async def _publish(self, event: events.VariantsReady | events.VariantsFailed, kind: str, job: Job) -> None:
        await self.bus.publish_fact(
            event,
            event_id=event_id(kind, job, fingerprint(self.recipes)),
            source=SOURCE,
            owner_id=job.owner_id,
            clock=self.clock,
        )
