"""What only Bluesky's servers do."""

import asyncio

import pytest
from sync_world import World

from services.sync.domain.outcomes import PlatformError, Transient


async def test_access_is_renewed_by_one_worker_at_a_time(world: World) -> None:
    person = world.person()
    connection_id = (await person.connect("bluesky")).id
    tokens, adapter = world.inside.tokens, world.inside.platforms.adapters["bluesky"]
    async with tokens.stores() as store:
        connection = await store.connection(connection_id)
    assert connection is not None

    outcomes = await asyncio.gather(*(tokens.renewed(connection, adapter) for _ in range(5)), return_exceptions=True)

    # A refresh token that is used twice ends the session; this one lives.
    waiting = [each for each in outcomes if isinstance(each, PlatformError)]
    assert all(isinstance(each.problem, Transient) for each in waiting)
    assert len(waiting) < 5
    assert (await adapter.whoami(await world.session(connection_id))).remote_id == connection.account.remote_id


async def test_the_profile_keeps_what_another_app_writes_at_the_same_time(world: World) -> None:
    person = world.person()
    connection = await person.connect("bluesky")
    image = await person.upload(71)
    await world.control.switch("bluesky", race=True, times=2)

    target = await person.reaches(await person.sync(image, connection.id), "VERIFIED")

    assert target.attempts == 1
    record = await profile_of(world, connection.remote_id)
    assert record["displayName"]
    assert record["description"].startswith("Edited elsewhere")
    assert record["banner"]


@pytest.mark.parametrize(
    "oddity",
    [
        {"fail": "html", "only": "read"},
        {"fail": "html", "only": "write"},
        {"lie": "no_blob"},
        {"lie": "another_blob"},
        {"lie": "empty_record"},
    ],
    ids=lambda oddity: " ".join(oddity.values()),
)
async def test_a_server_that_does_not_tell_the_truth_gets_nothing_written(world: World, oddity: dict[str, str]) -> None:
    person = world.person()
    connection = await person.connect("bluesky")
    await person.first_looks_at(connection)
    image, before = await person.upload(74), await profile_of(world, connection.remote_id)
    await world.control.switch("bluesky", **oddity)
    sync = await person.sync(image, connection.id)
    await person.reaches(sync, "QUEUED", reason="PLATFORM_UNAVAILABLE")

    await world.control.switch("bluesky")
    assert await profile_of(world, connection.remote_id) == before
    await person.reaches(sync, "VERIFIED")
    after = await profile_of(world, connection.remote_id)
    assert {**after, "avatar": ""} == {**before, "avatar": ""}


async def test_a_new_account_gets_its_first_profile(world: World) -> None:
    person = world.person()
    connection = await person.connect("bluesky", "grace")
    await world.control.switch("bluesky", forget_profiles=True)
    image = await person.upload(72)
    await person.reaches(await person.sync(image, connection.id), "VERIFIED")
    record = await profile_of(world, connection.remote_id)
    assert set(record) == {"$type", "avatar"}


async def profile_of(world: World, did: str) -> dict[str, str]:
    answer = await world.http.get(
        f"{world.control.sandbox.urls['bluesky']}/xrpc/com.atproto.repo.getRecord",
        params={"repo": did, "collection": "app.bsky.actor.profile", "rkey": "self"},
    )
    assert answer.status_code == 200, answer.text
    record: dict[str, str] = answer.json()["value"]
    return record


@pytest.mark.parametrize("named", ["ada.sandbox.test", "@Ada.sandbox.test"])
async def test_an_account_can_be_named_by_its_handle(world: World, named: str) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("bluesky", named))
    assert (await person.finish("bluesky", parameters)).connection.remote_handle == "@ada.sandbox.test"


async def test_another_account_than_the_named_one_is_not_connected(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("bluesky", "ada.sandbox.test"), account="grace")
    assert await person.reason_of(person.finish("bluesky", parameters)) == "DIFFERENT_ACCOUNT"


async def test_a_callback_of_another_server_connects_nothing(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("bluesky"))
    forged = {**parameters, "iss": "https://evil.example"}
    assert await person.reason_of(person.finish("bluesky", forged)) == "CONNECT_LINK_EXPIRED"


@pytest.mark.parametrize("named", ["nobody.invalid", "127.0.0.1", "not a name"])
async def test_a_name_that_nobody_has_is_said_to_be_that(world: World, named: str) -> None:
    person = world.person()
    assert await person.reason_of(person.begin("bluesky", named)) == "INSTANCE_UNREACHABLE"


async def test_an_account_taken_down_is_its_owners_to_settle(world: World) -> None:
    person = world.person()
    connection = await person.connect("bluesky")
    image = await person.upload(73)
    await world.control.switch("bluesky", fail="AccountTakedown")
    await person.reaches(await person.sync(image, connection.id), "NEEDS_YOU", reason="ACCOUNT_LOCKED")
