import hashlib
import hmac
from typing import Any

import httpx2
import pytest
from sandbox_clients import Clock, Control
from sign_in_clients import STATE, Provider, callback

from sandbox import Sandbox
from sandbox.facebook import FACEBOOK_APP_ID, FACEBOOK_APP_SECRET

VERSION = "/v25.0"
APP_TOKEN = f"{FACEBOOK_APP_ID}|{FACEBOOK_APP_SECRET}"


@pytest.fixture
def facebook(sandbox: Sandbox, http: httpx2.AsyncClient) -> Provider:
    asked = {
        "client_id": FACEBOOK_APP_ID,
        "redirect_uri": callback("facebook"),
        "response_type": "code",
        "scope": "public_profile,email",
        "state": STATE,
    }
    return Provider(http, sandbox.urls["facebook"], f"{VERSION}/dialog/oauth", asked)


async def exchange(facebook: Provider, code: str, **changes: str) -> httpx2.Response:
    asked = {
        "client_id": FACEBOOK_APP_ID,
        "client_secret": FACEBOOK_APP_SECRET,
        "redirect_uri": callback("facebook"),
        "code": code,
        **changes,
    }
    return await facebook.get(f"{VERSION}/oauth/access_token", params=asked)


async def token(facebook: Provider, account: str = "ada", **asked: str | None) -> str:
    answer = await exchange(facebook, (await facebook.authorize(account, **asked))["code"])
    assert answer.status_code == 200, answer.text
    given: str = answer.json()["access_token"]
    return given


async def me(facebook: Provider, key: str, fields: str = "id,name,email,picture", **more: str) -> httpx2.Response:
    return await facebook.get(f"{VERSION}/me", key, params={"fields": fields, **more})


async def debug(facebook: Provider, key: str, access_token: str = APP_TOKEN) -> httpx2.Response:
    asked = {"input_token": key, "access_token": access_token}
    return await facebook.get(f"{VERSION}/debug_token", params=asked)


