"""A page of another site cannot change anything with the cookies of its visitor."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from linkarooie.auth.v1 import auth_pb2
from servicekit.rights import ROUTES

COOKIE = {"cookie": "__Host-linkarooie-access=good"}
OTHERS = {"origin": "https://elsewhere.example"}
OURS = {"origin": "https://pictures.example"}


class Sent:
    """Stands in for the auth service."""

    def __init__(self) -> None:
        self.letters = 0

    async def RequestPasswordReset(
        self, request: auth_pb2.RequestPasswordResetRequest
    ) -> auth_pb2.RequestPasswordResetResponse:
        self.letters += 1
        return auth_pb2.RequestPasswordResetResponse()


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
        ({"origin": "https://["}, False),
        ({"origin": "https://testserver"}, True),
        ({"origin": "http://testserver"}, False),
        ({"origin": "http://pictures.example"}, False),
        ({"origin": "https://pictures.example.elsewhere.example"}, False),
        (COOKIE, False),
        ({"cookie": "__Host-linkarooie-device=known"}, False),
        ({"cookie": "__Host-linkarooie-ticket=mine"}, False),
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
    auth = Sent()
    answer = await open_client(make_api(parts={"auth": auth})).post(
        "/v1/auth/password/forgot", headers=headers, json={"email": "fox@example.com"}
    )

    assert (answer.status_code, auth.letters) == ((202, 1) if allowed else (403, 0))
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


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8080", "http://localhost:8080", "https://testserver", "http://testserver"]
)
async def test_where_the_public_address_is_plain_http_the_name_that_the_browser_uses_is_enough(
    make_api: Callable[..., FastAPI], open_client: Any, origin: str
) -> None:
    client = open_client(make_api(parts={"auth": Sent()}, public_url="http://127.0.0.1:8080"))
    host = origin.partition("//")[2]

    answer = await client.post(
        "/v1/auth/password/forgot", headers={"origin": origin, "host": host}, json={"email": "fox@example.com"}
    )

    assert answer.status_code == 202


async def test_behind_a_proxy_that_ends_tls_our_pages_are_known_by_the_public_address(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api(parts={"auth": Sent()}))  # reached by plain http, under a name of the inner network

    answer = await client.post(
        "/v1/auth/password/forgot",
        headers={"origin": "https://pictures.example", "host": "gateway.internal:8080", "x-forwarded-proto": "https"},
        json={"email": "fox@example.com"},
    )

    assert answer.status_code == 202


async def test_no_unsafe_route_with_cookies_takes_a_request_of_another_site(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api())
    unsafe = [line.split(" ") for line in ROUTES if line.split(" ")[0] not in ("GET", "HEAD")]

    refused = [
        await client.request(method, path.replace("{", "").replace("}", ""), headers={**COOKIE, **OTHERS})
        for method, path in unsafe
    ]

    assert len(refused) > 20
    assert {(answer.status_code, answer.json()["reason"]) for answer in refused} == {(403, "CROSS_SITE")}


@pytest.mark.parametrize(
    "written", ["https://Pictures.example", "https://pictures.example:443", "https://pictures.example/"]
)
async def test_the_public_address_may_be_written_as_people_write_it(
    make_api: Callable[..., FastAPI], open_client: Any, written: str
) -> None:
    client = open_client(make_api(parts={"auth": Sent()}, public_url=written))

    answer = await client.post("/v1/auth/password/forgot", headers=OURS, json={"email": "fox@example.com"})

    assert answer.status_code == 202
