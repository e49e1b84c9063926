"""Work that is done again and again beside everything else."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import structlog

from servicekit import metrics

log = structlog.get_logger()


class PeriodicTask:
    """Calls a function again and again, a little irregularly so that replicas do not march in step.

    A round that raises is logged and counted; the next one comes all the same.
    """

    def __init__(self, name: str, function: Callable[[], Awaitable[None]], *, every_seconds: float) -> None:
        self._name = name
        self._function = function
        self._every_seconds = every_seconds

    async def start(self) -> None:
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        self._stopping = True  # a library may lose the cancellation, as Python's own `wait_for` did before 3.12
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while not self._stopping:
            await asyncio.sleep(self._every_seconds * random.uniform(0.9, 1.1))  # noqa: S311  # no secret depends on it
            try:
                await self._function()
            except Exception:
                metrics.LOOP_FAILURES.labels(self._name).inc()
                log.exception("loop_failed", loop=self._name)
