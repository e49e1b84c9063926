"""Runs picture code in worker processes with limits, so that a hostile file harms one job and nothing else.

A worker is one long-lived Python process with one socket to its owner. Pools of the standard library and of pebble were
set aside: a worker that dies while idle, or in the middle of an answer, breaks the whole pool there.
"""

import asyncio
import os
import pickle
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TypeVar, TypeVarTuple

from servicekit.pictures.worker_process import LENGTH_BYTES, OUT_OF_MEMORY

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Rendering 50 megapixels with alpha, turned, reached 640 MB of address space; the rest is room.
DEFAULT_MEMORY_BYTES = 1536 * 2**20

# A worker imports in a fraction of a second; only a machine on its knees needs longer.
_START_SECONDS = 60.0

# A worker sees the paths and the language of its owner, and none of its secrets.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
# glibc: keep freed picture buffers instead of asking the kernel for fresh pages at each step.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**28)}


@dataclass(eq=False)
class PictureWorkerError(Exception):
    """Says that a job did not end: it took too long, or its worker died. Another try may or may not help."""

    reason: Literal["TIMEOUT", "CRASHED", "OUT_OF_MEMORY"]
    message: str

    def __post_init__(self) -> None:
        super().__init__(self.reason, self.message)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class PictureWorkers:
    """A fixed number of worker processes, each doing one job at a time; more jobs wait their turn.

    Use it as an async context manager, or call `start` and `stop`. Belongs to the event loop that started it.
    """

    def __init__(self, count: int, *, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self._workers = [_Worker(memory_bytes) for _ in range(count)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._closed = False

    async def start(self) -> None:
        """Starts the processes ahead of the first job. Raises PictureWorkerError if they do not come up."""
        idle = [self._idle.get_nowait() for _ in self._workers]
        try:
            outcomes = await asyncio.gather(*(worker.start() for worker in idle), return_exceptions=True)
        finally:
            for worker in idle:
                self._idle.put_nowait(worker)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def run(self, function: Callable[[*Ts], T], *args: *Ts, timeout_seconds: float) -> T:
        """Calls an importable function in a worker and returns what it returns, or raises what it raises.

        The time runs from when a worker takes the job. Cancelling the call ends the job and frees the worker.
        Raises PictureWorkerError, and RuntimeError after `stop`.
        """
        request = pickle.dumps((function, args))
        worker = await self._idle.get()
        try:
            if not self._closed and not worker.is_alive:
                await worker.start()
            if self._closed:
                raise RuntimeError("the picture workers are closed")
            answer = await worker.call(request, timeout_seconds)
        finally:
            self._idle.put_nowait(worker)
        succeeded, value = pickle.loads(answer)  # noqa: S301 - written by our own process
        if not succeeded:
            raise value
        result: T = value
        return result

    async def stop(self) -> None:
        """Ends all workers, also those at work, whose jobs fail. No process is left when this returns."""
        if self._closed:
            return
        self._closed = True
        for worker in self._workers:
            worker.kill()
        stopped = [await self._idle.get() for _ in self._workers]
        for worker in stopped:
            await worker.stop()
            # Calls that still wait for a worker get one, and see that it is over.
            self._idle.put_nowait(worker)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class _Worker:
    """One process; started again after it had to be killed or died."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def is_alive(self) -> bool:
        return (
            self._process is not None
            and self._process.returncode is None
            and self._reader is not None
            and not self._reader.at_eof()
        )

    async def start(self) -> None:
        await self.stop()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "servicekit.pictures.worker_process"),
                    *(str(theirs.fileno()), str(os.getpid()), str(self._memory_bytes)),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=_environment(),
                )
            self._reader, self._writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            self.kill()
            raise
        # The first answer says that the limits are set.
        await self._receive(_START_SECONDS)

    async def call(self, request: bytes, timeout_seconds: float) -> bytes:
        if self._writer is None:
            raise RuntimeError("the worker was not started")
        self._writer.write(len(request).to_bytes(LENGTH_BYTES) + request)
        answer = await self._receive(timeout_seconds)
        if answer == OUT_OF_MEMORY:
            await self.stop()
            raise PictureWorkerError(
                "OUT_OF_MEMORY", f"the job needed more than {self._memory_bytes // 2**20} MiB of address space"
            )
        return answer

    async def _receive(self, timeout_seconds: float) -> bytes:
        if self._reader is None:
            raise RuntimeError("the worker was not started")
        complete = False
        try:
            async with asyncio.timeout(timeout_seconds):
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                answer = await self._reader.readexactly(length)
            complete = True
            return answer
        except TimeoutError as error:
            raise PictureWorkerError("TIMEOUT", f"the job did not end within {timeout_seconds:g} s") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise PictureWorkerError("CRASHED", f"the worker ended, {await self._ending()}") from error
        finally:
            if not complete:
                await self.stop()

    async def _ending(self) -> str:
        """Says how the process ended. Its end of the socket is closed, so it is ending."""
        if self._process is None:
            return "cause unknown"
        code = await self._process.wait()
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        self.kill()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await self._process.wait()
        self._process = self._reader = self._writer = None


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # What this process can import, the worker can.
    return passed_on | _ALLOCATOR | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
