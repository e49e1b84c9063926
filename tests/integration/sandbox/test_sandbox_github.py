from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
from sandbox_clients import Clock, Control
from sign_in_clients import STATE, VERIFIER, Provider, callback, challenge

from sandbox import Sandbox
from sandbox.github import GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET


@pytest.fixture
def github(sandbox: Sandbox, http: httpx2.AsyncClient) -> Provider:
    asked = {
        "client_id": GITHUB_CLIENT_ID,
        "redirect_uri": callback("github"),
        "scope": "read:user user:email",
        "state": STATE,
        **challenge(),
    }
    return Provider(http, sandbox.urls["github"], "/login/oauth/authorize", asked)


async def exchange(github: Provider, code: str, accept: str = "application/json", **changes: str) -> httpx2.Response:
    body = {
        "client_id": GITHUB_CLIENT_ID,
        "client_secret": GITHUB_CLIENT_SECRET,
        "code": code,
        "redirect_uri": callback("github"),
        "code_verifier": VERIFIER,
        **changes,
    }
    return await github.http.post(f"{github.origin}/login/oauth/access_token", data=body, headers={"Accept": accept})


async def token(github: Provider, account: str = "ada", **asked: str | None) -> str:
    given: dict[str, str] = (await exchange(github, (await github.authorize(account, **asked))["code"])).json()
    return given["access_token"]


async def read(github: Provider, path: str, account: str = "ada") -> Any:
    return (await github.get(f"/api/v3{path}", await token(github, account))).json()


async def test_token_answers_in_the_form_that_was_asked_for(github: Provider) -> None:
    plain = await exchange(github, (await github.authorize())["code"], accept="*/*")
    found = dict(parse_qsl(plain.text))

    assert plain.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert (found["token_type"], found["scope"]) == ("bearer", "read:user,user:email")
    assert found["access_token"].startswith("gho_")
    assert set((await exchange(github, (await github.authorize())["code"])).json()) == set(found)


async def test_user_is_known_by_a_number_and_shows_no_address(github: Provider) -> None:
    ada, grace = await read(github, "/user"), await read(github, "/user", "grace")

    assert (ada["login"], ada["name"], ada["email"]) == ("ada", "Ada Rivers", None)
    assert isinstance(ada["id"], int)
    assert ada["id"] != grace["id"]
    assert (await read(github, "/user"))["id"] == ada["id"]
    assert (await github.http.get(ada["avatar_url"])).headers["content-type"] == "image/png"


async def test_addresses_name_the_primary_verified_one_among_others(github: Provider) -> None:
    found = await read(github, "/user/emails")

    assert [one["email"] for one in found if one["primary"] and one["verified"]] == ["ada@sandbox.test"]
    assert any(not one["verified"] for one in found)


async def test_addresses_can_be_absent_or_unverified(github: Provider, control: Control) -> None:
    await control.switch("github", no_email=True)
    assert await read(github, "/user/emails") == []
    await control.switch("github", unverified_email=True)
    assert not any(one["verified"] for one in await read(github, "/user/emails"))


async def test_addresses_need_their_scope(github: Provider) -> None:
    given = await token(github, scope="read:user")

    answer = await github.get("/api/v3/user/emails", given)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")
    assert (await github.get("/api/v3/user", given)).headers["x-oauth-scopes"] == "read:user"


async def test_api_wants_a_token_and_a_user_agent(github: Provider) -> None:
    url, given = f"{github.origin}/api/v3/user", await token(github)

    assert (await github.get("/api/v3/user")).json()["message"] == "Requires authentication"
    bad = await github.get("/api/v3/user", "gho_guessed")
    assert (bad.status_code, bad.json()["message"]) == (401, "Bad credentials")
    nameless = await github.http.get(url, headers={"Authorization": f"Bearer {given}", "User-Agent": ""})
    assert nameless.status_code == 403


async def test_denial_comes_back_as_access_denied(github: Provider) -> None:
    back = await github.authorize(decision="deny")

    assert (back["error"], back["state"]) == ("access_denied", STATE)
    assert set(back) == {"error", "error_description", "error_uri", "state"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "another"}, 404),
        ({"redirect_uri": "https://evil.test/v1/auth/oauth/github/callback"}, 400),
        ({"redirect_uri": callback("github") + "/more"}, 400),
        ({"redirect_uri": "http://somebody@127.0.0.1/v1/auth/oauth/github/callback"}, 400),
    ],
    ids=str,
)
async def test_unknown_app_and_redirect_never_send_the_browser_away(
    github: Provider, changes: dict[str, str], status: int
) -> None:
    assert (await github.ask(**changes)).status_code == status


async def test_only_s256_challenges_are_taken_but_none_is_needed(github: Provider) -> None:
    plain = await github.ask(code_challenge_method="plain")
    assert plain.status_code == 303
    assert "error=invalid_request" in plain.headers["location"]
    code = (await github.authorize(code_challenge=None, code_challenge_method=None))["code"]
    assert "access_token" in (await exchange(github, code)).json()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "guessed"}, "bad_verification_code"),
        ({"code_verifier": "wrong"}, "bad_verification_code"),
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"client_id": "wrong"}, "incorrect_client_credentials"),
        ({"redirect_uri": "http://localhost:8080/v1/auth/oauth/github/callback"}, "redirect_uri_mismatch"),
    ],
    ids=str,
)
async def test_exchange_that_does_not_fit_is_an_error_with_status_200(
    github: Provider, changes: dict[str, str], error: str
) -> None:
    code = (await github.authorize())["code"]

    answer = await exchange(github, **{"code": code, **changes})

    assert (answer.status_code, answer.json()["error"]) == (200, error)
    assert answer.json()["error_uri"].startswith("https://docs.github.com/")


async def test_code_works_once_and_ten_minutes(github: Provider, clock: Clock) -> None:
    code = (await github.authorize())["code"]
    assert "access_token" in (await exchange(github, code)).json()
    assert (await exchange(github, code)).json()["error"] == "bad_verification_code"
    code = (await github.authorize())["code"]
    clock.ahead += 601
    assert (await exchange(github, code)).json()["error"] == "bad_verification_code"


async def test_failures_strike_the_token_or_the_api(github: Provider, control: Control) -> None:
    given = await token(github)
    await control.switch("github", fail="500", only="auth")
    assert (await exchange(github, "any")).status_code == 500
    assert (await github.get("/api/v3/user", given)).status_code == 200
    await control.switch("github", fail="403_limit")
    limited = await github.get("/api/v3/user", given)
    assert (limited.status_code, limited.headers["x-ratelimit-remaining"]) == (403, "0")
    assert (await exchange(github, "any")).json()["error"] == "bad_verification_code"
    for fail, status in (("not_json", 200), ("503", 503)):
        await control.switch("github", fail=fail)
        answer = await github.get("/api/v3/user", given)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


async def test_picture_of_a_stranger_is_not_found(github: Provider) -> None:
    assert (await github.get("/avatars/nobody")).status_code == 404
