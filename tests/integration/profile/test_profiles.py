import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from profile_client import Client

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.profile.v1 import profile_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    ServiceError,
    UnauthenticatedError,
)
from servicekit.grpc_client import remote_errors
from servicekit.ids import new_id
from servicekit.subjects import subject_of
from services.profile import store

Profile = profile_pb2.Profile
PUBLIC, PRIVATE = profile_pb2.VISIBILITY_PUBLIC, profile_pb2.VISIBILITY_PRIVATE


def fresh_name() -> str:
    return f"Ada {uuid4().hex[:12]}"


def fields_of(error: ServiceError) -> list[str]:
    return [violation.field for violation in error.violations]


async def test_an_account_gets_a_private_profile_with_a_handle_made_from_its_name(profiles: Client) -> None:
    name = fresh_name()
    made = await profiles.register(name)
    assert made.handle == name.lower().replace(" ", "-")
    assert (made.display_name, made.bio, made.visibility) == (name, "", PRIVATE)
    assert made.etag
    assert made.HasField("update_time")


async def test_there_is_no_profile_before_its_account_was_heard_of(profiles: Client) -> None:
    with pytest.raises(NotFoundError) as missing:
        await profiles.get(new_id())
    assert missing.value.reason == "PROFILE_NOT_FOUND"


async def test_people_of_one_name_who_register_at_once_get_a_handle_each(profiles: Client) -> None:
    name = fresh_name()
    made = await asyncio.gather(*(profiles.register(name) for _ in range(12)))
    base = name.lower().replace(" ", "-")
    handles = {profile.handle for profile in made}
    assert len(handles) == 12
    assert base in handles
    assert all(handle == base or handle.removeprefix(f"{base}-").isdigit() for handle in handles)


async def test_a_registration_told_twice_makes_one_profile_and_changes_nothing(
    profiles: Client, database: Database, eventually: Callable[..., Any]
) -> None:
    name = fresh_name()
    made = await profiles.register(name)
    changed = await profiles.update(made.user_id, Profile(bio="mine"), mask=["bio"])
    event_id = new_id()
    await profiles.tell_of_registration("Somebody Else", user_id=made.user_id, event_id=event_id)

    async def heard() -> bool:
        async with database.sessions() as session:
            query = sa.select(store.inbox).where(store.inbox.c.message_id == event_id)
            return (await session.execute(query)).first() is not None

    await eventually(heard)
    assert await profiles.get(made.user_id) == changed


async def test_an_owner_changes_the_fields_of_the_mask_alone(profiles: Client) -> None:
    before = await profiles.register(fresh_name())
    asked = Profile(handle="ignored", display_name=" Countess ", bio=" First\r\nprogrammer ", visibility=PUBLIC)
    after = await profiles.update(before.user_id, asked, mask=["display_name", "bio"])
    assert (after.handle, after.visibility) == (before.handle, PRIVATE)
    assert (after.display_name, after.bio) == ("Countess", "First\nprogrammer")
    assert after.etag != before.etag
    assert await profiles.get(before.user_id) == after


async def test_an_empty_mask_means_all_four_fields(profiles: Client) -> None:
    before = await profiles.register(fresh_name())
    handle = f"h-{uuid4().hex[:12]}"
    asked = Profile(handle=handle.upper(), display_name="Countess", bio="b", visibility=PUBLIC)
    after = await profiles.update(before.user_id, asked)
    assert (after.handle, after.display_name, after.bio, after.visibility) == (handle, "Countess", "b", PUBLIC)


async def test_a_profile_is_told_when_it_is_made_and_with_both_handles_when_it_changes(
    profiles: Client, bus: Bus, eventually: Callable[..., Any]
) -> None:
    before = await profiles.register(fresh_name())

    async def told(version: int) -> Any:
        message = await bus.jetstream.get_last_msg("EVENTS", subject_of(events.ProfileUpdated))
        event = events.ProfileUpdated.FromString(message.data or b"")
        return event if (event.user_id, event.version) == (before.user_id, version) else None

    made = await eventually(lambda: told(1))
    assert (made.handle, made.previous_handle) == (before.handle, "")
    handle = f"h-{uuid4().hex[:12]}"
    await profiles.update(before.user_id, Profile(handle=handle), mask=["handle"])
    first = await eventually(lambda: told(2))
    assert (first.handle, first.previous_handle) == (handle, before.handle)
    await profiles.update(before.user_id, Profile(bio="b"), mask=["bio"])
    second = await eventually(lambda: told(3))
    assert (second.handle, second.previous_handle) == (handle, handle)


async def test_a_change_that_changes_nothing_is_none(profiles: Client, database: Database) -> None:
    before = await profiles.register(fresh_name())
    assert await profiles.update(before.user_id, before) == before
    async with database.sessions() as session:
        told = sa.select(store.outbox).where(store.outbox.c.headers["ce-subject"].as_string() == before.user_id)
        assert len((await session.execute(told)).all()) == 1  # that it was made


