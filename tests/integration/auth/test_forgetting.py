"""What the auth service removes when nobody needs it any more, and what it keeps."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import (
    AuthStub,
    account,
    activities,
    ask_for_account,
    coming_from,
    fresh_email,
    log_in,
    log_out,
    sign_in,
)

from linkarooie.auth.v1 import auth_pb2
from servicekit.database import Database
from servicekit.errors import UnauthenticatedError
from servicekit.ids import new_id, utc_now
from services.auth.domain.session import Lifetimes
from services.auth.domain.throttle import sign_in_attempt
from services.auth.settings import AuthSettings
from services.auth.store import Store
from services.auth.store.tables import activities as lines
from services.auth.store.tables import challenges, devices, flows, sessions, throttles
from services.auth.use_cases.forgetting import Forgetting


async def count(database: Database, table: sa.Table, *which: sa.ColumnElement[bool]) -> int:
    async with database.sessions() as session:
        found: int = (await session.execute(sa.select(sa.func.count()).select_from(table).where(*which))).scalar_one()
        return found


async def forget(database: Database, lifetimes: Lifetimes, *, now: datetime) -> None:
    await Forgetting(lambda: Store(database, clock=lambda: now), lifetimes, lambda: now).forget_what_is_over()


@pytest.fixture
def lifetimes(auth_settings: Callable[..., AuthSettings]) -> Lifetimes:
    return auth_settings().lifetimes


async def test_links_counters_flows_and_devices_are_forgotten_when_their_time_is_over(
    auth: AuthStub, database: Database, lifetimes: Lifetimes
) -> None:
    email, user = fresh_email(), await account()
    await ask_for_account(auth, email=email)
    signed_in = await sign_in(auth, email=user.email, metadata=coming_from("203.0.113.7"))
    with pytest.raises(UnauthenticatedError):
        await log_in(auth, email=email, password="not the password")
    flow = {
        "id": new_id(),
        "state_hash": new_id().encode(),
        "provider": "google",
        "browser_hash": b"",
        "sealed": b"",
        "return_to": "",
        "expires_at": utc_now() + timedelta(minutes=10),
    }
    async with database.sessions() as session:
        await session.execute(flows.insert().values(**flow))
        await session.commit()
    remembered: list[tuple[Any, ...]] = [
        (timedelta(minutes=11), flows, flows.c.id == flow["id"]),
        (timedelta(days=1, minutes=1), throttles, throttles.c.key.in_(sign_in_attempt(email.lower(), address="").keys)),
        (timedelta(days=2, minutes=1), challenges, challenges.c.email_key == email.lower()),
        (lifetimes.session + timedelta(days=1, minutes=1), sessions, sessions.c.user_id == user.id),
        (timedelta(days=400, minutes=1), devices, devices.c.user_id == user.id),
    ]
    assert signed_in.device_token
    for after, table, which in remembered:
        await forget(database, lifetimes, now=utc_now() + after - timedelta(minutes=2))
        assert await count(database, table, which) > 0, f"{table.name} forgot too early"
        await forget(database, lifetimes, now=utc_now() + after)
        assert await count(database, table, which) == 0, f"{table.name} forgot nothing"
    assert await count(database, lines, lines.c.user_id == user.id) == 2  # the trail is kept


async def test_no_line_of_the_trail_is_changed_or_removed(auth: AuthStub, database: Database) -> None:
    user = await account()
    for statement in (
        lines.update().where(lines.c.user_id == user.id).values(detail=""),
        lines.delete().where(lines.c.user_id == user.id),
        sa.text("TRUNCATE activities"),
    ):
        async with database.sessions() as session:
            with pytest.raises(sa.exc.DBAPIError, match="added, never changed"):
                await session.execute(statement)
    assert await count(database, lines, lines.c.user_id == user.id) == 1


async def test_logging_out_is_a_line_of_the_trail_once(auth: AuthStub) -> None:
    user = await account()
    gone = await log_in(auth, email=user.email)
    for _ in range(2):
        await log_out(auth, gone.refresh_token)
    own = await log_in(auth, email=user.email)
    actions = [line.action for line in await activities(auth, own.access_token)]
    assert actions.count(auth_pb2.ACTIVITY_ACTION_SIGNED_OUT) == 1
