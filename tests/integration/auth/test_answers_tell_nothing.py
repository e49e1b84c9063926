"""Nothing that a stranger can see or measure tells whether an address has an account."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import PASSWORD, AuthStub, account, ask_for_account, call, fresh_email, log_in

from linkarooie.auth.v1 import auth_pb2
from servicekit.database import Database
from servicekit.errors import UnauthenticatedError
from servicekit.identity import Client, calling_from
from servicekit.ids import utc_now
from servicekit.vault import Vault
from services.auth.passwords import HashCost, Passwords
from services.auth.settings import AuthSettings
from services.auth.store import Store
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.passwords import NewPasswords
from services.auth.use_cases.registration import Registration
from services.auth.use_cases.sign_in import SignIn

ROUNDS = 40
# Beside the noise of a busy machine: a hash, a query or a commit more would double the time of most of these.
FACTOR = 1.5


async def fail_to_log_in(auth: AuthStub, email: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await log_in(auth, email=email, password="not the password")


async def register(auth: AuthStub, email: str) -> None:
    await ask_for_account(auth, email=email)


async def ask_for_reset(auth: AuthStub, email: str) -> None:
    await call(auth, "RequestPasswordReset", auth_pb2.RequestPasswordResetRequest(email=email))


@pytest.mark.parametrize("ask", [fail_to_log_in, register, ask_for_reset])
async def test_how_long_an_answer_takes_does_not_tell(
    ask: Callable[[AuthStub, str], Awaitable[None]], auth: AuthStub
) -> None:
    known = [(await account()).email for _ in range(ROUNDS)]
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number, email in enumerate(known):
        pair = [(True, email), (False, fresh_email())]
        for is_known, address in pair if number % 2 else reversed(pair):
            started = time.perf_counter()
            await ask(auth, address)
            seconds[is_known].append(time.perf_counter() - started)
    ratio = median(seconds[True]) / median(seconds[False])
    assert 1 / FACTOR < ratio < FACTOR, f"known addresses take {ratio:.2f} times as long"


@dataclass
class Watched:
    """The use cases with every statement that they send."""

    sign_in: SignIn
    registration: Registration
    new_passwords: NewPasswords
    statements: list[str]

    async def fail_to_log_in(self, email: str) -> None:
        with pytest.raises(UnauthenticatedError):
            await self.sign_in.log_in(email=email, password="not the password", device_token="")

    async def register(self, email: str) -> None:
        await self.registration.request(email=email, password=PASSWORD, display_name="Ada")

    async def ask_for_reset(self, email: str) -> None:
        await self.new_passwords.request_reset(email)


async def no_time(_seconds: float) -> None:
    """Stands in for the delay of an account that many places try."""


@asynccontextmanager
async def watched(settings: AuthSettings, database: Database) -> AsyncIterator[Watched]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    passwords = Passwords(HashCost(memory_kib=64, time_cost=1, parallelism=1), threads=1, max_waiting=1)
    letters = Letters(Vault(settings.letter_keys, setting="LINKAROOIE_LETTER_KEYS"), utc_now)
    stores = partial(Store, database)
    nobody_gets_that_far: Any = None
    await passwords.start()
    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield Watched(
            SignIn(stores, passwords, nobody_gets_that_far, utc_now, sleep=no_time),
            Registration(stores, letters, passwords, (), utc_now),
            NewPasswords(stores, letters, passwords, (), utc_now),
            statements,
        )
    finally:
        sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        await passwords.stop()


@pytest.mark.parametrize("ask", [Watched.fail_to_log_in, Watched.register, Watched.ask_for_reset])
async def test_the_same_statements_are_sent_for_every_address(
    ask: Callable[[Watched, str], Awaitable[None]], auth_settings: Callable[..., AuthSettings], database: Database
) -> None:
    async with watched(auth_settings(), database) as world:
        sent: list[list[str]] = []
        for email in ((await account()).email, fresh_email()):
            world.statements.clear()
            for number in range(12):  # also when letters or lines of the trail come to an end
                with calling_from(Client(address=f"198.18.{number}.1")):
                    await ask(world, email)
            sent.append(list(world.statements))
        assert sent[0]
        assert sent[0] == sent[1]
