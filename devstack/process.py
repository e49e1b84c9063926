"""Runs one server as a child process with its own log, and makes sure that it ends."""

import asyncio
import os
import shutil
import signal
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from devstack.errors import DevStackError, DiskFullError, ServerFailedError

LAUNCHER = Path(__file__).with_name("launch.py")

# A log above this size is set aside at the next start, so that a folder in use for months stays small.
LOG_LIMIT_BYTES = 5 * 1024 * 1024
# How much of a log an error message carries.
LAST_LINES = 12
# Between two looks at whether a server answers.
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class RunAs:
    """The user to run a server as; `keep_access` lets it reach files as root does."""

    uid: int = -1
    gid: int = -1
    keep_access: bool = False


@dataclass(frozen=True)
class ServerSpec:
    """How to run a server: `name` for people, `log` its log file, `stop_signal` what ends it in good order."""

    name: str
    log: Path
    cwd: Path
    stop_signal: signal.Signals
    run_as: RunAs = RunAs()
    start_seconds: float = 30.0
    stop_seconds: float = 10.0


class ServerProcess:
    """A server that may run, and its log."""

    def __init__(self, spec: ServerSpec) -> None:
        self.spec = spec
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Says whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self, command: Sequence[str | Path], answers: Callable[[], Awaitable[bool]]) -> None:
        """Starts the server and waits until it answers.

        The server ends when the thread that runs this event loop does (on Linux; elsewhere the next start ends it).
        Raises ServerFailedError when it ends first or stays silent, DiskFullError when that is why.
        """
        await self._spawn(command)
        try:
            async with asyncio.timeout(self.spec.start_seconds):
                while not await answers():
                    if not self.running:
                        raise self.failure("ended while starting")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            failure = self.failure(f"did not answer within {self.spec.start_seconds:.0f} s")
            await self.stop(kill=True)
            raise failure from None

    async def run_to_end(self, command: Sequence[str | Path]) -> None:
        """Runs a program that ends by itself; raises ServerFailedError or DiskFullError when it reports failure."""
        process = await self._spawn(command)
        if await process.wait() != 0:
            raise self.failure("failed")

    async def stop(self, *, kill: bool = False) -> None:
        """Ends the process and what it started, politely first unless `kill`; fine when it does not run."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            # Asked before the signal: afterwards the children belong to nobody.
            children = _children_of(process.pid)
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL if kill else self.spec.stop_signal)
            try:
                async with asyncio.timeout(self.spec.stop_seconds):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            await _wait_until_gone(children)
        self._process = None

    async def _spawn(self, command: Sequence[str | Path]) -> asyncio.subprocess.Process:
        spec = self.spec
        launch = [sys.executable, "-I", "-S", LAUNCHER, os.getpid(), int(spec.stop_signal)]
        launch += [spec.run_as.uid, spec.run_as.gid, int(spec.run_as.keep_access)]
        with open_log(spec.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(part) for part in [*launch, *command]),
                cwd=spec.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(spec.cwd),
                # Ctrl-C in a terminal goes to the whole group; the stack ends its servers itself, in order.
                start_new_session=True,
            )
        return self._process

    def failure(self, what: str) -> ServerFailedError | DiskFullError:
        """Makes the error that says what happened and quotes the log."""
        last_lines = read_last_lines(self.spec.log)
        if "No space left on device" in last_lines:
            return DiskFullError(
                f"{self.spec.name} {what}: the disk under {self.spec.cwd} is full. "
                "Free some space, then start again; the data is kept."
            )
        return ServerFailedError(self.spec.name, what, self.spec.log, last_lines)


def _environment(home: Path) -> dict[str, str]:
    """Returns our environment without what sets up the developer's own servers of these kinds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "NATS_", "WEED_", "S3_"))}
    return kept | {"HOME": str(home)}


def open_log(log: Path) -> IO[bytes]:
    """Opens a log to add to, setting it aside first when it has grown large."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def read_last_lines(log: Path) -> str:
    """Returns the end of a log, empty when there is none."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-LAST_LINES:])


def find_program(name: str) -> Path:
    """Finds a program that came with a Python package, in this environment first and on the PATH second."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise DevStackError(f"{name} is not installed. Run `make setup`.")
    return Path(found)


def _children_of(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


async def _wait_until_gone(processes: list[psutil.Process]) -> None:
    """Waits for the children of an ended server, which end by themselves; kills those that do not."""
    alive = (await asyncio.to_thread(psutil.wait_procs, processes, timeout=3.0))[1] if processes else []
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    if alive:
        await asyncio.to_thread(psutil.wait_procs, alive, timeout=3.0)
