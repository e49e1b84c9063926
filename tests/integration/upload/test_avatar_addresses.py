"""The avatar that every site can pull: who gets it, what stands for it, and that nobody learns who has an account."""

import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from avatar_world import BLUE, GREEN, RED, AvatarWorld, colour_of, solid
from PIL import Image as Picture
from upload_client import hear

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import InvalidInputError, NotFoundError, ServiceError
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id
from servicekit.object_store import ObjectStore
from services.upload.domain.avatars import StandIn, email_hashes
from services.upload.settings import UploadSettings


@pytest.fixture
async def avatars(
    upload: Any, bus: Bus, service_settings: Callable[..., Any], eventually: Callable[..., Any]
) -> AsyncIterator[AvatarWorld]:
    settings = service_settings(UploadSettings)
    database, objects = Database(settings, schema="upload"), ObjectStore(settings)
    yield AvatarWorld(upload, bus, database, objects, eventually)
    await objects.stop()
    await database.stop()


async def test_both_addresses_are_closed_until_their_owner_opens_them(avatars: AvatarWorld, owner: str) -> None:
    unheard = await avatars.settings()
    handle, email = await avatars.known(owner)
    sha256, md5 = email_hashes(email)
    image_id = await avatars.default_avatar(owner)
    chosen = await avatars.settings()
    await avatars.put_file(image_id, solid("red"))

    assert unheard == upload_pb2.AvatarSettings()
    assert (chosen.handle, chosen.email_sha256, chosen.email_md5) == (handle, sha256, md5)
    assert (chosen.has_avatar, (await avatars.settings()).has_avatar) == (False, True)
    for by_handle, by_email in ((False, False), (True, False), (False, True), (True, True)):
        shown = await avatars.open(by_handle=by_handle, by_email=by_email)
        seen = [colour_of((await avatars.give(name)).data) == RED for name in (handle, handle.upper(), sha256, md5)]
        assert (shown.by_handle, shown.by_email) == (by_handle, by_email)
        assert seen == [by_handle, by_handle, by_email, by_email]


async def test_an_address_opened_before_its_name_is_known_gives_the_avatar_when_it_is(
    avatars: AvatarWorld, owner: str
) -> None:
    await avatars.put_file(await avatars.default_avatar(owner), solid("red"))
    await avatars.open(by_handle=True, by_email=True)

    handle, email = await avatars.known(owner)

    for name in (handle, *email_hashes(email)):
        assert colour_of((await avatars.give(name)).data) == RED


async def test_a_new_handle_or_address_takes_the_avatar_with_it_and_both_addresses_are_told(
    avatars: AvatarWorld, owner: str, bus: Bus, eventually: Callable[..., Any]
) -> None:
    handle, email = await avatars.known(owner)
    await avatars.put_file(await avatars.default_avatar(owner), solid("red"))
    await avatars.open(by_handle=True)
    opened = await hear(bus, events.AddressesChanged, owner)
    await avatars.open(by_handle=True, by_email=True)

    # Newest first: what is older than what is known changes nothing.
    await avatars.tell_of_profile(owner, f"new-{owner}", version=3)
    await avatars.tell_of_change(owner, f"new-{owner}@example.org", version=2)
    await avatars.tell_of_profile(owner, f"between-{owner}", version=2)
    await avatars.tell_of_account(owner, email)
    hashes = email_hashes(f"new-{owner}@example.org")

    async def moved() -> bool:
        settings = await avatars.settings()
        return (settings.handle, settings.email_sha256) == (f"new-{owner}", hashes[0])

    await eventually(moved)
    names = {handle: False, f"between-{owner}": False, f"new-{owner}": True}
    names |= {**dict.fromkeys(email_hashes(email), False), **dict.fromkeys(hashes, True)}
    assert {name: colour_of((await avatars.give(name)).data) == RED for name in names} == names
    assert list(opened.paths) == [f"/avatar/{handle}"]
    told = await _paths_told(bus, owner, eventually, count=4)
    assert {f"/avatar/{handle}", f"/avatar/new-{owner}"} in told
    assert {f"/avatar/{name}" for name in (*email_hashes(email), *hashes)} in told


