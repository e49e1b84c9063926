"""API keys are exchanged seldom, refused at once, and remembered no longer than is safe."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from gateway import credentials
from gateway.credentials import KEPT_SECONDS, REFUSAL_KEPT_SECONDS, Credentials
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import UnauthenticatedError, UnavailableError
from servicekit.identity import Caller
from servicekit.protobuf import timestamp


class Auth:
    """Stands in for the auth service: hands out a token of its own at each exchange, while `gate` is open."""

    def __init__(self, now: datetime) -> None:
        self.asked: list[str] = []
        self.refusal: Exception | None = None
        self.expires = now + timedelta(minutes=5)
        self.gate = asyncio.Event()
        self.gate.set()

    async def ExchangeApiKey(self, request: auth_pb2.ExchangeApiKeyRequest) -> auth_pb2.ExchangeApiKeyResponse:
        self.asked.append(request.api_key)
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        return auth_pb2.ExchangeApiKeyResponse(
            access_token=f"token {len(self.asked)}", access_expire_time=timestamp(self.expires)
        )


class Verifier:
    """Takes every token but those in `refused`."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def verify(self, token: str) -> Caller:
        if token in self.refused:
            raise UnauthenticatedError("Its session or key was ended.", reason="TOKEN_REVOKED")
        return Caller("user", "key", token, scopes=frozenset())


class World:
    def __init__(self, noon: Callable[[], datetime]) -> None:
        self.now = 1000.0
        self.auth = Auth(noon())
        self.verifier = Verifier()
        self.credentials = Credentials(
            cast("Any", self.auth), cast("Any", self.verifier), clock=noon, monotonic=lambda: self.now
        )

    async def token(self, credential: str = "lnk_mine") -> str:
        return (await self.credentials.caller_of(credential)).token

    async def refusal(self, credential: str = "lnk_mine") -> str:
        with pytest.raises(UnauthenticatedError) as refused:
            await self.credentials.caller_of(credential)
        return refused.value.reason


@pytest.fixture
async def world(noon: Callable[[], datetime]) -> World:
    return World(noon)


async def test_an_access_token_is_verified_and_never_exchanged(world: World) -> None:
    assert await world.token("a.b.c") == "a.b.c"
    assert world.auth.asked == []


async def test_a_key_is_exchanged_once_and_its_token_used_for_a_minute(world: World) -> None:
    first = [await world.token() for _ in range(3)]
    world.now += KEPT_SECONDS
    later = await world.token()

    assert (first, later) == (["token 1"] * 3, "token 2")
    assert world.auth.asked == ["lnk_mine"] * 2


async def test_no_token_is_used_beyond_its_end(world: World, noon: Callable[[], datetime]) -> None:
    world.auth.expires = noon() + timedelta(seconds=20)

    await world.token()
    world.now += 19.9
    before = await world.token()
    world.now += 0.1
    after = await world.token()

    assert (before, after) == ("token 1", "token 2")


async def test_calls_at_the_same_moment_share_one_exchange_and_outlive_who_began_it(world: World) -> None:
    world.auth.gate.clear()
    calls = [asyncio.create_task(world.token()) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.sleep(0)
    world.auth.gate.set()

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == ["token 1"] * 4
    assert len(world.auth.asked) == 1


async def test_a_wrong_key_in_a_loop_is_asked_for_once_every_few_seconds(world: World) -> None:
    world.auth.refusal = UnauthenticatedError("There is no such key.", reason="KEY_UNKNOWN")

    refused = [await world.refusal() for _ in range(10)]
    world.now += REFUSAL_KEPT_SECONDS
    later = await world.refusal()

    assert {*refused, later} == {"KEY_UNKNOWN"}
    assert len(world.auth.asked) == 2


async def test_a_key_that_is_revoked_while_its_token_is_remembered_is_refused_as_revoked(world: World) -> None:
    token = await world.token()
    world.verifier.refused.add(token)
    world.auth.refusal = UnauthenticatedError("This key was revoked.", reason="KEY_REVOKED")

    assert await world.refusal() == "KEY_REVOKED"


async def test_a_token_whose_signing_key_was_thrown_away_is_replaced(world: World) -> None:
    world.verifier.refused.add(await world.token())

    assert await world.token() == "token 2"


async def test_a_token_that_is_refused_as_soon_as_it_is_made_ends_the_call(world: World) -> None:
    world.verifier.refused |= {"token 1", "token 2"}

    assert await world.refusal() == "TOKEN_REVOKED"
    assert len(world.auth.asked) == 2


async def test_that_the_auth_service_is_away_is_not_remembered(world: World) -> None:
    world.auth.refusal = UnavailableError("It does not answer.")
    with pytest.raises(UnavailableError):
        await world.token()
    world.auth.refusal = None

    assert await world.token() == "token 2"


async def test_only_the_keys_used_last_are_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "KEPT_KEYS", 2)

    for key in ("lnk_a", "lnk_b", "lnk_a", "lnk_c", "lnk_a", "lnk_b"):
        await world.token(key)

    assert world.auth.asked == ["lnk_a", "lnk_b", "lnk_c", "lnk_b"]


async def test_calls_at_the_same_moment_with_a_key_that_was_just_revoked_are_all_refused(world: World) -> None:
    world.verifier.refused |= {"token 1", "token 2"}
    world.auth.gate.clear()
    calls = [asyncio.create_task(world.token()) for _ in range(5)]
    await asyncio.sleep(0)
    world.auth.gate.set()

    refused = await asyncio.gather(*calls, return_exceptions=True)

    assert [getattr(error, "reason", error) for error in refused] == ["TOKEN_REVOKED"] * 5
