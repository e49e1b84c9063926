"""Turns an original into its variants, once, and says so."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import structlog
from prometheus_client import Counter, Histogram

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.consumers import PoisonedMessageError
from servicekit.ids import Clock
from servicekit.object_store import ObjectMissingError, ObjectStore
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from servicekit.protobuf import timestamp
from services.processor.desk import desk
from services.processor.domain import Job, Recipe, by_edit, edit_name, event_id, fingerprint, folder
from services.processor.messages import failure_message
from services.processor.pipeline import Edit, RenderResult, RenditionFailure, render
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
    """How long each step of one picture took, in milliseconds, and how many variants were rendered."""

    milliseconds: dict[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    rendered: int = 0

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        with RENDER_SECONDS.labels(step).time():
            yield
        so_far = self.milliseconds.get(f"{step}_ms", 0)
        self.milliseconds[f"{step}_ms"] = so_far + round((time.monotonic() - began) * 1000)

    def total_ms(self) -> int:
        """Returns the time since the beginning, with what lay between the steps."""
        return round((time.monotonic() - self.began) * 1000)


@dataclass(frozen=True)
class End:
    """Why nothing is made, for good: `message` for people, `cause` for the operator."""

    outcome: str
    reason: str
    message: str
    cause: str


@dataclass
class Batch:
    """What is made of a picture with one edit."""

    edit: Edit
    recipes: Sequence[Recipe]
    made: Made
    # Why what is missing cannot be made this time.
    end: End | None = None

    @property
    def missing(self) -> list[Recipe]:
        return self.made.without(self.recipes)

    @property
    def is_finished(self) -> bool:
        """Nothing is missing, and the picture was looked at, which is told even where no recipe is left."""
        return not self.missing and bool(self.made.look.placeholder)

    def told(self) -> tuple[list[processor_pb2.Variant], list[processor_pb2.VariantFailure]]:
        """Returns what was made, and what could not be made."""
        variants, failures = self.made.by(self.recipes)
        if self.end is not None:
            missing = {recipe.version for recipe in self.missing}
            failures += [
                failure_message(RenditionFailure(recipe.key, self.end.reason, self.end.message), recipe.version)
                for recipe in self.recipes
                if recipe.version in missing
            ]
        return variants, failures


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
            await self._make(job, delivery)
        except (PictureRefused, PictureWorkerError) as error:
            await self._fail(job, self._end_of(error, delivery))
        except ObjectMissingError:
            cause = f"there is no object {job.object_key}"
            await self._fail(job, End("given_up", "ORIGINAL_MISSING", ORIGINAL_MISSING, cause))

    async def refuse_edit(self, job: Job, problem: str) -> NoReturn:
        """Tells that a picture's edit makes no sense. Raises `PoisonedMessageError`, for the operator: we sent it ourselves."""
        message = "The changes asked for cannot be applied to this picture. Undo them and save it again."
        await self._fail(job, End("refused", "EDIT_INVALID", message, problem))

    async def _make(self, job: Job, delivery: int) -> None:
        shelf, steps = VariantStore(self.objects), Steps()
        groups = by_edit(job, self.recipes)
        with steps.timed("look_up"):
            made = await asyncio.gather(*(shelf.made(folder(job, edit)) for edit in groups))
        batches = [Batch(edit, recipes, before) for (edit, recipes), before in zip(groups.items(), made, strict=True)]
        unfinished = [batch for batch in batches if not batch.is_finished]
        if not unfinished:
            await self._tell_ready(job, batches, steps)
            return
        with desk() as directory:
            source = directory / "original"
            with steps.timed("fetch"):
                await self.objects.get_file(job.object_key, source)
            # One after the other: a job takes one worker. Nearly always there is but one.
            for batch in unfinished:
                try:
                    await self._render(job, batch, shelf, source, steps)
                except (PictureRefused, PictureWorkerError) as error:
                    # What is done in single slots does not take the others with it.
                    if batch is batches[0]:
                        raise
                    batch.end = self._end_of(error, delivery)
            await self._tell_ready(job, batches, steps)
            # The lists serve the next time only. A crash before them means to make the same once more, and to tell nothing new.
            for batch in unfinished:
                if batch.end is None:
                    await shelf.keep(folder(job, batch.edit), batch.made, directory)

    async def _render(self, job: Job, batch: Batch, shelf: VariantStore, source: Path, steps: Steps) -> None:
        place, missing = folder(job, batch.edit), batch.missing
        out = source.parent / "out" / edit_name(batch.edit)
        out.mkdir(parents=True)
        async with shelf.shipping(place, out) as shipping:
            with steps.timed("render"):
                result: RenderResult = await self.workers.run(
                    render,
                    source,
                    batch.edit,
                    [recipe.spec for recipe in missing],
                    out,
                    self.limits,
                    [recipe.spec for recipe in self.recipes],
                    timeout_seconds=self.render_timeout_seconds,
                    lane=job.lane,
                )
            with steps.timed("store"):
                await shipping.finish()
        batch.made = with_result(batch.made, place, missing, result)
        steps.rendered += len(missing)

    def _end_of(self, error: PictureRefused | PictureWorkerError, delivery: int) -> End:
        """Says how rendering ended for good. Raises the error where another attempt may do better."""
        if isinstance(error, PictureRefused):
            return End("refused", error.reason, error.message, error.message)
        if delivery < WORKER_ATTEMPTS or error.reason not in WORKER_MESSAGES:
            raise error
        words = WORKER_MESSAGES[error.reason].format(seconds=self.render_timeout_seconds)
        message = f"This picture could not be processed in {WORKER_ATTEMPTS} attempts: {words}"
        return End("given_up", f"PROCESSING_{error.reason}", message, error.message)

    async def _tell_ready(self, job: Job, batches: Sequence[Batch], steps: Steps) -> None:
        variants, failures = [], []
        for batch in batches:
            done, failed = batch.told()
            variants += done
            failures += failed
        order = {recipe.key: place for place, recipe in enumerate(self.recipes)}
        variants.sort(key=lambda variant: order[variant.key])
        failures.sort(key=lambda failure: order[failure.key])
        ready = events.VariantsReady(
            image_id=job.image_id,
            owner_id=job.owner_id,
            revision=job.revision,
            variants=variants,
            failures=failures,
            look=batches[0].made.look,
            attempt=job.attempt,
            event_time=timestamp(self.clock()),
            recipes=fingerprint(self.recipes),
        )
        await self._publish(ready, "ready", job)
        PICTURES.labels("made" if steps.rendered else "found", job.lane.value).inc()
        log.info(
            "picture_made",
            image_id=job.image_id,
            lane=job.lane.value,
            variants=len(variants),
            not_possible=len(failures),
            rendered=steps.rendered,
            bytes=sum(variant.bytes for variant in variants),
            total_ms=steps.total_ms(),
            **steps.milliseconds,
        )

    async def _fail(self, job: Job, end: End) -> NoReturn:
        """Tells people by the message, then has the job laid aside with the cause. Raises `PoisonedMessageError`."""
        failed = events.VariantsFailed(
            image_id=job.image_id,
            owner_id=job.owner_id,
            revision=job.revision,
            reason=end.reason,
            message=end.message,
            attempt=job.attempt,
            event_time=timestamp(self.clock()),
        )
        await self._publish(failed, "failed", job)
        PICTURES.labels(end.outcome, job.lane.value).inc()
        log.warning("picture_not_made", image_id=job.image_id, lane=job.lane.value, reason=end.reason, cause=end.cause)
        raise PoisonedMessageError(f"{end.reason}: {end.cause}")

    async def _publish(self, event: events.VariantsReady | events.VariantsFailed, kind: str, job: Job) -> None:
        await self.bus.publish_fact(
            event,
            event_id=event_id(kind, job, fingerprint(self.recipes)),
            source=SOURCE,
            owner_id=job.owner_id,
            clock=self.clock,
        )
