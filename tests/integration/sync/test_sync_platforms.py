"""The same for every platform: what an adapter has to do, driven through the whole service against the sandbox."""

import pytest
from sync_world import PLATFORMS, World

from linkarooie.sync.v1 import sync_pb2

pytestmark = pytest.mark.parametrize("platform", PLATFORMS)


@pytest.mark.parametrize("slot", ["avatar", "banner"])
async def test_a_picture_is_sent_once_and_seen_there(world: World, platform: str, slot: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(1, slot)

    sync = await person.sync(image, connection.id, slot=slot)
    target = await person.reaches(sync, "VERIFIED")

    assert target.attempts == 1
    assert await world.control.changes(platform, slot) == 1
    other = "banner" if slot == "avatar" else "avatar"
    assert await world.control.changes(platform, other) == 0
    assert await person.history(target.id) == ["QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED"]


async def test_what_is_there_already_is_not_sent_again(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(2)
    await person.reaches(await person.sync(image, connection.id), "VERIFIED")

    again = await person.reaches(await person.sync(image, connection.id), "VERIFIED", reason="ALREADY_RIGHT")

    assert again.attempts == 0
    assert await world.control.changes(platform) == 1


async def test_what_was_there_is_found_and_kept_right_after_connecting(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform, "grace")

    avatar, banner = await person.first_looks_at(connection)
    assert (avatar.slot, banner.slot) == ("avatar", "banner")
    for slot in (avatar, banner):
        assert slot.mode == "write"
        assert slot.observed.object_key.startswith(f"snapshots/{person.id}/")
        assert await world.objects.exists(slot.observed.object_key)
        assert await world.control.changes(platform, slot.slot, "grace") == 0


async def test_a_look_on_request_changes_nothing_and_tells_the_name(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    checked = (await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))).connection
    assert checked.state == sync_pb2.CONNECTION_STATE_HEALTHY
    assert checked.remote_handle.lower().lstrip("@").startswith("ada")
    assert {slot.slot for slot in checked.slots if slot.observed.perceptual_hash} == {"avatar", "banner"}
    assert (await world.control.account(platform))["history"] == []


async def test_a_rate_limit_is_waited_out(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(3)
    await world.control.switch(platform, fail="429", only="write", times=1, retry_after_seconds=2)

    sync = await person.sync(image, connection.id)
    paused = await person.reaches(sync, "PAUSED", reason="RATE_LIMITED")
    assert paused.next_attempt_time.seconds > 0

    assert (await person.reaches(sync, "VERIFIED")).attempts == 2
    assert await world.control.changes(platform) == 1


async def test_a_server_error_while_looking_is_tried_again(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(4)
    await person.first_looks_at(connection)
    await world.control.switch(platform, fail="500", only="read", times=2)

    sync = await person.sync(image, connection.id)
    await person.reaches(sync, "QUEUED", reason="PLATFORM_UNAVAILABLE")

    assert (await person.reaches(sync, "VERIFIED")).attempts == 1
    assert await world.control.changes(platform) == 1


async def test_a_send_whose_answer_is_lost_is_found_to_have_arrived(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(6)
    await world.control.switch(platform, lose_answer=True, times=1)

    target = await person.reaches(await person.sync(image, connection.id), "VERIFIED")

    assert target.attempts == 1
    assert await world.control.changes(platform) == 1


async def test_revoked_access_parks_the_work_until_a_reconnect(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(8)
    await world.control.switch(platform, revoke_tokens=True)

    sync = await person.sync(image, connection.id)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    broken = await person.connection(connection.id)
    assert broken.state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT
    assert broken.reason.code == "AUTH_REVOKED"

    renewed = await person.connect(platform)

    assert renewed.id == connection.id
    assert renewed.state == sync_pb2.CONNECTION_STATE_HEALTHY
    await person.reaches(sync, "VERIFIED")
    assert await world.control.changes(platform) == 1


async def test_a_missing_permission_is_the_persons_to_give(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(9)
    await world.control.switch(platform, fail="403_scope", only="write")

    sync = await person.sync(image, connection.id)
    target = await person.reaches(sync, "NEEDS_YOU", reason="MISSING_PERMISSION")
    assert target.reason.action_class == sync_pb2.ACTION_CLASS_YOU_CAN_FIX_THIS

    await world.control.switch(platform)
    await person.connect(platform)
    await person.reaches(sync, "VERIFIED")
    assert await world.control.changes(platform) == 1


async def test_a_refusal_by_the_person_connects_nothing(world: World, platform: str) -> None:
    person = world.person()
    url = await person.begin(platform, world.instance(platform))
    parameters = await world.consent(url, decision="deny")
    assert await person.reason_of(person.finish(platform, parameters)) == "CONSENT_DENIED"
    assert not (await person.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections


async def test_a_link_is_good_for_one_use_by_one_person(world: World, platform: str) -> None:
    person, stranger = world.person(), world.person()
    url = await person.begin(platform, world.instance(platform))
    parameters = await world.consent(url)

    assert await stranger.reason_of(stranger.finish(platform, parameters)) == "CONNECT_LINK_EXPIRED"
    await person.finish(platform, parameters)
    assert await person.reason_of(person.finish(platform, parameters)) == "CONNECT_LINK_USED"
    assert not (await stranger.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections


async def test_another_account_becomes_another_connection(world: World, platform: str) -> None:
    person = world.person()
    ada, grace = await person.connect(platform, "ada"), await person.connect(platform, "grace")
    assert ada.id != grace.id
    found = await person.call("ListConnections", sync_pb2.ListConnectionsRequest())
    assert [connection.id for connection in found.connections] == [grace.id, ada.id]


async def test_disconnecting_gives_the_access_back_and_leaves_the_pictures(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    session = await world.session(connection.id)
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))

    assert not (await person.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections
    assert (await world.control.account(platform))["history"] == []
    # Facebook takes access back for all of somebody's Pages at once or not at all, so it is only forgotten here.
    assert await world.is_ended(platform, session) is (platform != "facebook")
