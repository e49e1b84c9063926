"""A person's own Facebook profile: the picture is read back, the cover is taken on trust, and the access ends."""

from datetime import timedelta

from by_hand import confirm, set_by_hand
from sync_world import World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now

PROFILE = "facebook_profile"


async def test_a_picture_set_by_hand_is_verified_and_nobody_touches_the_pages(world: World) -> None:
    person = world.person()
    connection = await person.connect(PROFILE)
    assert connection.remote_handle == "Ada Rivers"
    [avatar] = await person.first_looks_at(connection)
    assert (avatar.slot, avatar.mode) == ("avatar", "assisted")

    sync = await person.sync(await person.upload(87), connection.id)
    asked = await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")
    assert asked.reason.link == "https://www.facebook.com/me"
    await set_by_hand(world, "facebook", 87, name="ada-profile")
    await confirm(person, asked)
    await person.reaches(sync, "VERIFIED")
    assert await world.control.changes("facebook", name="ada-profile") == 1
    assert await world.control.changes("facebook") == 0


async def test_a_cover_that_nobody_can_read_is_confirmed_by_its_owner(world: World) -> None:
    person = world.person()
    connection = await person.connect(PROFILE)
    sync = await person.sync(await person.upload(88, "banner"), connection.id, slot="banner")
    asked = await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")
    assert len(asked.instructions) == 3
    done = await confirm(person, asked)
    assert (done.state, done.reason.code) == (sync_pb2.TARGET_STATE_VERIFIED, "CONFIRMED_BY_YOU")


async def test_access_is_used_to_its_end_and_only_a_new_consent_gives_another(world: World) -> None:
    person = world.person()
    connection = await person.connect(PROFILE)
    async with world.inside.stores() as store:
        known = await store.connection(connection.id)
    assert known is not None
    assert known.expires_at is not None
    assert timedelta(days=59) < known.expires_at - utc_now() < timedelta(days=61)
    assert known.refresh_at is None

    await world.control.switch("facebook", expire_tokens=True)
    sync = await person.sync(await person.upload(89), connection.id)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert (await person.connect(PROFILE)).id == connection.id
    await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")


async def test_a_refused_consent_connects_nothing(world: World) -> None:
    person = world.person()
    denied = await world.consent(await person.begin(PROFILE), decision="deny")
    assert await person.reason_of(person.finish(PROFILE, denied)) == "CONSENT_DENIED"


async def test_what_is_out_on_a_page_of_the_same_person_is_left_alone(world: World) -> None:
    """Disconnecting the profile must not end the access to Pages: Meta takes it back for all at once."""
    person = world.person()
    page, profile = await person.connect("facebook"), await person.connect(PROFILE)
    session = await world.session(page.id)
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=profile.id))
    assert not await world.is_ended("facebook", session)
