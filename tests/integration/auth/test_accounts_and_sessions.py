import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import PASSWORD, AuthStub, RunAuth, current_user, fresh_email, log_in, log_out, refresh, register

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import (
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from servicekit.subjects import subject_of
from services.auth import store
from services.auth.store.tables import users


async def test_somebody_registers_logs_in_stays_signed_in_and_logs_out(auth: AuthStub) -> None:
    email = fresh_email()
    user = await register(auth, email=f" {email} ", name=" Ada Lovelace ")
    assert (user.email, user.display_name, user.role, user.has_password) == (
        email,
        "Ada Lovelace",
        auth_pb2.ROLE_USER,
        True,
    )
    tokens = await log_in(auth, email=email.upper())
    assert await current_user(auth, tokens.access_token) == user
    next_tokens = await refresh(auth, tokens.refresh_token)
    assert next_tokens.refresh_token != tokens.refresh_token
    assert await current_user(auth, next_tokens.access_token) == user
    await log_out(auth, next_tokens.refresh_token)
    with pytest.raises(UnauthenticatedError) as ended:
        await refresh(auth, next_tokens.refresh_token)
    assert ended.value.reason == "SESSION_ENDED"


async def test_what_happened_to_an_account_is_told(auth: AuthStub, bus: Bus, eventually: Callable[..., Any]) -> None:
    email = fresh_email()
    user = await register(auth, email=email)

    async def last(kind: type[Any]) -> Any:
        message = await bus.jetstream.get_last_msg("EVENTS", subject_of(kind))
        event = kind.FromString(message.data)
        return event if event.user_id == user.id else None

    registered = await eventually(lambda: last(events.AccountRegistered))
    assert (registered.email, registered.display_name) == (email, "Ada")
    assert registered.event_time == user.create_time
    await log_in(auth, email=email)
    assert (await eventually(lambda: last(events.AccountSignedIn))).session_id


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email)
    answers = []
    for address, password in (
        (email, "four unrelated word"),
        (fresh_email(), PASSWORD),
        ("no address", PASSWORD),
        (email, "x" * 100_000),
        (email, ""),
    ):
        with pytest.raises(UnauthenticatedError) as refused:
            await log_in(auth, email=address, password=password)
        answers.append((refused.value.reason, refused.value.message, refused.value.metadata))
    assert {answer[0] for answer in answers} == {"WRONG_CREDENTIALS"}
    assert all(answer == answers[0] for answer in answers)


async def test_a_password_is_right_however_a_keyboard_composes_it(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email, password="über den wolken")
    assert (await log_in(auth, email=email, password="u\N{COMBINING DIAERESIS}ber den wolken")).access_token


async def test_a_hash_made_with_older_parameters_is_replaced_at_the_next_sign_in(
    run_auth: RunAuth, database: Database
) -> None:
    email = fresh_email()
    async with run_auth() as before:
        user = await register(before, email=email)

    async def stored_hash() -> str:
        async with database.sessions() as session:
            query = sa.select(users.c.password_hash).where(users.c.id == user.id)
            found: str = (await session.execute(query)).scalar_one()
            return found

    assert (await stored_hash()).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    async with run_auth(argon2_time_cost=3) as now:
        await log_in(now, email=email)
        replaced = await stored_hash()
        assert replaced.startswith("$argon2id$v=19$m=19456,t=3,p=1$")
        await log_in(now, email=email)
        assert await stored_hash() == replaced


async def test_a_flood_of_sign_ins_is_told_when_to_come_back(run_auth: RunAuth) -> None:
    async with run_auth(hash_threads=1, hash_max_waiting=1) as auth:
        answers = await asyncio.gather(*(log_in(auth, email=fresh_email()) for _ in range(12)), return_exceptions=True)
        busy = [answer for answer in answers if isinstance(answer, UnavailableError)]
        assert busy
        assert {(answer.reason, answer.retry_after_seconds) for answer in busy} == {("SIGN_IN_BUSY", 3.0)}
        assert all(isinstance(answer, UnavailableError | UnauthenticatedError) for answer in answers)


async def test_nobody_sees_an_account_without_a_token_of_its_own(
    auth: AuthStub, issue_token: Callable[[str], str]
) -> None:
    emails = [fresh_email(), fresh_email()]
    people = [await register(auth, email=email) for email in emails]
    tokens = [await log_in(auth, email=email) for email in emails]
    for user, own in zip(people, tokens, strict=True):
        assert await current_user(auth, own.access_token) == user
    forged = issue_token(people[0].id)  # signed with a key that this service does not know
    for token in (None, "", "nonsense", tokens[0].refresh_token, forged):
        with pytest.raises(UnauthenticatedError):
            await current_user(auth, token)


async def test_a_token_of_an_account_that_is_gone_is_refused(auth: AuthStub, database: Database) -> None:
    email = fresh_email()
    user = await register(auth, email=email)
    tokens = await log_in(auth, email=email)
    async with database.sessions() as session:
        await session.execute(sa.delete(users).where(users.c.id == user.id))
        await session.commit()
    with pytest.raises(UnauthenticatedError) as gone:
        await current_user(auth, tokens.access_token)
    assert gone.value.reason == "ACCOUNT_GONE"
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, tokens.refresh_token)


async def test_logging_out_ends_one_session_alone_and_may_be_repeated(auth: AuthStub) -> None:
    email, stranger = fresh_email(), fresh_email()
    for address in (email, stranger):
        await register(auth, email=address)
    phone, laptop, other = (
        await log_in(auth, email=email),
        await log_in(auth, email=email),
        await log_in(auth, email=stranger),
    )
    spent = phone.refresh_token
    live = (await refresh(auth, spent)).refresh_token
    for token in (spent, live, "never handed out", ""):  # any token of the session ends it
        await log_out(auth, token)
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, live)
    for untouched in (laptop, other):
        assert (await refresh(auth, untouched.refresh_token)).refresh_token


async def test_tabs_that_race_get_the_same_successor(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email)
    tokens = await log_in(auth, email=email)
    answers = await asyncio.gather(*(refresh(auth, tokens.refresh_token) for _ in range(8)))
    assert len({answer.refresh_token for answer in answers}) == 1
    assert len({answer.access_token for answer in answers}) == 8
    assert (await refresh(auth, answers[0].refresh_token)).refresh_token != answers[0].refresh_token


async def test_the_database_alone_reveals_neither_passwords_nor_tokens(auth: AuthStub, database: Database) -> None:
    email = fresh_email()
    user = await register(auth, email=email)
    handed_out = [(await log_in(auth, email=email)).refresh_token]
    for _ in range(2):
        handed_out.append((await refresh(auth, handed_out[-1])).refresh_token)
    async with database.sessions() as session:
        rows = [
            bytes(value) if isinstance(value, bytes) else str(value).encode()
            for table in store.metadata.sorted_tables
            for row in await session.execute(sa.select(table))
            for value in row
        ]
    assert any(user.id.encode() in value for value in rows)
    for secret in (PASSWORD, *handed_out):
        assert not any(secret.encode() in value for value in rows)


@pytest.mark.parametrize("token", ["", "never handed out", "\N{SNOWMAN}" * 1000])
async def test_an_unknown_refresh_token_is_refused(auth: AuthStub, token: str) -> None:
    with pytest.raises(ServiceError) as refused:
        await refresh(auth, token)
    assert refused.value.reason == "SESSION_ENDED"
