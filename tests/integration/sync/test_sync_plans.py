"""What a dry run says: what will change, what needs somebody, what is right already and what cannot be, without asking a platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sync_world import Person, World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now
from services.sync.breaker import place_key, server_holds
from services.sync.domain.circuit import FAILURES, Circuit
from services.sync.domain.connection import Connection
from services.sync.domain.server import KnownServer, ServerTerms, SlotTerms
from services.sync.use_cases.plans import known_for


async def plan(person: Person, image_id: str, *connection_ids: str, **more: Any) -> sync_pb2.Sync:
    return await person.sync(image_id, *connection_ids, dry_run=True, **more)


def told(sync: sync_pb2.Sync) -> dict[str, tuple[str, str]]:
    """Returns state and reason by platform."""
    return {
        target.platform: (
            sync_pb2.TargetState.Name(target.state).removeprefix("TARGET_STATE_"),
            target.reason.code,
        )
        for target in sync.targets
    }


async def known(world: World, connection: sync_pb2.Connection) -> Connection:
    async with world.inside.stores() as store:
        found = await store.connection(connection.id)
    assert found is not None
    return found


async def hold(world: World, key: str, until: datetime) -> None:
    async with world.inside.stores() as store:
        await store.hold(key, until)
        await store.commit()


async def looked_at(person: Person, platform: str, account: str = "ada") -> sync_pb2.Connection:
    connection = await person.connect(platform, account)
    await person.first_looks_at(connection)
    return connection


async def test_a_plan_says_of_every_account_what_will_become_of_it(world: World) -> None:
    person = world.person()
    right = await looked_at(person, "mastodon")
    await looked_at(person, "bluesky")
    await looked_at(person, "x")
    await person.connect("instagram")
    image = await person.upload(501)
    await person.reaches(await person.sync(image, right.id), "VERIFIED")
    before = await world.control.changes("bluesky")
    calls_before = {name: await world.control.account(name) for name in ("mastodon", "bluesky", "x")}

    found = await plan(person, image)

    assert found.dry_run
    assert told(found) == {
        "bluesky": ("QUEUED", ""),
        "instagram": ("NEEDS_YOU", "SET_BY_HAND"),
        "mastodon": ("VERIFIED", "ALREADY_RIGHT"),
        "x": ("QUEUED", ""),
    }
    assert [target.platform for target in found.targets] == sorted(told(found))
    assert {target.id for target in found.targets} == {""}
    # What is there now is told beside.
    assert all(target.observed.object_key for target in found.targets if target.platform != "instagram")
    assert len((await person.call("ListSyncs", sync_pb2.ListSyncsRequest())).syncs) == 1
    assert await world.control.changes("bluesky") == before
    assert {name: await world.control.account(name) for name in calls_before} == calls_before


async def test_places_that_cannot_be_filled_are_in_the_plan_with_the_reason_and_a_sync_of_them_is_refused(
    world: World,
) -> None:
    person = world.person()
    page = await person.connect("instagram")
    mastodon = await person.connect("mastodon")
    banner = await person.upload(502, "banner")

    named = await plan(person, banner, page.id, mastodon.id, slot="banner")
    everywhere = await plan(person, banner, slot="banner")

    assert told(named) == told(everywhere)
    assert told(named)["instagram"] == ("FAILED", "SLOT_NOT_WRITABLE")
    assert told(named)["mastodon"] == ("QUEUED", "")
    refused = next(target for target in named.targets if target.platform == "instagram")
    assert refused.reason.message == "Instagram has no banner that Linkarooie could set."
    assert refused.reason.action_class == sync_pb2.ACTION_CLASS_PLATFORM_DOES_NOT_ALLOW_IT
    refusal = person.sync(banner, page.id, mastodon.id, slot="banner")
    assert await person.reason_of(refusal) == "SLOT_NOT_WRITABLE"
    assert [target.platform for target in (await person.sync(banner, slot="banner")).targets] == ["mastodon"]


async def test_who_has_no_account_has_no_plan(world: World) -> None:
    person = world.person()
    image = await person.upload(503)
    assert await person.reason_of(plan(person, image)) == "NO_CONNECTIONS"
    page = await person.connect("instagram")
    banner = await person.upload(504, "banner")
    assert told(await plan(person, banner, slot="banner")) == {"instagram": ("FAILED", "SLOT_NOT_WRITABLE")}
    assert await person.reason_of(person.sync(banner, slot="banner")) == "NO_CONNECTIONS"
    stranger = world.person()
    theirs = await stranger.upload(505)
    assert await stranger.reason_of(plan(stranger, theirs, page.id)) == "CONNECTION_NOT_FOUND"
    assert await stranger.reason_of(plan(stranger, theirs, "no id")) == "CONNECTION_NOT_FOUND"


async def test_a_plan_knows_what_an_accounts_server_does_not_take(world: World) -> None:
    person = world.person()
    connection = await looked_at(person, "mastodon")
    image = await person.upload(506)
    terms = ServerTerms(software="Small 1.0", slots={"avatar": SlotTerms(max_bytes=1000)})
    async with world.inside.stores() as store:
        server = KnownServer(terms, utc_now() + timedelta(days=1))
        before = await store.server("mastodon", connection.instance)
        assert before is not None
        await store.set_server("mastodon", connection.instance, server)
        await store.commit()
    try:
        [target] = (await plan(person, image)).targets
    finally:
        async with world.inside.stores() as store:
            await store.set_server("mastodon", connection.instance, before)
            await store.commit()

    assert (target.state, target.reason.code) == (sync_pb2.TARGET_STATE_FAILED, "IMAGE_REJECTED")
    assert f"{connection.instance} takes files up to 1 kB here" in target.reason.message


async def test_what_has_to_wait_is_said_with_the_reason_and_until_when(world: World) -> None:
    person = world.person()
    connection = await looked_at(person, "mastodon")
    image, inside = await person.upload(507), await known(world, connection)
    until = utc_now() + timedelta(minutes=5)

    async def foreseen() -> tuple[str, str, bool]:
        [target] = (await plan(person, image)).targets
        after = target.next_attempt_time.ToDatetime(UTC)
        soon = timedelta(0) <= after - until < timedelta(seconds=2)
        return (*told(sync_pb2.Sync(targets=[target]))["mastodon"], soon)

    await hold(world, place_key(inside, "banner"), until)
    assert (await foreseen())[:2] == ("QUEUED", "")
    await hold(world, place_key(inside, "avatar"), until)
    assert await foreseen() == ("PAUSED", "COOLDOWN", True)
    await hold(world, server_holds(inside)[1], until)
    assert await foreseen() == ("PAUSED", "RATE_LIMITED", True)
    async with world.inside.stores() as store:
        await store.save_circuit(Circuit(inside.server, FAILURES, ("a", "b"), utc_now(), 1, until))
        await store.commit()
    assert await foreseen() == ("PAUSED", "PLATFORM_DOWN", True)


async def test_an_account_that_has_to_be_connected_again_is_said_to_wait_for_that(world: World) -> None:
    person = world.person()
    connection = await looked_at(person, "mastodon")
    image = await person.upload(508)
    await world.control.switch("mastodon", fail="401")
    await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))
    assert told(await plan(person, image)) == {"mastodon": ("PAUSED", "AUTH_REVOKED")}


async def test_what_is_on_its_way_already_is_said_and_what_was_seen_before_it_proves_nothing(world: World) -> None:
    person = world.person()
    connection = await looked_at(person, "mastodon")
    first, second = await person.upload(509), await person.upload(510)
    await person.reaches(await person.sync(first, connection.id), "VERIFIED")
    await world.control.switch("mastodon", slow_seconds=3600)
    sync = await person.sync(second, connection.id)
    await person.reaches(sync, "WAITING_FOR_PLATFORM")

    assert told(await plan(person, second)) == {"mastodon": ("WAITING_FOR_PLATFORM", "ON_ITS_WAY")}
    # The last look has shown the first one, which may be replaced any moment.
    assert told(await plan(person, first)) == {"mastodon": ("QUEUED", "")}


async def test_a_picture_that_is_there_already_is_known_by_its_looks_whoever_brought_it(world: World) -> None:
    person, other = world.person(), world.person()
    theirs = await other.connect("mastodon")
    await person.reaches(await person.sync(await person.upload(511), (await person.connect("mastodon")).id), "VERIFIED")
    await other.first_looks_at(theirs)
    await other.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=theirs.id))

    same, another = await other.upload(511, quality=60), await other.upload(512)

    assert told(await plan(other, same)) == {"mastodon": ("VERIFIED", "ALREADY_RIGHT")}
    assert told(await plan(other, another)) == {"mastodon": ("QUEUED", "")}


async def test_pictures_that_are_not_made_are_told_apart_from_those_that_cannot_be(world: World) -> None:
    person = world.person()
    await looked_at(person, "mastodon")
    coming, none_for_it = await person.upload(513, rendered=False), await person.upload(514, "banner")
    assert told(await plan(person, coming)) == {"mastodon": ("QUEUED", "RENDERING")}
    assert told(await plan(person, none_for_it)) == {"mastodon": ("FAILED", "RENDITION_MISSING")}


@contextmanager
def counting(connection: sa.Connection) -> Iterator[list[str]]:
    """Collects the statements of a transaction."""
    statements: list[str] = []

    def count(*arguments: Any) -> None:
        statements.append(arguments[2])

    sa.event.listen(connection, "before_cursor_execute", count)
    yield statements
    sa.event.remove(connection, "before_cursor_execute", count)


async def test_a_plan_for_many_accounts_asks_the_database_no_more_than_one_for_one(world: World) -> None:
    person = world.person()
    image = await person.upload(515)
    connected = [await known(world, await person.connect(platform)) for platform in ("mastodon", "bluesky", "x")]
    asked = []
    for connections in (connected[:1], connected):
        async with world.inside.stores() as store:
            session = await store.session.connection()
            assert session.sync_connection is not None
            with counting(session.sync_connection) as statements:
                await known_for(store, connections, {}, image_id=image, revision=1, slot="avatar", now=utc_now())
        asked.append(len(statements))
    assert asked[0] == asked[1] > 0
