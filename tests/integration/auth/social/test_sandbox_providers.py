"""Signing in with the sandbox's Google, GitHub and Facebook, which answer as those do, also when something is wrong."""

from typing import Any

import httpx2
import pytest
from auth_client import AuthStub, RunAuth
from social_world import Browser, allow, reason_of

from linkarooie.auth.v1 import auth_pb2
from sandbox import Sandbox

PROVIDERS = ("google", "github", "facebook")


async def switch(sandbox: Sandbox, provider: str, **switches: Any) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.put(f"{sandbox.urls['index']}/api/{provider}/switches", json=switches)
    assert answer.status_code == 200, answer.text


async def sign_in(
    auth: AuthStub, provider: str, name: str = "ada", *, decision: str = "allow"
) -> auth_pb2.FinishSocialSignInResponse:
    browser = Browser(auth)
    return await browser.finish(provider, await allow(await browser.begin(provider), name, decision=decision))


@pytest.mark.parametrize("provider", ["google", "github"])
async def test_who_has_an_address_that_the_provider_vouches_for_gets_an_account(
    sandbox_auth: AuthStub, provider: str
) -> None:
    first = (await sign_in(sandbox_auth, provider)).signed_in
    assert first.user.email == "ada@sandbox.test"
    assert first.user.display_name
    assert (await sign_in(sandbox_auth, provider)).signed_in.user == first.user


async def test_google_is_believed_only_on_addresses_that_it_is_in_charge_of(sandbox_auth: AuthStub) -> None:
    """Grace's is verified, but neither of Gmail nor of a Workspace: it may have another owner by now."""
    assert (await sign_in(sandbox_auth, "google", "grace")).ticket.email == "grace@sandbox.test"


async def test_google_names_itself_with_and_without_its_scheme(
    sandbox_auth: AuthStub, sign_in_sandbox: Sandbox
) -> None:
    await switch(sign_in_sandbox, "google", bare_issuer=True)
    assert (await sign_in(sandbox_auth, "google")).HasField("signed_in")


@pytest.mark.parametrize("spoil", ["nonce", "issuer", "audience", "signature", "expired"])
async def test_an_id_token_that_is_wrong_in_anything_is_refused(
    sandbox_auth: AuthStub, sign_in_sandbox: Sandbox, spoil: str
) -> None:
    await switch(sign_in_sandbox, "google", spoil=spoil)
    assert await reason_of(sign_in(sandbox_auth, "google")) == "PROVIDER_ANSWER_INVALID"
    await switch(sign_in_sandbox, "google", spoil=None)
    assert (await sign_in(sandbox_auth, "google")).HasField("signed_in"), "nothing else was wrong"


async def test_google_changes_its_keys(sandbox_auth: AuthStub, sign_in_sandbox: Sandbox) -> None:
    first = await sign_in(sandbox_auth, "google")
    await switch(sign_in_sandbox, "google", rotate_keys=True)
    assert (await sign_in(sandbox_auth, "google")).signed_in.user == first.signed_in.user


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_without_an_address_somebody_is_asked_for_one(
    sandbox_auth: AuthStub, sign_in_sandbox: Sandbox, provider: str
) -> None:
    await switch(sign_in_sandbox, provider, no_email=True)
    assert (await sign_in(sandbox_auth, provider)).ticket.email == ""


@pytest.mark.parametrize("provider", ["google", "github"])
async def test_an_unverified_address_makes_no_account(
    sandbox_auth: AuthStub, sign_in_sandbox: Sandbox, provider: str
) -> None:
    await switch(sign_in_sandbox, provider, unverified_email=True)
    assert (await sign_in(sandbox_auth, provider)).HasField("ticket")


async def test_facebook_is_never_believed_on_an_address(sandbox_auth: AuthStub) -> None:
    ticket = (await sign_in(sandbox_auth, "facebook")).ticket
    assert (ticket.provider_label, ticket.email) == ("Facebook", "ada@sandbox.test")


async def test_a_token_that_facebook_made_for_another_app_signs_nobody_in(
    sandbox_auth: AuthStub, sign_in_sandbox: Sandbox
) -> None:
    await switch(sign_in_sandbox, "facebook", foreign_app=True)
    assert await reason_of(sign_in(sandbox_auth, "facebook")) == "PROVIDER_ANSWER_INVALID"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_whoever_denies_is_told_that_nothing_changed(sandbox_auth: AuthStub, provider: str) -> None:
    assert await reason_of(sign_in(sandbox_auth, provider, decision="deny")) == "CONSENT_DECLINED"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_code_that_the_provider_does_not_know_signs_nobody_in(sandbox_auth: AuthStub, provider: str) -> None:
    browser = Browser(sandbox_auth)
    parameters = await allow(await browser.begin(provider))
    assert await reason_of(browser.finish(provider, parameters | {"code": "made-up"})) == "PROVIDER_ANSWER_INVALID"


@pytest.mark.parametrize("provider", ["google", "github"])
async def test_a_code_of_another_browsers_is_refused_by_its_challenge(sandbox_auth: AuthStub, provider: str) -> None:
    victim, thief = Browser(sandbox_auth), Browser(sandbox_auth)
    stolen = (await allow(await victim.begin(provider)))["code"]
    own = await allow(await thief.begin(provider), "grace")
    assert await reason_of(thief.finish(provider, own | {"code": stolen})) == "PROVIDER_ANSWER_INVALID"


@pytest.mark.parametrize(
    ("provider", "fail", "reason"),
    [
        *((provider, fail, "PROVIDER_UNAVAILABLE") for provider in PROVIDERS for fail in ("500", "503", "drop")),
        *((provider, "not_json", "PROVIDER_ANSWER_INVALID") for provider in PROVIDERS),
        ("github", "403_limit", "PROVIDER_UNAVAILABLE"),
        ("facebook", "limit", "PROVIDER_UNAVAILABLE"),
    ],
)
async def test_a_provider_in_trouble_is_told_from_one_that_proves_nothing(
    sandbox_auth: AuthStub, sign_in_sandbox: Sandbox, provider: str, fail: str, reason: str
) -> None:
    browser = Browser(sandbox_auth)
    parameters = await allow(await browser.begin(provider))
    await switch(sign_in_sandbox, provider, fail=fail)
    assert await reason_of(browser.finish(provider, parameters)) == reason


async def test_accounts_at_several_providers_with_one_address_are_not_merged(sandbox_auth: AuthStub) -> None:
    await sign_in(sandbox_auth, "google")
    assert await reason_of(sign_in(sandbox_auth, "github")) == "EMAIL_HAS_ACCOUNT"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_provider_that_never_answers_is_given_up(
    run_auth: RunAuth, sandbox_settings: dict[str, Any], sign_in_sandbox: Sandbox, provider: str
) -> None:
    async with run_auth(**sandbox_settings, provider_timeout_seconds=2) as auth:
        browser = Browser(auth)
        parameters = await allow(await browser.begin(provider))
        await switch(sign_in_sandbox, provider, fail="hang")
        assert await reason_of(browser.finish(provider, parameters)) == "PROVIDER_UNAVAILABLE"
