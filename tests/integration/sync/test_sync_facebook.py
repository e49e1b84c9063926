"""What only Facebook does; and how people choose where one consent opens several accounts, which is nobody's own."""

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa
from sync_world import Person, World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import new_id
from services.sync.domain import outcomes as o
from services.sync.domain.outcomes import PlatformError
from services.sync.store.tables import connect_attempts

STUDIO, GARDEN = "Ada Rivers Studio", "Riverside Garden Club"


async def begun_choice(world: World, person: Person) -> str:
    """Gives the app all of Ada's Pages; returns where to choose from them."""
    parameters = await world.consent(await person.begin("facebook"), pages="all")
    finished = await person.finish("facebook", parameters)
    assert not finished.HasField("connection")
    return finished.choice_id


async def look_at(person: Person, choice_id: str) -> sync_pb2.GetConnectionChoiceResponse:
    return await person.call("GetConnectionChoice", sync_pb2.GetConnectionChoiceRequest(id=choice_id))  # type: ignore[no-any-return]


async def choose(person: Person, choice_id: str, *remote_ids: str) -> list[sync_pb2.Connection]:
    request = sync_pb2.ChooseConnectionsRequest(id=choice_id, remote_ids=remote_ids)
    return list((await person.call("ChooseConnections", request)).connections)


async def listed(person: Person) -> list[str]:
    found = await person.call("ListConnections", sync_pb2.ListConnectionsRequest())
    return [connection.remote_handle for connection in found.connections]


async def test_of_several_pages_those_are_connected_that_their_owner_chooses(world: World) -> None:
    person = world.person()
    choice_id = await begun_choice(world, person)
    assert await listed(person) == []
    choice = await look_at(person, choice_id)
    assert choice.platform == "facebook"
    assert [account.remote_handle for account in choice.accounts] == [STUDIO, GARDEN]
    for account in choice.accounts:
        assert (account.picture[:3], account.picture_type) == (b"\xff\xd8\xff", "image/jpeg")
        assert account.remote_url == f"https://www.facebook.com/{account.remote_id}"
        assert account.connection_id == ""

    garden = choice.accounts[1].remote_id
    [connection] = await choose(person, choice_id, garden)

    assert (connection.remote_id, connection.remote_handle) == (garden, GARDEN)
    assert await listed(person) == [GARDEN]
    sync = await person.sync(await person.upload(70), connection.id)
    await person.reaches(sync, "VERIFIED")
    assert await world.control.changes("facebook", name="ada-garden") == 1
    assert await world.control.changes("facebook", name="ada") == 0


async def test_several_are_connected_at_once_and_one_that_is_already_gets_new_access(world: World) -> None:
    person = world.person()
    studio = await person.connect("facebook")
    await world.control.switch("facebook", revoke_tokens=True)
    sync = await person.sync(await person.upload(71), studio.id)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")

    choice_id = await begun_choice(world, person)
    choice = await look_at(person, choice_id)
    assert [account.connection_id for account in choice.accounts] == [studio.id, ""]
    connected = await choose(person, choice_id, *(account.remote_id for account in reversed(choice.accounts)))

    assert [connection.remote_handle for connection in connected] == [STUDIO, GARDEN]
    assert connected[0].id == studio.id
    assert connected[0].state == sync_pb2.CONNECTION_STATE_HEALTHY
    await person.reaches(sync, "VERIFIED")


async def test_a_choice_is_its_owners_and_is_made_once_from_what_is_offered(world: World) -> None:
    person, stranger = world.person(), world.person()
    choice_id = await begun_choice(world, person)
    first = (await look_at(person, choice_id)).accounts[0].remote_id

    assert await stranger.reason_of(look_at(stranger, choice_id)) == "CHOICE_NOT_FOUND"
    assert await stranger.reason_of(choose(stranger, choice_id, first)) == "CHOICE_NOT_FOUND"
    assert await person.reason_of(look_at(person, new_id())) == "CHOICE_NOT_FOUND"
    assert await person.reason_of(look_at(person, "no-id")) == "CHOICE_NOT_FOUND"
    assert await person.reason_of(choose(person, choice_id)) == "NOTHING_CHOSEN"
    assert await person.reason_of(choose(person, choice_id, first, "1")) == "ACCOUNT_NOT_OFFERED"
    assert await listed(person) == []

    await choose(person, choice_id, first)
    assert await person.reason_of(choose(person, choice_id, first)) == "CONNECT_LINK_USED"
    assert await person.reason_of(look_at(person, choice_id)) == "CONNECT_LINK_USED"
    assert await listed(person) == [STUDIO]


