"""Instagram as apps see it, and as people change their picture there."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from sandbox_clients import Clock, Control, is_colour, opened, picture, query

from sandbox import Sandbox
from sandbox.instagram import INSTAGRAM_APP_ID, INSTAGRAM_APP_SECRET

VERSION = "/v25.0"
CALLBACK = "http://127.0.0.1:8080/v1/connections/callback/instagram"
FIELDS = "user_id,username,name,profile_picture_url"
DAY = 24 * 3600


@dataclass
class App:
    """An app that has a person's consent."""

    http: httpx2.AsyncClient
    origin: str
    tokens: list[str] = field(default_factory=list)

    async def ask(self, **changes: str) -> httpx2.Response:
        asked = {"client_id": INSTAGRAM_APP_ID, "redirect_uri": CALLBACK, "response_type": "code", "state": "s"}
        asked |= {"scope": "instagram_business_basic", **changes}
        return await self.http.get(f"{self.origin}/oauth/authorize", params=asked)

    async def consent(self, account: str = "ada", decision: str = "allow") -> str:
        """Returns where the browser is sent back to."""
        ticket = (await self.ask()).text.partition('name="ticket" value="')[2].partition('"')[0]
        form = {"ticket": ticket, "account": account, "decision": decision}
        return str((await self.http.post(f"{self.origin}/oauth/authorize", data=form)).headers["location"])

    async def redeem(self, code: str, **changes: str) -> httpx2.Response:
        form = {"client_id": INSTAGRAM_APP_ID, "client_secret": INSTAGRAM_APP_SECRET, "redirect_uri": CALLBACK}
        form |= {"grant_type": "authorization_code", "code": code, **changes}
        return await self.http.post(f"{self.origin}/oauth/access_token", data=form)

    async def exchange(self, short: str, secret: str = INSTAGRAM_APP_SECRET) -> httpx2.Response:
        asked = {"grant_type": "ig_exchange_token", "client_secret": secret, "access_token": short}
        return await self.http.get(f"{self.origin}/access_token", params=asked)

    async def extend(self, key: str) -> httpx2.Response:
        asked = {"grant_type": "ig_refresh_token", "access_token": key}
        return await self.http.get(f"{self.origin}/refresh_access_token", params=asked)

    async def connect(self, account: str = "ada") -> str:
        """Returns a long-lived token."""
        code = query(await self.consent(account))["code"]
        short = (await self.redeem(code)).json()["access_token"]
        return str((await self.exchange(short)).json()["access_token"])

    async def me(self, key: str, fields: str = FIELDS) -> httpx2.Response:
        return await self.http.get(f"{self.origin}{VERSION}/me", params={"fields": fields, "access_token": key})

    async def change(self, file: bytes, name: str = "ada", slot: str = "avatar", **headers: str) -> httpx2.Response:
        files = {"picture": ("a.png", file, "image/png")}
        return await self.http.post(f"{self.origin}/@{name}/{slot}", files=files, headers=headers)


@pytest.fixture
def app(sandbox: Sandbox, http: httpx2.AsyncClient) -> App:
    return App(http, sandbox.urls["instagram"])


