"""The keys that seal platform tokens are changed while everything runs: `linkarooie admin rotate-keys --platform-tokens`."""

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sync_world import Person, World
from system.accounts import TEST_KEYS

from linkarooie.sync.v1 import sync_pb2
from servicekit.vault import Vault
from services.sync.operator import Operator, OperatorSettings, operator_of
from services.sync.settings import SyncSettings
from services.sync.store.tables import connect_attempts, connections, registrations

OLD = TEST_KEYS["vault_keys"]
NEW = "new:" + base64.b64encode(bytes(range(32, 64))).decode()
LOST = "lost:" + base64.b64encode(bytes(range(64, 96))).decode()


@pytest.fixture(scope="session")
def sync_settings(sync_settings: Callable[..., SyncSettings]) -> Callable[..., SyncSettings]:
    """The service opens with both keys, and still seals with the old one: not every process was restarted at once."""
    return lambda **overrides: sync_settings(**{"vault_keys": f"{OLD}, {NEW}", **overrides})


@pytest.fixture
async def operator(world: World, service_settings: Callable[..., Any]) -> AsyncIterator[Operator]:
    async with operator_of(service_settings(OperatorSettings, vault_keys=f"{NEW}, {OLD}")) as made:
        yield made
    # The other files' services know the old key alone.
    async with operator_of(service_settings(OperatorSettings, vault_keys=f"{OLD}, {NEW}")) as back:
        await back.seal_anew()


async def sealed_by(world: World, table: sa.Table, condition: sa.ColumnElement[bool]) -> list[str]:
    """Returns the ids of the keys that have sealed some rows."""
    async with world.inside.stores() as store:
        found = (await store.session.execute(sa.select(table.c.sealed).where(condition))).scalars()
        return [bytes(sealed)[1 : 1 + sealed[0]].decode() for sealed in found if sealed]


async def begun_choice(world: World, person: Person) -> str:
    parameters = await world.consent(await person.begin("facebook"), pages="all")
    return (await person.finish("facebook", parameters)).choice_id


async def test_all_that_an_older_key_has_sealed_is_sealed_anew_and_still_opens(
    world: World, operator: Operator
) -> None:
    person = world.person()
    connection = await person.connect("bluesky")
    url = await person.begin("mastodon", world.instance("mastodon"))
    choice_id = await begun_choice(world, person)

    done = await operator.seal_anew()

    assert done.count >= 4
    assert done.still_with == {}
    assert await sealed_by(world, connections, connections.c.owner_id == person.id) == ["new"]
    assert set(await sealed_by(world, connect_attempts, connect_attempts.c.owner_id == person.id)) == {"new"}
    assert set(await sealed_by(world, registrations, sa.true())) == {"new"}
    checked = await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))
    assert checked.connection.state == sync_pb2.CONNECTION_STATE_HEALTHY
    assert (await person.finish("mastodon", await world.consent(url))).connection.platform == "mastodon"
    choice = await person.call("GetConnectionChoice", sync_pb2.GetConnectionChoiceRequest(id=choice_id))
    assert len(choice.accounts) == 2


async def test_a_repetition_finds_nothing_to_do(world: World, operator: Operator) -> None:
    await world.person().connect("mastodon")
    await operator.seal_anew()
    assert (await operator.seal_anew()).count == 0


async def test_access_that_is_renewed_between_reading_and_writing_is_not_undone(
    world: World, operator: Operator
) -> None:
    person = world.person()
    shown = await person.connect("bluesky")
    tokens, adapter = world.inside.tokens, world.inside.platforms.adapters["bluesky"]
    async with world.inside.stores() as store:
        connection = await store.connection(shown.id)
        assert connection is not None
        found = await store.sealed_otherwise("connections", "new", after=None, limit=100_000)
        [read] = [each for each in found if each.key == (shown.id,)]
        renewed = await tokens.renewed(connection, adapter)
        assert not await store.replace_sealed("connections", read, b"as it was")
        await store.commit()
    assert (await world.session(shown.id)).credentials == renewed.credentials


async def test_sealing_anew_and_renewing_at_once_lose_no_access(world: World, operator: Operator) -> None:
    person = world.person()
    shown = await person.connect("bluesky")
    tokens, adapter = world.inside.tokens, world.inside.platforms.adapters["bluesky"]
    async with world.inside.stores() as store:
        connection = await store.connection(shown.id)
    assert connection is not None

    _, renewed = await asyncio.gather(operator.seal_anew(), tokens.renewed(connection, adapter))

    assert (await world.session(shown.id)).credentials == renewed.credentials
    assert not await world.is_ended("bluesky", await world.session(shown.id))


async def test_what_no_key_opens_stays_and_its_key_is_named(world: World, operator: Operator) -> None:
    person = world.person()
    shown = await person.connect("mastodon")
    lost = Vault(SecretStr(LOST), setting="LOST")
    sealed = lost.seal({"access_token": "t"}, user=person.id, thing=shown.id, field="credentials")
    async with world.inside.stores() as store:
        await store.session.execute(sa.update(connections).where(connections.c.id == shown.id).values(sealed=sealed))
        await store.commit()

    done = await operator.seal_anew()

    assert done.still_with == {"lost": 1}
    assert await sealed_by(world, connections, connections.c.id == shown.id) == ["lost"]
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=shown.id))


async def rotate(*options: str) -> tuple[int, str, str]:
    """Runs the command as an operator does; returns its exit code, what it said, and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "linkarooie"),
        *("admin", "rotate-keys", "--platform-tokens", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LINKAROOIE_SYNC_VAULT_KEYS": f"{NEW}, {OLD}", "COLUMNS": "200"},
    )
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


async def test_the_command_says_how_many_it_has_sealed_and_whether_the_old_key_is_still_needed(
    world: World, operator: Operator
) -> None:
    await world.person().connect("mastodon")
    code, said, complained = await rotate()
    assert code == 0, complained
    assert "with the first key." in said
    assert "No older key is needed any more" in said


async def test_the_command_is_about_one_kind_of_keys_at_a_time(world: World) -> None:
    code, _, complained = await rotate("--at-once")
    assert code == 2
    assert "--at-once is about signing keys" in complained
