"""Pictures that go out because their owner chose them as defaults: where to, once, and never over what was wished since."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sync_world import Person, World

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.consumers import Delivery
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import timestamp
from servicekit.subjects import subject_of
from services.sync.consumers import handlers
from services.sync.store.tables import followed_defaults
from services.sync.use_cases.following import Following
from services.sync.use_cases.renditions import Renditions


def chosen(image_id: str, slot: str = "avatar", **scope: Any) -> events.ChosenDefault:
    return events.ChosenDefault(slot=slot, image_id=image_id, **{"revision": 1, **scope})


def changed(
    person: Person, version: int, *choices: events.ChosenDefault, at: datetime | None = None
) -> events.DefaultsChanged:
    return events.DefaultsChanged(
        owner_id=person.id, version=version, event_time=timestamp(at or utc_now()), choices=choices
    )


async def heard(world: World, person: Person, version: int) -> None:
    """Waits until the service has taken what was chosen."""

    async def known() -> bool:
        query = sa.select(followed_defaults.c.version).where(followed_defaults.c.owner_id == person.id)
        async with world.inside.stores() as store:
            return (await store.session.scalar(query) or 0) >= version

    await world.eventually(known)


async def choose(world: World, person: Person, version: int, *choices: events.ChosenDefault, **when: Any) -> None:
    await world.say(changed(person, version, *choices, **when), person)
    await heard(world, person, version)


async def follow(person: Person, platform: str, *, account: str = "ada", follows: bool = True) -> sync_pb2.Connection:
    connection = await person.connect(platform, account)
    request = sync_pb2.UpdateConnectionRequest(id=connection.id, follow_defaults=follows)
    return (await person.call("UpdateConnection", request)).connection  # type: ignore[no-any-return]


async def syncs(person: Person) -> list[sync_pb2.Sync]:
    """Returns all syncs, oldest first."""
    found = (await person.call("ListSyncs", sync_pb2.ListSyncsRequest(page_size=100))).syncs
    return list(reversed(found))


def places(sync: sync_pb2.Sync) -> list[tuple[str, str]]:
    return [(target.platform, target.slot) for target in sync.targets]


def handler(world: World) -> Any:
    """Returns what a replica does with the event."""
    stores, clock, platforms = world.inside.stores, world.inside.clock, world.inside.platforms
    return handlers(Renditions(stores, clock), Following(stores, platforms, clock))[events.DefaultsChanged]


def delivered(event: events.DefaultsChanged, message_id: str) -> Delivery:
    return Delivery(
        message_id=message_id,
        consumer="sync",
        subject=subject_of(events.DefaultsChanged),
        message=event,
        owner_id=event.owner_id,
        attempt=1,
        published_at=utc_now(),
    )


async def test_a_picture_goes_to_the_accounts_that_follow_as_soon_as_it_is_chosen(world: World) -> None:
    person = world.person()
    await follow(person, "mastodon")
    await follow(person, "bluesky", follows=False)
    image = await person.upload(401)

    await choose(world, person, 1, chosen(image, alt_text="Ada at her desk"))

    [sync] = await syncs(person)
    assert (sync.image_id, sync.slot, sync.trigger) == (image, "avatar", sync_pb2.SYNC_TRIGGER_DEFAULT_CHANGED)
    assert places(sync) == [("mastodon", "avatar")]
    target = await person.reaches(sync, "VERIFIED")
    assert target.alt_text == "Ada at her desk"


async def test_the_narrowest_choice_goes_and_each_picture_is_one_sync(world: World) -> None:
    person = world.person()
    own = await follow(person, "mastodon")
    await follow(person, "bluesky")
    await follow(person, "x")
    everywhere, on_platform, for_one, banner = [new_id() for _ in range(4)]

    await choose(
        world,
        person,
        1,
        chosen(everywhere),
        chosen(on_platform, platform="x"),
        chosen(on_platform, platform="mastodon"),
        chosen(for_one, connection_id=own.id),
        chosen(everywhere, connection_id=new_id()),
        chosen(banner, "banner", platform="bluesky"),
        # The same picture as for everywhere, for a narrower scope, is the same picture.
        chosen(everywhere, platform="bluesky"),
    )

    found = {(sync.image_id, sync.slot): places(sync) for sync in await syncs(person)}
    assert found == {
        (everywhere, "avatar"): [("bluesky", "avatar")],
        (on_platform, "avatar"): [("x", "avatar")],
        (for_one, "avatar"): [("mastodon", "avatar")],
        (banner, "banner"): [("bluesky", "banner")],
    }


async def test_a_picture_for_several_accounts_is_one_sync_and_places_that_cannot_be_filled_are_left_out(
    world: World,
) -> None:
    person = world.person()
    for platform in ("mastodon", "bluesky", "instagram"):
        await follow(person, platform)
    banner = await person.upload(402, "banner")

    await choose(world, person, 1, chosen(banner, "banner"))

    [sync] = await syncs(person)
    assert places(sync) == [("bluesky", "banner"), ("mastodon", "banner")]


async def test_a_choice_that_is_not_news_brings_nothing_and_one_taken_away_changes_nothing(world: World) -> None:
    person = world.person()
    connection = await follow(person, "mastodon")
    image, other, banner = [await person.upload(seed) for seed in (403, 404, 405)]
    await choose(world, person, 1, chosen(image))
    await person.reaches((await syncs(person))[0], "VERIFIED")
    by_hand = await person.sync(other, connection.id)
    await person.reaches(by_hand, "VERIFIED")

    # Another slot is chosen for: the avatar that was sent by hand meanwhile stays.
    await choose(world, person, 2, chosen(image), chosen(banner, "banner", platform="x"))
    await choose(world, person, 3)
    assert len(await syncs(person)) == 2

    # Chosen again after it was taken away, it is news; and wanted there already, it is not.
    await choose(world, person, 4, chosen(other))
    assert len(await syncs(person)) == 2
    await choose(world, person, 5, chosen(image, revision=2))
    assert [sync.image_id for sync in await syncs(person)] == [image, other, image]


async def test_an_older_choice_that_comes_late_brings_nothing(world: World) -> None:
    person = world.person()
    await follow(person, "mastodon")
    older, newer = new_id(), new_id()
    began = utc_now()

    await choose(world, person, 2, chosen(newer), at=began)
    await world.say(changed(person, 1, chosen(older), at=began - timedelta(seconds=1)), person)
    await choose(world, person, 3, chosen(newer), at=began)

    assert [sync.image_id for sync in await syncs(person)] == [newer]


async def test_a_redelivered_choice_is_followed_once_whichever_replica_hears_it(world: World) -> None:
    person = world.person()
    await follow(person, "mastodon")
    event, message_id = changed(person, 1, chosen(new_id())), new_id()

    await asyncio.gather(*(handler(world)(delivered(event, message_id)) for _ in range(3)))
    await handler(world)(delivered(event, message_id))
    # The relay says it twice, under another name.
    await handler(world)(delivered(event, new_id()))

    assert len(await syncs(person)) == 1


async def test_of_two_choices_at_once_the_newer_one_stays(world: World) -> None:
    person = world.person()
    await follow(person, "mastodon")
    first, second = new_id(), new_id()
    began = utc_now()
    told = [
        changed(person, 1, chosen(first), at=began),
        changed(person, 2, chosen(second), at=began + timedelta(milliseconds=1)),
    ]

    await asyncio.gather(*(handler(world)(delivered(event, new_id())) for event in told))

    last = (await syncs(person))[-1]
    assert last.image_id == second
    assert last.targets[0].state != sync_pb2.TARGET_STATE_SUPERSEDED


async def test_who_has_wished_for_another_picture_since_the_choice_keeps_it(world: World) -> None:
    person = world.person()
    connection = await follow(person, "mastodon")
    default, by_hand = new_id(), await person.upload(406)
    chosen_at = utc_now()
    wished = await person.sync(by_hand, connection.id)

    await choose(world, person, 1, chosen(default), at=chosen_at)
    assert len(await syncs(person)) == 1
    await person.reaches(wished, "VERIFIED")

    # A choice since then is newer than that wish.
    await choose(world, person, 2, chosen(new_id()))
    assert len(await syncs(person)) == 2


@pytest.mark.parametrize("round_", range(4))
async def test_of_a_choice_and_a_wish_at_the_same_moment_one_is_left_standing(world: World, round_: int) -> None:
    person = world.person()
    connection = await follow(person, "mastodon")
    image = await person.upload(410 + round_, rendered=False)
    event = changed(person, 1, chosen(new_id()))

    await asyncio.gather(person.sync(image, connection.id), handler(world)(delivered(event, new_id())))

    standing = [
        target
        for sync in await syncs(person)
        for target in sync.targets
        if target.state != sync_pb2.TARGET_STATE_SUPERSEDED
    ]
    assert len(standing) == 1


async def test_what_was_called_off_or_failed_does_not_stand_in_the_way(world: World) -> None:
    person = world.person()
    connection = await follow(person, "mastodon")
    chosen_at = utc_now()
    called_off = await person.sync(await person.upload(407, rendered=False), connection.id)
    await person.call("CancelSync", sync_pb2.CancelSyncRequest(id=called_off.id))
    default = new_id()

    await choose(world, person, 1, chosen(default), at=chosen_at)

    assert [sync.image_id for sync in await syncs(person)][1:] == [default]


async def test_an_account_that_has_to_be_connected_again_gets_it_then(world: World) -> None:
    person = world.person()
    connection = await follow(person, "mastodon")
    await person.first_looks_at(connection)
    await world.control.switch("mastodon", fail="401")
    await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))
    image = await person.upload(408)

    await choose(world, person, 1, chosen(image))

    [sync] = await syncs(person)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    await world.control.switch("mastodon")
    await person.connect("mastodon")
    await person.reaches(sync, "VERIFIED")


async def test_a_picture_that_is_not_prepared_yet_goes_out_when_it_is(world: World) -> None:
    person = world.person()
    await follow(person, "mastodon")
    image = await person.upload(409, rendered=False)

    await choose(world, person, 1, chosen(image))

    [sync] = await syncs(person)
    await person.reaches(sync, "QUEUED", reason="RENDERING")
    await world.render(person, image, 409, "avatar", 90)
    await person.reaches(sync, "VERIFIED")


async def test_a_picture_that_was_deleted_since_it_was_chosen_is_not_sent_however_late_the_choice_is_heard(
    world: World,
) -> None:
    person = world.person()
    await follow(person, "mastodon")
    image = await person.upload(420, rendered=False)
    deleted_at = utc_now()

    await choose(world, person, 1, chosen(image), at=deleted_at - timedelta(seconds=1))
    [sync] = await syncs(person)
    deleted = events.ImageDeleted(image_id=image, owner_id=person.id, event_time=timestamp(deleted_at))
    await world.say(deleted, person)

    await person.reaches(sync, "CANCELLED", reason="IMAGE_DELETED")


async def test_nobody_elses_accounts_follow(world: World) -> None:
    person, other = world.person(), world.person()
    theirs = await follow(other, "mastodon")
    await choose(world, person, 1, chosen(new_id()), chosen(new_id(), connection_id=theirs.id))
    assert not await syncs(person)
    assert not await syncs(other)
