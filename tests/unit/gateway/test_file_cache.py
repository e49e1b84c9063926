"""Files that many ask for are fetched once, kept for a time, and bounded in bytes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from system.waiting import eventually

from gateway.cache import ENTRY_BYTES, SMALL_BYTES, CachedFile, FileCache


def file_of(body: bytes) -> CachedFile:
    return CachedFile("image/webp", len(body), body)


class Source:
    """Where files come from; waits until it is let go, and fails when told to."""

    def __init__(self) -> None:
        self.fetches = 0
        self.go = asyncio.Event()
        self.failure: Exception | None = None

    async def fetch(self) -> CachedFile:
        self.fetches += 1
        await self.go.wait()
        if self.failure:
            raise self.failure
        return file_of(b"pixels")


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def cache(time: Time) -> AsyncIterator[FileCache]:
    made = FileCache("memory://", name="test", max_bytes=3 * (1000 + ENTRY_BYTES), monotonic=time)
    yield made
    await made.stop()


@pytest.fixture
async def source() -> Source:
    return Source()


async def test_many_who_ask_at_once_cause_one_fetch_and_the_next_ones_none(cache: FileCache, source: Source) -> None:
    waiting = [asyncio.create_task(cache.get("a", source.fetch, seconds=60)) for _ in range(20)]
    await asyncio.sleep(0)
    source.go.set()

    files = await asyncio.gather(*waiting)
    again = await cache.get("a", source.fetch, seconds=60)

    assert {file.body for file in (*files, again)} == {b"pixels"}
    assert source.fetches == 1


async def test_a_fetch_goes_on_when_who_asked_first_goes_away(cache: FileCache, source: Source) -> None:
    first, second = (asyncio.create_task(cache.get("a", source.fetch, seconds=60)) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    source.go.set()

    assert (await second).body == b"pixels"
    assert first.cancelled()
    assert source.fetches == 1


async def test_a_fetch_that_nobody_waits_for_any_more_is_kept_for_the_next(cache: FileCache, source: Source) -> None:
    only = asyncio.create_task(cache.get("a", source.fetch, seconds=60))
    await asyncio.sleep(0)
    only.cancel()
    source.go.set()

    async def kept() -> bool:
        return cache.held("a") is not None

    await eventually(kept)
    assert source.fetches == 1


async def test_all_who_wait_hear_of_a_failure_and_the_next_one_tries_anew(cache: FileCache, source: Source) -> None:
    source.failure = ConnectionError("away")
    waiting = [asyncio.create_task(cache.get("a", source.fetch, seconds=60)) for _ in range(3)]
    await asyncio.sleep(0)
    source.go.set()

    heard = await asyncio.gather(*waiting, return_exceptions=True)
    source.failure = None
    after = await cache.get("a", source.fetch, seconds=60)

    assert [str(each) for each in heard] == ["away"] * 3
    assert after.body == b"pixels"
    assert source.fetches == 2


async def test_what_is_kept_ends(cache: FileCache, source: Source, time: Time) -> None:
    source.go.set()
    await cache.get("a", source.fetch, seconds=5)
    time.now = 4.9
    before = cache.held("a")
    time.now = 5.0

    assert before is not None
    assert cache.held("a") is None
    await cache.get("a", source.fetch, seconds=5)
    assert source.fetches == 2


async def keep(cache: FileCache, key: str, file: CachedFile) -> None:
    async def fetch() -> CachedFile:
        return file

    assert await cache.get(key, fetch, seconds=60) == file


async def test_the_file_that_nobody_has_asked_for_the_longest_makes_room(cache: FileCache) -> None:
    for key in ("a", "b", "c"):
        await keep(cache, key, file_of(bytes(1000)))
    cache.held("a")
    await keep(cache, "d", file_of(bytes(1000)))

    assert [key for key in "abcd" if cache.held(key)] == ["a", "c", "d"]


async def test_a_large_file_is_handed_out_but_not_kept_and_what_is_known_of_one_is(time: Time) -> None:
    cache = FileCache("memory://", name="test", max_bytes=10 * SMALL_BYTES, monotonic=time)
    await keep(cache, "large", file_of(bytes(SMALL_BYTES + 1)))
    await keep(cache, "small", file_of(bytes(SMALL_BYTES)))
    await keep(cache, "facts", CachedFile("image/png", 9_000_000, None))

    assert cache.held("large") is None
    assert cache.held("small") is not None
    assert cache.held("facts") == CachedFile("image/png", 9_000_000, None)
