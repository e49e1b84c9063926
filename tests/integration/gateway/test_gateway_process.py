"""The gateway as a process: its health, its port, its log lines and figures."""

from typing import Any

import httpx2
import pytest
import structlog
from gateway_people import Person, RunGateway
from prometheus_client import REGISTRY

from linkarooie.processes import free_port


async def test_it_is_ready_when_what_it_cannot_work_without_is_there(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok", "problems": []}
    assert (await http.get("/readyz")).json() == {"status": "ok", "problems": []}


async def test_without_the_auth_service_it_lives_but_is_not_ready(run_gateway: RunGateway) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    async with run_gateway(auth_target=nowhere) as url, httpx2.AsyncClient(base_url=url) as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")
        me = await client.get("/v1/me", headers={"authorization": "Bearer a.b.c"})

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "not_ready", "problems": ["auth"]})
    assert (me.status_code, me.json()["reason"]) == (503, "UNAVAILABLE")


async def test_a_port_in_use_is_named_with_the_way_to_another(run_gateway: RunGateway, gateway: str) -> None:
    port = int(gateway.rpartition(":")[2])

    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}.*LINKAROOIE_PORT"):
        async with run_gateway(port=port):
            pass


async def test_a_request_leaves_one_line_and_one_figure_by_its_route_and_no_secret(
    api: httpx2.AsyncClient, person: Person
) -> None:
    labels = {"method": "GET", "route": "/v1/images/{image_id}", "status": "404"}
    before = REGISTRY.get_sample_value("linkarooie_http_seconds_count", labels) or 0

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = await api.get("/v1/images/not-an-id", headers={"cookie": "linkarooie-refresh=a-secret"})
        await api.post("/v1/auth/login", json={"email": person.email, "password": person.password})

    written: list[Any] = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in written] == [
        ("/v1/images/{image_id}", 404),
        ("/v1/auth/login", 200),
    ]
    assert written[0]["request_id"] == answer.headers["x-request-id"] == answer.json()["reference"]
    assert written[0]["user_id"] == person.id
    for secret in (person.password, person.token, person.email, "a-secret"):
        assert secret not in str(lines)
    assert REGISTRY.get_sample_value("linkarooie_http_seconds_count", labels) == before + 1


async def test_a_service_that_is_away_is_told_with_when_to_come_back(run_gateway: RunGateway, person: Person) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    async with run_gateway(sync_target=nowhere) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/v1/syncs", headers=person.headers)

    assert (answer.status_code, answer.json()["reason"]) == (503, "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0


async def test_behind_a_proxy_that_ends_tls_a_browser_signs_in_and_its_own_address_is_known(
    run_gateway: RunGateway, person: Person
) -> None:
    """The proxy speaks plain http to us, under a name of its own network."""
    told_by_the_proxy = {
        "host": "gateway.internal",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "origin": "https://pictures.example",
    }
    credentials = {"email": person.email, "password": person.password}
    settings = {"public_url": "https://pictures.example", "trusted_proxies": ("127.0.0.1",)}
    async with run_gateway(**settings) as url, httpx2.AsyncClient(base_url=url, headers=told_by_the_proxy) as proxy:
        logged_in = await proxy.post("/v1/auth/login", json=credentials)
        kept = {name: value for name, value in logged_in.cookies.items() if name.startswith("__Host-linkarooie-")}
        # The proxy takes them over https and hands them on; a client of ours would hold them back from plain http.
        cookie = "; ".join(f"{name}={value}" for name, value in kept.items())
        sessions = (await proxy.get("/v1/me/sessions", headers={"cookie": cookie})).json()["items"]
        refreshed = await proxy.post("/v1/auth/refresh", headers={"cookie": cookie})

    (here,) = [session for session in sessions if session["current"]]
    assert set(kept) == {f"__Host-linkarooie-{name}" for name in ("access", "refresh", "device")}
    assert here["address"] == "203.0.113.9"
    assert refreshed.status_code == 200


async def test_nobody_but_a_trusted_proxy_says_where_a_call_comes_from(gateway: str, person: Person) -> None:
    async with httpx2.AsyncClient(base_url=gateway, headers={"x-forwarded-for": "203.0.113.9"}) as client:
        await client.post("/v1/auth/login", json={"email": person.email, "password": person.password})
        sessions = (await client.get("/v1/me/sessions")).json()["items"]

    assert {session["address"] for session in sessions} == {"127.0.0.1"}


async def test_a_proxy_that_is_not_trusted_is_told_of_once(run_gateway: RunGateway) -> None:
    forwarded = {"x-forwarded-for": "203.0.113.9"}
    with structlog.testing.capture_logs() as lines:
        async with run_gateway() as url, httpx2.AsyncClient(base_url=url) as client:
            await client.get("/healthz")
            for _ in range(3):
                await client.get("/healthz", headers=forwarded)
        told = [line for line in lines if line["event"] == "proxy_not_trusted"]
    assert len(told) == 1
    assert "LINKAROOIE_GATEWAY_TRUSTED_PROXIES" in told[0]["hint"]
