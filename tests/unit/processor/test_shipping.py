import asyncio
from pathlib import Path

import pytest

from services.processor.store import Shipping


class Dock:
    """Takes files as a store does: `taken` by name, once `open`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()

    async def put(self, path: Path) -> None:
        self.arrived.set()
        await self.open.wait()
        if "broken" in path.name:
            raise OSError(f"no room for {path.name}")
        self.taken.append(path.name)


async def test_a_file_is_stored_while_others_are_being_made(tmp_path: Path) -> None:
    dock = Dock()
    async with Shipping(dock.put, tmp_path) as shipping:
        (tmp_path / "one.jpg").touch()
        await dock.arrived.wait()
        (tmp_path / "two.webp").touch()
        dock.open.set()
        await shipping.finish()
    assert sorted(dock.taken) == ["one.jpg", "two.webp"]


async def test_what_has_no_name_yet_is_left_alone(tmp_path: Path) -> None:
    dock = Dock()
    dock.open.set()
    (tmp_path / "unfinished").touch()
    async with Shipping(dock.put, tmp_path) as shipping:
        await shipping.finish()
    assert dock.taken == []


async def test_a_file_that_cannot_be_stored_is_told_at_the_end_though_it_came_early(tmp_path: Path) -> None:
    dock = Dock()
    dock.open.set()
    (tmp_path / "broken.jpg").touch()
    async with Shipping(dock.put, tmp_path) as shipping:
        await dock.arrived.wait()
        with pytest.raises(OSError, match=r"no room for broken\.jpg"):
            await shipping.finish()


async def test_after_a_failure_nothing_goes_on(tmp_path: Path) -> None:
    dock = Dock()
    (tmp_path / "one.jpg").touch()
    before = asyncio.all_tasks()

    async def fail() -> None:
        async with Shipping(dock.put, tmp_path):
            await dock.arrived.wait()
            raise ValueError("the rendering failed")

    with pytest.raises(ValueError, match="the rendering failed"):
        await fail()
    assert asyncio.all_tasks() == before
    assert dock.taken == []
