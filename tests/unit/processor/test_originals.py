"""Originals at hand for previews: fetched once, within limits, and removed."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from servicekit.errors import UnavailableError
from services.processor.originals import IDLE_SECONDS, Originals


class Shop:
    """Hands out files as a store does, of as many bytes as the key's number says, once `open`."""

    def __init__(self) -> None:
        self.fetched: Counter[str] = Counter()
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.is_away = False

    async def get_file(self, key: str, path: Path) -> None:
        self.fetched[key] += 1
        write(path, 4)
        self.asked.set()
        await self.open.wait()
        if self.is_away:
            raise UnavailableError("the store is away")
        write(path, bytes_of(key))


def bytes_of(key: str) -> int:
    return int(key.partition(":")[2] or 1)


def write(path: Path, size: int) -> None:
    path.write_bytes(bytes(size))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def originals(shop: Shop, clock: Clock) -> AsyncIterator[Originals]:
    running = Originals(shop, most_files=3, most_bytes=100, monotonic=clock)
    await running.start()
    yield running
    await running.stop()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def everything(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def use(originals: Originals, *keys: str) -> None:
    for key in keys:
        async with originals.at_hand(key) as path:
            assert path.stat().st_size == bytes_of(key)


async def test_many_at_once_wait_for_one_fetch_and_those_after_for_none(originals: Originals, shop: Shop) -> None:
    shop.open.clear()
    waiting = [asyncio.create_task(use(originals, "a")) for _ in range(5)]
    await shop.asked.wait()
    waiting[0].cancel()
    shop.open.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await use(originals, "a")
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, *[type(None)] * 4]
    assert shop.fetched == {"a": 1}


async def test_those_used_last_are_kept_within_number_and_bytes(originals: Originals, shop: Shop, folder: Path) -> None:
    await use(originals, "a", "b", "c", "a", "d")
    assert len(files(folder)) == 3
    await use(originals, "a", "c", "d")
    assert shop.fetched == {"a": 1, "b": 1, "c": 1, "d": 1}
    await use(originals, "e:98")
    # Two of one byte beside it.
    assert sum(path.stat().st_size for path in files(folder)) == 100
    await use(originals, "f:300")
    # Larger than all that may be kept.
    assert files(folder) == []


async def test_what_is_in_use_stays_whatever_comes(originals: Originals, clock: Clock) -> None:
    async with originals.at_hand("a") as path:
        await use(originals, "b", "c", "d", "e", "f:500")
        clock.now += 10 * IDLE_SECONDS
        await originals.remove_idle()
        assert path.exists()


async def test_what_nobody_uses_any_more_is_removed(
    originals: Originals, shop: Shop, clock: Clock, folder: Path
) -> None:
    await use(originals, "a", "b")
    clock.now += IDLE_SECONDS - 1
    await use(originals, "b")
    clock.now += 2
    await originals.remove_idle()
    assert len(files(folder)) == 1
    await use(originals, "b", "a")
    assert shop.fetched == {"a": 2, "b": 1}


async def test_a_fetch_that_fails_is_told_to_all_who_wait_and_leaves_nothing(
    originals: Originals, shop: Shop, folder: Path
) -> None:
    shop.open.clear()
    shop.is_away = True
    waiting = [asyncio.create_task(use(originals, "a")) for _ in range(3)]
    await shop.asked.wait()
    shop.open.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 3
    assert files(folder) == []
    shop.is_away = False
    await use(originals, "a")
    assert shop.fetched == {"a": 2}


async def test_a_folder_that_another_replica_took_for_a_dead_ones_is_made_again(
    originals: Originals, shop: Shop, folder: Path
) -> None:
    await use(originals, "a")
    for left in everything(folder):
        shutil.rmtree(left)
    await use(originals, "a", "b")
    assert shop.fetched == {"a": 2, "b": 1}


async def test_nothing_is_left_after_the_end_not_even_of_a_fetch_under_way(shop: Shop, folder: Path) -> None:
    originals = Originals(shop)
    await originals.start()
    await use(originals, "a")
    shop.open.clear()
    shop.asked.clear()
    waiting = asyncio.create_task(use(originals, "b"))
    await shop.asked.wait()
    await originals.stop()
    assert everything(folder) == []
    with pytest.raises(asyncio.CancelledError):
        await waiting
