"""What servers that speak Mastodon's API do otherwise: files, descriptions, and what they show."""

import hashlib
import io
from typing import Any

import pytest
from sync_world import Person, World, photograph

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.ids import new_id, utc_now
from servicekit.pictures.perceptual import perceptual_hash
from servicekit.protobuf import timestamp

KIN = {
    "pixelfed": "Pixelfed 0.12.3",
    "gotosocial": "GoToSocial 0.17.3+git-1a2b3c4",
    "pleroma": "Pleroma 2.6.0",
    "akkoma": "Akkoma 3.10.4",
}
ALT_TEXT = "A cat asleep on a chair in the sun"


async def connect(world: World, person: Person, software: str = "Mastodon 4.6.1") -> sync_pb2.Connection:
    """Connects, and waits until the server has told what it is and takes."""
    connection = await person.connect("mastodon")

    async def told() -> sync_pb2.Connection | None:
        found = await person.connection(connection.id)
        return found if found.server_software == software else None

    return await world.eventually(told)  # type: ignore[no-any-return]


def describe(world: World, image_id: str, alt_text: str) -> None:
    world.library.images[image_id][1].alt_text = alt_text


async def descriptions(world: World, person: Person, connection: sync_pb2.Connection) -> dict[str, Any]:
    """Returns the profile with its descriptions, as its owner sees it at a Mastodon server."""
    session = await world.session(connection.id)
    headers = {"Authorization": f"Bearer {session.credentials['access_token']}"}
    answer = await world.http.get(f"{session.credentials['server']}/api/v1/profile", headers=headers)
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("kind", KIN)
async def test_a_description_goes_along_where_the_kind_of_server_takes_it(world: World, kind: str) -> None:
    await world.control.switch("mastodon", flavour=kind)
    person = world.person()
    connection = await connect(world, person, KIN[kind])
    image = await person.upload(70)
    describe(world, image, ALT_TEXT)

    target = await person.reaches(await person.sync(image, connection.id), "VERIFIED")
    assert [note.code for note in target.notes] == ([] if kind == "gotosocial" else ["ALT_TEXT_NOT_TAKEN"])


async def test_a_server_without_a_header_is_asked_for_none(world: World) -> None:
    await world.control.switch("mastodon", flavour="pixelfed")
    person = world.person()
    connection = await connect(world, person, KIN["pixelfed"])
    modes = {slot.slot: (slot.mode, list(slot.formats)) for slot in connection.slots}
    assert modes["avatar"] == ("write", ["image/jpeg", "image/png"])
    assert modes["banner"][0] == "none"

    image = await person.upload(74, "banner")
    assert await person.reason_of(person.sync(image, connection.id, slot="banner")) == "SLOT_NOT_WRITABLE"
    assert await person.reason_of(person.sync(image, slot="banner")) == "NO_CONNECTIONS"


async def test_a_file_that_is_too_large_for_its_server_is_not_sent_and_both_figures_are_said(world: World) -> None:
    await world.control.switch("mastodon", flavour="pleroma")
    person = world.person()
    connection = await connect(world, person, KIN["pleroma"])
    assert {slot.slot: slot.max_bytes for slot in connection.slots} == {"avatar": 100_000, "banner": 200_000}
    image = await a_picture_of(world, person, bytes_at_least=120_000)

    target = await person.reaches(await person.sync(image, connection.id), "FAILED", reason="IMAGE_REJECTED")

    assert target.attempts == 0
    assert "takes files up to 100 kB here, and this one has" in target.reason.message
    assert await world.control.changes("mastodon") == 0


async def a_picture_of(world: World, person: Person, *, bytes_at_least: int) -> str:
    """Puts a picture into the library whose file is good, and larger than it has to be."""
    image_id = new_id()
    image = upload_pb2.Image(id=image_id, state=upload_pb2.IMAGE_STATE_READY, revision=1)
    world.library.images[image_id] = (person.id, image)
    out, picture = io.BytesIO(), photograph(75)
    picture.save(out, "JPEG")
    content = out.getvalue() + bytes(bytes_at_least)
    path = world.directory / image_id
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    object_key = f"variants/{person.id}/{sha256}"
    await world.objects.put_file(object_key, path, content_type="image/jpeg")
    variant = processor_pb2.Variant(
        key="mastodon.avatar",
        platform="mastodon",
        slot="avatar",
        content_type="image/jpeg",
        width=400,
        height=400,
        bytes=len(content),
        sha256=sha256,
        perceptual_hash=perceptual_hash(picture).hex(),
        object_key=object_key,
    )
    ready = events.VariantsReady(
        image_id=image_id, owner_id=person.id, revision=1, variants=[variant], event_time=timestamp(utc_now())
    )
    await world.say(ready, person)
    await world.eventually(lambda: world.has_heard_of(image_id))
    return image_id


