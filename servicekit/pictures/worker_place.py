"""Room for one worker at work. A worker that died or has served long enough is replaced beside the work, not during it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from servicekit.pictures.confinement import WorkerLimits
from servicekit.pictures.worker import PictureWorkerError, Worker

log = structlog.get_logger()

RESTARTS = Counter(
    "linkarooie_picture_worker_restarts_total",
    "Picture workers replaced, by reason (old, large, died_idle, cancelled, or why the job had to end).",
    ("reason",),
)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How workers are made, and how long each serves."""

    limits: WorkerLimits
    # Importable; called once in each new worker.
    prepare: Callable[[], object] | None
    # Jobs after which a worker is replaced.
    jobs_per_worker: int
    # What a worker may keep between jobs; one that keeps more is replaced.
    max_idle_bytes: int


class Place:
    """Holds one worker, and its successor while that is being made. One job at a time."""

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep
        self._worker: Worker | None = None
        # Ready to take over when the job of the present one has ended.
        self._fresh: Worker | None = None
        self._making: asyncio.Task[None] | None = None
        self._is_busy = False
        self._closed = False

    @property
    def is_alive(self) -> bool:
        """Whether a job can begin without waiting for a process to start."""
        return self._fresh is not None or (self._worker is not None and self._worker.is_alive)

    async def ready(self) -> Worker:
        """Returns a living worker, made if needed. Raises PictureWorkerError, and RuntimeError when closed."""
        if self._fresh is not None:
            await self._take_over(self._fresh)
        while self._worker is None or not self._worker.is_alive:
            if self._closed:
                raise RuntimeError("the picture workers are closed")
            making = self._making or self._make("died_idle" if self._worker is not None else None)
            try:
                # Whoever gives up waiting leaves the start to the next one.
                await asyncio.shield(making)
            except asyncio.CancelledError:
                if making.cancelled():
                    raise RuntimeError("the picture workers are closed") from None
                raise
        return self._worker

    async def call(self, request: bytes, timeout_seconds: float) -> object:
        """Has one job done; see `Worker.call`. Raises also what `ready` raises."""
        worker = await self.ready()
        self._is_busy = True
        reason = "cancelled"
        try:
            return await worker.call(request, timeout_seconds)
        except PictureWorkerError as error:
            reason = error.reason.lower()
            raise
        finally:
            self._is_busy = False
            self._replace_if_needed(worker, reason)

    def _replace_if_needed(self, worker: Worker, why_dead: str) -> None:
        if self._closed or self._making is not None or self._fresh is not None:
            return
        if not worker.is_alive:
            self._make(why_dead)
        elif worker.jobs >= self._upkeep.jobs_per_worker:
            self._make("old")
        elif worker.resident_bytes() > self._upkeep.max_idle_bytes:
            self._make("large")

    def kill(self) -> None:
        """Ends the worker, and with it a job that runs. No other is made after that."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()
        if self._making is not None:
            self._making.cancel()

    async def stop(self) -> None:
        """Waits until no process is left. Comes after `kill`, when no job runs."""
        if self._making is not None:
            await asyncio.gather(self._making, return_exceptions=True)
        for worker in (self._worker, self._fresh):
            if worker is not None:
                await worker.stop()

    def _make(self, reason: str | None) -> asyncio.Task[None]:
        """Begins to make a worker; `reason` is None for the first one."""
        if reason is not None:
            RESTARTS.labels(reason).inc()
        self._making = asyncio.create_task(self._made(), name="picture worker")
        self._making.add_done_callback(self._was_made)
        return self._making

    async def _made(self) -> None:
        worker = Worker(self._upkeep.limits)
        await worker.start(self._upkeep.prepare)
        self._fresh = worker
        if not self._is_busy:
            await self._take_over(worker)

    async def _take_over(self, fresh: Worker) -> None:
        old, self._worker, self._fresh = self._worker, fresh, None
        if old is not None:
            await old.stop()

    def _was_made(self, making: asyncio.Task[None]) -> None:
        self._making = None
        if not making.cancelled() and (error := making.exception()) is not None:
            log.warning("picture_worker_not_started", error=str(error))
