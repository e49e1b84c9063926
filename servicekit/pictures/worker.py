"""One worker process, as its owner sees it."""

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from servicekit.pictures.answers import LENGTH_BYTES, MAX_ANSWER_BYTES, UnreadableAnswerError, unpack
from servicekit.pictures.confinement import WorkerLimits
from servicekit.pictures.worker_process import OUT_OF_MEMORY, READY_UNFILTERED

log = structlog.get_logger()

Reason = Literal["TIMEOUT", "CRASHED", "OUT_OF_MEMORY", "CPU_TIME", "FILE_SIZE", "NOT_STARTED"]

# A worker imports in a fraction of a second; only a machine on its knees needs longer.
_START_SECONDS = 60.0
# From the end of its socket to the end of a process are milliseconds.
_ENDING_SECONDS = 1.0

# A worker sees the paths and the language of its owner, and none of its secrets.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_SETTINGS = {
    # glibc: buffers of ordinary photographs stay for the next job; larger ones go back to the kernel at once. With a
    # higher threshold one picture of 50 megapixels left 900 MB in its worker, for no measurable gain.
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
    # There is one worker a core already, and each thread takes address space.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
}


@dataclass(eq=False)
class PictureWorkerError(Exception):
    """Says that a job did not end: it took too much of something, or its worker died. Another try may or may not help.

    TIMEOUT is wall time, CPU_TIME processor time; FILE_SIZE a file that it wrote.
    NOT_STARTED says that no worker came up, which is not the job's fault.
    """

    reason: Reason
    message: str

    def __post_init__(self) -> None:
        super().__init__(self.reason, self.message)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Worker:
    """One process, from its start to its end; what fails in the middle of a job is not used again."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._is_killed = False
        self.jobs = 0

    @property
    def is_alive(self) -> bool:
        return (
            self._process is not None
            and self._process.returncode is None
            and self._reader is not None
            and not self._reader.at_eof()
        )

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def resident_bytes(self) -> int:
        """Returns the memory that the process occupies now, as the kernel tells it; 0 where it does not."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    async def start(self, prepare: Callable[[], object] | None) -> None:
        """Starts the process and calls `prepare` in it. Raises PictureWorkerError (NOT_STARTED)."""
        try:
            await self._start_process()
        except (PictureWorkerError, OSError) as error:
            raise PictureWorkerError("NOT_STARTED", f"a picture worker did not come up: {error}") from error
        if prepare is None:
            return
        try:
            await self.call(pickle.dumps((prepare, ())), _START_SECONDS)
        # Whatever the function raises.
        except Exception as error:
            await self.stop()
            name = f"{prepare.__module__}.{prepare.__qualname__}"
            why = str(error) if isinstance(error, PictureWorkerError) else f"{type(error).__name__}: {error}"
            raise PictureWorkerError("NOT_STARTED", f"{name} failed in a new picture worker: {why}") from error
        self.jobs = 0

    async def _start_process(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "servicekit.pictures.worker_process"),
                    *(str(theirs.fileno()), str(os.getpid()), *self._limits.arguments()),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=_environment(),
                )
            self._reader, self._writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            await self.stop()
            raise
        # The first answer says that the limits are set.
        if await self._receive(_START_SECONDS) == READY_UNFILTERED:
            log.warning("picture_worker_unfiltered", why="the kernel takes no filter of system calls")

    async def call(self, request: bytes, timeout_seconds: float) -> object:
        """Has one job done: returns what it returns, raises what it raises. Raises PictureWorkerError."""
        if self._writer is None:
            raise RuntimeError("the worker was not started")
        self.jobs += 1
        self._writer.write(len(request).to_bytes(LENGTH_BYTES) + request)
        answer = await self._receive(timeout_seconds)
        if answer == OUT_OF_MEMORY:
            await self.stop()
            raise PictureWorkerError(
                "OUT_OF_MEMORY", f"the job needed more than {self._limits.memory_bytes // 2**20} MiB of address space"
            )
        try:
            return unpack(answer)
        except UnreadableAnswerError as error:
            await self.stop()
            raise PictureWorkerError("CRASHED", f"the worker's answer cannot be read: {error}") from error

    async def _receive(self, timeout_seconds: float) -> bytes:
        if self._reader is None:
            raise RuntimeError("the worker was not started")
        complete = False
        try:
            async with asyncio.timeout(timeout_seconds):
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                if length > MAX_ANSWER_BYTES:
                    raise PictureWorkerError("CRASHED", f"the worker wanted to answer {length} bytes")
                answer = await self._reader.readexactly(length)
            complete = True
            return answer
        except TimeoutError as error:
            raise PictureWorkerError("TIMEOUT", f"the job did not end within {timeout_seconds:g} s") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise await self._death() from error
        finally:
            if not complete:
                await self.stop()

    async def _death(self) -> PictureWorkerError:
        """Says why the process ended. Its end of the socket is closed, so it is ending."""
        if self._process is None:
            return PictureWorkerError("CRASHED", "the worker ended, cause unknown")
        if not await self._ends_by_itself():
            self.kill()
            return PictureWorkerError("CRASHED", "the worker closed its connection and went on")
        code = await self._process.wait()
        if code == -signal.SIGXCPU:
            return PictureWorkerError(
                "CPU_TIME", f"the job needed more than {self._limits.cpu_seconds} s of processor time"
            )
        if code == -signal.SIGXFSZ:
            return PictureWorkerError("FILE_SIZE", f"the job wrote a file of more than {self._limits.file_bytes} bytes")
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return PictureWorkerError("CRASHED", f"the worker ended, {how}")

    async def _ends_by_itself(self) -> bool:
        """Waits a moment for the end of a process whose socket is closed."""
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ENDING_SECONDS):
                    await self._process.wait()
                    return True
        return False

    def kill(self) -> None:
        # Once: asyncio takes a second look at the process for us and may then not hear of its end any more.
        if self._process is not None and self._process.returncode is None and not self._is_killed:
            self._is_killed = True
            self._process.kill()

    async def stop(self) -> None:
        """Ends the process, also in the middle of a job. It is gone when this returns."""
        if self._reader is not None and self._reader.at_eof():
            await self._ends_by_itself()
        self.kill()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await self._process.wait()
        self._process = self._reader = self._writer = None


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # What this process can import, the worker can.
    return passed_on | _SETTINGS | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
