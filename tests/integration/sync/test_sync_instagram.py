"""Instagram, where people set the picture themselves: what is read of it, for how long, and what is made of their word."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from by_hand import confirm, set_by_hand
from sync_world import Person, World

from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import PreconditionError
from servicekit.ids import utc_now
from services.sync.domain.connection import Connection
from services.sync.store.tables import connections


async def inside(world: World, connection_id: str) -> Connection:
    async with world.inside.stores() as store:
        found = await store.connection(connection_id)
    assert found is not None
    return found


async def make_due(world: World, connection_id: str) -> None:
    """Lets the time come at which the access is to be renewed."""
    async with world.inside.stores() as store:
        change = sa.update(connections).where(connections.c.id == connection_id)
        await store.session.execute(change.values(refresh_at=utc_now() - timedelta(days=1)))
        await store.commit()


async def check(person: Person, connection_id: str) -> sync_pb2.Connection:
    request = sync_pb2.CheckConnectionRequest(id=connection_id)
    return (await person.call("CheckConnection", request)).connection  # type: ignore[no-any-return]


# Access


async def test_a_professional_account_is_connected_for_sixty_days_and_its_picture_kept(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    assert (connection.remote_handle, connection.remote_url) == ("@ada", "https://www.instagram.com/ada/")
    [avatar] = await person.first_looks_at(connection)
    assert (avatar.slot, avatar.mode) == ("avatar", "assisted")
    assert await world.objects.exists(avatar.observed.object_key)

    known = await inside(world, connection.id)
    assert known.expires_at is not None
    assert known.refresh_at is not None
    assert timedelta(days=59) < known.expires_at - utc_now() < timedelta(days=61)
    assert timedelta(days=47) < known.refresh_at - utc_now() < timedelta(days=49)


async def test_an_address_that_is_signed_anew_is_no_other_picture(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    [first] = await person.first_looks_at(connection)
    again = (await check(person, connection.id)).slots[0]
    assert again.observed.object_key == first.observed.object_key
    async with world.inside.stores() as store:
        place = await store.place(connection.id, "avatar")
    assert place is not None
    assert place.seen is not None
    assert "?" not in place.seen.tag
    assert "?" in place.seen.url


async def test_a_refused_consent_connects_nothing(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("instagram"), decision="deny")
    assert await person.reason_of(person.finish("instagram", parameters)) == "CONSENT_DENIED"


async def test_a_personal_account_is_told_to_become_a_professional_one(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("instagram"), account="grace")
    with pytest.raises(Exception, match="Switch it to a professional account in Instagram's settings") as caught:
        await person.finish("instagram", parameters)
    assert "ACCOUNT_NOT_PROFESSIONAL" in str(caught.value.trailing_metadata())  # type: ignore[attr-defined]
    assert not (await person.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections


async def test_a_token_within_a_list_and_a_code_with_its_tail_are_understood(world: World) -> None:
    await world.control.switch("instagram", wrapped=True)
    person = world.person()
    parameters = await world.consent(await person.begin("instagram"))
    tailed = {**parameters, "code": f"{parameters['code']}#_"}
    assert (await person.finish("instagram", tailed)).connection.remote_handle == "@ada"


async def test_wrong_keys_of_the_operator_are_said_to_be_that_and_an_old_code_to_be_old(world: World) -> None:
    adapter: Any = world.inside.platforms.adapters["instagram"]
    wrong = type(adapter)(adapter._context, adapter._settings.model_copy(update={"app_id": "1"}))
    with pytest.raises(PreconditionError, match="compare its id and secret"):
        await wrong.finish_auth({"code": "c"}, kept={}, callback_url="http://127.0.0.1:8080")
    await wrong.api.close()

    person = world.person()
    parameters = await world.consent(await person.begin("instagram"))
    await person.finish("instagram", parameters)
    used = {**await world.consent(await person.begin("instagram")), "code": parameters["code"]}
    assert await person.reason_of(person.finish("instagram", used)) == "CONNECT_LINK_EXPIRED"


async def test_access_is_extended_when_four_fifths_of_its_life_are_over(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    before = await world.session(connection.id)
    await make_due(world, connection.id)
    await world.control.switch("instagram", extend_any=True)
    assert (await check(person, connection.id)).state == sync_pb2.CONNECTION_STATE_HEALTHY

    after = await inside(world, connection.id)
    assert after.grant_version == 2
    assert after.refresh_at is not None
    assert after.refresh_at > utc_now() + timedelta(days=47)
    assert (await world.session(connection.id)).credentials != before.credentials


@pytest.mark.parametrize("fail", [None, "467"])
async def test_access_that_is_too_young_to_be_extended_stays_in_use(world: World, fail: str | None) -> None:
    """Whatever the refusal is called: it says nothing of the access that there is."""
    person = world.person()
    connection = await person.connect("instagram")
    await person.first_looks_at(connection)
    await make_due(world, connection.id)
    await world.control.switch("instagram", fail=fail, only="auth" if fail else None)
    assert (await check(person, connection.id)).state == sync_pb2.CONNECTION_STATE_HEALTHY
    assert (await inside(world, connection.id)).grant_version == 1


@pytest.mark.parametrize("switch", ["expire_tokens", "revoke_tokens"])
async def test_ended_access_parks_the_work_until_a_reconnect(world: World, switch: str) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    await world.control.switch("instagram", **{switch: True})
    await make_due(world, connection.id)
    sync = await person.sync(await person.upload(80), connection.id)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert (await person.connection(connection.id)).state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT

    assert (await person.connect("instagram")).id == connection.id
    await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")


async def test_disconnecting_forgets_the_access(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))
    assert not (await person.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections


# The picture


async def test_a_picture_set_by_hand_is_looked_for_and_verified(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    image = await person.upload(81)
    sync = await person.sync(image, connection.id)
    asked = await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")
    assert asked.reason.link == "https://www.instagram.com/accounts/edit/"
    assert len(asked.instructions) == 3
    assert asked.observed.object_key, "what is there is kept before it is replaced"

    await world.control.switch("instagram", slow_seconds=0.4)
    await set_by_hand(world, "instagram", 81)
    confirmed = await confirm(person, asked)
    assert confirmed.reason.code == "LOOKING"

    target = await person.reaches(sync, "VERIFIED")
    assert target.attempts == 0
    assert await person.history(target.id) == ["QUEUED", "NEEDS_YOU", "WAITING_FOR_PLATFORM", "VERIFIED"]
    again = await person.sync(image, connection.id)
    await person.reaches(again, "VERIFIED", reason="ALREADY_RIGHT")
    assert await world.control.changes("instagram") == 1


async def test_another_picture_than_ours_is_said_and_ours_can_follow(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    sync = await person.sync(await person.upload(82), connection.id)
    asked = await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")
    await set_by_hand(world, "instagram", 83)
    await confirm(person, asked)
    differing = await person.reaches(sync, "DIFFERS", reason="NOT_SEEN")

    await person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=differing.id))
    asked = await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")
    await set_by_hand(world, "instagram", 82)
    await confirm(person, asked)
    await person.reaches(sync, "VERIFIED")


async def test_who_has_not_set_it_is_told_that_it_is_not_seen(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    sync = await person.sync(await person.upload(84), connection.id)
    await confirm(person, await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND"))
    await person.reaches(sync, "DIFFERS", reason="NOT_SEEN")


async def test_a_rate_limit_is_waited_out_before_anybody_is_asked(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    await person.first_looks_at(connection)
    await world.control.switch("instagram", fail="429", times=1, retry_after_seconds=2)
    sync = await person.sync(await person.upload(85), connection.id)
    await person.reaches(sync, "PAUSED", reason="RATE_LIMITED")
    await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")


async def test_a_checkpoint_and_a_missing_permission_are_the_persons_to_settle(world: World) -> None:
    person = world.person()
    connection = await person.connect("instagram")
    await world.control.switch("instagram", fail="459")
    sync = await person.sync(await person.upload(86), connection.id)
    locked = await person.reaches(sync, "NEEDS_YOU", reason="ACCOUNT_LOCKED")
    assert locked.reason.link == "https://www.instagram.com"
    await world.control.switch("instagram", fail="403_scope")
    await person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=locked.id))
    await person.reaches(sync, "NEEDS_YOU", reason="MISSING_PERMISSION")
    assert (await person.connection(connection.id)).state == sync_pb2.CONNECTION_STATE_HEALTHY
