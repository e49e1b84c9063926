"""Disconnecting: pictures from before are put back first where their owner wants that, and nothing of the access stays anywhere."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sync_world import Person, World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now
from services.sync.store.tables import connect_attempts, connections


async def leave(person: Person, connection_id: str) -> str:
    """Disconnects an account after putting back what was there; returns the sync that does that."""
    request = sync_pb2.DeleteConnectionRequest(id=connection_id, put_back=True)
    return str((await person.call("DeleteConnection", request)).sync_id)


async def is_gone(person: Person, connection_id: str) -> bool:
    found = (await person.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections
    return connection_id not in [connection.id for connection in found]


async def with_our_picture(world: World, person: Person, platform: str = "mastodon") -> tuple[sync_pb2.Connection, Any]:
    """Connects an account and brings a picture of ours there; returns what it showed before, too."""
    connection = await person.connect(platform)
    before = (await person.first_looks_at(connection))[0].observed
    await person.reaches(await person.sync(await person.upload(91), connection.id), "VERIFIED")
    return connection, before


async def test_what_was_there_is_put_back_before_the_account_is_disconnected(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    session = await world.session(connection.id)

    sync_id = await leave(person, connection.id)

    await world.eventually(lambda: is_gone(person, connection.id), within_seconds=30)
    [target] = await person.targets(sync_id)
    assert target.state == sync_pb2.TARGET_STATE_VERIFIED
    assert await world.control.changes("mastodon") == 2
    assert await world.is_ended("mastodon", session)


async def test_nothing_to_put_back_is_disconnected_at_once(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await person.first_looks_at(connection)
    assert await leave(person, connection.id) == ""
    assert await is_gone(person, connection.id)
    assert await world.control.changes("mastodon") == 0


async def test_an_account_that_leaves_says_so_and_takes_nothing_new(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    image = await person.upload(92)
    await world.control.switch("mastodon", fail="500")

    await leave(person, connection.id)

    assert (await person.connection(connection.id)).leaving
    assert await person.reason_of(person.sync(image, connection.id)) == "CONNECTION_LEAVING"
    assert await person.reason_of(leave(person, connection.id)) == "CONNECTION_LEAVING"


async def test_a_platform_that_does_not_answer_holds_nobody_for_longer_than_ten_minutes(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    await world.control.switch("mastodon", fail="500")
    sync_id = await leave(person, connection.id)
    assert not await is_gone(person, connection.id)

    async with world.inside.stores() as store:
        await store.set_leaving(connection.id, utc_now() - timedelta(minutes=11))
        await store.commit()

    await world.eventually(lambda: is_gone(person, connection.id))
    [target] = await person.targets(sync_id)
    assert (target.state, target.reason.code) == (sync_pb2.TARGET_STATE_CANCELLED, "CONNECTION_REMOVED")


async def test_access_that_ends_on_the_way_out_holds_nobody(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    await world.control.switch("mastodon", revoke_tokens=True)
    await leave(person, connection.id)
    await world.eventually(lambda: is_gone(person, connection.id))


async def test_what_cannot_be_reached_any_more_is_not_put_back_and_says_so(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    await world.control.switch("mastodon", revoke_tokens=True)
    await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))

    assert await person.reason_of(leave(person, connection.id)) == "CONNECTION_NEEDS_RECONNECT"
    assert not await is_gone(person, connection.id)


async def test_whoever_connects_again_on_the_way_out_stays(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    await world.control.switch("mastodon", fail="500", only="write")
    await leave(person, connection.id)
    await person.connect("mastodon")
    assert not (await person.connection(connection.id)).leaving


async def test_disconnecting_at_once_does_not_wait_for_what_is_being_put_back(world: World) -> None:
    person = world.person()
    connection, _ = await with_our_picture(world, person)
    await world.control.switch("mastodon", fail="500", only="write")
    await leave(person, connection.id)
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))
    assert await is_gone(person, connection.id)


async def test_nobody_disconnects_what_is_somebody_elses(world: World) -> None:
    person, stranger = world.person(), world.person()
    connection = await person.connect("mastodon")
    assert await stranger.reason_of(leave(stranger, connection.id)) == "CONNECTION_NOT_FOUND"


@pytest.mark.parametrize("platform", ["facebook"])
async def test_nothing_of_the_access_stays_anywhere(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    # A choice that is still open holds access to the same accounts.
    parameters = await world.consent(await person.begin(platform), account="ada", pages="all")
    await person.finish(platform, parameters)

    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))

    async with world.inside.stores() as store:
        mine = connect_attempts.c.owner_id == person.id
        choices = connect_attempts.c.state_hash.startswith("choice/")
        sealed = await store.session.execute(sa.select(connect_attempts.c.sealed).where(mine, choices))
        assert [bytes(row.sealed) for row in sealed if row.sealed] == []
        assert not (
            await store.session.execute(sa.select(connections.c.id).where(connections.c.owner_id == person.id))
        ).first()
