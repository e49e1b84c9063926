"""The clean-up of the object store: what somebody refers to stays, the rest goes in rounds; and pictures whose time is over."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from upload_client import get, jpeg, publish, send, variant

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import remote_errors
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore
from servicekit.protobuf import timestamp
from services.upload.clean_up import GRACE, SETTLE, CleanUp
from services.upload.domain.image import original_key
from services.upload.domain.quota import Quota
from services.upload.settings import UploadSettings
from services.upload.staging import StagedFile
from services.upload.store import Store
from services.upload.store.tables import images
from services.upload.sweeper import Sweeper
from services.upload.use_cases.intake import Intake

HASH = "ab" * 32
HOUR = timedelta(hours=1)


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(UploadSettings), schema="upload")
    yield opened
    await opened.stop()


@pytest.fixture
async def objects(service_settings: Callable[..., Any]) -> AsyncIterator[ObjectStore]:
    opened = ObjectStore(service_settings(UploadSettings))
    yield opened
    await opened.stop()


class Rounds:
    """Cleans up at moments to come: the store's own clock cannot be turned, ours can."""

    def __init__(self, database: Database, objects: ObjectStore, file: Path) -> None:
        self._database, self._objects, self._file = database, objects, file
        file.write_bytes(b"something")

    async def after(self, wait: timedelta) -> None:
        def clock() -> datetime:
            return utc_now() + wait

        await CleanUp(partial(Store, self._database, clock=clock), self._objects, clock).remove_unreferenced()

    async def put(self, *keys: str) -> None:
        for key in keys:
            await self._objects.put_file(key, self._file, content_type="image/jpeg")

    async def there(self, *keys: str) -> list[bool]:
        return [await self._objects.exists(key) for key in keys]


@pytest.fixture
def rounds(database: Database, objects: ObjectStore, tmp_path: Path) -> Rounds:
    return Rounds(database, objects, tmp_path / "object")


async def test_an_original_that_nobody_refers_to_goes_in_the_second_round_after_its_time(rounds: Rounds) -> None:
    key = original_key(new_id(), HASH)
    await rounds.put(key)

    await rounds.after(GRACE - HOUR)
    await rounds.after(GRACE + HOUR)
    await rounds.after(GRACE + SETTLE)
    assert await rounds.there(key) == [True]

    await rounds.after(GRACE + SETTLE + 2 * HOUR)
    assert await rounds.there(key) == [False]


async def test_what_a_picture_is_made_from_and_what_was_made_of_it_stays(
    upload: Any, owner: str, bus: Bus, rounds: Rounds, eventually: Any
) -> None:
    image = await send(upload, jpeg())
    original, folder = original_key(owner, image.sha256), f"variants/{owner}/{image.sha256}/plain"
    kept = [original, f"{folder}/1.jpg", f"{folder}/2.jpg", f"{folder}/list"]
    await rounds.put(*kept[1:])
    made = variant("thumbnail.320.webp")
    made.object_key = kept[1]
    ready = events.VariantsReady(
        image_id=image.id, owner_id=owner, revision=1, variants=[made], event_time=timestamp(utc_now())
    )
    await publish(bus, ready, owner)

    async def is_ready() -> bool:
        return (await get(upload, image.id)).state == upload_pb2.IMAGE_STATE_READY

    await eventually(is_ready)
    for days in (8, 9, 10, 11):
        await rounds.after(timedelta(days=days))

    assert await rounds.there(*kept) == [True] * 4


async def test_of_variants_the_list_goes_first_and_the_files_two_rounds_later(rounds: Rounds) -> None:
    folder = f"variants/{new_id()}/{HASH}/0123456789abcdef"
    file, listed = f"{folder}/1.jpg", f"{folder}/list"
    await rounds.put(file, listed)

    await rounds.after(GRACE + HOUR)
    await rounds.after(GRACE + SETTLE + 2 * HOUR)
    assert await rounds.there(file, listed) == [True, False]
    await rounds.after(GRACE + SETTLE + 3 * HOUR)
    assert await rounds.there(file) == [True]
    await rounds.after(GRACE + 2 * SETTLE + 3 * HOUR)

    assert await rounds.there(file) == [False]


async def test_variants_that_are_being_made_stay_though_no_row_names_them(
    upload: Any, owner: str, rounds: Rounds
) -> None:
    image = await send(upload, jpeg(colour="plum"))
    file = f"variants/{owner}/{image.sha256}/plain/1.jpg"
    await rounds.put(file)

    for days in (8, 9, 10):
        await rounds.after(timedelta(days=days))

    assert await rounds.there(file) == [True]