async def test_of_two_changes_to_what_both_read_the_second_is_refused(profiles: Client) -> None:
    read = await profiles.register(fresh_name())
    await profiles.update(read.user_id, Profile(bio="first"), mask=["bio"], etag=read.etag)
    for etag in (read.etag, "nonsense"):
        with pytest.raises(ConflictError) as refused:
            await profiles.update(read.user_id, Profile(bio="second"), mask=["bio"], etag=etag)
        assert refused.value.reason == "ETAG_MISMATCH"
    assert (await profiles.get(read.user_id)).bio == "first"


async def test_of_changes_that_race_with_the_same_etag_one_wins(profiles: Client) -> None:
    read = await profiles.register(fresh_name())
    answers = await asyncio.gather(
        *(
            profiles.update(read.user_id, Profile(bio=f"from tab {tab}"), mask=["bio"], etag=read.etag)
            for tab in range(6)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Profile) for answer in answers) == 1
    assert sum(isinstance(answer, ConflictError) for answer in answers) == 5


async def test_a_handle_belongs_to_one_profile(profiles: Client) -> None:
    ada, bob = [await profiles.register(fresh_name()) for _ in range(2)]
    with pytest.raises(AlreadyExistsError) as taken:
        await profiles.update(bob.user_id, Profile(handle=ada.handle), mask=["handle"])
    assert taken.value.reason == "HANDLE_TAKEN"
    assert fields_of(taken.value) == ["handle"]
    assert await profiles.get(bob.user_id) == bob


async def test_of_owners_who_race_for_a_handle_one_wins(profiles: Client) -> None:
    people = await asyncio.gather(*(profiles.register(fresh_name()) for _ in range(4)))
    handle = f"h-{uuid4().hex[:12]}"
    answers = await asyncio.gather(
        *(profiles.update(person.user_id, Profile(handle=handle), mask=["handle"]) for person in people),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Profile) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyExistsError) for answer in answers) == 3


async def test_every_field_that_is_refused_is_named_and_nothing_is_changed(profiles: Client) -> None:
    before = await profiles.register(fresh_name())
    with pytest.raises(InvalidInputError) as refused:
        await profiles.update(before.user_id, Profile(handle="admin", display_name="", bio="x" * 501))
    assert fields_of(refused.value) == ["handle", "display_name", "bio"]
    assert await profiles.get(before.user_id) == before


@pytest.mark.parametrize(
    ("asked", "mask", "field"),
    [
        (Profile(handle="a b c"), ["handle"], "handle"),
        (Profile(display_name="a\0b"), ["display_name"], "display_name"),
        (Profile(bio="a\0b"), ["bio"], "bio"),
        (Profile(visibility=99), ["visibility"], "visibility"),  # type: ignore[arg-type]
        (Profile(user_id="other"), ["user_id"], "update_mask"),
    ],
)
async def test_a_refused_field_is_named(profiles: Client, asked: Profile, mask: list[str], field: str) -> None:
    before = await profiles.register(fresh_name())
    with pytest.raises(InvalidInputError) as refused:
        await profiles.update(before.user_id, asked, mask=mask)
    assert fields_of(refused.value) == [field]


async def test_a_stranger_sees_a_profile_only_once_its_owner_published_it(profiles: Client) -> None:
    own = await profiles.register(fresh_name())
    for handle in (own.handle, "nobody-has-this-handle", "", "\0", "x" * 1000):
        with pytest.raises(NotFoundError) as hidden:
            await profiles.published(handle)
        assert hidden.value.reason == "PROFILE_NOT_FOUND"
        assert hidden.value.message == "There is no public profile with this handle."
    await profiles.update(own.user_id, Profile(visibility=PUBLIC), mask=["visibility"])
    shown = await profiles.published(own.handle.upper())
    assert (shown.handle, shown.display_name, shown.etag) == (own.handle, own.display_name, "")
    await profiles.update(own.user_id, Profile(), mask=["visibility"])
    with pytest.raises(NotFoundError):
        await profiles.published(own.handle)


async def test_a_stranger_changes_nothing_but_their_own(profiles: Client) -> None:
    ada, stranger = [await profiles.register(fresh_name()) for _ in range(2)]
    asked = Profile(user_id=ada.user_id, bio="was here")
    assert (await profiles.update(stranger.user_id, asked, mask=["bio"])).user_id == stranger.user_id
    assert await profiles.get(ada.user_id) == ada


async def test_nobody_without_a_token_reads_or_changes_a_profile(profiles: Client) -> None:
    with pytest.raises(UnauthenticatedError), remote_errors():
        await profiles.stub.GetProfile(profile_pb2.GetProfileRequest())
    with pytest.raises(UnauthenticatedError), remote_errors():
        await profiles.stub.UpdateProfile(profile_pb2.UpdateProfileRequest())
