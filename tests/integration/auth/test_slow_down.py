"""Slowing down who guesses, on the real service."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import (
    FIREFOX,
    PASSWORD,
    AuthStub,
    RunAuth,
    account,
    activities,
    coming_from,
    fresh_email,
    log_in,
    sign_in,
)

from linkarooie.auth.v1 import auth_pb2
from servicekit.database import Database
from servicekit.errors import ServiceError, TooManyRequestsError, UnauthenticatedError
from servicekit.ids import new_id, utc_now
from services.auth.domain.throttle import FORGOTTEN_AFTER, sign_in_attempt
from services.auth.passwords import HashCost, Passwords
from services.auth.store import Store
from services.auth.store.tables import throttles
from services.auth.use_cases.sign_in import SignIn

WRONG = "not the password"


def somewhere(number: int) -> str:
    """Returns an address in a network that no other test has."""
    return f"2001:db8:{number:x}::1"


async def refusal(auth: AuthStub, email: str, password: str = WRONG, **told: Any) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        await sign_in(auth, email=email, password=password, **told)
    return refused.value


@pytest.mark.parametrize("known", [True, False])
async def test_who_fails_again_and_again_is_told_how_long_to_wait_account_or_not(auth: AuthStub, known: bool) -> None:
    email = (await account()).email if known else fresh_email()
    place = coming_from(somewhere(1))
    reasons = [(await refusal(auth, email, metadata=place)).reason for _ in range(6)]
    assert reasons == ["WRONG_CREDENTIALS"] * 6
    slowed = await refusal(auth, email, PASSWORD, metadata=place)  # the right one as well
    assert isinstance(slowed, TooManyRequestsError)
    assert (slowed.reason, slowed.retry_after_seconds) == ("SLOW_DOWN", 2)
    assert "Wait 2 seconds" in slowed.message


async def test_the_owner_signs_in_from_elsewhere_while_an_attacker_waits(auth: AuthStub) -> None:
    user = await account()
    attacker = coming_from(somewhere(2))
    for _ in range(6):
        await refusal(auth, user.email, metadata=attacker)
    assert (await refusal(auth, user.email, metadata=attacker)).reason == "SLOW_DOWN"
    assert (await log_in(auth, email=user.email, metadata=coming_from(somewhere(3)))).access_token


async def test_a_known_device_is_slowed_down_by_its_own_failures_alone(auth: AuthStub) -> None:
    user = await account()
    place = coming_from(somewhere(4), FIREFOX)
    device = (await sign_in(auth, email=user.email, metadata=place)).device_token
    for _ in range(6):  # a neighbour in the same network
        await refusal(auth, user.email, metadata=place)
    assert (await refusal(auth, user.email, PASSWORD, metadata=place)).reason == "SLOW_DOWN"
    assert (await sign_in(auth, email=user.email, device_token=device, metadata=place)).tokens.access_token
    for _ in range(6):
        await refusal(auth, user.email, device_token=device, metadata=place)
    assert (await refusal(auth, user.email, PASSWORD, device_token=device, metadata=place)).reason == "SLOW_DOWN"


async def test_the_device_of_another_account_is_no_known_device(auth: AuthStub) -> None:
    ada, mallory = await account(), await account()
    place = coming_from(somewhere(5))
    device = (await sign_in(auth, email=mallory.email, metadata=place)).device_token
    for _ in range(6):
        await refusal(auth, ada.email, device_token=device, metadata=place)
    assert (await refusal(auth, ada.email, metadata=place)).reason == "SLOW_DOWN"


async def test_a_network_that_tries_many_accounts_has_to_wait(auth: AuthStub) -> None:
    place = coming_from(somewhere(6))
    tried = await asyncio.gather(*(_reason(auth, fresh_email(), place) for _ in range(31)))
    assert set(tried) == {"WRONG_CREDENTIALS"}
    assert (await refusal(auth, fresh_email(), metadata=place)).reason == "SLOW_DOWN"


async def _reason(auth: AuthStub, email: str, place: Any) -> str:
    return (await refusal(auth, email, metadata=place)).reason


async def test_a_success_clears_the_count_of_that_place(auth: AuthStub) -> None:
    user = await account()
    place = coming_from(somewhere(7))
    for _ in range(2):
        for _ in range(5):
            assert (await refusal(auth, user.email, metadata=place)).reason == "WRONG_CREDENTIALS"
        assert (await log_in(auth, email=user.email, metadata=place)).access_token


async def test_failures_are_counted_by_all_replicas_together(run_auth: RunAuth) -> None:
    user, place = await account(), coming_from(somewhere(8))
    async with run_auth() as one, run_auth() as two:
        for auth in (one, two) * 3:
            await refusal(auth, user.email, metadata=place)
        for auth in (one, two):
            assert (await refusal(auth, user.email, metadata=place)).reason == "SLOW_DOWN"


async def test_failures_that_race_are_all_counted(auth: AuthStub, database: Database) -> None:
    email, address = fresh_email(), somewhere(9)
    await asyncio.gather(*(_reason(auth, email, coming_from(address)) for _ in range(8)))
    attempt = sign_in_attempt(email.lower(), address=address)
    counted = sa.select(throttles.c.failures).where(throttles.c.key.in_(attempt.keys))
    async with database.sessions() as session:
        assert list((await session.execute(counted)).scalars()) == [8, 8, 8]


async def test_the_owner_sees_who_tried_and_a_flood_does_not_fill_the_trail(auth: AuthStub) -> None:
    user = await account()
    for number in range(11):
        await refusal(auth, user.email, metadata=coming_from(f"198.51.{number}.7", "curl/8.1"))
    own = await log_in(auth, email=user.email)
    failed = [
        line
        for line in await activities(auth, own.access_token)
        if line.action == auth_pb2.ACTIVITY_ACTION_SIGN_IN_FAILED
    ]
    assert len(failed) == 10
    assert {(line.actor, line.device) for line in failed} == {(auth_pb2.ACTOR_UNKNOWN, "curl/8.1")}
    assert [line.address for line in failed] == [f"198.51.{number}.7" for number in reversed(range(10))]


async def test_an_account_that_many_places_try_answers_later(database: Database) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    email = fresh_email()
    account_key = sign_in_attempt(email.lower(), address="").account
    async with database.sessions() as session:
        failed = {"key": account_key, "failures": 15, "last_failed_at": utc_now()}
        await session.execute(throttles.insert().values(**failed))
        await session.commit()
    passwords = Passwords(HashCost(memory_kib=64, time_cost=1, parallelism=1), threads=1, max_waiting=1)
    await passwords.start()
    nobody_gets_that_far: Any = None
    service = SignIn(lambda: Store(database), passwords, nobody_gets_that_far, utc_now, sleep)
    with pytest.raises(UnauthenticatedError):
        await service.log_in(email=email, password=WRONG, device_token="")
    await passwords.stop()
    assert slept == [2.5]


async def test_a_count_starts_anew_after_an_hour_of_peace(database: Database) -> None:
    async def count(key: bytes, *, at: datetime) -> int:
        async with Store(database) as store:
            counted = await store.count_failure([key], at=at)
            await store.commit()
        return counted[key].failures

    key, now = new_id().encode(), utc_now()
    assert [await count(key, at=now) for _ in range(3)] == [1, 2, 3]
    assert await count(key, at=now + FORGOTTEN_AFTER - timedelta(seconds=1)) == 4
    assert await count(key, at=now + 2 * FORGOTTEN_AFTER - timedelta(seconds=1)) == 1
