"""Profiles and notices through the gateway, with the real services behind it."""

from collections.abc import Callable
from typing import Any

import httpx2


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
