"""Variants are named by what they are made from: whatever was made before is made no second time, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from processor_client import darkroom, job, recipe, results

from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.errors import UnavailableError
from servicekit.object_store import ObjectStore
from servicekit.pictures.workers import PictureWorkers
from services.processor.domain import folder
from services.processor.pipeline import Edit, Rectangle

SMALL, MIDDLE, LARGE = recipe("small", 40), recipe("middle", 60), recipe("large", 80)


@pytest.fixture
async def other_workers() -> AsyncIterator[PictureWorkers]:
    async with PictureWorkers(1) as running:
        yield running


async def content(objects: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in objects.read(key)])


async def test_a_recipe_that_was_added_or_changed_is_followed_alone(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, original: events.ImageUploaded, rendered: list[list[str]]
) -> None:
    changed = recipe("middle", 64)
    await darkroom(bus, objects, workers, [SMALL, MIDDLE]).make_variants(job(original), delivery=1)
    await darkroom(bus, objects, workers, [SMALL, changed, LARGE]).make_variants(job(original), delivery=1)

    before, after = await results(bus, original, count=2)

    assert rendered == [["small.avatar", "middle.avatar"], ["middle.avatar", "large.avatar"]]
    assert [variant.key for variant in after.variants] == ["small.avatar", "middle.avatar", "large.avatar"]
    assert after.variants[0] == before.variants[0]
    assert after.variants[1].width == 64


async def test_a_recipe_that_came_back_is_found_again(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, original: events.ImageUploaded, rendered: list[list[str]]
) -> None:
    for recipes in ([SMALL, MIDDLE], [SMALL, LARGE], [SMALL, MIDDLE], [LARGE, MIDDLE]):
        await darkroom(bus, objects, workers, recipes).make_variants(job(original), delivery=1)

    assert rendered == [["small.avatar", "middle.avatar"], ["large.avatar"]]


async def test_recipes_with_the_same_result_share_one_file_under_their_own_names(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, original: events.ImageUploaded, rendered: list[list[str]]
) -> None:
    twin = recipe("twin", 40)
    await darkroom(bus, objects, workers, [SMALL, twin]).make_variants(job(original), delivery=1)

    [ready] = await results(bus, original)

    assert rendered == [["small.avatar"]]
    assert [(variant.key, variant.platform) for variant in ready.variants] == [
        ("small.avatar", "small"),
        ("twin.avatar", "twin"),
    ]
    assert ready.variants[0].object_key == ready.variants[1].object_key


async def test_each_edit_has_variants_of_its_own(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, original: events.ImageUploaded, rendered: list[list[str]]
) -> None:
    room = darkroom(bus, objects, workers, [SMALL])
    edits = (Edit(), Edit(mirrored=True), Edit(crop=Rectangle(0.6, 0.1, 0.9, 0.4)), Edit(mirrored=True))
    for attempt, edit in enumerate(edits, start=1):
        await room.make_variants(job(original, attempt=attempt, edit=edit), delivery=1)

    plain, mirrored, cut, mirrored_again = [
        result.variants[0] for result in await results(bus, original, count=len(edits))
    ]

    assert len(rendered) == 3
    assert mirrored_again == mirrored
    assert len({plain.object_key, mirrored.object_key, cut.object_key}) == 3
    assert len({plain.sha256, mirrored.sha256, cut.sha256}) == 3
    assert plain.object_key.startswith(f"variants/{original.owner_id}/{original.sha256}/plain/")


async def test_a_list_that_cannot_be_read_is_written_anew(
    bus: Bus,
    objects: ObjectStore,
    workers: PictureWorkers,
    original: events.ImageUploaded,
    rendered: list[list[str]],
    tmp_path: Path,
) -> None:
    room = darkroom(bus, objects, workers, [SMALL])
    (tmp_path / "list").write_bytes(b"\xff\xff\xff")
    await objects.put_file(
        f"{folder(job(original), Edit())}/list", tmp_path / "list", content_type="application/protobuf"
    )

    await room.make_variants(job(original), delivery=1)
    await room.make_variants(job(original), delivery=1)

    assert rendered == [["small.avatar"]]


@pytest.mark.parametrize("puts", range(3))
async def test_an_interruption_at_any_file_leaves_nothing_wrong(
    bus: Bus,
    objects: ObjectStore,
    workers: PictureWorkers,
    original: events.ImageUploaded,
    puts: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_file, done = objects.put_file, 0

    async def put_some(*arguments: Any, **named: Any) -> None:
        nonlocal done
        if done == puts:
            raise UnavailableError("the store is away")
        done += 1
        await put_file(*arguments, **named)

    room = darkroom(bus, objects, workers, [SMALL, MIDDLE])
    with monkeypatch.context() as patch:
        patch.setattr(objects, "put_file", put_some)
        with pytest.raises(UnavailableError):
            await room.make_variants(job(original), delivery=1)
    await room.make_variants(job(original), delivery=2)

    [ready] = await results(bus, original)
    assert [variant.key for variant in ready.variants] == ["small.avatar", "middle.avatar"]
    for variant in ready.variants:
        assert len(await content(objects, variant.object_key)) == variant.bytes


async def test_two_replicas_that_make_the_same_at_once_end_with_the_same_files(
    bus: Bus,
    objects: ObjectStore,
    workers: PictureWorkers,
    other_workers: PictureWorkers,
    original: events.ImageUploaded,
) -> None:
    recipes = [SMALL, MIDDLE, LARGE]
    rooms = [darkroom(bus, objects, each, recipes) for each in (workers, other_workers)]
    await asyncio.gather(*(room.make_variants(job(original), delivery=1) for room in rooms))
    there = await content(objects, f"{folder(job(original), Edit())}/list")

    await darkroom(bus, objects, other_workers, recipes).make_variants(job(original, attempt=2), delivery=1)
    first, second = await results(bus, original, count=2)

    # Of the two at once the bus keeps one.
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.variants == second.variants
    assert await content(objects, f"{folder(job(original), Edit())}/list") == there
