"""Signing up, in and out through the gateway, with the real auth service behind it."""

import httpx2
from gateway_people import Person, browser_of, reason_of
from system.accounts import newest_token

from servicekit.ids import new_id
from services.auth.settings import AuthSettings

PASSWORD = "correct horse battery"


def applicant() -> dict[str, str]:
    return {"email": f"{new_id()}@example.com", "password": PASSWORD, "display_name": "Fox Fable"}


async def test_an_account_is_asked_for_confirmed_by_its_letter_and_then_opened(
    http: httpx2.AsyncClient, auth_settings: AuthSettings
) -> None:
    asked = applicant()
    credentials = {"email": asked["email"], "password": PASSWORD}

    registered = await http.post("/v1/auth/register", json=asked)
    too_soon = await http.post("/v1/auth/login", json=credentials)
    letter = {"token": await newest_token(auth_settings, asked["email"])}
    confirmed = await http.post("/v1/auth/email/verify", json=letter)
    signed_in_by_the_letter = dict(http.cookies)
    again = await http.post("/v1/auth/email/verify", json=letter)
    logged_in = await http.post("/v1/auth/login", json=credentials)
    me = await http.get("/v1/me")

    assert (registered.status_code, confirmed.status_code, logged_in.status_code) == (201, 200, 200)
    assert reason_of(too_soon) == (401, "WRONG_CREDENTIALS")
    assert reason_of(again) == (409, "LINK_NOT_VALID")
    assert signed_in_by_the_letter == {}
    assert confirmed.json() == me.json()
    assert me.json().items() >= {"email": asked["email"], "display_name": "Fox Fable", "role": "user"}.items()
    assert me.json()["has_password"] is True
    assert me.json()["id"] == registered.json()["id"]
    assert PASSWORD not in registered.text


async def test_registering_tells_nobody_whether_an_address_has_an_account(
    http: httpx2.AsyncClient, person: Person
) -> None:
    unknown = await http.post("/v1/auth/register", json=applicant())
    known = await http.post("/v1/auth/register", json={**applicant(), "email": person.email})

    assert known.status_code == unknown.status_code == 201
    assert known.json().keys() == unknown.json().keys()
    assert known.json()["id"] != person.id


async def test_what_the_auth_service_refuses_names_its_field(http: httpx2.AsyncClient) -> None:
    answer = await http.post("/v1/auth/register", json={**applicant(), "password": "short"})

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]


async def test_a_wrong_password_is_a_401_and_sets_no_cookie(http: httpx2.AsyncClient, person: Person) -> None:
    wrong = await http.post("/v1/auth/login", json={"email": person.email, "password": "not the one at all"})
    nobody = await http.post("/v1/auth/login", json={"email": "no@example.com", "password": "not the one at all"})

    assert reason_of(wrong) == reason_of(nobody) == (401, "WRONG_CREDENTIALS")
    assert wrong.json()["detail"] == nobody.json()["detail"]
    assert "set-cookie" not in wrong.headers


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
        left = set(browser.cookies)
        again = await browser.post("/v1/auth/refresh", json={"refresh_token": refreshed.cookies["linkarooie-refresh"]})

    assert (refreshed.status_code, me.status_code, signed_out.status_code) == (200, 200, 204)
    assert left == {"linkarooie-device"}
    assert reason_of(again) == (401, "SESSION_ENDED")


async def test_signing_in_again_in_a_browser_leaves_one_session_there(gateway: str, person: Person) -> None:
    async with browser_of(gateway, person) as browser:
        before = (await browser.get("/v1/me/sessions")).json()["items"]
        await browser.post("/v1/auth/login", json={"email": person.email, "password": person.password})
        after = (await browser.get("/v1/me/sessions")).json()["items"]

    assert len(before) == len(after) == 2  # the other one is not this browser's
    (old,), (new,) = ([s["id"] for s in sessions if s["current"]] for sessions in (before, after))
    assert old != new
    assert old not in [session["id"] for session in after]


