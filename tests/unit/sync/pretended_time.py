"""An event loop whose time passes only while everybody waits: hours of work in a moment, and the same again with the same choices."""

import asyncio
import selectors
from datetime import datetime, timedelta

from target_making import NOW


class PretendedLoop(asyncio.SelectorEventLoop):
    """A loop that reads and writes nothing: what runs in it waits for time alone."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        return self.now


class _Leaping(selectors.SelectSelector):
    def __init__(self, loop: PretendedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self._loop.now += max(timeout, 0.0)
        return []


class SkewedClock:
    """A machine's clock, off by some seconds."""

    def __init__(self, loop: PretendedLoop) -> None:
        self._loop = loop
        self.off_seconds = 0.0

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=self._loop.now + self.off_seconds)