def code_of(answer: httpx2.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def proof(key: str) -> str:
    return hmac.new(FACEBOOK_APP_SECRET.encode(), key.encode(), hashlib.sha256).hexdigest()


async def test_consent_gives_a_token_of_ninety_minutes(facebook: Provider) -> None:
    answer = await exchange(facebook, (await facebook.authorize())["code"])

    given = answer.json()
    assert (given["token_type"], given["expires_in"]) == ("bearer", 5400)


async def test_token_may_be_fetched_by_post(facebook: Provider) -> None:
    form = {
        "client_id": FACEBOOK_APP_ID,
        "client_secret": FACEBOOK_APP_SECRET,
        "redirect_uri": callback("facebook"),
        "code": (await facebook.authorize())["code"],
    }
    answer = await facebook.http.post(f"{facebook.origin}{VERSION}/oauth/access_token", data=form)

    assert answer.status_code == 200


async def test_way_back_has_the_fragment_that_facebook_adds(facebook: Provider) -> None:
    answer = await facebook.decide(await facebook.ask())

    assert answer.headers["location"].endswith("#_=_")


async def test_person_is_told_by_fields_and_may_have_no_address(facebook: Provider, control: Control) -> None:
    key = await token(facebook)
    ada: dict[str, Any] = (await me(facebook, key)).json()
    assert (ada["name"], ada["email"]) == ("Ada Rivers", "ada@sandbox.test")
    assert (await facebook.http.get(ada["picture"]["data"]["url"])).headers["content-type"] == "image/jpeg"
    assert (await me(facebook, key, "name")).json() == {"name": "Ada Rivers", "id": ada["id"]}
    grace = (await me(facebook, await token(facebook, "grace"))).json()
    assert grace["id"] != ada["id"]
    assert "email" not in grace
    await control.switch("facebook", no_email=True)
    assert "email" not in (await me(facebook, key)).json()


async def test_address_needs_its_scope(facebook: Provider) -> None:
    assert "email" not in (await me(facebook, await token(facebook, scope="public_profile"))).json()


async def test_unknown_field_is_an_error(facebook: Provider) -> None:
    assert code_of(await me(facebook, await token(facebook), "id,verified")) == (400, 100)


async def test_proof_of_the_secret_is_checked_where_it_is_sent(facebook: Provider) -> None:
    key = await token(facebook)

    assert (await me(facebook, key, appsecret_proof=proof(key))).status_code == 200
    assert code_of(await me(facebook, key, appsecret_proof=proof("another"))) == (400, 100)


async def test_token_is_needed_and_ends(facebook: Provider, clock: Clock) -> None:
    key = await token(facebook)
    assert code_of(await facebook.get(f"{VERSION}/me")) == (400, 2500)
    assert code_of(await me(facebook, "guessed")) == (400, 190)
    assert (await facebook.get(f"{VERSION}/me", params={"access_token": key})).status_code == 200
    clock.ahead += 5401
    assert code_of(await me(facebook, key)) == (400, 190)
    assert (await debug(facebook, key)).json()["data"]["is_valid"] is False


async def test_inspection_names_the_app_and_the_person(facebook: Provider, control: Control) -> None:
    key = await token(facebook)

    data = (await debug(facebook, key)).json()["data"]

    assert (data["app_id"], data["is_valid"], data["type"]) == (FACEBOOK_APP_ID, True, "USER")
    assert data["user_id"] == (await me(facebook, key)).json()["id"]
    assert data["scopes"] == ["email", "public_profile"]
    assert data["expires_at"] - data["issued_at"] == 5400
    await control.switch("facebook", foreign_app=True)
    assert (await debug(facebook, key)).json()["data"]["app_id"] != FACEBOOK_APP_ID


async def test_inspection_needs_the_apps_own_token(facebook: Provider) -> None:
    key = await token(facebook)

    assert code_of(await debug(facebook, key, "another|secret")) == (400, 190)
    assert (await debug(facebook, "guessed")).json()["data"]["is_valid"] is False


async def test_denial_comes_back_with_facebooks_own_words(facebook: Provider) -> None:
    answer = await facebook.decide(await facebook.ask(), decision="deny")
    back = dict(httpx2.URL(answer.headers["location"]).params)

    assert (back["error"], back["error_reason"], back["state"]) == ("access_denied", "user_denied", STATE)
    assert "code" not in back


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "1"},
        {"redirect_uri": "https://evil.test/v1/auth/oauth/facebook/callback"},
        {"scope": "email,publish_video"},
    ],
    ids=str,
)
async def test_wrong_request_never_sends_the_browser_away(facebook: Provider, changes: dict[str, str]) -> None:
    assert (await facebook.ask(**changes)).status_code == 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": "guessed"}, 100),
        ({"redirect_uri": callback("facebook") + "/"}, 100),
        ({"client_secret": "wrong"}, 1),
        ({"client_id": "1"}, 101),
    ],
    ids=str,
)
async def test_exchange_that_does_not_fit_is_refused(facebook: Provider, changes: dict[str, str], code: int) -> None:
    given = (await facebook.authorize())["code"]

    assert code_of(await exchange(facebook, **{"code": given, **changes})) == (400, code)


async def test_code_works_once_and_ten_minutes(facebook: Provider, clock: Clock) -> None:
    code = (await facebook.authorize())["code"]
    assert (await exchange(facebook, code)).status_code == 200
    assert code_of(await exchange(facebook, code)) == (400, 100)
    code = (await facebook.authorize())["code"]
    clock.ahead += 601
    assert code_of(await exchange(facebook, code)) == (400, 100)


async def test_failures_strike_the_token_or_the_graph(facebook: Provider, control: Control) -> None:
    await control.switch("facebook", fail="500", only="auth")
    assert code_of(await exchange(facebook, "any")) == (500, 1)
    assert code_of(await me(facebook, "any")) == (400, 190)
    await control.switch("facebook", fail="limit")
    assert code_of(await me(facebook, "any")) == (403, 4)
    await control.switch("facebook", fail="503")
    assert code_of(await me(facebook, "any")) == (503, 2)
    await control.switch("facebook", fail="not_json")
    assert (await me(facebook, "any")).headers["content-type"].startswith("text/html")


async def test_picture_of_a_stranger_is_not_found(facebook: Provider) -> None:
    assert (await facebook.get("/v/t39/nobody_n.jpg")).status_code == 404
