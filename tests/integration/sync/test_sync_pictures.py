"""Taking in what a platform shows, with the real library behind it; and where a picture is shown, or shall be."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest
from sync_world import Person, World, photograph

from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.ids import new_id, utc_now
from services.sync.app import build as build_sync
from services.sync.domain.connection import Connection, RemoteAccount
from services.sync.domain.target import Answer, Seen, Submission, Target, TargetState
from services.sync.store.connections import Snapshot
from services.sync.store.targets import Sync
from services.upload.app import build as build_upload
from services.upload.settings import UploadSettings

# What a platform shows is taken in.


@pytest.fixture(scope="module")
async def real_library(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[str]:
    """The address of the real upload service."""
    app = build_upload(service_settings(UploadSettings))
    async with run_app(app):
        assert app.grpc is not None
        yield app.grpc.address


@pytest.fixture(scope="module")
async def importing_sync(
    sync_settings: Callable[..., Any], adapters_to_sandbox: None, run_app: Any, real_library: str
) -> AsyncIterator[str]:
    """The address of one more replica of the sync service, which speaks to the real upload service."""
    app = build_sync(sync_settings(upload_target=real_library))
    async with run_app(app):
        assert app.grpc is not None
        yield app.grpc.address


@dataclass(frozen=True)
class Importer:
    """Somebody whose account on a platform is connected, with their library."""

    person: Person
    upload: upload_pb2_grpc.UploadServiceStub

    async def take(self, connection: sync_pb2.Connection, slot: str = "avatar") -> upload_pb2.Image:
        request = sync_pb2.ImportPictureRequest(connection_id=connection.id, slot=slot)
        answer = await self.person.call("ImportPicture", request)
        return (await self.ask("GetImage", upload_pb2.GetImageRequest(id=answer.image_id))).image  # type: ignore[no-any-return]

    async def why_not(self, connection_id: str, slot: str = "avatar") -> str:
        request = sync_pb2.ImportPictureRequest(connection_id=connection_id, slot=slot)
        return await self.person.reason_of(self.person.call("ImportPicture", request))

    async def ask(self, method: str, request: Any) -> Any:
        metadata = (("authorization", f"Bearer {self.person.token}"),)
        return await getattr(self.upload, method)(request, timeout=30, metadata=metadata)


@pytest.fixture
async def importer(world: World, real_library: str, importing_sync: str) -> AsyncIterator[Importer]:
    async with grpc.aio.insecure_channel(importing_sync) as sync, grpc.aio.insecure_channel(real_library) as upload:
        person = replace(world, channel=sync).person()
        yield Importer(person, upload_pb2_grpc.UploadServiceStub(upload))


async def test_what_a_platform_shows_becomes_a_picture_of_the_library(world: World, importer: Importer) -> None:
    connection = await importer.person.connect("x")
    await importer.person.first_looks_at(connection)

    avatar, banner = await importer.take(connection), await importer.take(connection, "banner")

    shown = await world.http.get((await world.control.account("x"))["avatar"]["url"])
    assert avatar.bytes == len(shown.content)
    assert (avatar.owner_id, avatar.title) == (importer.person.id, f"{connection.remote_handle} on X, avatar")
    assert banner.title == f"{connection.remote_handle} on X, banner"
    assert avatar.file_name.rpartition(".")[2] == avatar.content_type.removeprefix("image/").replace("jpeg", "jpg")


async def test_what_was_taken_in_is_taken_in_again_only_after_it_was_deleted(importer: Importer) -> None:
    connection = await importer.person.connect("bluesky")
    await importer.person.first_looks_at(connection)

    first = {image.id for image in await asyncio.gather(*(importer.take(connection) for _ in range(3)))}
    assert len(first) == 1
    await importer.ask("DeleteImage", upload_pb2.DeleteImageRequest(id=next(iter(first))))
    second, third = [(await importer.take(connection)).id for _ in range(2)]

    assert second == third
    assert second not in first


async def test_a_place_that_shows_nothing_has_nothing_to_take(world: World, importer: Importer) -> None:
    connection = await importer.person.connect("x")
    await importer.person.first_looks_at(connection)
    async with world.inside.stores() as store:
        await store.set_seen(connection.id, "avatar", Seen(utc_now()))
        await store.commit()

    assert await importer.why_not(connection.id) == "NOTHING_SHOWN"
    assert await importer.why_not(connection.id, "header") == "INVALID_INPUT"
    assert await importer.why_not(new_id()) == "CONNECTION_NOT_FOUND"
    stranger = Importer(importer.person.world.person(), importer.upload)
    assert await stranger.why_not(connection.id) == "CONNECTION_NOT_FOUND"


@pytest.mark.parametrize(("stored", "reason"), [(True, "TOO_SMALL"), (False, "NOTHING_SHOWN")])
async def test_what_the_library_refuses_is_told_as_it_tells_it(
    world: World, importer: Importer, stored: bool, reason: str
) -> None:
    connection = await importer.person.connect("x")
    await importer.person.first_looks_at(connection)
    key = f"snapshots/{importer.person.id}/{new_id()}"
    if stored:
        file = io.BytesIO()
        photograph(1, (20, 20)).save(file, "PNG")
        (world.directory / "tiny").write_bytes(file.getvalue())
        await world.objects.put_file(key, world.directory / "tiny", content_type="image/png")
    tiny = Snapshot(
        new_id(), importer.person.id, connection.id, "avatar", "tiny", "", "a" * 64, key, "image/png", "", utc_now()
    )
    async with world.inside.stores() as store:
        await store.add_snapshot(tiny)
        await store.set_seen(connection.id, "avatar", Seen(utc_now(), "https://p.test/tiny.png", "tiny"))
        await store.commit()

    assert await importer.why_not(connection.id) == reason


# Where a picture is.

OLD, NEW = "old", "new"
S = TargetState


@dataclass(frozen=True)
class Wish:
    """A target of the only place: which picture, how far it came, and whether anything was sent."""

    picture: str
    state: TargetState
    sent: Answer | None = None


VERIFIED_OLD = Wish(OLD, S.VERIFIED, Answer.ACCEPTED)


@pytest.mark.parametrize(
    ("wishes", "places"),
    [
        ([VERIFIED_OLD], {OLD: "verified"}),
        ([VERIFIED_OLD, Wish(NEW, S.VERIFIED, Answer.ACCEPTED)], {NEW: "verified"}),
        ([VERIFIED_OLD, Wish(NEW, S.QUEUED)], {NEW: "queued"}),
        ([VERIFIED_OLD, Wish(NEW, S.CANCELLED)], {OLD: "verified"}),
        ([VERIFIED_OLD, Wish(NEW, S.SUPERSEDED), Wish(OLD, S.QUEUED)], {OLD: "queued"}),
        ([VERIFIED_OLD, Wish(OLD, S.CANCELLED)], {OLD: "verified"}),
        ([VERIFIED_OLD, Wish(NEW, S.FAILED)], {OLD: "verified", NEW: "failed"}),
        ([VERIFIED_OLD, Wish(NEW, S.FAILED, Answer.REFUSED)], {OLD: "verified", NEW: "failed"}),
        ([VERIFIED_OLD, Wish(NEW, S.FAILED, Answer.UNKNOWN)], {NEW: "failed"}),
        ([Wish(OLD, S.QUEUED), Wish(NEW, S.SENDING), Wish(OLD, S.PAUSED)], {OLD: "paused"}),
        ([Wish(OLD, S.SUPERSEDED), Wish(NEW, S.CANCELLED)], {}),
    ],
    ids=lambda value: " ".join(f"{one.picture}-{one.state}" for one in value) if isinstance(value, list) else "",
)
async def test_a_picture_is_where_no_later_wish_stands_against_it(
    world: World, wishes: list[Wish], places: dict[str, str]
) -> None:
    person = world.person()
    pictures = {name: await person.upload(1, rendered=False) for name in (OLD, NEW)}
    connection_id = await made_connection(world, person)
    await make_targets(world, person, connection_id, [(pictures[wish.picture], wish) for wish in wishes])

    found = {name: await places_of(person, image_id) for name, image_id in pictures.items()}

    assert {name: states[0] for name, states in found.items() if states} == places
    assert all(len(states) <= 1 for states in found.values())


async def test_a_picture_is_nowhere_where_nothing_is_connected_any_more(world: World) -> None:
    person = world.person()
    image_id = await person.upload(1, rendered=False)
    await make_targets(world, person, new_id(), [(image_id, VERIFIED_OLD)])
    assert await places_of(person, image_id) == []


async def test_places_of_a_picture_of_somebody_else_are_not_told(world: World) -> None:
    person, stranger = world.person(), world.person()
    image_id = await person.upload(1, rendered=False)
    for asked in (image_id, new_id(), "no id"):
        request = sync_pb2.ListPicturePlacesRequest(image_id=asked)
        assert await stranger.reason_of(stranger.call("ListPicturePlaces", request)) == "IMAGE_NOT_FOUND"


async def places_of(person: Person, image_id: str) -> list[str]:
    answer = await person.call("ListPicturePlaces", sync_pb2.ListPicturePlacesRequest(image_id=image_id))
    names = [sync_pb2.TargetState.Name(target.state) for target in answer.targets]
    return [name.removeprefix("TARGET_STATE_").lower() for name in names]


async def made_connection(world: World, person: Person) -> str:
    """Connects an account that is on no platform: these tests are about what is stored alone."""
    now = utc_now()
    account = RemoteAccount(new_id(), "@ada", "https://p.test/@ada", "")
    connection = Connection(new_id(), person.id, "elsewhere", account, b"", now, now)
    async with world.inside.stores() as store:
        await store.add_connection(connection, (), look_at=now)
        await store.commit()
    return connection.id


async def make_targets(world: World, person: Person, connection_id: str, wishes: list[tuple[str, Wish]]) -> None:
    now = utc_now()
    async with world.inside.stores() as store:
        for image_id, wish in wishes:
            sync = Sync(new_id(), person.id, image_id, "avatar", now, "")
            submission = wish.sent and Submission(now, "", "", "", "", answer=wish.sent)
            target = Target(
                id=new_id(),
                sync_id=sync.id,
                owner_id=person.id,
                connection_id=connection_id,
                platform="elsewhere",
                slot="avatar",
                remote_handle="@ada",
                image_id=image_id,
                revision=1,
                requested_at=now,
                updated_at=now,
                state=wish.state,
                submission=submission,
            )
            await store.add_sync(sync)
            await store.add_target(target, ring_at=None)
        await store.commit()
