"""The browser keeps the session where no script and no other host can read it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from fastapi import FastAPI

from linkarooie.auth.v1 import auth_pb2
from servicekit.protobuf import timestamp

LOGIN = {"email": "a@b.example", "password": "long enough it is"}


class OneSession:
    """Stands in for the auth service."""

    def __init__(self, now: datetime) -> None:
        self._tokens = auth_pb2.SessionTokens(
            access_token="an access token",
            access_expire_time=timestamp(now + timedelta(minutes=10)),
            refresh_token="a refresh token",
            refresh_expire_time=timestamp(now + timedelta(days=14)),
        )
        self.refreshed: list[str] = []
        self.ended: list[str] = []

    async def LogIn(self, request: auth_pb2.LogInRequest) -> auth_pb2.LogInResponse:
        return auth_pb2.LogInResponse(signed_in=auth_pb2.SignedIn(tokens=self._tokens, device_token="a device token"))

    async def RefreshSession(self, request: auth_pb2.RefreshSessionRequest) -> auth_pb2.RefreshSessionResponse:
        self.refreshed.append(request.refresh_token)
        return auth_pb2.RefreshSessionResponse(tokens=self._tokens)

    async def LogOut(self, request: auth_pb2.LogOutRequest) -> auth_pb2.LogOutResponse:
        self.ended.append(request.refresh_token)
        return auth_pb2.LogOutResponse()


def cookies_of(answer: Any) -> dict[str, Any]:
    found: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return dict(found)


@pytest.fixture
def auth(noon: Callable[[], datetime]) -> OneSession:
    return OneSession(noon())


@pytest.mark.parametrize(
    ("public_url", "prefix", "secure"),
    [("https://pictures.example", "__Host-", True), ("http://127.0.0.1:8080", "", False)],
)
async def test_signing_in_sets_its_cookies_as_tightly_as_the_address_allows(
    make_api: Callable[..., FastAPI],
    open_client: Any,
    noon: Callable[[], datetime],
    auth: OneSession,
    public_url: str,
    prefix: str,
    secure: bool,
) -> None:
    api = make_api(clock=noon, parts={"auth": auth}, public_url=public_url)

    answer = await open_client(api).post("/v1/auth/login", json=LOGIN)

    assert answer.json() == {
        "access_token": "an access token",
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": None,
    }
    cookies = cookies_of(answer)
    assert set(cookies) == {f"{prefix}linkarooie-{name}" for name in ("access", "refresh", "device")}
    assert cookies[f"{prefix}linkarooie-access"]["max-age"] == "600"
    assert cookies[f"{prefix}linkarooie-refresh"]["max-age"] == str(14 * 24 * 3600)
    assert cookies[f"{prefix}linkarooie-device"]["max-age"] == str(400 * 24 * 3600)
    for cookie in cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "lax", "/", "")
        assert bool(cookie["secure"]) is secure
    assert answer.headers["cache-control"] == "no-store"
    assert ("strict-transport-security" in answer.headers) is secure


async def test_a_program_refreshes_by_the_body_and_gets_the_next_token_there(
    make_api: Callable[..., FastAPI], open_client: Any, noon: Callable[[], datetime], auth: OneSession
) -> None:
    client = open_client(make_api(clock=noon, parts={"auth": auth}))

    answer = await client.post("/v1/auth/refresh", json={"refresh_token": "mine"})

    assert auth.refreshed == ["mine"]
    assert answer.json()["refresh_token"] == "a refresh token"
    assert cookies_of(answer) == {}


async def test_a_browser_refreshes_by_its_cookie_and_no_script_sees_the_token(
    make_api: Callable[..., FastAPI], open_client: Any, noon: Callable[[], datetime], auth: OneSession
) -> None:
    client = open_client(make_api(clock=noon, parts={"auth": auth}))

    answer = await client.post(
        "/v1/auth/refresh",
        headers={"cookie": "__Host-linkarooie-refresh=theirs", "sec-fetch-site": "same-origin"},
    )

    assert auth.refreshed == ["theirs"]
    assert "a refresh token" not in answer.text
    assert cookies_of(answer)["__Host-linkarooie-refresh"].value == "a refresh token"


async def test_signing_out_ends_the_session_and_empties_the_browser(
    make_api: Callable[..., FastAPI], open_client: Any, noon: Callable[[], datetime], auth: OneSession
) -> None:
    client = open_client(make_api(clock=noon, parts={"auth": auth}))

    answer = await client.post(
        "/v1/auth/logout", headers={"cookie": "__Host-linkarooie-refresh=theirs", "sec-fetch-site": "same-origin"}
    )

    assert (answer.status_code, auth.ended) == (204, ["theirs"])
    assert {cookie["max-age"] for cookie in cookies_of(answer).values()} == {"0"}
    assert len(cookies_of(answer)) == 2


async def test_without_any_session_a_refresh_says_so_and_empties_the_browser(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    answer = await open_client(make_api()).post("/v1/auth/refresh")

    assert (answer.status_code, answer.json()["reason"]) == (401, "SESSION_ENDED")
    assert {cookie["max-age"] for cookie in cookies_of(answer).values()} == {"0"}
