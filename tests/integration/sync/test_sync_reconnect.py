"""Connecting an account again: where it was, only that one unless its owner says else, and only with access that works."""

from typing import Any

import pytest
from sync_world import PLATFORMS, Person, World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import new_id

every_platform = pytest.mark.parametrize("platform", PLATFORMS)


async def again(person: Person, connection_id: str) -> str:
    """Returns the consent page for connecting an account again."""
    request = sync_pb2.BeginConnectionRequest(connection_id=connection_id)
    return str((await person.call("BeginConnection", request)).authorize_url)


async def comes_back_as(world: World, person: Person, connection: sync_pb2.Connection, account: str) -> Any:
    parameters = await world.consent(await again(person, connection.id), account=account)
    return await person.finish(connection.platform, parameters)


async def choice_of(person: Person, choice_id: str) -> sync_pb2.GetConnectionChoiceResponse:
    return await person.call("GetConnectionChoice", sync_pb2.GetConnectionChoiceRequest(id=choice_id))  # type: ignore[no-any-return]


async def lose(world: World, person: Person, connection: sync_pb2.Connection) -> sync_pb2.Sync:
    """Has the platform end the access while a picture is on its way; returns the sync that waits."""
    image = await person.upload(81)
    await world.control.switch(connection.platform, revoke_tokens=True)
    sync = await person.sync(image, connection.id)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    return sync


@every_platform
async def test_the_same_account_resumes_what_waits_for_it(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    sync = await lose(world, person, connection)
    assert (await person.connection(connection.id)).waiting_targets == 1

    finished = await comes_back_as(world, person, connection, "ada")

    assert (finished.reconnected, finished.connection.id) == (True, connection.id)
    await person.reaches(sync, "VERIFIED")
    assert (await person.connection(connection.id)).waiting_targets == 0


@every_platform
async def test_another_account_is_connected_only_if_its_owner_wants_it(world: World, platform: str) -> None:
    person = world.person()
    ada = await person.connect(platform, "ada")
    await lose(world, person, ada)

    finished = await comes_back_as(world, person, ada, "grace")

    assert not finished.HasField("connection")
    choice = await choice_of(person, finished.choice_id)
    assert choice.expected.id == ada.id
    assert choice.expected.remote_handle == ada.remote_handle
    [offered] = choice.accounts
    assert (offered.connection_id, offered.remote_handle != ada.remote_handle) == ("", True)
    assert (await person.connection(ada.id)).state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT

    request = sync_pb2.ChooseConnectionsRequest(id=finished.choice_id, remote_ids=[offered.remote_id])
    [grace] = (await person.call("ChooseConnections", request)).connections
    assert (grace.id != ada.id, grace.state) == (True, sync_pb2.CONNECTION_STATE_HEALTHY)
    assert (await person.connection(ada.id)).state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT


async def test_whoever_came_back_as_another_account_can_start_again_as_the_first(world: World) -> None:
    person = world.person()
    ada = await person.connect("mastodon", "ada")
    await comes_back_as(world, person, ada, "grace")
    assert (await comes_back_as(world, person, ada, "ada")).connection.id == ada.id


async def test_who_was_expected_is_not_named_once_it_is_disconnected(world: World) -> None:
    person = world.person()
    ada, lin = await person.connect("mastodon", "ada"), await person.connect("x", "ada")
    url = await again(person, ada.id)
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=lin.id))
    finished = await person.finish("mastodon", await world.consent(url, account="grace"))
    async with world.inside.stores() as store:
        await store.remove_connection(ada.id)
        await store.commit()
    assert not (await choice_of(person, finished.choice_id)).HasField("expected")


async def test_a_connection_that_was_removed_meanwhile_is_connected_anew(world: World) -> None:
    person = world.person()
    ada = await person.connect("mastodon", "ada")
    url = await again(person, ada.id)
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=ada.id))
    finished = await person.finish("mastodon", await world.consent(url, account="ada"))
    assert (finished.reconnected, finished.connection.id != ada.id) == (False, True)


async def test_nobody_reconnects_what_is_somebody_elses(world: World) -> None:
    person, stranger = world.person(), world.person()
    ada = await person.connect("mastodon")
    assert await stranger.reason_of(again(stranger, ada.id)) == "CONNECTION_NOT_FOUND"
    assert await person.reason_of(again(person, new_id())) == "CONNECTION_NOT_FOUND"


@every_platform
async def test_access_is_tried_before_a_reconnect_is_called_healthy(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    await person.first_looks_at(connection)
    parameters = await world.consent(await again(person, connection.id))
    await world.control.switch(platform, fail="500", only="read")
    assert await person.reason_of(person.finish(platform, parameters)) == "PLATFORM_UNAVAILABLE"


async def test_new_access_that_does_not_let_us_in_changes_nothing(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    await lose(world, person, connection)
    parameters = await world.consent(await again(person, connection.id))
    await world.control.switch("x", fail="401", only="read")
    assert await person.reason_of(person.finish("x", parameters)) == "ACCESS_REFUSED"
    assert (await person.connection(connection.id)).state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT


@every_platform
async def test_a_link_that_has_done_its_work_names_the_connection(world: World, platform: str) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin(platform, world.instance(platform)))
    connection = (await person.finish(platform, parameters)).connection

    error = await person.error_of(person.finish(platform, parameters))
    assert (error.reason, error.metadata) == ("CONNECT_ALREADY_DONE", {"connection_id": connection.id})

    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))
    assert await person.reason_of(person.finish(platform, parameters)) == "CONNECT_LINK_USED"


async def test_a_link_that_led_nowhere_is_only_used(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("mastodon", world.instance("mastodon")), decision="deny")
    assert await person.reason_of(person.finish("mastodon", parameters)) == "CONSENT_DENIED"
    assert await person.reason_of(person.finish("mastodon", parameters)) == "CONNECT_LINK_USED"


async def test_a_made_up_link_says_to_start_again(world: World) -> None:
    error = await world.person().error_of(world.person().finish("mastodon", {"state": "made-up", "code": "c"}))
    assert error.reason == "CONNECT_LINK_EXPIRED"
    assert "Start connecting again" in error.message
