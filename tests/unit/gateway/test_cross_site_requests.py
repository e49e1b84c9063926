"""A page of another site cannot change anything with the cookies of its visitor."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from gateway.routes import V1_RULES

COOKIE = {"cookie": "__Host-linkarooie-access=good"}
OTHERS = {"origin": "https://elsewhere.example"}
OURS = {"origin": "https://pictures.example"}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", **OURS}, False),
        (OURS, True),
        (OTHERS, False),
        ({"origin": "null"}, False),
        ({"origin": "http://testserver"}, True),
        (COOKIE, False),
        ({**COOKIE, **OURS}, True),
        ({**COOKIE, **OTHERS}, False),
        ({**COOKIE, "sec-fetch-site": "same-origin"}, True),
        ({**COOKIE, "sec-fetch-site": "cross-site"}, False),
        ({"authorization": "Bearer good"}, True),
        ({"authorization": "Bearer good", **COOKIE}, True),
    ],
)
async def test_only_our_pages_and_programs_change_things(
    make_api: Callable[..., FastAPI], open_client: Any, headers: dict[str, str], allowed: bool
) -> None:
    api = make_api()

    async def changed() -> str:
        return "changed"

    api.add_api_route("/v1/change", changed, methods=["POST"], dependencies=V1_RULES)
    answer = await open_client(api).post("/v1/change", headers=headers)

    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert answer.json()["reason"] == "CROSS_SITE"


async def test_reading_is_left_to_the_same_origin_policy(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    answer = await open_client(make_api()).get("/v1/me", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 401  # not signed in, which is all that is wrong with it


async def test_no_other_origin_is_ever_let_in(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    answer = await open_client(make_api()).options(
        "/v1/me", headers={"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
    )

    assert "access-control-allow-origin" not in answer.headers