async def test_a_choice_that_nobody_makes_ends_and_its_access_is_forgotten(world: World) -> None:
    person = world.person()
    choice_id = await begun_choice(world, person)
    async with world.inside.stores() as store:
        attempt = await store.attempt(choice_id, owner_id=person.id)
        assert attempt is not None
        assert attempt.sealed
        # As if half an hour had passed.
        ended = sa.update(connect_attempts).where(connect_attempts.c.id == choice_id)
        await store.session.execute(ended.values(expires_at=attempt.expires_at.replace(year=2020)))
        await store.commit()

    assert await person.reason_of(look_at(person, choice_id)) == "CONNECT_LINK_EXPIRED"
    assert await person.reason_of(choose(person, choice_id, "1")) == "CONNECT_LINK_EXPIRED"
    async with world.inside.stores() as store:
        await store.empty_attempts(attempt.expires_at.replace(year=2021))
        await store.commit()
        emptied = await store.attempt(choice_id, owner_id=person.id)
    assert emptied is not None
    assert emptied.sealed == b""
    assert await listed(person) == []


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"pages": "none"}, "NO_ACCOUNTS"),
        ({"decline": "pages_manage_metadata"}, "CONSENT_INCOMPLETE"),
    ],
    ids=str,
)
async def test_a_consent_that_allows_nothing_of_use_connects_nothing(
    world: World, answers: dict[str, str], reason: str
) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("facebook"), **answers)
    assert await person.reason_of(person.finish("facebook", parameters)) == reason
    assert await listed(person) == []


async def test_who_allows_the_picture_alone_is_asked_again_for_the_cover(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("facebook"), decline="pages_manage_posts")
    connection = (await person.finish("facebook", parameters)).connection

    cover = await person.sync(await person.upload(72, "banner"), connection.id, slot="banner")
    await person.reaches(cover, "NEEDS_YOU", reason="MISSING_PERMISSION")
    assert await world.control.changes("facebook", "banner") == 0

    await person.connect("facebook")
    await person.reaches(cover, "VERIFIED")
    assert (await world.control.account("facebook"))["banner"]["changes"] == 1


async def test_a_photo_that_is_gone_before_it_is_the_cover_is_brought_again(world: World) -> None:
    person = world.person()
    connection = await person.connect("facebook")
    image = await person.upload(73, "banner")
    await world.control.switch("facebook", forget_photos=True)
    sync = await person.sync(image, connection.id, slot="banner")
    await person.reaches(sync, "QUEUED", reason="CONFLICT")
    assert await world.control.changes("facebook", "banner") == 0

    await world.control.switch("facebook")
    await person.reaches(sync, "VERIFIED")
    assert await world.control.changes("facebook", "banner") == 1


async def test_an_outage_told_in_plain_words_with_200_is_no_success(world: World) -> None:
    person = world.person()
    connection = await person.connect("facebook")
    image = await person.upload(74)
    await person.first_looks_at(connection)
    await world.control.switch("facebook", fail="plain_text", only="write", times=1)
    target = await person.reaches(await person.sync(image, connection.id), "VERIFIED")
    assert target.attempts == 2
    assert await world.control.changes("facebook") == 1


async def test_a_locked_account_and_a_lost_role_are_told_apart(world: World) -> None:
    person = world.person()
    connection = await person.connect("facebook")
    await world.control.switch("facebook", fail="459")
    sync = await person.sync(await person.upload(75), connection.id)
    locked = await person.reaches(sync, "NEEDS_YOU", reason="ACCOUNT_LOCKED")
    assert locked.reason.link == "https://www.facebook.com"
    assert (await person.connection(connection.id)).state == sync_pb2.CONNECTION_STATE_HEALTHY

    await world.control.switch("facebook", fail="492")
    await person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=locked.id))
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert (await person.connection(connection.id)).state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT


async def test_wrong_keys_of_the_operator_are_said_to_be_that(world: World) -> None:
    person = world.person()
    connection = await person.connect("facebook")
    adapter: Any = world.inside.platforms.adapters["facebook"]
    session = await world.session(connection.id)
    wrong = type(adapter)(adapter._context, adapter._settings.model_copy(update={"app_id": "1"}))
    kept = {"state": "s"}
    with pytest.raises(Exception, match="compare its id and secret"):
        await wrong.open_accounts({"code": "c"}, kept=kept, callback_url="http://127.0.0.1:8080")
    await wrong.api.close()
    # A code that is old says that the way back leads nowhere, and not that Facebook is away.
    with pytest.raises(PlatformError) as caught:
        await adapter.open_accounts({"code": "c"}, kept=kept, callback_url="http://127.0.0.1:8080")
    assert isinstance(caught.value.problem, o.AuthRevoked)
    # Another Page's token opens no Page.
    account = dataclasses.replace(session.account, remote_id="1")
    with pytest.raises(PlatformError):
        await adapter.whoami(dataclasses.replace(session, account=account))
