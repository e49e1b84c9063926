"""Who calls too often is told when to come back; the counting never stands in the way by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from limits.errors import StorageError
from pydantic import ValidationError

from gateway.admission import network_of
from gateway.limits import Limiter, LimitReachedError
from gateway.redis_store import AWAY_SECONDS
from servicekit.errors import NotFoundError
from servicekit.identity import Caller
from servicekit.rights import Scope

LOGIN = {"email": "a@b.example", "password": "long enough it is"}


class Nobody:
    """Stands in for the auth service, and knows no account."""

    def __getattr__(self, method: str) -> Any:
        async def answer(request: object, timeout: float | None = None) -> object:
            raise NotFoundError("There is no such account.")

        return answer


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


async def test_when_the_store_is_away_everybody_is_let_through_and_it_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, asked = [100.0], []
    limiter = Limiter("memory://", monotonic=lambda: now[0])

    async def away(*_: object) -> bool:
        asked.append(now[0])
        raise StorageError(ConnectionError("no route"))

    with monkeypatch.context() as patched:
        patched.setattr(limiter._strategy, "hit", away)
        with structlog.testing.capture_logs() as lines:
            allowed = [await limiter.take("1/minute", "a") for _ in range(3)]
    now[0] += AWAY_SECONDS

    assert allowed == [None, None, None]
    assert asked == [100.0]
    assert [line["event"] for line in lines] == ["limits_not_counted"]
    assert await limiter.take("1/minute", "a") is not None


@pytest.mark.parametrize("figures", ["", "many", "10", "10/fortnight"])
def test_figures_that_cannot_be_read_stop_the_start(make_api: Callable[..., FastAPI], figures: str) -> None:
    with pytest.raises(ValidationError, match="limit_read"):
        make_api(limit_read=figures)


async def test_the_answers_say_what_is_left_and_when_to_come_back(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api(limit_read="2/minute"))

    answers = [await client.get("/v1/me") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"2"}
    assert answers[2].json()["reason"] == "RATE_LIMITED"
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert answers[2].headers["retry-after"] == answers[2].headers["ratelimit-reset"]


async def test_a_body_that_is_not_right_is_counted_too(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    client = open_client(make_api(limit_letter="1/minute"))

    answers = [await client.post("/v1/auth/register", content=b"{not json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [400, 429]


async def test_accounts_keys_and_addresses_are_counted_apart(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    key = Caller("user", "key", "for a key", scopes=frozenset({Scope.ACCOUNT_READ}))
    client = open_client(make_api(limit_read="1/minute", parts={"auth": Nobody()}, callers={"for_a_key": key}))

    async def statuses(**headers: str) -> list[int]:
        return [(await client.get("/v1/me", headers=headers)).status_code for _ in range(2)]

    assert await statuses() == [401, 429]
    assert await statuses(authorization="Bearer good") == [404, 429]
    assert await statuses(authorization="Bearer for_a_key") == [404, 429]
    assert await statuses(authorization="Bearer made up") == [429, 429]


async def test_the_classes_are_counted_apart(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    client = open_client(make_api(limit_read="1/minute", parts={"auth": Nobody()}))
    good = {"authorization": "Bearer good"}

    read = [(await client.get("/v1/me", headers=good)).status_code for _ in range(2)]
    written = (await client.patch("/v1/me", headers=good, json={"display_name": "Fox"})).status_code

    assert (read, written) == ([404, 429], 404)


async def test_signing_in_is_counted_by_address_whoever_is_signed_in(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api(limit_sign_in="2/minute", parts={"auth": Nobody()}))

    answers = [
        await client.post("/v1/auth/login", json={**LOGIN, "email": email}, headers=headers)
        for email, headers in (
            ("a@b.example", {}),
            ("c@d.example", {"authorization": "Bearer good"}),
            ("e@f.example", {}),
        )
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 429]


async def test_what_probes_and_caches_ask_for_is_not_counted(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api(limit_read="1/minute"))

    answers = [await client.get("/healthz", headers={"authorization": "Bearer bad"}) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit-limit" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("a-socket", "unknown"),
    ],
)
def test_an_address_stands_for_everybody_who_shares_it(address: str, network: str) -> None:
    assert network_of(address) == network
