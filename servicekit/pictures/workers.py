"""Runs picture code in worker processes with limits, so that a hostile file harms one job and nothing else.

A worker is one long-lived Python process with one socket to its owner. Pools of the standard library and of pebble were
set aside: a worker that dies while idle, or in the middle of an answer, breaks the whole pool there.
"""

import asyncio
import pickle
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

from prometheus_client import Counter, Histogram

from servicekit.pictures.confinement import WorkerLimits
from servicekit.pictures.lanes import Lane, Turns
from servicekit.pictures.worker import PictureWorkerError
from servicekit.pictures.worker_place import Place, Upkeep

__all__ = ["Lane", "PictureWorkerError", "PictureWorkers", "WorkerLimits"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# A process that is replaced now and then cannot gather what libraries leak, nor what a file left behind in it.
JOBS_PER_WORKER = 500
# What a worker may keep between jobs. With all libraries and the buffers that the allocator keeps it has less.
MAX_IDLE_BYTES = 512 * 2**20

JOBS = Counter(
    "linkarooie_picture_jobs_total",
    "Jobs of picture workers, by lane and outcome (done, raised, cancelled, or why the worker had to end).",
    ("lane", "outcome"),
)
WAIT_SECONDS = Histogram(
    "linkarooie_picture_job_wait_seconds", "Time that a job waited for a picture worker, by lane.", ("lane",),
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)  # fmt: skip


class PictureWorkers:
    """A fixed number of worker processes, each doing one job at a time; more jobs wait their turn, by lane.

    A caller that takes work from elsewhere takes `room(lane)` jobs at once: what is more only waits here.
    `prepare` is an importable function, called once in each new worker, that imports what jobs need.

    Use it as an async context manager, or call `start` and `stop`. Belongs to the event loop that started it.
    """

    def __init__(
        self,
        count: int,
        *,
        prepare: Callable[[], object] | None = None,
        limits: WorkerLimits | None = None,
        jobs_per_worker: int = JOBS_PER_WORKER,
        max_idle_bytes: int = MAX_IDLE_BYTES,
    ) -> None:
        upkeep = Upkeep(limits or WorkerLimits(), prepare, jobs_per_worker, max_idle_bytes)
        self._turns = Turns(count)
        self._places = tuple(Place(upkeep) for _ in range(count))
        self._idle = list(self._places)
        self._closed = False

    @property
    def count(self) -> int:
        """How many jobs run at once."""
        return self._turns.count

    def room(self, lane: Lane) -> int:
        """Tells how many jobs of a lane can run at once; bulk jobs leave a worker to people, where there are several."""
        return self._turns.room(lane)

    async def start(self) -> None:
        """Starts the processes ahead of the first job. Raises PictureWorkerError if they do not come up."""
        try:
            outcomes = await asyncio.gather(*(place.ready() for place in self._places), return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
        except BaseException:
            await self.stop()
            raise

    async def run(
        self, function: Callable[[*Ts], T], *args: *Ts, timeout_seconds: float, lane: Lane = Lane.INTERACTIVE
    ) -> T:
        """Calls an importable function in a worker and returns what it returns, or raises what it raises.

        What it returns is made of plain values, dataclasses, enumerations and paths. The time runs from when a worker
        takes the job. Cancelling the call ends the job and frees the worker. Raises PictureWorkerError, and RuntimeError
        after `stop`.
        """
        request = pickle.dumps((function, args))
        outcome = "cancelled"
        began = time.monotonic()
        try:
            await self._turns.take(lane)
            try:
                WAIT_SECONDS.labels(lane).observe(time.monotonic() - began)
                result: T = await self._run(request, timeout_seconds)  # type: ignore[assignment]  # what T is, is told by the function
            finally:
                self._turns.give_back(lane)
            outcome = "done"
            return result
        except PictureWorkerError as error:
            outcome = error.reason.lower()
            raise
        except Exception:
            outcome = "raised"
            raise
        finally:
            JOBS.labels(lane, outcome).inc()

    async def _run(self, request: bytes, timeout_seconds: float) -> object:
        # The one that worked last has the warmest memory; one that is just starting comes after all others.
        place = max(reversed(self._idle), key=lambda place: place.is_alive)
        self._idle.remove(place)
        try:
            if self._closed:
                raise RuntimeError("the picture workers are closed")
            return await place.call(request, timeout_seconds)
        finally:
            self._idle.append(place)

    async def stop(self) -> None:
        """Ends all workers, also those at work, whose jobs fail. No process is left when this returns."""
        if self._closed:
            return
        self._closed = True
        for place in self._places:
            place.kill()
        # With all turns in hand no job runs; those that wait get theirs afterwards, and see that it is over.
        for _ in self._places:
            await self._turns.take(Lane.INTERACTIVE)
        for place in self._places:
            await place.stop()
            self._turns.give_back(Lane.INTERACTIVE)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
