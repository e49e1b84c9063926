"""Deleting pictures for good before their time is over."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from library_client import RESTORABLE, LibraryClient, clock, stores, told
from upload_client import jpeg, send

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.database import Database
from servicekit.errors import NotFoundError, PreconditionError
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id, utc_now
from services.upload.sweeper import Sweeper
from services.upload.use_cases.purging import PURGED_AT_ONCE


async def purged(database: Database, owner: str) -> list[str]:
    return [event.image_id for event in await told(database, events.ImagePurged, owner)]


async def test_a_picture_deleted_for_good_is_gone_with_the_default_that_waited_for_it(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())
    everywhere = upload_pb2.Defaults(slots=[upload_pb2.SlotDefaults(slot="avatar", image_id=image.id)])
    await library.call("UpdateDefaults", defaults=everywhere)
    await library.delete(image.id)

    answer = await library.call("PurgeImage", id=image.id)

    assert answer.freed_bytes == image.bytes
    assert (await library.library()).used_bytes == 0
    assert await library.found(deleted=True) == []
    assert await purged(database, owner) == [image.id]
    for call in (library.restore, library.delete, lambda image_id: library.call("PurgeImage", id=image_id)):
        with pytest.raises(NotFoundError) as caught:
            await call(image.id)
        assert caught.value.reason == "IMAGE_NOT_FOUND"
    another = await send(upload, jpeg())
    everywhere.slots[0].image_id = another.id
    chosen = await library.call("UpdateDefaults", defaults=everywhere)
    assert chosen.defaults.slots[0].image_id == another.id


async def test_a_picture_of_the_library_is_not_deleted_for_good(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())

    with pytest.raises(PreconditionError, match="Delete it first") as caught:
        await library.call("PurgeImage", id=image.id)
    nothing = await library.call("PurgeDeletedImages")

    assert caught.value.reason == "IMAGE_NOT_DELETED"
    assert nothing == upload_pb2.PurgeDeletedImagesResponse()
    assert await library.found() == [image.id]
    assert await purged(database, owner) == []


async def test_a_stranger_deletes_nothing_for_good(
    upload: Any, owner: str, stranger: Caller, library: LibraryClient
) -> None:
    image = await send(upload, jpeg())
    await library.delete(image.id)

    with acting_for(stranger):
        assert (await library.call("PurgeDeletedImages")).image_count == 0
        for image_id in (image.id, "", "nul\0", new_id()):
            with pytest.raises(NotFoundError) as caught:
                await library.call("PurgeImage", id=image_id)
            assert caught.value.reason == "IMAGE_NOT_FOUND"

    assert await library.found(deleted=True) == [image.id]


async def test_emptying_tells_beforehand_what_comes_back_and_leaves_the_library_alone(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    kept, same, *others = [await send(upload, jpeg(colour=colour)) for colour in ("red", "red", "teal", "teal", "navy")]
    for image in (same, *others):
        await library.delete(image.id)

    before = await library.library()
    emptied = await library.call("PurgeDeletedImages")
    after = await library.library()

    freed = others[0].bytes + others[2].bytes  # each file once, and not the one that the library still has
    assert (before.deleted_count, before.deleted_bytes) == (4, freed)
    assert emptied == upload_pb2.PurgeDeletedImagesResponse(image_count=4, freed_bytes=freed)
    assert (after.image_count, after.deleted_count, after.deleted_bytes, after.used_bytes) == (1, 0, 0, kept.bytes)
    assert sorted(await purged(database, owner)) == sorted(image.id for image in (same, *others))


async def test_deleting_for_good_many_times_at_once_and_when_the_time_is_over_does_each_once(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    kept, *images = [await send(upload, jpeg(colour=colour)) for colour in ("red", "teal", "navy", "gold")]
    for image in images:
        await library.delete(image.id)
    later = clock(RESTORABLE + timedelta(hours=1))
    sweeper = Sweeper(stores(database), patience=timedelta(hours=1), restorable=RESTORABLE, clock=later)

    answers = await asyncio.gather(
        *(library.call("PurgeImage", id=image.id) for image in images),
        *(library.call("PurgeDeletedImages") for _ in range(3)),
        sweeper.purge(),
        return_exceptions=True,
    )

    assert {type(answer) for answer in answers if isinstance(answer, BaseException)} <= {NotFoundError}
    assert sorted(await purged(database, owner)) == sorted(image.id for image in images)
    assert (await library.library()).used_bytes == kept.bytes


async def test_more_pictures_are_deleted_for_good_than_go_at_once(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())
    await library.delete(image.id)
    async with stores(database)() as store:
        first = await store.image(image.id)
        assert first is not None
        for _ in range(PURGED_AT_ONCE):
            await store.add_image(replace(first, id=new_id(), deleted_at=utc_now()))
        await store.commit()

    emptied = await library.call("PurgeDeletedImages")

    assert (emptied.image_count, emptied.freed_bytes) == (PURGED_AT_ONCE + 1, image.bytes)
    assert (await library.library()).used_bytes == 0