async def test_a_known_device_is_known_by_its_cookie_wherever_it_is(gateway: str, person: Person) -> None:
    async with browser_of(gateway, person) as browser:
        await browser.post("/v1/auth/logout")
        headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        credentials = {"email": person.email, "password": person.password}
        await browser.post("/v1/auth/login", json=credentials, headers=headers)
        activity = (await browser.get("/v1/me/activity")).json()["items"]
        browser.cookies.clear()
        headers["user-agent"] = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"
        await browser.post("/v1/auth/login", json=credentials, headers=headers)
        later = (await browser.get("/v1/me/activity")).json()["items"]

    assert (activity[0]["action"], activity[0]["device"]) == ("signed_in", "Firefox on Linux")
    assert later[0]["action"] == "signed_in_new_device"


async def test_a_forgotten_password_is_set_by_the_letter_and_ends_every_session(
    gateway: str, http: httpx2.AsyncClient, person: Person, auth_settings: AuthSettings
) -> None:
    async with browser_of(gateway, person) as browser:
        asked = await http.post("/v1/auth/password/forgot", json={"email": person.email})
        stranger = await http.post("/v1/auth/password/forgot", json={"email": f"{new_id()}@example.com"})
        token = await newest_token(auth_settings, person.email)
        short = await http.post("/v1/auth/password/reset", json={"token": token, "password": "short"})
        reset = await http.post("/v1/auth/password/reset", json={"token": token, "password": "another horse entirely"})
        again = await http.post("/v1/auth/password/reset", json={"token": token, "password": "a third horse entirely"})
        refreshed = await browser.post("/v1/auth/refresh")
    old = await http.post("/v1/auth/login", json={"email": person.email, "password": person.password})
    new = await http.post("/v1/auth/login", json={"email": person.email, "password": "another horse entirely"})

    assert (asked.status_code, asked.json()) == (stranger.status_code, stranger.json()) == (202, {})
    assert (short.status_code, reset.status_code, new.status_code) == (400, 204, 200)
    assert [error["field"] for error in short.json()["errors"]] == ["password"]
    assert reason_of(again) == (409, "LINK_NOT_VALID")
    assert reason_of(refreshed) == (401, "SESSION_ENDED")
    assert reason_of(old) == (401, "WRONG_CREDENTIALS")


async def test_too_many_wrong_passwords_slow_one_place_down_and_say_for_how_long(
    http: httpx2.AsyncClient, person: Person
) -> None:
    wrong = {"email": person.email, "password": "not the one at all"}

    answers = [await http.post("/v1/auth/login", json=wrong) for _ in range(8)]
    slowed = [answer for answer in answers if answer.status_code == 429]

    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    assert slowed
    assert {reason_of(answer) for answer in slowed} == {(429, "SLOW_DOWN")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in slowed)


async def test_the_providers_come_with_the_address_that_this_installation_believes_in(
    http: httpx2.AsyncClient,
) -> None:
    answer = await http.get("/v1/auth/providers")

    assert answer.json() == {"items": [], "next_page_token": "", "public_url": "http://127.0.0.1:8080"}


async def test_a_provider_that_is_not_set_up_leads_back_to_the_log_in_page(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/auth/oauth/google/start")

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?problem=PROVIDER_UNKNOWN&provider=google",
    )


async def test_the_public_keys_are_cacheable_and_say_when_nothing_has_changed(http: httpx2.AsyncClient) -> None:
    keys = await http.get("/.well-known/jwks.json")
    unchanged = await http.get("/.well-known/jwks.json", headers={"if-none-match": keys.headers["etag"]})

    assert keys.headers["cache-control"] == "public, max-age=300"
    assert keys.headers["content-type"] == "application/jwk-set+json"
    assert {key["alg"] for key in keys.json()["keys"]} == {"ES256"}
    assert not any("d" in key for key in keys.json()["keys"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
