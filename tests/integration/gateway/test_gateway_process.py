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
