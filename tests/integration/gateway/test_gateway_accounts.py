"""Accounts, sessions and profiles through the gateway, with the real auth and profile services behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from gateway_people import Person

from servicekit.ids import new_id

SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


@asynccontextmanager
async def browser_of(gateway: str, person: Person) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser in which somebody has signed in: all it has are its cookies."""
    async with httpx2.AsyncClient(base_url=gateway, headers=SAME_ORIGIN) as browser:
        answer = await browser.post("/v1/auth/login", json={"email": person.email, "password": person.password})
        assert answer.status_code == 200
        yield browser


async def test_a_new_account_is_told_back_without_its_password(http: httpx2.AsyncClient) -> None:
    email = f"{new_id()}@example.com"

    answer = await http.post(
        "/v1/auth/register", json={"email": email, "password": "correct horse battery", "display_name": "Fox Fable"}
    )

    assert answer.status_code == 201
    assert answer.json().items() >= {"email": email, "display_name": "Fox Fable"}.items()
    assert set(answer.json()) == {"id", "email", "display_name", "created_at"}
    assert answer.json()["created_at"].endswith("Z")


async def test_what_the_auth_service_refuses_names_its_field(http: httpx2.AsyncClient) -> None:
    answer = await http.post(
        "/v1/auth/register", json={"email": "fox@example.com", "password": "short", "display_name": "Fox"}
    )

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]


async def test_an_address_can_have_one_account(http: httpx2.AsyncClient, person: Person) -> None:
    answer = await http.post(
        "/v1/auth/register", json={"email": person.email, "password": "correct horse battery", "display_name": "Fox"}
    )

    assert (answer.status_code, answer.json()["reason"]) == (409, "EMAIL_TAKEN")


async def test_a_wrong_password_is_a_401(http: httpx2.AsyncClient, person: Person) -> None:
    answer = await http.post("/v1/auth/login", json={"email": person.email, "password": "not the one at all"})

    assert (answer.status_code, answer.json()["reason"]) == (401, "WRONG_CREDENTIALS")
    assert "set-cookie" not in answer.headers


async def test_the_token_and_the_cookie_open_the_same_account(
    gateway: str, api: httpx2.AsyncClient, person: Person
) -> None:
    by_token = await api.get("/v1/me")
    async with browser_of(gateway, person) as browser:
        by_cookie = await browser.get("/v1/me")

    assert by_token.json()["id"] == by_cookie.json()["id"] == person.id


async def test_a_browser_goes_on_with_its_refresh_cookie_until_it_signs_out(gateway: str, person: Person) -> None:
    async with browser_of(gateway, person) as browser:
        refreshed = await browser.post("/v1/auth/refresh")
        me = await browser.get("/v1/me")
        signed_out = await browser.post("/v1/auth/logout")
        left = dict(browser.cookies)
        again = await browser.post("/v1/auth/refresh", json={"refresh_token": refreshed.cookies["linkarooie-refresh"]})

    assert (refreshed.status_code, me.status_code, signed_out.status_code) == (200, 200, 204)
    assert left == {}
    assert (again.status_code, again.json()["reason"]) == (401, "SESSION_ENDED")


async def test_a_profile_is_changed_only_as_it_was_read(
    api: httpx2.AsyncClient, eventually: Callable[..., Any]
) -> None:
    async def made() -> Any:
        answer = await api.get("/v1/profile")
        return answer if answer.status_code == 200 else None

    read = await eventually(made)
    changed = await api.patch("/v1/profile", json={"bio": "Draws foxes."}, headers={"if-match": read.headers["etag"]})
    stale = await api.patch("/v1/profile", json={"bio": "Draws bears."}, headers={"if-match": read.headers["etag"]})
    whatever = await api.patch("/v1/profile", json={"display_name": "Fox"})

    assert changed.json() == {**read.json(), "bio": "Draws foxes.", "updated_at": changed.json()["updated_at"]}
    assert changed.headers["etag"] != read.headers["etag"]
    assert (stale.status_code, stale.json()["reason"]) == (412, "ETAG_MISMATCH")
    assert (whatever.json()["display_name"], whatever.json()["bio"]) == ("Fox", "Draws foxes.")


async def test_a_change_of_nothing_is_refused_rather_than_read_as_a_change_of_everything(
    api: httpx2.AsyncClient,
) -> None:
    answers = [await api.patch("/v1/profile", json=body) for body in ({}, {"bio": None})]

    assert {(answer.status_code, answer.json()["reason"]) for answer in answers} == {(400, "NO_CHANGE")}


async def test_a_profile_is_shown_to_strangers_only_when_it_is_public(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, eventually: Callable[..., Any]
) -> None:
    async def made() -> Any:
        answer = await api.get("/v1/profile")
        return answer.json() if answer.status_code == 200 else None

    handle = (await eventually(made))["handle"]
    before = await http.get(f"/v1/profiles/{handle}")
    await api.patch("/v1/profile", json={"visibility": "public"})
    after = await http.get(f"/v1/profiles/{handle}")

    assert (before.status_code, after.status_code) == (404, 200)
    assert after.json()["handle"] == handle
    assert "etag" not in after.headers


async def test_notices_are_listed_and_marked_as_read(api: httpx2.AsyncClient) -> None:
    listed = await api.get("/v1/notices")
    read = await api.post("/v1/notices/read", json={})
    none = await api.post("/v1/notices/read", json={"ids": []})

    assert (listed.json()["items"], listed.json()["unread_count"]) == ([], 0)
    assert read.json() == {"unread_count": 0}
    assert none.status_code == 400
