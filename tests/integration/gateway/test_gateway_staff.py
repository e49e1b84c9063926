"""The installation's staff: they find accounts, and the owners see that somebody looked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from gateway_people import Person, reason_of

from servicekit.identity import Role

NO_ID = "0192f0c1-0000-7000-8000-000000000000"


@pytest.fixture
def acting(gateway: str, sign_up: Callable[..., Any]) -> Callable[..., Any]:
    """Opens a client of somebody new with a role."""

    @asynccontextmanager
    async def open_client(role: Role) -> AsyncIterator[httpx2.AsyncClient]:
        somebody = await sign_up(role)
        async with httpx2.AsyncClient(base_url=gateway, headers=somebody.headers) as client:
            yield client

    return open_client


async def test_support_finds_an_account_by_address_or_id_and_its_owner_sees_it(
    acting: Callable[..., Any], api: httpx2.AsyncClient, person: Person
) -> None:
    async with acting(Role.SUPPORT) as support:
        by_email = await support.get("/v1/admin/accounts", params={"email": person.email.upper()})
        by_id = await support.get("/v1/admin/accounts", params={"user_id": person.id})
        trail = await support.get(f"/v1/admin/accounts/{person.id}/activity")
        role = await support.put(f"/v1/admin/accounts/{person.id}/role", json={"role": "admin"})
    seen = (await api.get("/v1/me/activity")).json()["items"]

    assert by_email.json().items() >= {"provider_labels": [], "open_sessions": 1, "api_keys": 0}.items()
    assert by_email.json()["user"] == by_id.json()["user"] == (await api.get("/v1/me")).json()
    assert person.token not in by_email.text
    assert reason_of(trail) == reason_of(role) == (403, "ROLE_MISSING")
    assert [(line["action"], line["actor"]) for line in seen[:2]] == [("looked_up", "staff")] * 2


async def test_an_admin_sees_what_happened_and_gives_roles(
    acting: Callable[..., Any], gateway: str, sign_up: Callable[..., Any]
) -> None:
    somebody: Person = await sign_up()
    async with acting(Role.ADMIN) as admin:
        trail = await admin.get(f"/v1/admin/accounts/{somebody.id}/activity", params={"page_size": 1})
        changed = await admin.put(f"/v1/admin/accounts/{somebody.id}/role", json={"role": "support"})
        wrong = await admin.put(f"/v1/admin/accounts/{somebody.id}/role", json={"role": "king"})
        nobody = [
            await admin.get("/v1/admin/accounts", params={"user_id": NO_ID}),
            await admin.get("/v1/admin/accounts", params={"email": "no@example.com"}),
            await admin.get(f"/v1/admin/accounts/{NO_ID}/activity"),
            await admin.put(f"/v1/admin/accounts/{NO_ID}/role", json={"role": "user"}),
            await admin.get("/v1/admin/accounts/not-an-id/activity"),
        ]
    async with httpx2.AsyncClient(base_url=gateway) as client:
        logged_in = await client.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
        me = await client.get("/v1/me", headers={"authorization": f"Bearer {logged_in.json()['access_token']}"})

    assert len(trail.json()["items"]) == 1
    assert trail.json()["next_page_token"]
    assert (changed.status_code, changed.json()["role"]) == (200, "support")
    assert [error["field"] for error in wrong.json()["errors"]] == ["role"]
    assert {answer.status_code for answer in nobody} == {404}
    assert me.json()["role"] == "support"


@pytest.mark.parametrize("query", [{}, {"email": "fox@example.com", "user_id": NO_ID}], ids=["none", "both"])
async def test_an_account_is_named_in_one_way(acting: Callable[..., Any], query: dict[str, str]) -> None:
    async with acting(Role.SUPPORT) as support:
        answer = await support.get("/v1/admin/accounts", params=query)

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, ["email"])


async def test_nobody_else_gets_in(api: httpx2.AsyncClient, http: httpx2.AsyncClient, person: Person) -> None:
    somebody = await api.get("/v1/admin/accounts", params={"user_id": person.id})
    nobody = await http.get("/v1/admin/accounts", params={"user_id": person.id})

    assert reason_of(somebody) == (403, "ROLE_MISSING")
    assert reason_of(nobody) == (401, "UNAUTHENTICATED")
