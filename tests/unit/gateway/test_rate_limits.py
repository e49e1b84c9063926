"""Who calls too often is told when to come back; the counting never stands in the way by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from limits.errors import StorageError

from gateway.limits import Limiter, LimitReachedError
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import UnauthenticatedError

LOGIN = {"email": "a@b.example", "password": "long enough it is"}


async def test_a_limit_counts_down_and_then_refuses() -> None:
    limiter = Limiter("memory://")

    left = [(await limiter.take("2/minute", "a")) for _ in range(2)]
    with pytest.raises(LimitReachedError) as refused:
        await limiter.take("2/minute", "a")

    assert [allowance.remaining for allowance in left if allowance] == [1, 0]
    assert 1 <= (refused.value.retry_after_seconds or 0) <= 60
    assert (await limiter.take("2/minute", "b")) is not None


async def test_the_tightest_of_several_limits_is_told() -> None:
    allowance = await Limiter("memory://").take("2/minute;100/hour", "a")

    assert allowance is not None
    assert (allowance.limit, allowance.remaining) == (2, 1)


async def test_when_the_store_is_away_everybody_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Limiter("memory://")

    async def away(*_: object) -> bool:
        raise StorageError(ConnectionError("no route"))

    monkeypatch.setattr(limiter._strategy, "hit", away)

    assert await limiter.take("1/minute", "a") is None


async def test_the_answers_say_what_is_left_and_when_to_come_back(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api(limit_general="2/minute"))

    answers = [await client.get("/v1/me") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"2"}
    assert answers[2].json()["reason"] == "RATE_LIMITED"
    assert answers[2].headers["retry-after"] == answers[2].headers["ratelimit-reset"]


async def test_one_person_does_not_use_up_what_another_behind_the_same_address_has(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api(limit_general="1/minute"))

    nobody = [(await client.get("/v1/me")).status_code for _ in range(2)]
    somebody = await client.get("/v1/analytics/overview?start=soon", headers={"authorization": "Bearer good"})

    assert nobody == [401, 429]
    assert somebody.status_code == 400


class NobodyIsKnown:
    """Stands in for the auth service."""

    async def LogIn(self, request: auth_pb2.LogInRequest) -> auth_pb2.LogInResponse:
        raise UnauthenticatedError("no", reason="WRONG_CREDENTIALS")


async def test_signing_in_is_limited_by_address_and_by_account(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    by_address = open_client(make_api(limit_sign_in="1/minute", parts={"auth": NobodyIsKnown()}))
    by_account = open_client(make_api(limit_sign_in_account="1/minute", parts={"auth": NobodyIsKnown()}))

    async def statuses(client: Any, *emails: str) -> list[int]:
        return [(await client.post("/v1/auth/login", json={**LOGIN, "email": email})).status_code for email in emails]

    assert await statuses(by_address, "a@b.example", "c@d.example") == [401, 429]
    assert await statuses(by_account, "a@b.example", "c@d.example", " A@B.example") == [401, 401, 429]