# Descriptions


async def test_a_description_goes_along_and_is_cut_at_a_word(world: World) -> None:
    person = world.person()
    connection = await connect(world, person)
    assert connection.slots[0].alt_text_max == 150
    image = await person.upload(76)
    describe(world, image, "word " * 60)

    plan = await person.sync(image, connection.id, dry_run=True)
    [note] = plan.targets[0].notes
    assert (note.code, "up to 150 characters. Yours has 300" in note.message) == ("ALT_TEXT_SHORTENED", True)
    sync = await person.sync(image, connection.id)
    # What is changed in the library afterwards is for the next sync.
    describe(world, image, "")
    target = await person.reaches(sync, "VERIFIED")

    assert target.alt_text == "word " * 60
    assert [note.code for note in target.notes] == ["ALT_TEXT_SHORTENED"]
    assert (await descriptions(world, person, connection))["avatar_description"] == "word " * 29 + "word…"


async def test_the_description_of_the_picture_before_does_not_stay(world: World) -> None:
    person = world.person()
    connection = await connect(world, person)
    first, second = await person.upload(77), await person.upload(78)
    describe(world, first, ALT_TEXT)
    await person.reaches(await person.sync(first, connection.id), "VERIFIED")
    assert (await descriptions(world, person, connection))["avatar_description"] == ALT_TEXT
    await person.reaches(await person.sync(second, connection.id), "VERIFIED")
    assert (await descriptions(world, person, connection))["avatar_description"] == ""


async def test_a_change_of_the_description_alone_is_no_new_picture(world: World) -> None:
    person = world.person()
    connection = await connect(world, person)
    image = await person.upload(79)
    await person.reaches(await person.sync(image, connection.id), "VERIFIED")
    describe(world, image, ALT_TEXT)
    again = await person.reaches(await person.sync(image, connection.id), "VERIFIED", reason="ALREADY_RIGHT")
    assert again.attempts == 0
    assert await world.control.changes("mastodon") == 1
    assert (await descriptions(world, person, connection))["avatar_description"] == ALT_TEXT


async def test_a_server_that_went_back_to_an_older_release_gets_the_picture_all_the_same(world: World) -> None:
    person = world.person()
    connection = await connect(world, person)
    image = await person.upload(80)
    describe(world, image, ALT_TEXT)
    await world.control.switch("mastodon", old_server=True)
    await person.reaches(await person.sync(image, connection.id), "VERIFIED")
    assert await world.control.changes("mastodon") == 1
    # A look on request asks the server anew.
    checked = await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))
    assert checked.connection.server_software == "Mastodon 4.2.10"
    assert checked.connection.slots[0].alt_text_max == 0


# What is there and cannot be copied


@pytest.mark.parametrize(
    ("odd", "code"),
    [("script", "PICTURE_UNREADABLE"), ("huge", "PICTURE_TOO_LARGE"), ("elsewhere", "PICTURE_UNREADABLE")],
)
async def test_what_cannot_be_copied_is_said_and_stands_in_nobodys_way(world: World, odd: str, code: str) -> None:
    await world.control.switch("mastodon", odd_picture=odd)
    person = world.person()
    connection = await person.connect("mastodon")

    async def noticed() -> sync_pb2.ConnectionSlot | None:
        avatar = (await person.connection(connection.id)).slots[0]
        return avatar if avatar.notice.code else None

    avatar = await world.eventually(noticed)
    assert (avatar.notice.code, avatar.observed.object_key) == (code, "")
    assert avatar.notice.action_class == sync_pb2.ACTION_CLASS_YOU_CAN_FIX_THIS
    assert (
        await person.reason_of(
            person.call("ImportPicture", sync_pb2.ImportPictureRequest(connection_id=connection.id, slot="avatar"))
        )
        == "NOTHING_SHOWN"
    )

    await world.control.switch("mastodon")
    target = await person.reaches(await person.sync(await person.upload(81), connection.id), "VERIFIED")
    assert target.attempts == 1
    assert not (await person.connection(connection.id)).slots[0].notice.code
