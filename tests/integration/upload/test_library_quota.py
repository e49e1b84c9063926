"""How much a library may hold: one megabyte in these tests."""

import asyncio
import io
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from library_client import LibraryClient, stores
from PIL import Image as Picture
from upload_client import send

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.database import Database
from servicekit.errors import PreconditionError, ServiceError, UnavailableError
from servicekit.grpc_client import Channels
from servicekit.ids import utc_now
from servicekit.object_store import ObjectStore
from servicekit.settings import GrpcSettings
from services.upload.app import build
from services.upload.domain.image import original_key
from services.upload.domain.quota import Quota
from services.upload.settings import UploadSettings
from services.upload.staging import StagedFile, staged
from services.upload.store.tables import libraries
from services.upload.use_cases.intake import Intake

SERVICE = upload_pb2.DESCRIPTOR.services_by_name["UploadService"]
# Two fit, a third does not.
BYTES = 400_000


def png(number: int) -> bytes:
    """A picture of noise, which nothing makes smaller."""
    file = io.BytesIO()
    noise = random.Random(number).randbytes(BYTES // 4 * 4)
    Picture.frombytes("RGBA", (BYTES // 4 // 250, 250), noise).save(file, "PNG", compress_level=0)
    return file.getvalue()


@pytest.fixture(scope="module")
async def upload(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[Any]:
    """A stub for the service with a small quota."""
    app = build(service_settings(UploadSettings, quota_mb=1))
    async with run_app(app):
        channels = Channels(GrpcSettings())
        assert app.grpc is not None
        yield upload_pb2_grpc.UploadServiceStub(channels.to(app.grpc.address, SERVICE))
        await channels.stop()


@pytest.fixture
async def objects(service_settings: Callable[..., Any]) -> AsyncIterator[ObjectStore]:
    opened = ObjectStore(service_settings(UploadSettings))
    yield opened
    await opened.stop()


async def stored(objects: ObjectStore, owner_id: str) -> set[str]:
    """Returns the originals of somebody that the store has."""
    return {found.key.rsplit("/", 1)[1] async for found in objects.list(f"originals/{owner_id}/")}


async def test_what_does_not_fit_is_refused_with_the_figures_and_nothing_of_it_is_kept(
    upload: Any, owner: str, library: LibraryClient, objects: ObjectStore
) -> None:
    kept = [await send(upload, png(number)) for number in (1, 2)]
    used = sum(image.bytes for image in kept)

    with pytest.raises(PreconditionError, match=r"0\.8 of 1\.0 MB are used and this picture has 0\.4 MB") as caught:
        await send(upload, png(3))

    assert caught.value.reason == "QUOTA_EXCEEDED"
    assert caught.value.metadata == {
        "used_bytes": str(used),
        "quota_bytes": "1000000",
        "bytes": str(len(png(3))),
    }
    assert await stored(objects, owner) == {image.sha256 for image in kept}
    assert (await library.library()).used_bytes == used


async def test_the_same_file_counts_once_and_as_long_as_it_can_be_restored(
    upload: Any, owner: str, library: LibraryClient
) -> None:
    images = [await send(upload, png(1)) for _ in range(4)]
    for image in images:
        await library.delete(image.id)

    assert (await library.library()).used_bytes == images[0].bytes
    await send(upload, png(2))
    with pytest.raises(PreconditionError):
        await send(upload, png(3))


async def test_a_picture_deleted_for_good_gives_its_room_back_with_the_last_that_has_its_file(
    upload: Any, owner: str, library: LibraryClient
) -> None:
    images = [await send(upload, png(number)) for number in (1, 1, 2)]
    freed, used = [], []
    for image in images[:2]:
        await library.delete(image.id)
        freed.append((await library.call("PurgeImage", id=image.id)).freed_bytes)
        used.append((await library.library()).used_bytes)

    assert freed == [0, images[0].bytes]
    assert used == [images[0].bytes + images[2].bytes, images[2].bytes]
    await send(upload, png(3))


async def test_of_many_at_once_only_those_that_fit_slip_in(
    upload: Any, owner: str, library: LibraryClient, objects: ObjectStore
) -> None:
    answers = await asyncio.gather(*(send(upload, png(number)) for number in range(6)), return_exceptions=True)

    kept = [answer for answer in answers if isinstance(answer, upload_pb2.Image)]
    refused = [answer for answer in answers if isinstance(answer, ServiceError)]
    assert (len(kept), {error.reason for error in refused}) == (2, {"QUOTA_EXCEEDED"})
    assert sorted(await library.found()) == sorted(image.id for image in kept)
    assert (await library.library()).used_bytes == sum(image.bytes for image in kept)
    assert await stored(objects, owner) == {image.sha256 for image in kept}


async def test_only_what_is_there_counts_against_anybody(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    # A replica of the version before removes pictures, and adds them, without noting it.
    first = await send(upload, png(1))
    async with database.sessions() as session:
        change = sa.update(libraries).where(libraries.c.owner_id == owner)
        await session.execute(change.values(used_bytes=999_000))
        await session.commit()

    second = await send(upload, png(2))

    assert (await library.library()).used_bytes == first.bytes + second.bytes


async def test_a_library_that_nobody_has_counted_yet_is_counted(
    upload: Any, owner: str, library: LibraryClient, database: Database
) -> None:
    first = await send(upload, png(1))
    async with database.sessions() as session:
        await session.execute(sa.delete(libraries).where(libraries.c.owner_id == owner))
        await session.commit()

    second = await send(upload, png(2))

    assert (await library.library()).used_bytes == first.bytes + second.bytes
    with pytest.raises(PreconditionError):
        await send(upload, png(3))


# What is refused at the last moment


class RemovesNothing(ObjectStore):
    """A store that goes away when something is to be removed."""

    async def remove(self, key: str) -> None:
        raise UnavailableError("The picture store does not answer.")


async def refuse(store: Any, image: Any) -> None:
    raise PreconditionError("Somebody cancelled it.", reason="UPLOAD_CANCELLED")


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def take(intake: Intake, content: bytes, owner_id: str) -> None:
    async with staged(in_pieces(content), max_bytes=1_000_000) as file:
        assert isinstance(file, StagedFile)
        await intake.upload(file, owner_id=owner_id, alt_text="", file_name="", idempotency_key=None, along=refuse)


@pytest.fixture
def intake(service_settings: Callable[..., Any], database: Database, objects: ObjectStore) -> Intake:
    settings = service_settings(UploadSettings)
    return Intake(stores(database), objects, settings.picture_limits, Quota(0, 30), utc_now)


async def test_what_is_refused_when_it_is_added_leaves_no_file(
    upload: Any, owner: str, library: LibraryClient, objects: ObjectStore, intake: Intake
) -> None:
    with pytest.raises(PreconditionError, match="cancelled"):
        await take(intake, png(1), owner)

    assert await stored(objects, owner) == set()
    assert (await library.library()).used_bytes == 0


async def test_what_is_refused_leaves_the_file_to_another_picture_that_has_it(
    upload: Any, owner: str, objects: ObjectStore, intake: Intake
) -> None:
    image = await send(upload, png(1))

    with pytest.raises(PreconditionError, match="cancelled"):
        await take(intake, png(1), owner)

    assert await objects.exists(original_key(owner, image.sha256))


async def test_what_was_wrong_is_said_even_if_the_file_cannot_be_removed_now(
    service_settings: Callable[..., Any], owner: str, intake: Intake
) -> None:
    away = RemovesNothing(service_settings(UploadSettings))

    with pytest.raises(PreconditionError, match="cancelled"):
        await take(replace(intake, objects=away), png(1), owner)

    await away.stop()
