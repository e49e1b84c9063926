"""The originals of the last few previews, on this machine's disk: who drags a frame asks again and again for the same one."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from servicekit.ids import new_id
from servicekit.object_store import ObjectStore
from servicekit.periodic import PeriodicTask
from services.processor.desk import PREFIX

MOST_FILES = 8
MOST_BYTES = 200_000_000
# What nobody has asked for meanwhile is not kept: its owner may have deleted it.
IDLE_SECONDS = 5 * 60.0
LOOK_FOR_IDLE_SECONDS = 60.0


@dataclass
class _Held:
    """One original: being fetched, or at hand."""

    path: Path
    fetch: asyncio.Task[None]
    used_at: float
    users: int = 0
    bytes: int = 0


class Originals:
    """Keeps what was fetched last, within limits of number, size and time. A part of an `App`.

    What is in use is never removed; so it may be more for a while, by one original for each preview at work.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        most_files: int = MOST_FILES,
        most_bytes: int = MOST_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects = objects
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        # By key in the object store; what was used last comes last.
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._idle = PeriodicTask("idle_originals", self.remove_idle, every_seconds=LOOK_FOR_IDLE_SECONDS)

    async def start(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        await self._idle.start()

    async def stop(self) -> None:
        """Removes all of them."""
        await self._idle.stop()
        fetches = [held.fetch for held in self._held.values()]
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        self._held.clear()
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    @asynccontextmanager
    async def at_hand(self, key: str) -> AsyncIterator[Path]:
        """Has an original on the disk for the length of the block; many at once for the same key wait for one fetch.

        Raises `ObjectMissingError`, and what else fetching raises.
        """
        held = self._held_or_begun(key)
        held.users += 1
        try:
            # One of them going away does not end it for the others.
            await asyncio.shield(held.fetch)
            yield held.path
        finally:
            held.users -= 1
            held.used_at = self._monotonic()
            self._keep_within_limits()

    async def remove_idle(self) -> None:
        """Removes what nobody has used for `IDLE_SECONDS`."""
        now = self._monotonic()
        for key in [key for key, held in self._held.items() if now - held.used_at > IDLE_SECONDS]:
            self._remove(key)

    def _held_or_begun(self, key: str) -> _Held:
        # Folders that nobody touches are taken for those of killed processes; one that was taken is made again.
        self._directory.mkdir(exist_ok=True)
        os.utime(self._directory)
        held = self._held.get(key)
        if held is None or (held.fetch.done() and not held.path.exists()):
            path = self._directory / new_id()
            held = _Held(path, asyncio.create_task(self._fetch(key, path)), self._monotonic())
            self._held[key] = held
        self._held.move_to_end(key)
        return held

    async def _fetch(self, key: str, path: Path) -> None:
        try:
            await self._objects.get_file(key, path)
        except BaseException:
            # A part of it may be there.
            _unlink(self._held.pop(key).path)
            raise
        self._held[key].bytes = os.stat(path).st_size

    def _keep_within_limits(self) -> None:
        for key in list(self._held):
            total = sum(held.bytes for held in self._held.values())
            if len(self._held) <= self._most_files and total <= self._most_bytes:
                return
            self._remove(key)

    def _remove(self, key: str) -> None:
        held = self._held[key]
        if held.users == 0 and held.fetch.done():
            _unlink(self._held.pop(key).path)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
