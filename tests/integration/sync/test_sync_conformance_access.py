"""Access given, refused, renewed, lost and given back: every adapter through every case. See test_sync_conformance.py."""

from conformance_place import YOU, connected, history, listed, switch
from conformance_table import Case, Column, walks
from conformance_waits import short_waits, sync_settings  # noqa: F401  # for these tests alone
from sync_world import World

from linkarooie.sync.v1 import sync_pb2


@walks(Case.CONNECT)
async def test_what_is_there_is_found_and_kept_and_a_look_changes_nothing(world: World, column: Column) -> None:
    place = await connected(world, column)
    assert place.connection.remote_handle.lower().lstrip("@").startswith("ada")
    for slot in place.connection.slots:
        if slot.slot in column.slots:
            assert slot.mode == column.mode
            assert slot.observed.object_key.startswith(f"snapshots/{place.person.id}/")
            assert await world.objects.exists(slot.observed.object_key)
        else:
            assert slot.mode != "write"

    request = sync_pb2.CheckConnectionRequest(id=place.connection.id)
    checked = (await place.person.call("CheckConnection", request)).connection

    assert checked.state == sync_pb2.CONNECTION_STATE_HEALTHY
    assert {slot.slot for slot in checked.slots if slot.observed.perceptual_hash} == set(column.slots)
    assert await history(world, column) == []


@walks(Case.REFUSED_CONSENT)
async def test_a_refusal_by_the_person_connects_nothing(world: World, column: Column) -> None:
    await switch(world, column)
    person = world.person()
    url = await person.begin(column.platform, world.instance(column.platform))
    parameters = await world.consent(url, decision="deny")
    assert await person.reason_of(person.finish(column.platform, parameters)) == "CONSENT_DENIED"
    assert await listed(person) == []


@walks(Case.USED_LINK)
async def test_a_link_is_good_for_one_use_by_one_person(world: World, column: Column) -> None:
    await switch(world, column)
    person, stranger = world.person(), world.person()
    url = await person.begin(column.platform, world.instance(column.platform))
    parameters = await world.consent(url)

    assert await stranger.reason_of(stranger.finish(column.platform, parameters)) == "CONNECT_LINK_EXPIRED"
    await person.finish(column.platform, parameters)
    assert await person.reason_of(person.finish(column.platform, parameters)) == "CONNECT_ALREADY_DONE"
    assert await listed(stranger) == []


@walks(Case.RECONNECT)
async def test_who_connects_an_account_twice_has_it_once(world: World, column: Column) -> None:
    place = await connected(world, column)
    again = await connected(world, column, place.person)
    assert again.connection.id == place.connection.id
    assert await listed(place.person) == [place.connection.id]
    assert await history(world, column) == []


@walks(Case.OTHER_ACCOUNT)
async def test_another_account_becomes_another_connection_and_gets_nothing_that_waits_for_the_first(
    world: World, column: Column
) -> None:
    ada = await connected(world, column)
    await ada.switch(revoke_tokens=True)
    sync = await ada.sync(1)
    await ada.reaches(sync, "PAUSED", reason="AUTH_REVOKED")

    grace = await connected(world, column, ada.person, "grace")

    assert await listed(ada.person) == [grace.connection.id, ada.connection.id]
    assert await grace.is_connected()
    assert not await ada.is_connected()
    await ada.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert await history(world, column) == []


@walks(Case.DISCONNECT)
async def test_disconnecting_gives_the_access_back_and_leaves_the_pictures(world: World, column: Column) -> None:
    place = await connected(world, column)
    session = await world.session(place.connection.id)
    await place.person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=place.connection.id))

    assert await listed(place.person) == []
    assert await history(world, column) == []
    assert await world.is_ended(column.platform, session) is column.gives_back


@walks(Case.RENEWAL)
async def test_access_that_has_run_out_is_renewed_and_the_work_goes_on(world: World, column: Column) -> None:
    place = await connected(world, column)
    before = await world.session(place.connection.id)
    for seed in (2, 3):
        await place.switch(expire_tokens=True)
        await place.reaches(await place.sync(seed), "VERIFIED")

    after = await world.session(place.connection.id)
    assert after.credentials["access_token"] != before.credentials["access_token"]
    assert (after.credentials["refresh_token"] != before.credentials["refresh_token"]) is column.rotates
    assert await place.is_connected()
    assert await place.changes() == 2


@walks(Case.REVOKED)
async def test_revoked_access_parks_the_work_until_a_reconnect(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(revoke_tokens=True)

    sync = await place.sync(4)
    paused = await place.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert paused.reason.action_class == YOU
    broken = await place.person.connection(place.connection.id)
    assert broken.state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT
    assert broken.reason.code == "AUTH_REVOKED"
    assert await place.changes() == 0

    assert (await connected(world, column, place.person)).connection.id == place.connection.id
    await place.goes_on(sync)
    assert await place.changes() == column.writes


@walks(Case.MISSING_SCOPE)
async def test_a_missing_permission_is_the_persons_to_give(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(fail="403_scope", only="write")

    sync = await place.sync(5)
    target = await place.reaches(sync, "NEEDS_YOU", reason="MISSING_PERMISSION")
    assert target.reason.action_class == YOU
    assert await place.is_connected()
    assert await place.changes() == 0

    await connected(world, column, place.person)
    await place.reaches(sync, "VERIFIED")
    assert await place.changes() == 1


# Pictures
