"""Small files that many ask for: in the memory of the process, and where there are replicas also in a Redis or Valkey that they share.

Not a library: the memory of `cashews` counts files and not bytes, and its collapsing of simultaneous calls ends with the call that came first;
`cachetools` knows nothing of either. What is needed beside an `OrderedDict` is below.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.redis_store import AWAY_SECONDS, connections_to

log = structlog.get_logger()

# Larger ones are streamed: few ask for them, and they would drive out what many ask for.
SMALL_BYTES = 256 * 1024
# What an entry takes beside its bytes; a file of which only the facts are kept takes this alone.
ENTRY_BYTES = 512


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A file, or what is known of one that was not read since it is large: then `body` is None. A large `body` is handed out but not kept."""

    content_type: str
    size_bytes: int
    body: bytes | None
    etag: str = ""


Fetch = Callable[[], Awaitable[CachedFile]]
"""Gets a file from where it comes from. What it raises is raised to all who wait for the file."""


@dataclass(frozen=True, slots=True)
class _Entry:
    file: CachedFile
    # On the clock of the process.
    until: float


class FileCache:
    """Keeps files for a time. A part of an `App`.

    Who asks for a file that somebody is fetching waits for that. A store that is away costs nothing but its answers.
    """

    def __init__(
        self,
        store: str,
        *,
        name: str,
        max_bytes: int,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`store` is `memory://`, or the address of a Redis or Valkey. `name` tells its keys there from those of others."""
        self._name = name
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._fetches: dict[str, asyncio.Task[CachedFile]] = {}
        self._sharing: set[asyncio.Task[None]] = set()
        self._shared = None if store.startswith("memory:") else Redis(connection_pool=connections_to(store))
        self._away_until = 0.0
        self._told_away = False

    async def start(self) -> None:
        """Does nothing: the store is asked when somebody wants a file."""

    async def stop(self) -> None:
        for task in (*self._fetches.values(), *self._sharing):
            task.cancel()
        await asyncio.gather(*self._fetches.values(), *self._sharing, return_exceptions=True)
        if self._shared is not None:
            await self._shared.connection_pool.disconnect()

    def held(self, key: str) -> CachedFile | None:
        """Returns a file if it is in the memory of this process."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= self._monotonic():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return entry.file

    async def get(self, key: str, fetch: Fetch, *, seconds: float) -> CachedFile:
        """Returns a file, from `fetch` unless it is kept; then it is kept for so long. Raises what `fetch` raises.

        A fetch goes on when who asked for it first goes away. One that fails is kept for nobody: the next one tries anew.
        """
        held = self.held(key)
        if held is not None:
            return held
        task = self._fetches.get(key)
        if task is None:
            task = self._fetches[key] = asyncio.create_task(self._get(key, fetch, seconds))
            task.add_done_callback(partial(self._fetched, key))
        return await asyncio.shield(task)

    async def _get(self, key: str, fetch: Fetch, seconds: float) -> CachedFile:
        shared = await self._ask(key)
        if shared is not None:
            file, seconds_left = shared
            self._keep(key, file, min(seconds, seconds_left))
            return file
        file = await fetch()
        self._keep(key, file, seconds)
        if file.body is not None and _is_small(file) and self._shared is not None:
            self._in_background(self._share(key, file, seconds))
        return file

    def _fetched(self, key: str, task: asyncio.Task[CachedFile]) -> None:
        del self._fetches[key]
        if not task.cancelled():
            task.exception()  # all who waited for it may be gone: it is not unheard of

    def _keep(self, key: str, file: CachedFile, seconds: float) -> None:
        self._forget(key)
        if not _is_small(file):
            return
        self._entries[key] = _Entry(file, self._monotonic() + seconds)
        self._bytes += _weight(file)
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _weight(entry.file)

    async def _ask(self, key: str) -> tuple[CachedFile, float] | None:
        """Returns a file that another replica has fetched, and how long it may be kept."""
        packed = await self._call(lambda shared: shared.get(self._shared_key(key)))
        if packed is None:
            return None
        try:
            file, until = _unpacked(packed)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("file_store_unreadable", store=self._name, error=str(error))
            return None
        left = until - self._wall_clock()
        return (file, left) if left > 0 else None

    async def _share(self, key: str, file: CachedFile, seconds: float) -> None:
        packed = _packed(file, self._wall_clock() + seconds)
        await self._call(lambda shared: shared.set(self._shared_key(key), packed, px=max(1, int(seconds * 1000))))

    def _shared_key(self, key: str) -> str:
        return f"linkarooie:{self._name}:{key}"

    async def _call(self, call: Callable[["Redis"], Awaitable[Any]]) -> Any:  # what the store returns
        """Asks the store; returns None when it is away, or nothing is there."""
        if self._shared is None or self._monotonic() < self._away_until:
            return None
        try:
            answer = await call(self._shared)
        except (RedisError, OSError) as error:
            self._away_until = self._monotonic() + AWAY_SECONDS
            if not self._told_away:
                log.warning("file_store_away", store=self._name, error=str(error) or type(error).__name__)
            self._told_away = True
            return None
        if self._told_away:
            log.info("file_store_back", store=self._name)
        self._told_away = False
        return answer

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._sharing.add(task)
        task.add_done_callback(self._sharing.discard)


def _is_small(file: CachedFile) -> bool:
    return len(file.body or b"") <= SMALL_BYTES


def _weight(file: CachedFile) -> int:
    return ENTRY_BYTES + len(file.body or b"")


def _packed(file: CachedFile, until: float) -> bytes:
    facts = {"content_type": file.content_type, "etag": file.etag, "until": until}
    return json.dumps(facts).encode() + b"\n" + (file.body or b"")


def _unpacked(packed: bytes) -> tuple[CachedFile, float]:
    head, _, body = packed.partition(b"\n")
    facts = json.loads(head)
    return CachedFile(facts["content_type"], len(body), body, facts["etag"]), facts["until"]
