"""Deleting pictures, and taking them back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from library_client import RESTORABLE, LibraryClient, Rendered, library_at, own, recorded, stores, told
from upload_client import get, jpeg, send

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.database import Database
from servicekit.errors import NotFoundError
from servicekit.identity import Caller, acting_for
from servicekit.pages import PageRequest
from servicekit.protobuf import moment
from servicekit.subjects import RENDER_INTERACTIVE
from services.upload.domain.image import ImageFilter, ImageState

PROCESSING, READY = upload_pb2.IMAGE_STATE_PROCESSING, upload_pb2.IMAGE_STATE_READY


async def test_a_deleted_picture_is_among_the_deleted_ones_alone_and_comes_back_as_it_was(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database
) -> None:
    kept, image = await send(upload, jpeg(colour="red")), await send(upload, jpeg(), file_name="cat.jpg")
    before = await rendered.ready(image.id)

    deleted = await library.delete(image.id)
    in_library, among_deleted = await library.found(), await library.listed(deleted=True)
    back = await library.restore(image.id)

    assert in_library == [kept.id]
    assert among_deleted == [deleted]
    assert moment(deleted.purge_time) - moment(deleted.delete_time) == RESTORABLE
    assert (back.title, back.state, list(back.thumbnails)) == ("cat", READY, list(before.thumbnails))
    assert not back.HasField("delete_time")
    assert not back.HasField("purge_time")
    assert await library.found() == [image.id, kept.id]
    assert await library.found(deleted=True) == []
    [gone] = await told(database, events.ImageDeleted, owner)
    [restored] = await told(database, events.ImageRestored, owner)
    assert (gone.image_id, restored.image_id, restored.revision) == (image.id, image.id, 1)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GetImage", {}),
        ("UpdateImage", {"alt_text": "A cat."}),
        ("RetryImage", {}),
        ("DeleteImage", {}),
        ("ListVariants", {}),
        ("ListSimilarImages", {}),
    ],
)
async def test_a_deleted_picture_is_said_to_be_deleted_wherever_it_is_asked_for(
    upload: Any, owner: str, library: LibraryClient, database: Database, method: str, fields: dict[str, str]
) -> None:
    image = await send(upload, jpeg())
    await library.delete(image.id)
    name = "image_id" if method.startswith("List") else "id"

    with pytest.raises(NotFoundError) as caught:
        await library.call(method, **{name: image.id}, **fields)

    assert caught.value.reason == "IMAGE_DELETED"
    assert len(await told(database, events.ImageDeleted, owner)) == 1


async def test_pressing_delete_and_restore_many_times_at_once_does_each_once(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())

    deleted = await asyncio.gather(*(library.delete(image.id) for _ in range(4)), return_exceptions=True)
    restored = await asyncio.gather(*(library.restore(image.id) for _ in range(4)))

    assert sorted(type(answer).__name__ for answer in deleted) == ["Image", *["NotFoundError"] * 3]
    assert len({answer.etag for answer in restored}) == 1
    assert len(await told(database, events.ImageDeleted, owner)) == 1
    assert len(await told(database, events.ImageRestored, owner)) == 1


async def test_restoring_what_is_not_deleted_changes_nothing(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())

    assert await library.restore(image.id) == image
    assert await told(database, events.ImageRestored, owner) == []


async def test_restoring_has_the_variants_told_again_ahead_of_what_nobody_waits_for(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database
) -> None:
    image = await send(upload, jpeg())
    await rendered.ready(image.id)
    await library.delete(image.id)

    await library.restore(image.id)

    [job] = await recorded(database, processor_pb2.RenderImage, RENDER_INTERACTIVE, owner)
    assert (job.image_id, job.revision, job.sha256) == (image.id, 1, image.sha256)
    await rendered.ready(image.id)
    assert len(await told(database, events.ImageReady, owner)) == 1


async def test_what_is_made_of_a_picture_while_it_is_deleted_is_kept_in_silence(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database, eventually: Any
) -> None:
    made, broken = await send(upload, jpeg()), await send(upload, jpeg(colour="red"))
    for image in (made, broken):
        await library.delete(image.id)

    await rendered.say_ready(made.id, *own(made.id))
    await rendered.say_failed(broken.id)

    async def states() -> list[ImageState] | None:
        async with stores(database)() as store:
            found = [image.state for one in (made, broken) if (image := await store.image(one.id))]
        return found if ImageState.PROCESSING not in found else None

    assert await eventually(states) == [ImageState.READY, ImageState.FAILED]
    assert await told(database, events.ImageReady, owner) == []
    assert await told(database, events.ImageFailed, owner) == []
    assert (await library.restore(made.id)).state == READY
    assert len((await get(upload, made.id)).thumbnails) == 2
    assert (await library.restore(broken.id)).failure_reason == "BROKEN"


async def test_nobody_asks_again_for_a_deleted_picture_until_it_is_restored(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())
    await library.delete(image.id)

    async def overdue() -> list[str]:
        async with stores(database)() as store:  # nothing is claimed: other tests have pictures too
            before = (clock := store.clock)() + timedelta(days=1)
            return [found.id for found in await store.claim_overdue(before=before, now=clock(), limit=10_000)]

    assert image.id not in await overdue()
    await library.restore(image.id)
    assert image.id in await overdue()


async def test_a_picture_whose_time_is_over_cannot_be_restored_and_is_not_shown(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    image = await send(upload, jpeg())
    await library.delete(image.id)
    just_in_time = library_at(database, later=RESTORABLE - timedelta(minutes=1))
    too_late = library_at(database, later=RESTORABLE + timedelta(minutes=1))
    first_page, deleted = PageRequest(30, None), ImageFilter(deleted=True)

    assert [one.id for one in (await just_in_time.page(first_page, deleted, owner_id=owner)).items] == [image.id]
    assert (await too_late.page(first_page, deleted, owner_id=owner)).items == []
    assert (await too_late.fullness(owner_id=owner)).counts.deleted == 0
    with pytest.raises(NotFoundError) as caught:
        await too_late.restore(image.id, owner_id=owner)
    assert caught.value.reason == "IMAGE_NOT_FOUND"
    assert (await just_in_time.restore(image.id, owner_id=owner)).id == image.id


async def test_a_stranger_neither_sees_nor_restores_what_somebody_deleted(
    upload: Any, owner: str, stranger: Caller, library: LibraryClient
) -> None:
    image = await send(upload, jpeg())
    await library.delete(image.id)

    with acting_for(stranger):
        assert await library.found(deleted=True) == []
        for call in (library.restore, library.delete):
            with pytest.raises(NotFoundError) as caught:
                await call(image.id)
            assert caught.value.reason == "IMAGE_NOT_FOUND"

    assert await library.found(deleted=True) == [image.id]


@pytest.mark.parametrize("image_id", ["", "1", "a" * 5000, "nul\0"])
async def test_restoring_what_never_was_is_not_found(owner: str, library: LibraryClient, image_id: str) -> None:
    with pytest.raises(NotFoundError):
        await library.restore(image_id)


async def test_a_file_sent_again_under_the_key_of_a_deleted_picture_is_a_new_picture(
    upload: Any, owner: str, library: LibraryClient
) -> None:
    first = await send(upload, jpeg(), idempotency_key="once")
    await library.delete(first.id)

    second = await send(upload, jpeg(), idempotency_key="once")
    await library.restore(first.id)

    assert await library.found() == [second.id, first.id]
    assert (await send(upload, jpeg(), idempotency_key="once")).id == second.id


async def test_deleting_an_unpublished_picture_tells_no_addresses(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database
) -> None:
    image = await send(upload, jpeg())
    await rendered.ready(image.id)

    await library.delete(image.id)

    assert await told(database, events.AddressesChanged, owner) == []
