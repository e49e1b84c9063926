"""The family of a session's refresh tokens against a model of it, on a real database, with races and clocks that jump."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from system.accounts import make_account

from servicekit.database import Database
from servicekit.errors import UnauthenticatedError
from servicekit.vault import Vault
from services.auth.domain.session import Lifetimes
from services.auth.keys import AccessTokens, SigningKeys, new_signing_key
from services.auth.settings import AuthSettings
from services.auth.store import Store
from services.auth.store.tables import refresh_tokens, sessions
from services.auth.tokens import hash_of
from services.auth.use_cases.forgetting import Forgetting
from services.auth.use_cases.sessions import Sessions

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRACE = timedelta(seconds=20)
IDLE = timedelta(days=14)
WHOLE = timedelta(days=90)
JUMPS = [timedelta(seconds=seconds) for seconds in (0.5, 10, 20, 21, 600, -1, -15, -25, -3600)] + [
    timedelta(days=days) for days in (1, 13, 15, 60)
]

Result = TypeVar("Result")


class MovableClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """The service's use cases on the real database, callable from the thread in which the machine runs."""

    settings: AuthSettings
    sessions: Sessions
    forgetting: Forgetting
    database: Database
    clock: MovableClock
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    async def sign_in(self) -> str:
        """Opens a session of a new account and returns its first token."""
        user = await make_account(self.settings)
        async with self.sessions.stores() as store:
            opened = await self.sessions.open(store, user, method="password", device_token="")
            await store.commit()
        return opened.tokens.refresh_token

    async def refresh(self, token: str) -> str | None:
        """Returns the next token, or None when the session is over."""
        try:
            return (await self.sessions.refresh(token)).refresh_token
        except UnauthenticatedError as error:
            if error.reason != "SESSION_ENDED":
                raise
            return None

    async def live_tokens(self, session_id: str) -> list[bytes]:
        live = (
            sa.select(refresh_tokens.c.hash)
            .join(sessions, sessions.c.id == refresh_tokens.c.session_id)
            .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None), refresh_tokens.c.spent_at.is_(None))
        )
        async with self.database.sessions() as session:
            return list((await session.execute(live)).scalars())

    async def session_of(self, token: str) -> str:
        query = sa.select(refresh_tokens.c.session_id).where(refresh_tokens.c.hash == hash_of(token))
        async with self.database.sessions() as session:
            found: str = (await session.execute(query)).scalar_one()
            return found


@dataclass
class Held:
    """What the model knows of a token."""

    text: str
    expires_at: datetime
    spent_at: datetime | None = None
    successor: str | None = None  # None once it was forgotten
    forgotten: bool = False


class TokenFamily(RuleBasedStateMachine):
    world: World

    @initialize()
    def sign_in(self) -> None:
        self.world.clock.now = START
        first = self.world.run(self.world.sign_in())
        self.session_id = self.world.run(self.world.session_of(first))
        self.ends_at = START + WHOLE
        self.over = False
        self.held = [Held(first, START + IDLE)]

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    def expect(self, token: Held) -> str:
        """Says what must follow when a token is presented now, in the model's own words."""
        if self.over or token.forgotten or self.now >= self.ends_at:
            return "refused"
        if token.spent_at is not None:
            within_grace = -GRACE <= self.now - token.spent_at <= GRACE
            return "same again" if within_grace and token.successor is not None else "ends the session"
        return "refused" if self.now >= token.expires_at else "next"

    def take(self, token: Held, expected: str, answers: list[str | None]) -> None:
        """Checks the answers to one token, presented once or more, and carries the model on."""
        assert len(set(answers)) == 1, "racing requests got different answers"
        answer = answers[0]
        match expected:
            case "next":
                assert answer is not None
                assert answer not in {held.text for held in self.held}
                token.spent_at, token.successor = self.now, answer
                self.held.append(Held(answer, min(self.now + IDLE, self.ends_at)))
            case "same again":
                successor = next(held for held in self.held if held.text == token.successor)
                assert answer == (None if successor.forgotten else token.successor)
            case "ends the session":
                assert answer is None
                self.over = True
            case "refused":
                assert answer is None

    @rule(jump=st.sampled_from(JUMPS))
    def the_clock_jumps(self, jump: timedelta) -> None:
        self.world.clock.now += jump

    @rule(times=st.integers(1, 4))
    def the_newest_token_is_presented(self, times: int) -> None:
        self.present(self.held[-1], times)

    @rule(data=st.data(), times=st.integers(1, 4))
    def any_token_is_presented(self, data: st.DataObject, times: int) -> None:
        self.present(data.draw(st.sampled_from(self.held), "token"), times)

    def present(self, token: Held, times: int) -> None:
        expected = self.expect(token)

        async def all_at_once() -> list[str | None]:
            return await asyncio.gather(*(self.world.refresh(token.text) for _ in range(times)))

        self.take(token, expected, self.world.run(all_at_once()))

    @precondition(lambda self: len(self.held) > 1)
    @rule(data=st.data())
    def a_thief_races_the_owner(self, data: st.DataObject) -> None:
        stolen, own = data.draw(st.sampled_from(self.held[:-1]), "stolen"), self.held[-1]
        if self.expect(stolen) != "ends the session":
            return

        async def both() -> tuple[str | None, str | None]:
            return await asyncio.gather(self.world.refresh(stolen.text), self.world.refresh(own.text))

        for_thief, _ = self.world.run(both())
        assert for_thief is None
        self.over = True

    @rule(token=st.data())
    def the_owner_logs_out(self, token: st.DataObject) -> None:
        chosen = token.draw(st.sampled_from(self.held), "token")
        if token.draw(st.integers(0, 9), "seldom") > 0:
            return
        self.world.run(self.world.sessions.log_out(chosen.text))
        self.over = self.over or not chosen.forgotten

    @rule()
    def the_service_forgets_what_is_over(self) -> None:
        self.world.run(self.world.forgetting.forget_what_is_over())
        for held in self.held:
            held.forgotten = held.forgotten or held.expires_at < self.now
            if held.spent_at is not None and held.spent_at < self.now - GRACE:
                held.successor = None

    @invariant()
    def at_most_one_token_is_live(self) -> None:
        live = self.world.run(self.world.live_tokens(self.session_id))
        assert len(live) <= 1
        if self.over:
            assert live == []