def code_of(answer: httpx2.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


async def test_consent_leads_to_a_token_of_an_hour_and_that_to_one_of_sixty_days(app: App, clock: Clock) -> None:
    back = await app.consent()
    assert urlsplit(back).fragment == "_"
    given: Any = (await app.redeem(query(back)["code"])).json()
    assert given["permissions"] == "instagram_business_basic"
    assert isinstance(given["user_id"], int)
    long = (await app.exchange(given["access_token"])).json()
    assert (long["token_type"], long["expires_in"]) == ("bearer", 60 * DAY)
    clock.ahead += 3601
    assert code_of(await app.exchange(given["access_token"])) == (190, 463)
    assert (await app.me(long["access_token"])).status_code == 200
    clock.ahead += 60 * DAY
    assert code_of(await app.me(long["access_token"])) == (190, 463)


async def test_token_is_extended_from_its_second_day_until_it_ends(app: App, clock: Clock) -> None:
    key = await app.connect()
    assert code_of(await app.extend(key)) == (100, None)
    clock.ahead += DAY
    extended = (await app.extend(key)).json()["access_token"]
    assert extended != key
    clock.ahead += 59 * DAY + 1
    assert code_of(await app.extend(key)) == (190, 463)
    assert (await app.extend(extended)).status_code == 200


async def test_endpoint_for_codes_words_its_refusals_in_its_own_way(app: App) -> None:
    code = query(await app.consent())["code"]
    wrong = await app.redeem(code, client_secret="x")
    assert wrong.status_code == 400
    assert wrong.json() == {"error_type": "OAuthException", "code": 400, "error_message": "Invalid platform app"}
    assert "redirect_uri" in (await app.redeem(code, redirect_uri=CALLBACK + "/")).json()["error_message"]
    assert "has been used" in (await app.redeem(code)).json()["error_message"]
    assert "grant_type" in (await app.redeem(code, grant_type="password")).json()["error_message"]
    assert query(await app.consent(decision="deny"))["error_reason"] == "user_denied"


async def test_what_the_consent_page_cannot_take_back_to_the_app_is_said_there(app: App) -> None:
    for wrong in ({"client_id": "1"}, {"redirect_uri": "https://evil.example/"}, {"scope": "publish_actions"}):
        assert (await app.ask(**wrong)).status_code == 400


async def test_account_is_read_with_an_address_signed_anew_each_time(app: App, http: httpx2.AsyncClient) -> None:
    key = await app.connect()
    first, second = [await app.me(key) for _ in range(2)]
    told = first.json()
    assert (told["username"], told["name"]) == ("ada", "Ada Rivers")
    assert told["user_id"] != told["id"]
    addresses = [each.json()["profile_picture_url"] for each in (first, second)]
    assert addresses[0] != addresses[1]
    assert urlsplit(addresses[0]).path == urlsplit(addresses[1]).path
    assert opened((await http.get(addresses[0])).content).format == "JPEG"
    assert "call_count" in first.headers["x-app-usage"]
    assert '"type":"instagram"' in first.headers["x-business-use-case-usage"]
    assert code_of(await app.me(key, "likes")) == (100, None)
    assert code_of(await app.me("guessed")) == (190, None)


async def test_personal_account_cannot_be_read(app: App, control: Control) -> None:
    assert code_of(await app.me(await app.connect("grace"))) == (100, 33)
    key = await app.connect()
    await control.switch("instagram", all_personal=True)
    assert code_of(await app.me(key)) == (100, 33)


async def test_picture_is_changed_on_the_accounts_own_page(
    app: App, control: Control, http: httpx2.AsyncClient
) -> None:
    key = await app.connect()
    before = (await app.me(key)).json()["profile_picture_url"]
    page = (await http.get(f"{app.origin}/@ada")).text
    assert 'action="/@ada/avatar"' in page
    assert "Banner" not in page

    sent = picture("teal", (1200, 900))
    done = await app.change(sent, Origin=app.origin)

    assert (done.status_code, done.headers["location"]) == (303, "/@ada")
    now = (await app.me(key)).json()["profile_picture_url"]
    assert urlsplit(now).path != urlsplit(before).path
    shown = (await http.get(now)).content
    assert shown != sent
    assert is_colour(shown, (0, 128, 128))
    assert opened(shown).size == (640, 640)
    assert await control.changes("instagram", "avatar") == 1


async def test_form_takes_pictures_of_the_people_here_alone(app: App, control: Control) -> None:
    assert (await app.change(b"no picture")).status_code == 400
    assert (await app.change(picture(), "nobody")).status_code == 404
    assert (await app.change(picture(), slot="banner")).status_code == 404
    assert (await app.change(picture(), Origin="https://evil.example")).status_code == 403
    assert (await app.change(b"\0" * 10_000_001)).status_code == 413
    assert (await app.http.post(f"{app.origin}/@ada/avatar")).status_code == 400
    assert await control.changes("instagram", "avatar") == 0


async def test_switches_make_it_fail_as_the_graph_api_does(app: App, control: Control) -> None:
    key = await app.connect()
    await control.switch("instagram", fail="429", retry_after_seconds=90)
    limited = await app.me(key)
    assert (limited.status_code, code_of(limited)) == (403, (80002, None))
    assert '"estimated_time_to_regain_access":2' in limited.headers["x-business-use-case-usage"]
    await control.switch("instagram", fail="459")
    assert code_of(await app.me(key)) == (190, 459)
    await control.switch("instagram", wrapped=True)
    wrapped = (await app.redeem(query(await app.consent())["code"])).json()
    assert "access_token" in wrapped["data"][0]
    await control.switch("instagram", silent_reject=True)
    assert (await app.change(picture())).status_code == 303
    assert await control.changes("instagram", "avatar") == 0
    await control.switch("instagram", revoke_tokens=True)
    assert code_of(await app.me(key)) == (190, 458)
    await control.switch("instagram", expire_tokens=True)
    assert code_of(await app.me(key)) == (190, 463)
