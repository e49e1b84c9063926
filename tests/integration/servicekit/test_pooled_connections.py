"""A service goes on after Postgres has ended its connections."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from devstack import Endpoints
from servicekit import database as module
from servicekit.database import Database
from servicekit.settings import DatabaseSettings, ServiceSettings


class PooledSettings(ServiceSettings, DatabaseSettings):
    service = "sync"


async def backend_of(database: Database) -> int:
    async with database.sessions() as session:
        return int((await session.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())


async def test_a_connection_that_ended_while_nobody_used_it_is_replaced(
    stack: Endpoints, service_settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = service_settings(PooledSettings)
    pooled, other = Database(settings, schema="sync"), Database(settings, schema="sync")
    first = await backend_of(pooled)
    async with other.sessions() as session:
        await session.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first})
        await session.commit()

    monkeypatch.setattr(module, "FRESH_SECONDS", 0)
    assert await backend_of(pooled) != first
    await pooled.stop()
    await other.stop()
