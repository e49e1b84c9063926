"""The Graph API for Pages, as apps see it."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from sandbox_clients import Clock, Control, opened, picture

from sandbox import Sandbox
from sandbox.facebook import FACEBOOK_APP_ID, FACEBOOK_APP_SECRET

VERSION = "/v25.0"
SCOPES = "pages_show_list,pages_read_engagement,pages_manage_metadata,pages_manage_posts"
CALLBACK = "http://127.0.0.1:8080/v1/connections/callback/facebook"


def proof(key: str) -> str:
    return hmac.new(FACEBOOK_APP_SECRET.encode(), key.encode(), hashlib.sha256).hexdigest()


@dataclass
class App:
    """An app that has a person's consent."""

    http: httpx2.AsyncClient
    origin: str
    user_token: str = ""
    page: dict[str, Any] = field(default_factory=dict)

    async def exchange(self, **asked: str) -> str:
        app = {"client_id": FACEBOOK_APP_ID, "client_secret": FACEBOOK_APP_SECRET}
        answer = await self.http.get(f"{self.origin}{VERSION}/oauth/access_token", params={**app, **asked})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def connect(self, account: str = "ada", **answers: str) -> "App":
        asked = {"client_id": FACEBOOK_APP_ID, "redirect_uri": CALLBACK, "response_type": "code", "scope": SCOPES}
        page = await self.http.get(f"{self.origin}{VERSION}/dialog/oauth", params={**asked, "state": "s"})
        ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
        form = {"ticket": ticket, "account": account, "decision": "allow", **answers}
        back = await self.http.post(f"{self.origin}/dialog/oauth", data=form)
        code = str(httpx2.URL(back.headers["location"]).params["code"])
        short = await self.exchange(code=code, redirect_uri=CALLBACK)
        self.user_token = await self.exchange(grant_type="fb_exchange_token", fb_exchange_token=short)
        pages = await self.pages()
        self.page = pages[0] if pages else {}
        return self

    async def pages(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.call("GET", "me/accounts", self.user_token, **query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    async def call(
        self, method: str, path: str, key: str | None = None, *, file: bytes | None = None, **values: str
    ) -> httpx2.Response:
        """Calls the Graph API, as the Page where no other token is named."""
        key = self.page["access_token"] if key is None else key
        values = {"appsecret_proof": proof(key), **values}
        reads = method == "GET"
        return await self.http.request(
            method,
            f"{self.origin}{VERSION}/{path}",
            headers={"Authorization": f"Bearer {key}"},
            params=values if reads else None,
            data=None if reads else values,
            files=None if file is None else {"source": ("a.png", file, "image/png")},
        )

    async def upload(self, path: str, file: bytes, **values: str) -> httpx2.Response:
        return await self.call("POST", f"{self.page['id']}/{path}", file=file, **values)

    async def read(self, fields: str) -> Any:
        return (await self.call("GET", self.page["id"], fields=fields)).json()


@pytest.fixture
def app(sandbox: Sandbox, http: httpx2.AsyncClient) -> App:
    return App(http, sandbox.urls["facebook"])


def code_of(answer: httpx2.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


async def test_pages_that_the_person_gives_have_tokens_without_an_end(app: App, clock: Clock) -> None:
    await app.connect(pages="all")
    assert [page["name"] for page in await app.pages()] == ["Ada Rivers Studio", "Riverside Garden Club"]
    assert [page["name"] for page in await app.pages(limit="1", after="1")] == ["Riverside Garden Club"]
    clock.ahead += 61 * 24 * 3600
    assert (await app.read("name"))["name"] == "Ada Rivers Studio"
    assert code_of(await app.call("GET", "me/accounts", app.user_token)) == (190, 463)


async def test_person_may_give_no_page_and_decline_what_they_like(app: App) -> None:
    assert (await app.connect(pages="none")).page == {}
    await app.connect("grace", decline="pages_manage_posts")
    told = (await app.call("GET", "me/permissions", app.user_token)).json()["data"]
    assert {each["permission"] for each in told if each["status"] == "declined"} == {"pages_manage_posts"}
    assert code_of(await app.upload("photos", picture("teal", (800, 450)), published="false")) == (200, None)
    assert (await app.upload("picture", picture("teal"))).status_code == 200


async def test_picture_is_made_anew_and_its_address_is_signed_anew_each_time(app: App, control: Control) -> None:
    await app.connect()
    path = f"{app.page['id']}/picture"
    before = (await app.call("GET", path, redirect="0", type="large")).json()["data"]

    sent = picture("teal", (1200, 1200))
    assert (await app.upload("picture", sent)).json() == {"success": True}

    first, second = [(await app.call("GET", path, redirect="0", type="large")).json()["data"] for _ in range(2)]
    assert first["url"] != second["url"]
    assert first["cache_key"] == second["cache_key"] != before["cache_key"]
    shown = (await app.http.get(first["url"])).content
    assert (opened(shown).size, opened(shown).format) == ((200, 200), "JPEG")
    assert (await app.call("GET", path)).status_code == 302
    assert (await control.account("facebook"))["avatar"]["changes"] == 1


async def test_cover_takes_two_steps_and_its_page_shows_the_part_that_was_asked_for(app: App, control: Control) -> None:
    await app.connect()
    photo = (await app.upload("photos", picture("teal", (1640, 924)), published="false", no_story="true")).json()["id"]
    assert (await control.account("facebook"))["banner"]["changes"] == 0

    answer = await app.call("POST", app.page["id"], cover=photo, offset_x="50", offset_y="30")

    assert answer.json() == {"success": True}
    cover = (await app.read("cover{id,source,offset_x,offset_y},picture.type(large){url}"))["cover"]
    assert (cover["id"], cover["offset_x"], cover["offset_y"]) == (photo, 50, 30)
    assert opened((await app.http.get(cover["source"])).content).size == (1640, 924)
    page = (await app.http.get(f"{app.origin}/@ada")).text
    assert "820 / 312" in page
    assert "50% 30%" in page
    assert (await control.account("facebook"))["banner"]["changes"] == 1


async def test_photo_of_another_page_or_of_yesterday_is_no_cover(app: App, clock: Clock) -> None:
    await app.connect()
    photo = (await app.upload("photos", picture("teal", (800, 450)), published="false")).json()["id"]
    ada = app.page["id"]
    clock.ahead += 24 * 3600 + 1
    assert code_of(await app.call("POST", ada, cover=photo)) == (100, None)
    clock.ahead = 0
    assert code_of(await app.call("POST", ada, cover=photo, offset_y="1.5")) == (100, None)
    await app.connect("grace")
    assert code_of(await app.call("POST", app.page["id"], cover=photo)) == (100, None)
    assert code_of(await app.call("POST", ada, cover=photo)) == (100, 33)


async def test_only_the_pages_own_token_with_its_proof_opens_it(app: App) -> None:
    await app.connect()
    page, path = app.page, app.page["id"]
    assert code_of(await app.call("GET", path, app.user_token)) == (210, None)
    assert code_of(await app.call("GET", "me/accounts", page["access_token"])) == (210, None)
    assert code_of(await app.call("GET", path, appsecret_proof=proof("another"))) == (100, None)
    without = await app.http.get(f"{app.origin}{VERSION}/{path}", params={"access_token": page["access_token"]})
    assert code_of(without) == (100, None)
    assert code_of(await app.call("GET", path, "guessed")) == (190, None)
    assert code_of(await app.call("GET", path, fields="fans")) == (100, None)


async def test_file_that_is_no_picture_or_too_large_or_too_small_is_refused(app: App) -> None:
    await app.connect()
    assert code_of(await app.upload("picture", b"no picture")) == (324, 2069019)
    assert code_of(await app.upload("picture", picture("teal") + b"\0" * 4_000_000)) == (100, 1366046)
    small = await app.upload("photos", picture("teal", (300, 100)), published="false")
    assert "400 pixels" in small.json()["error"]["error_user_msg"]
    assert code_of(await app.call("POST", f"{app.page['id']}/picture")) == (100, None)


async def test_both_usage_headers_come_with_answers_and_the_limit_says_when_it_ends(app: App, control: Control) -> None:
    await app.connect()
    answer = await app.call("GET", app.page["id"])
    assert "call_count" in answer.headers["x-app-usage"]
    assert '"estimated_time_to_regain_access":0' in answer.headers["x-business-use-case-usage"]
    await control.switch("facebook", fail="429", retry_after_seconds=90)
    limited = await app.call("GET", app.page["id"])
    assert (limited.status_code, code_of(limited)) == (403, (80001, None))
    assert '"estimated_time_to_regain_access":2' in limited.headers["x-business-use-case-usage"]
    await control.switch("facebook", fail="32")
    assert "100" in (await app.call("GET", app.page["id"])).headers["x-page-usage"]


async def test_access_ends_with_the_subcode_that_says_why(app: App, control: Control) -> None:
    await app.connect()
    await control.switch("facebook", fail="460", times=1)
    assert code_of(await app.call("GET", app.page["id"])) == (190, 460)
    await control.switch("facebook", expire_tokens=True)
    assert code_of(await app.call("GET", app.page["id"])) == (190, 463)
    await control.switch("facebook", revoke_tokens=True)
    assert code_of(await app.call("GET", app.page["id"])) == (190, 458)


async def test_person_changes_the_pictures_of_their_own_profile_by_hand(app: App, control: Control) -> None:
    await app.connect()
    path = "me/picture"
    before = (await app.call("GET", path, app.user_token, redirect="0", width="720")).json()["data"]
    for slot, size in (("avatar", (1200, 1200)), ("banner", (1640, 924))):
        files = {"picture": ("a.png", picture("teal", size), "image/png")}
        assert (await app.http.post(f"{app.origin}/@ada-profile/{slot}", files=files)).status_code == 303
        assert (await app.http.post(f"{app.origin}/@ada/{slot}", files=files)).status_code == 404

    now = (await app.call("GET", path, app.user_token, redirect="0", width="720")).json()["data"]
    assert now["cache_key"] != before["cache_key"]
    assert opened((await app.http.get(now["url"])).content).size == (720, 720)
    assert [await control.changes("facebook", slot, "ada-profile") for slot in ("avatar", "banner")] == [1, 1]
    assert await control.changes("facebook", "avatar") == 0
    assert code_of(await app.call("GET", path)) == (210, None)
    small = {"picture": ("a.png", picture("teal", (300, 100)), "image/png")}
    assert (await app.http.post(f"{app.origin}/@ada-profile/banner", files=small)).status_code == 400