async def _paths_told(bus: Bus, owner: str, eventually: Callable[..., Any], *, count: int) -> list[set[str]]:
    """Returns what was told of somebody's addresses, once so much was."""
    subscription = await bus.jetstream.subscribe("evt.addresses.changed.v1", ordered_consumer=True)
    told: list[set[str]] = []
    while len(told) < count:
        raw = await subscription.next_msg(timeout=10)
        if (raw.headers or {}).get("ce-subject") == owner:
            told.append(set(events.AddressesChanged.FromString(raw.data).paths))
    await subscription.unsubscribe()
    return told


async def test_while_a_handle_goes_from_one_account_to_another_nobody_is_shown_under_it(
    avatars: AvatarWorld, owner: str, stranger: Caller, eventually: Callable[..., Any]
) -> None:
    handle, _ = await avatars.known(owner)
    await avatars.put_file(await avatars.default_avatar(owner), solid("red"))
    await avatars.open(by_handle=True)
    with acting_for(stranger):
        await avatars.put_file(await avatars.default_avatar(stranger.user_id), solid("blue"))
        await avatars.open(by_handle=True)
        await avatars.tell_of_profile(stranger.user_id, handle)

        async def has_handle() -> bool:
            return (await avatars.settings()).handle == handle

        await eventually(has_handle)

    between = colour_of((await avatars.give(handle)).data)
    await avatars.tell_of_profile(owner, f"gave-up-{owner}", version=2)

    async def is_theirs() -> bool:
        return colour_of((await avatars.give(handle)).data) == BLUE

    await eventually(is_theirs)
    assert between not in (RED, BLUE)


async def test_an_avatar_has_the_size_and_the_best_format_that_is_asked_for(avatars: AvatarWorld, owner: str) -> None:
    handle, _ = await avatars.known(owner)
    await avatars.put_file(await avatars.default_avatar(owner), solid("red"))
    await avatars.open(by_handle=True)
    asked = {
        (0, ()): (80, "image/jpeg"),
        (1, ("image/png",)): (1, "image/png"),
        (200, ("image/webp", "image/jpeg")): (200, "image/webp"),
        (2048, ("image/jxl", "image/avif")): (2048, "image/avif"),
    }

    for (size, formats), (pixels, content_type) in asked.items():
        given = await avatars.give(handle, size=size, formats=formats)
        with Picture.open(io.BytesIO(given.data)) as opened:
            assert (opened.size, opened.get_format_mimetype()) == ((pixels, pixels), content_type)
        assert (given.content_type, colour_of(given.data)) == (content_type, RED)
    with pytest.raises(InvalidInputError) as refused:
        await avatars.give(handle, size=2049)
    assert refused.value.reason == "AVATAR_TOO_LARGE"


async def test_who_has_the_answer_already_gets_it_without_data(avatars: AvatarWorld, owner: str) -> None:
    handle, _ = await avatars.known(owner)
    key = await avatars.put_file(await avatars.default_avatar(owner), solid("red"))
    await avatars.open(by_handle=True)
    has = await avatars.give(handle)
    stands_in = await avatars.give(handle, force_fallback=True)

    again = [await avatars.give(handle, known_etag=has.etag), await avatars.give("nobody", known_etag=stands_in.etag)]
    other_size = await avatars.give(handle, size=81, known_etag=has.etag)

    assert colour_of(stands_in.data) != RED
    assert [(answer.data, answer.etag) for answer in again] == [(b"", has.etag), (b"", stands_in.etag)]
    assert (bool(other_size.data), other_size.etag != has.etag, key in has.etag) == (True, True, False)


