"""A browser signs in, signs up and links with a provider: gateway, auth service and the sandbox's Google, over real HTTP."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from gateway_people import Person, RunGateway, browser_of, reason_of
from system.accounts import CHEAP_HASHES, PASSWORD, make_account, newest_token

from sandbox import Sandbox
from servicekit.app import App
from servicekit.database import Database
from servicekit.ids import new_id
from services.auth import store
from services.auth.app import build as build_auth
from services.auth.settings import AuthSettings

RunApp = Callable[[App], AbstractAsyncContextManager[App]]


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture(scope="module")
def with_google(sandbox: Sandbox, service_settings: Callable[..., Any]) -> AuthSettings:
    google = {
        name.removeprefix("AUTH_").lower(): value
        for name, value in sandbox.settings.items()
        if name.startswith("AUTH_GOOGLE_")
    }
    made: AuthSettings = service_settings(AuthSettings, **CHEAP_HASHES, **google)
    return made


@pytest.fixture(scope="module")
async def gateway(with_google: AuthSettings, run_app: RunApp, run_gateway: RunGateway) -> AsyncIterator[str]:
    auth = build_auth(with_google)
    async with run_app(auth):
        assert auth.grpc is not None
        async with run_gateway(auth_target=auth.grpc.address) as url:
            yield url


@pytest.fixture(autouse=True)
async def nobody_has_come_yet(with_google: AuthSettings) -> None:
    """The sandbox's people are the same in every test; their accounts here end with it."""
    database = Database(with_google, schema=with_google.service)
    theirs = store.tables.users.c.email_key.like("%@sandbox.test")
    try:
        async with database.sessions() as session:
            await session.execute(sa.delete(store.tables.identities))
            await session.execute(sa.delete(store.tables.users).where(theirs))
            await session.commit()
    finally:
        await database.stop()


@pytest.fixture
async def browser(gateway: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=gateway, headers={"sec-fetch-site": "same-origin"}) as client:
        yield client


@pytest.fixture
async def member(with_google: AuthSettings) -> Person:
    account = await make_account(with_google)
    return Person(account.id, account.email, PASSWORD, "", {})


async def consent(authorize_url: str, account: str, decision: str = "allow") -> str:
    """Decides on the provider's page, and returns the path and query on which the browser comes back."""
    async with httpx2.AsyncClient() as client:
        page = await client.get(authorize_url)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        action = urlsplit(re.findall(r'<form method="post" action="([^"]+)"', page.text)[0])
        address = str(httpx2.URL(authorize_url).join(action.geturl()))
        answer = await client.post(address, data={**hidden, "account": account, "decision": decision})
    back = urlsplit(answer.headers["location"])
    assert back.path == "/v1/auth/oauth/google/callback"
    return f"{back.path}?{back.query}"


async def begin(browser: httpx2.AsyncClient, return_to: str = "/pictures") -> str:
    answer = await browser.get("/v1/auth/oauth/google/start", params={"return_to": return_to})
    assert answer.status_code == 303
    location: str = answer.headers["location"]
    return location


async def test_who_google_vouches_for_gets_an_account_at_once_and_is_known_again(
    browser: httpx2.AsyncClient,
) -> None:
    providers = (await browser.get("/v1/auth/providers")).json()["items"]
    arrived = await browser.get(await consent(await begin(browser), "ada"))
    me = (await browser.get("/v1/me")).json()
    identities = (await browser.get("/v1/me/identities")).json()["items"]
    last_way_in = await browser.delete(f"/v1/me/identities/{identities[0]['id']}")
    await browser.post("/v1/auth/logout")
    again = await browser.get(await consent(await begin(browser, "/syncs"), "ada"))

    assert providers == [{"id": "google", "label": "Google"}]
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/pictures")
    assert (me["email"], me["has_password"]) == ("ada@sandbox.test", False)
    assert [(identity["provider"], identity["provider_label"]) for identity in identities] == [("google", "Google")]
    assert reason_of(last_way_in) == (409, "LAST_WAY_IN")
    assert again.headers["location"] == "/syncs"
    assert (await browser.get("/v1/me")).json()["id"] == me["id"]


async def test_a_link_that_was_used_or_came_to_another_browser_leads_nowhere(
    gateway: str, browser: httpx2.AsyncClient
) -> None:
    back = await consent(await begin(browser), "ada")
    async with httpx2.AsyncClient(base_url=gateway) as stranger:
        elsewhere = await stranger.get(back)
        await begin(stranger)
        elsewhere_too = await stranger.get(back)
        signed_in_there = await stranger.get("/v1/me")
    first = await browser.get(back)
    replayed = await browser.get(back)

    problem = "/login?problem=FLOW_NOT_VALID&provider=google"
    assert elsewhere.headers["location"] == elsewhere_too.headers["location"] == problem
    assert signed_in_there.status_code == 401
    assert first.headers["location"] == "/pictures"
    assert replayed.headers["location"] == problem


async def test_declined_consent_is_told_by_the_log_in_page(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get(await consent(await begin(browser), "ada", "deny"))

    assert answer.headers["location"] == "/login?problem=CONSENT_DECLINED&provider=google"


async def test_whose_address_nobody_vouches_for_proves_it_by_a_letter(
    browser: httpx2.AsyncClient, with_google: AuthSettings
) -> None:
    email = f"{new_id()}@example.com"

    asked = urlsplit((await browser.get(await consent(await begin(browser), "grace"))).headers["location"])
    completed = await browser.post("/v1/auth/oauth/complete", json={"email": email, "display_name": "Grace"})
    again = await browser.post("/v1/auth/oauth/complete", json={"email": email, "display_name": "Grace"})
    too_soon = await browser.get("/v1/me")
    token = await newest_token(with_google, email)
    confirmed = await browser.post("/v1/auth/email/verify", json={"token": token})
    arrived = await browser.get(await consent(await begin(browser), "grace"))

    assert asked.path == "/complete-sign-up"
    assert parse_qs(asked.query)["provider_label"] == ["Google"]
    assert parse_qs(asked.query)["email"] == ["grace@sandbox.test"]
    assert completed.status_code == 202
    assert reason_of(again) == (409, "FLOW_NOT_VALID")
    assert too_soon.status_code == 401
    assert confirmed.json()["email"] == email
    assert arrived.headers["location"] == "/pictures"
    assert (await browser.get("/v1/me")).json()["id"] == confirmed.json()["id"]


async def test_an_identity_is_linked_by_the_session_that_began_it_and_belongs_to_one_account(
    gateway: str, browser: httpx2.AsyncClient, member: Person
) -> None:
    await browser.get(await consent(await begin(browser), "ada"))  # ada is somebody already
    async with browser_of(gateway, member) as theirs:
        begun = await theirs.post("/v1/me/identities", json={"provider": "google"})
        back = await consent(begun.json()["authorize_url"], "ada")
        taken = await theirs.get(back)
        elsewhere = await theirs.post("/v1/me/identities", json={"provider": "google"})
        back = await consent(elsewhere.json()["authorize_url"], "ada")
        flow = theirs.cookies["linkarooie-flow"]
    async with browser_of(gateway, member) as another:  # the same person, and the same secret: yet another session
        another.cookies.set("linkarooie-flow", flow)
        foreign = await another.get(back)

    assert taken.headers["location"] == "/settings/sign-in?problem=IDENTITY_TAKEN&provider=google"
    assert foreign.headers["location"] == "/settings/sign-in?problem=FLOW_NOT_VALID&provider=google"
