"""Processes that end with the tests."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from devstack.process import LAUNCHER, read_last_lines


def without_our_settings() -> dict[str, str]:
    """Returns this process's environment without what other tests, or a developer, set for Linkarooie."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LINKAROOIE_")}


class OwnProcess:
    """A process that ends with this one at the latest, in a session of its own, with its output in a file."""

    def __init__(self, command: Iterable[str | Path], *, environment: Mapping[str, str], cwd: Path, log: Path) -> None:
        self._command = [str(part) for part in command]
        self._environment = dict(environment)
        self._cwd = cwd
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Returns the number of the process, which has been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the process; whether it is ready is for others to find out."""
        assert not self.runs
        launch = [sys.executable, "-I", "-S", LAUNCHER, os.getpid(), int(signal.SIGKILL), -1, -1, 0]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(part) for part in [*launch, *self._command]),
                cwd=self._cwd,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait(self, *, within_seconds: float = 30) -> int:
        """Waits for the end of the process and returns its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), within_seconds)

    async def end(
        self, how: signal.Signals = signal.SIGTERM, *, group: bool = False, within_seconds: float = 30
    ) -> int | None:
        """Sends a signal, waits until the process and all that it started are gone, and returns the exit code.

        With `group` all processes of its session's foreground get the signal, as by Ctrl-C.

        What is still there after the time is killed, and fails the test.
        """
        if not self.runs:
            return None
        started = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        (os.killpg if group else os.kill)(self.pid, how)
        late = []
        try:
            code = await self.wait(within_seconds=within_seconds)
            # Who ends with its parent may take a moment to write down what it holds.
            _, late = await asyncio.to_thread(psutil.wait_procs, started[1:], timeout=within_seconds)
        finally:
            for process in started:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            await self.wait()
        assert not late, f"left behind by {self._command}: {late}"
        return code

    def last_lines(self) -> str:
        return read_last_lines(self.log)