async def test_the_newest_revision_that_has_files_is_given_and_of_those_the_best(
    avatars: AvatarWorld, owner: str
) -> None:
    handle, _ = await avatars.known(owner)
    await avatars.open(by_handle=True)
    image_id = await avatars.default_avatar(owner)

    async def shown() -> tuple[int, ...]:
        return colour_of((await avatars.give(handle)).data)

    await avatars.put_file(image_id, solid("red"), key="x.avatar", platform="x")
    nothing = await shown()
    # Of pictures from before there was a file for this: the largest of our own, squared.
    await avatars.put_file(image_id, solid("red", size=(320, 240)), key="thumbnail.320.jpg")
    await avatars.put_file(image_id, solid("blue", size=(960, 640)), key="thumbnail.960.jpg")
    thumbnail = await shown()
    await avatars.put_file(image_id, solid("lime"))
    own = await shown()
    await avatars.put_file(image_id, solid("red"), revision=2)
    edited = await shown()

    assert nothing not in (RED, BLUE, GREEN)
    assert (thumbnail, own, edited) == (BLUE, GREEN, RED)


async def test_a_file_that_went_away_is_like_no_avatar(avatars: AvatarWorld, owner: str) -> None:
    handle, _ = await avatars.known(owner)
    key = await avatars.put_file(await avatars.default_avatar(owner), solid("red"))
    await avatars.open(by_handle=True)
    await avatars.objects.remove(key)

    assert await avatars.give(handle) == await avatars.give("nobody")


async def test_nobody_learns_from_an_avatar_whether_there_is_an_account(avatars: AvatarWorld, owner: str) -> None:
    handle, email = f"h-{owner}", f"{owner}@example.org"
    names = (handle, *email_hashes(email))

    async def answers() -> dict[tuple[str, str], Any]:
        """Returns all that a stranger gets, for every name and stand-in."""
        told: dict[tuple[str, str], Any] = {}
        for name in names:
            for word in (*StandIn, "", "http://evil.example"):
                try:
                    answer = await avatars.give(name, fallback=word, formats=["image/webp"])
                    told[name, word] = (answer.data, answer.content_type, answer.etag)
                except ServiceError as error:
                    told[name, word] = (type(error), error.reason, error.message, error.metadata)
        return told

    of_nobody = await answers()
    await avatars.known(owner)
    of_an_account = await answers()
    image_id = await avatars.default_avatar(owner)
    await avatars.open(by_handle=True, by_email=True)
    of_an_avatar_without_files = await answers()
    await avatars.put_file(image_id, solid("red"))
    open_to_all = await answers()
    await avatars.open()
    of_closed_addresses = await answers()
    await avatars.open(by_handle=True, by_email=True)
    await avatars.mark_deleted(image_id)
    of_a_deleted_picture = await answers()
    await avatars.mark_deleted(image_id, deleted=False)

    assert of_an_account == of_an_avatar_without_files == of_closed_addresses == of_a_deleted_picture == of_nobody
    assert open_to_all == await answers() != of_nobody
    assert len({open_to_all[name, word] for name in names for word in StandIn}) == 1
    assert of_nobody[handle, "404"][:2] == (NotFoundError, "AVATAR_NOT_FOUND")


async def test_stand_ins_differ_by_name_where_they_shall(avatars: AvatarWorld) -> None:
    async def looks(word: str) -> int:
        return len({(await avatars.give(name, fallback=word)).data for name in ("ada", "grace", "a" * 64, "b" * 32)})

    assert {word: await looks(word) for word in StandIn if word is not StandIn.NONE} == {
        "mp": 1,
        "blank": 1,
        "identicon": 4,
        "retro": 4,
        "monsterid": 4,
        "wavatar": 4,
        "robohash": 4,
    }


@pytest.mark.parametrize("name", ["", "nul\0", "'; DROP TABLE avatars; --", "%", "ädä", "x" * 10_000, "../.."])
async def test_a_name_that_can_be_nobodys_is_answered_like_any_other(avatars: AvatarWorld, name: str) -> None:
    assert await avatars.give(name) == await avatars.give(new_id())
