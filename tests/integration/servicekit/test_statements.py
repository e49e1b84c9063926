"""Statements that are made once run in the same transaction as all others, and a connection that is lost under one is given up."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa

from devstack import Endpoints
from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import Database, Statement
from servicekit.errors import UnavailableError
from servicekit.ids import new_id, utc_now
from servicekit.settings import DatabaseSettings, ServiceSettings
from services.sync.store import Store
from services.sync.store.tables import holds, image_revisions, outbox

ADD_HOLD = Statement(sa.insert(holds).values(key=sa.bindparam("key"), until=sa.bindparam("until")))
READ_HOLD = Statement(sa.select(holds).where(holds.c.key == sa.bindparam("key_")))
BACKEND = Statement(sa.select(sa.func.pg_backend_pid().label("pid")))
REVISION = image_revisions.c
ADD_REVISION = Statement(
    sa.insert(image_revisions)
    .values({column.name: sa.bindparam(column.name) for column in REVISION})
    .returning(image_revisions)
)


class StatementSettings(ServiceSettings, DatabaseSettings):
    service = "sync"


@pytest.fixture
async def database(stack: Endpoints, service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    database = Database(service_settings(StatementSettings), schema="sync")
    yield database
    await database.stop()


async def held(database: Database, key: str) -> bool:
    async with Store(database) as store:
        return bool(await store.run(READ_HOLD, key_=key))


@pytest.mark.parametrize("statement_first", [True, False])
async def test_a_statement_and_a_query_are_one_transaction(database: Database, *, statement_first: bool) -> None:
    lost, kept = new_id(), new_id()
    for key in (lost, kept):
        other = f"{key}/other"
        async with Store(database) as store:
            if statement_first:
                await store.run(ADD_HOLD, key=key, until=utc_now())
            await store.session.execute(sa.insert(holds).values(key=other, until=utc_now()))
            if not statement_first:
                await store.run(ADD_HOLD, key=key, until=utc_now())
            if key is kept:
                await store.commit()
        assert await held(database, key) == await held(database, other) == (key is kept)


async def test_events_are_stored_with_the_statements_of_their_transaction_or_not_at_all(database: Database) -> None:
    ids = []
    for is_committed in (False, True):
        async with Store(database) as store:
            await store.run(ADD_HOLD, key=new_id(), until=utc_now())
            due = events.TargetDue(target_id=new_id())
            ids.append(store.record(due, owner_id=new_id(), subject="job.sync.nobody"))
            if is_committed:
                await store.commit()
    async with database.sessions() as session:
        assert (await session.scalars(sa.select(outbox.c.id).where(outbox.c.id.in_(ids)))).all() == ids[1:]


async def test_values_are_stored_and_read_as_sqlalchemy_does(database: Database) -> None:
    row = {
        "image_id": new_id(),
        "revision": 3,
        "owner_id": new_id(),
        "failure": None,
        "slot_failures": {"x.avatar": "It is too small."},
        "told_at": utc_now(),
    }
    async with Store(database) as store:
        returned = await store.run(ADD_REVISION, **row)
        query = sa.select(image_revisions).where(REVISION.image_id == row["image_id"])
        read = (await store.session.execute(query)).mappings().one()
    assert returned == [row] == [dict(read)]


async def test_a_connection_that_is_lost_under_a_statement_is_told_as_such_and_not_used_again(
    database: Database, service_settings: Callable[..., Any]
) -> None:
    other = Database(service_settings(StatementSettings), schema="sync")
    lost: list[int] = []

    async def lose_it() -> None:
        async with Store(database) as store:
            lost.append((await store.run(BACKEND))[0]["pid"])
            async with other.sessions() as session:
                await session.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": lost[0]})
            await store.run(BACKEND)

    with pytest.raises(UnavailableError):
        await lose_it()
    await other.stop()

    async with Store(database) as store:
        assert (await store.run(BACKEND))[0]["pid"] != lost[0]
