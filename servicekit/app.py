"""A service as something to run: parts that start in order and stop in reverse, readiness that reflects what works."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from servicekit.grpc_server import GrpcServer
from servicekit.periodic import PeriodicTask

log = structlog.get_logger()

READINESS_EVERY_SECONDS = 2.0
READINESS_TIMEOUT_SECONDS = 3.0


class Part(Protocol):
    """Something that has a beginning and an end."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


Check = Callable[[], Awaitable[None]]
"""Returns when what it checks works, raises when not."""


@dataclass
class App:
    """What a service's `app.py` hands back. `parts` start in this order: what others stand on first, what lets work in last.

    `checks` are the things that this process cannot work without.
    """

    name: str
    parts: Sequence[Part]
    checks: Mapping[str, Check] = field(default_factory=dict)
    grpc: GrpcServer | None = None

    async def start(self) -> None:
        """Starts all parts. When one fails, those that run are stopped, and its error is raised."""
        self._started: list[Part] = []
        try:
            for part in (*self.parts, *([self.grpc] if self.grpc else [])):
                await part.start()
                self._started.append(part)
        except BaseException:
            await self.stop()
            raise
        self._watch = PeriodicTask(
            f"{self.name}_readiness", self._tell_readiness, every_seconds=READINESS_EVERY_SECONDS
        )
        await self._tell_readiness()
        await self._watch.start()
        self._started.append(self._watch)
        log.info("service_started", service=self.name, address=self.grpc.address if self.grpc else None)

    async def stop(self) -> None:
        """Stops in reverse order; a part that fails to stop is logged and does not keep the others."""
        for part in reversed(self._started):
            try:
                await part.stop()
            except Exception:
                log.exception("part_did_not_stop", service=self.name, part=type(part).__name__)
        self._started = []

    async def problems(self) -> dict[str, str]:
        """Returns what does not work, by the name of its check; empty when the service is ready."""
        found: dict[str, str] = {}
        for name, check in self.checks.items():
            try:
                async with asyncio.timeout(READINESS_TIMEOUT_SECONDS):
                    await check()
            except Exception as error:
                found[name] = str(error) or type(error).__name__
        return found

    async def _tell_readiness(self) -> None:
        problems = await self.problems()
        if problems:
            log.warning("service_not_ready", service=self.name, problems=problems)
        if self.grpc is not None:
            await self.grpc.set_serving(not problems)


async def run_until_told_to_stop(apps: Sequence[App], *, started: Callable[[], Awaitable[None]] | None = None) -> None:
    """Starts the apps, waits for SIGTERM or SIGINT, and stops them in reverse order. A second signal does not hurry it.

    `started` is called when all of them run.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    running: list[App] = []
    try:
        for app in apps:
            await app.start()
            running.append(app)
            if stopping.is_set():
                return
        if started is not None:
            await started()
        await stopping.wait()
        log.info("stopping")
    finally:
        for app in reversed(running):
            await app.stop()