async def test_what_was_referred_to_again_between_two_rounds_begins_anew(
    upload: Any, owner: str, rounds: Rounds, objects: ObjectStore, database: Database
) -> None:
    image = await send(upload, jpeg(colour="navy"))
    original = original_key(owner, image.sha256)

    async def hand_over_to(user_id: str) -> None:
        async with database.sessions() as session:
            await session.execute(sa.update(images).where(images.c.id == image.id).values(owner_id=user_id))
            await session.commit()

    await hand_over_to(new_id())
    await rounds.after(GRACE + HOUR)
    await hand_over_to(owner)
    await rounds.after(GRACE + SETTLE + 2 * HOUR)
    await hand_over_to(new_id())
    await rounds.after(GRACE + SETTLE + 3 * HOUR)

    assert await rounds.there(original) == [True]


async def test_names_that_we_do_not_make_are_not_ours_to_judge(rounds: Rounds) -> None:
    foreign = [
        f"originals/notes-{HASH}",
        f"variants/{new_id()}/readme.txt",
        f"originals/{new_id()}/a/b",
        "exports/1.zip",
    ]
    await rounds.put(*foreign)

    for days in (8, 9, 10, 11):
        await rounds.after(timedelta(days=days))

    assert await rounds.there(*foreign) == [True] * 4


async def test_two_replicas_that_clean_up_at_once_do_each_other_no_harm(rounds: Rounds) -> None:
    keys = [original_key(new_id(), HASH) for _ in range(20)]
    await rounds.put(*keys)

    for wait in (GRACE + HOUR, GRACE + SETTLE + 2 * HOUR):
        await asyncio.gather(rounds.after(wait), rounds.after(wait))

    assert await rounds.there(*keys) == [False] * 20


async def test_an_upload_of_an_original_that_is_marked_keeps_it(
    upload: Any, owner: str, rounds: Rounds, database: Database
) -> None:
    content = jpeg(colour="olive")
    first = await send(upload, content)
    async with database.sessions() as session:
        await session.execute(sa.delete(images).where(images.c.id == first.id))
        await session.commit()
    await rounds.after(GRACE + HOUR)

    again, _ = await asyncio.gather(send(upload, content), rounds.after(GRACE + SETTLE + 2 * HOUR))

    assert await rounds.there(original_key(owner, again.sha256)) == [True]


async def test_a_deleted_picture_is_purged_when_its_time_is_over_and_gives_its_room_back(
    upload: Any, owner: str, rounds: Rounds, database: Database
) -> None:
    kept, gone = await send(upload, jpeg()), await send(upload, jpeg(colour="red"))
    with remote_errors():
        await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=gone.id))

    async def used_after(days: int) -> int:
        def clock() -> datetime:
            return utc_now() + timedelta(days=days)

        stores = partial(Store, database, clock=clock)
        await Sweeper(stores, patience=HOUR, restorable=timedelta(days=30), clock=clock).purge()
        with remote_errors():
            answer = await upload.GetLibrary(upload_pb2.GetLibraryRequest())
        used: int = answer.used_bytes
        return used

    assert await used_after(29) == kept.bytes + gone.bytes
    assert await used_after(31) == kept.bytes
    for wait in (GRACE + HOUR, GRACE + SETTLE + 2 * HOUR):
        await rounds.after(wait)
    assert await rounds.there(original_key(owner, gone.sha256), original_key(owner, kept.sha256)) == [False, True]


class Interrupted(ObjectStore):
    """Has something happen right after a file was stored."""

    def __init__(self, settings: UploadSettings, then: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(settings)
        self._then: Callable[[str], Awaitable[None]] | None = then

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        await super().put_file(key, path, content_type=content_type)
        then, self._then = self._then, None
        if then is not None:
            await then(key)


async def test_an_original_that_a_refused_upload_of_the_same_file_took_away_is_stored_again(
    service_settings: Callable[..., Any], database: Database, objects: ObjectStore, tmp_path: Path
) -> None:
    settings = service_settings(UploadSettings)
    content, owner = jpeg(colour="gold"), new_id()
    file = tmp_path / "gold.jpg"
    file.write_bytes(content)
    interrupted = Interrupted(settings, objects.remove)
    intake = Intake(
        partial(Store, database), interrupted, settings.picture_limits, Quota(bytes=0, restore_days=30), utc_now
    )

    shown = await intake.upload(
        StagedFile(file, len(content), hashlib.sha256(content).hexdigest()),
        owner_id=owner,
        alt_text="",
        file_name="gold.jpg",
        idempotency_key=None,
    )

    assert await objects.exists(shown.image.object_key)
    await interrupted.stop()