class TwoClients(RuleBasedStateMachine):
    """Two holders of the same session: two tabs, or its owner and a thief. Each goes on with what it was answered last."""

    world: World

    @initialize()
    def one_session_is_held_twice(self) -> None:
        self.world.clock.now = START
        first = self.world.run(self.world.sign_in())
        self.session_id = self.world.run(self.world.session_of(first))
        self.holds = [first, first]
        self.successors: dict[str, str] = {}
        self.over = False

    @rule(jump=st.sampled_from(JUMPS))
    def the_clock_jumps(self, jump: timedelta) -> None:
        self.world.clock.now += jump

    @rule(who=st.sampled_from([(0,), (1,), (0, 1), (1, 0), (0, 0, 1, 1)]), lost=st.sets(st.integers(0, 1)))
    def clients_refresh(self, who: tuple[int, ...], lost: set[int]) -> None:
        """They do so at once; of an answer that was lost on its way the client knows nothing."""
        shown = [(client, self.holds[client]) for client in who]

        async def all_at_once() -> list[str | None]:
            return await asyncio.gather(*(self.world.refresh(token) for _, token in shown))

        for (client, token), answer in zip(shown, self.world.run(all_at_once()), strict=True):
            if answer is None:
                continue
            assert not self.over, "a session that had ended went on"
            assert self.successors.setdefault(token, answer) == answer, "the family forked"
            if client not in lost:
                self.holds[client] = answer

    @rule()
    def the_service_forgets_what_is_over(self) -> None:
        self.world.run(self.world.forgetting.forget_what_is_over())

    @invariant()
    def one_family_lives_at_most(self) -> None:
        live = self.world.run(self.world.live_tokens(self.session_id))
        assert len(live) <= 1
        self.over = self.over or live == []


@asynccontextmanager
async def world_on(configured: AuthSettings) -> AsyncIterator[World]:
    clock, database = MovableClock(), Database(configured, schema="auth")
    stores = partial(Store, database, clock=clock)
    vault = Vault(configured.vault_keys, setting="LINKAROOIE_AUTH_VAULT_KEYS")
    keys = SigningKeys(vault, clock=clock)
    keys.replace([new_signing_key(vault, signs_from=START - timedelta(days=1000))])
    lifetimes = Lifetimes(session=WHOLE, refresh_idle=IDLE, reuse_grace=GRACE)
    open_sessions = Sessions(stores, AccessTokens(keys, "test", timedelta(minutes=10)), lifetimes, clock)
    forgetting = Forgetting(stores, lifetimes, clock)
    try:
        yield World(configured, open_sessions, forgetting, database, clock, asyncio.get_running_loop())
    finally:
        await database.stop()


@pytest.mark.parametrize("machine", [TokenFamily, TwoClients])
async def test_a_session_is_one_family_of_which_one_token_lives_whoever_presents_which_when(
    machine: type[RuleBasedStateMachine], auth_settings: Callable[..., AuthSettings]
) -> None:
    async with world_on(auth_settings()) as world:
        await asyncio.to_thread(
            run_state_machine_as_test,
            type(machine.__name__, (machine,), {"world": world}),
            settings=settings(
                max_examples=20,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )


async def test_a_token_used_again_after_the_grace_ends_the_session_for_whoever_holds_the_live_one(
    auth_settings: Callable[..., AuthSettings],
) -> None:
    async with world_on(auth_settings()) as world:
        first = await world.sign_in()
        second = await world.refresh(first)
        assert second is not None
        world.clock.now += GRACE
        assert await world.refresh(first) == second
        world.clock.now += timedelta(seconds=1)
        assert await world.refresh(first) is None
        assert await world.refresh(second) is None
