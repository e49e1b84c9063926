"""Signing in with a certified OpenID provider, on the real thing: it checks our requests, and we its answers."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import sqlalchemy as sa
from auth_client import AuthStub, RunAuth, account, activities, call, confirm, current_user, letters, link_token, log_in
from social_world import CLIENTS, UNTRUSTED, Browser, OpenIdServer, Person, consent, last_event, reason_of

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import InvalidInputError, PreconditionError
from services.auth import store


async def test_the_providers_are_those_of_the_settings_in_their_order(auth: AuthStub, run_auth: RunAuth) -> None:
    request = auth_pb2.ListSignInProvidersRequest()
    offered = (await call(auth, "ListSignInProviders", request)).providers
    assert [(one.id, one.label) for one in offered] == [(name, f"Company ({name})") for name in (*CLIENTS, UNTRUSTED)]
    async with run_auth(
        github_client_id="g", github_client_secret="s", google_client_id="g", google_client_secret="s"
    ) as two:
        offered = (await call(two, "ListSignInProviders", request)).providers
        assert [(one.id, one.label) for one in offered] == [("google", "Google"), ("github", "GitHub")]


@pytest.mark.parametrize("provider", ["rs256", "es256", "eddsa"])
async def test_whom_the_provider_vouches_for_gets_an_account_at_once_and_the_same_one_later(
    auth: AuthStub, provider: str
) -> None:
    person, browser = Person(), Browser(auth)
    authorize_url = await browser.begin(provider, return_to="/images?page=2")
    first = await browser.finish(provider, await consent(authorize_url, person))
    assert first.return_to == "/images?page=2"
    user = first.signed_in.user
    assert (user.email, user.display_name, user.has_password) == (person.email, "Ada Rivers", False)
    token = first.signed_in.tokens.access_token
    assert await current_user(auth, token) == user
    renamed = Person(sub=person.sub, email="other@example.org", email_verified=False, name="Ada Lake")
    again = await Browser(auth).sign_in(provider, renamed)
    assert again.signed_in.user == user, "known again by the subject alone"
    trail = [(line.action, line.detail) for line in reversed(await activities(auth, token))]
    label = f"Company ({provider})"
    assert trail[0][0] == auth_pb2.ACTIVITY_ACTION_REGISTERED
    assert trail[1] == (auth_pb2.ACTIVITY_ACTION_SIGNED_IN, label)
    assert trail[2][1] == label
    browser.token = token
    identities = await browser.identities()
    assert [(one.provider, one.provider_label, one.name) for one in identities] == [(provider, label, renamed.email)]
    assert identities[0].last_used_time.ToDatetime() > identities[0].create_time.ToDatetime()


async def test_what_follows_a_sign_up_with_a_provider_is_told_like_any_other(
    auth: AuthStub, bus: Bus, eventually: Callable[..., Any]
) -> None:
    user = (await Browser(auth).sign_in("rs256", Person())).signed_in.user

    registered = await eventually(lambda: last_event(bus, events.AccountRegistered, user.id))
    assert registered.email == user.email
    assert (await eventually(lambda: last_event(bus, events.AccountSignedIn, user.id))).session_id


async def test_somebody_for_whose_address_nobody_vouches_confirms_one_by_letter(auth: AuthStub) -> None:
    person, browser = Person(), Browser(auth)
    answer = await browser.sign_in(UNTRUSTED, person)
    ticket = answer.ticket
    assert (ticket.email, ticket.display_name) == (person.email, "Ada Rivers")
    assert ticket.provider_label == f"Company ({UNTRUSTED})"
    chosen = Person().email
    request = auth_pb2.CompleteSocialSignUpRequest(ticket=ticket.ticket, email=chosen, display_name="Ada")
    asked_for = (await call(auth, "CompleteSocialSignUp", request)).user
    assert (await Browser(auth).sign_in(UNTRUSTED, person)).HasField("ticket"), "no account before the letter"
    made = await confirm(auth, await link_token(chosen))
    assert (made.id, made.email, made.display_name, made.has_password) == (asked_for.id, chosen, "Ada", False)
    assert (await Browser(auth).sign_in(UNTRUSTED, person)).signed_in.user == made


async def test_an_unverified_address_makes_no_account_either(auth: AuthStub) -> None:
    person = Person(email_verified=False)
    assert (await Browser(auth).sign_in("rs256", person)).ticket.email == person.email


async def test_a_ticket_works_once_and_not_after_its_time(auth: AuthStub, database: Database) -> None:
    answer = await Browser(auth).sign_in(UNTRUSTED, Person())
    wrong = auth_pb2.CompleteSocialSignUpRequest(ticket=answer.ticket.ticket, email="nobody", display_name=" ")
    with pytest.raises(InvalidInputError) as refused:
        await call(auth, "CompleteSocialSignUp", wrong)
    assert [violation.field for violation in refused.value.violations] == ["email", "display_name"]
    request = auth_pb2.CompleteSocialSignUpRequest(
        ticket=answer.ticket.ticket, email=Person().email, display_name="Ada"
    )
    outcomes = await asyncio.gather(
        *(call(auth, "CompleteSocialSignUp", request) for _ in range(4)), return_exceptions=True
    )
    refusals = [outcome.reason for outcome in outcomes if isinstance(outcome, PreconditionError)]
    assert refusals == ["FLOW_NOT_VALID"] * 3
    assert len(await letters(request.email)) == 1
    late = (await Browser(auth).sign_in(UNTRUSTED, Person())).ticket.ticket
    await _end_flows(database)
    for ticket in (late, "never handed out", ""):
        request = auth_pb2.CompleteSocialSignUpRequest(ticket=ticket, email=Person().email, display_name="Ada")
        assert await reason_of(call(auth, "CompleteSocialSignUp", request)) == "FLOW_NOT_VALID"


async def test_a_ticket_gets_the_same_answer_for_an_address_that_has_an_account(auth: AuthStub) -> None:
    owner = await account()
    answer = await Browser(auth).sign_in(UNTRUSTED, Person())
    request = auth_pb2.CompleteSocialSignUpRequest(ticket=answer.ticket.ticket, email=owner.email, display_name="Eve")
    assert (await call(auth, "CompleteSocialSignUp", request)).user.email == owner.email
    letter = (await letters(owner.email))[-1]
    assert letter.kind == events.ACCOUNT_LETTER_KIND_ALREADY_REGISTERED
    assert not letter.sealed_token


async def test_an_address_alone_opens_no_account_that_is_there(auth: AuthStub) -> None:
    owner = await account()
    browser = Browser(auth)
    parameters = await consent(await browser.begin("rs256"), Person(email=owner.email.upper()))
    assert await reason_of(browser.finish("rs256", parameters)) == "EMAIL_HAS_ACCOUNT"


async def test_what_comes_back_counts_once(auth: AuthStub) -> None:
    browser = Browser(auth)
    parameters = await consent(await browser.begin("rs256"), Person())
    outcomes = await asyncio.gather(*(browser.finish("rs256", parameters) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, auth_pb2.FinishSocialSignInResponse) for outcome in outcomes) == 1
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, PreconditionError)] == ["FLOW_NOT_VALID"] * 3
    assert await reason_of(browser.finish("rs256", parameters)) == "FLOW_NOT_VALID"


async def test_what_comes_back_counts_in_the_browser_alone_that_went(auth: AuthStub) -> None:
    browser, stranger = Browser(auth), Browser(auth)
    parameters = await consent(await browser.begin("rs256"), Person())
    assert await reason_of(stranger.finish("rs256", parameters)) == "FLOW_NOT_VALID"
    stranger.secret = ""
    assert await reason_of(stranger.finish("rs256", parameters)) == "FLOW_NOT_VALID"
    assert await reason_of(browser.finish("es256", parameters)) == "FLOW_NOT_VALID"
    assert await reason_of(browser.finish("unheard-of", parameters)) == "FLOW_NOT_VALID"
    assert (await browser.finish("rs256", parameters)).signed_in.tokens.access_token, "nobody else used it up"


@pytest.mark.parametrize("state", [None, "", "never handed out", "\N{SNOWMAN}" * 1000])
async def test_an_unknown_state_leads_nowhere(auth: AuthStub, state: str | None) -> None:
    parameters = {"code": "a code"} if state is None else {"code": "a code", "state": state}
    assert await reason_of(Browser(auth).finish("rs256", parameters)) == "FLOW_NOT_VALID"


async def test_whoever_takes_too_long_starts_again(auth: AuthStub, database: Database) -> None:
    browser = Browser(auth)
    parameters = await consent(await browser.begin("rs256"), Person())
    await _end_flows(database)
    assert await reason_of(browser.finish("rs256", parameters)) == "FLOW_NOT_VALID"


async def test_an_id_token_for_another_sign_in_is_refused(auth: AuthStub) -> None:
    browser = Browser(auth)
    elsewhere = _with(await browser.begin("rs256"), nonce="of-another-sign-in")
    assert await reason_of(browser.finish("rs256", await consent(elsewhere, Person()))) == "PROVIDER_ANSWER_INVALID"


async def test_a_code_of_another_sign_in_is_refused_by_its_challenge(auth: AuthStub) -> None:
    victim, thief = Browser(auth), Browser(auth)
    stolen = (await consent(await victim.begin("rs256"), Person()))["code"]
    own = await consent(await thief.begin("rs256"), Person())
    assert await reason_of(thief.finish("rs256", own | {"code": stolen})) == "PROVIDER_ANSWER_INVALID"


async def test_the_provider_refuses_a_sign_in_without_a_challenge(auth: AuthStub) -> None:
    """Else the test before would show nothing."""
    browser = Browser(auth)
    back = await consent(_with(await browser.begin("rs256"), code_challenge="", code_challenge_method=""), Person())
    assert back["error"] == "invalid_request"
    assert await reason_of(browser.finish("rs256", back)) == "PROVIDER_ANSWER_INVALID"


@pytest.mark.parametrize("sender", ["https://elsewhere.example", "", None])
async def test_what_another_issuer_sends_back_is_refused(auth: AuthStub, sender: str | None) -> None:
    browser = Browser(auth)
    parameters = await consent(await browser.begin("rs256"), Person())
    assert parameters.pop("iss")
    changed = parameters if sender is None else parameters | {"iss": sender}
    assert await reason_of(browser.finish("rs256", changed)) == "PROVIDER_ANSWER_INVALID"


async def test_an_algorithm_that_we_do_not_take_is_refused(auth: AuthStub) -> None:
    browser = Browser(auth)
    parameters = await consent(await browser.begin("ps256"), Person())
    assert await reason_of(browser.finish("ps256", parameters)) == "PROVIDER_ANSWER_INVALID"


@pytest.mark.parametrize(
    ("error", "reason"), [("access_denied", "CONSENT_DECLINED"), ("login_required", "PROVIDER_ANSWER_INVALID")]
)
async def test_whoever_does_not_consent_is_told_so(auth: AuthStub, error: str, reason: str) -> None:
    browser = Browser(auth)
    back = await consent(await browser.begin("rs256"), error=error)
    assert back["error"] == error
    assert await reason_of(browser.finish("rs256", back)) == reason
    assert await reason_of(browser.finish("rs256", back)) == "FLOW_NOT_VALID"


async def test_new_keys_of_the_provider_are_found(
    run_auth: RunAuth, social_settings: dict[str, Any], openid_server: OpenIdServer
) -> None:
    person = Person()
    async with run_auth(**social_settings) as auth:
        before = await Browser(auth).sign_in("rs256", person)
        await openid_server.rotate_keys()
        after = await Browser(auth).sign_in("rs256", person)
        assert after.signed_in.user == before.signed_in.user


async def test_a_provider_that_is_away_is_said_to_be(
    run_auth: RunAuth, social_settings: dict[str, Any], closed_port: int
) -> None:
    away = [{**social_settings["openid_providers"][0], "issuer": f"http://127.0.0.1:{closed_port}"}]
    async with run_auth(openid_providers=away) as auth:
        assert await reason_of(Browser(auth).begin("rs256")) == "PROVIDER_UNAVAILABLE"


async def test_a_provider_that_is_not_the_one_of_the_settings_is_not_believed(
    run_auth: RunAuth, social_settings: dict[str, Any]
) -> None:
    first = social_settings["openid_providers"][0]
    other = [{**first, "issuer": f"{first['issuer']}/"}]  # the same server, but not what it calls itself
    async with run_auth(openid_providers=other) as auth:
        assert await reason_of(Browser(auth).begin("rs256")) == "PROVIDER_ANSWER_INVALID"


async def test_a_wrong_client_secret_signs_nobody_in(run_auth: RunAuth, social_settings: dict[str, Any]) -> None:
    wrong = [{**social_settings["openid_providers"][0], "client_secret": "wrong"}]
    async with run_auth(openid_providers=wrong) as auth:
        browser = Browser(auth)
        parameters = await consent(await browser.begin("rs256"), Person())
        assert await reason_of(browser.finish("rs256", parameters)) == "PROVIDER_ANSWER_INVALID"


async def test_only_providers_that_are_set_up_can_be_begun_with(auth: AuthStub) -> None:
    for name in ("google", "", "../rs256"):
        assert await reason_of(Browser(auth).begin(name)) == "PROVIDER_UNKNOWN"
    browser = Browser(auth)
    with pytest.raises(InvalidInputError) as refused:
        await browser.begin("rs256", return_to="/" * 501)
    assert [violation.field for violation in refused.value.violations] == ["return_to"]
    browser.secret = ""
    with pytest.raises(InvalidInputError):
        await browser.begin("rs256")


async def test_one_person_in_two_tabs_gets_one_account(auth: AuthStub) -> None:
    person = Person()
    browsers = [Browser(auth) for _ in range(4)]
    ways_back = [await consent(await browser.begin("rs256"), person) for browser in browsers]
    answers = await asyncio.gather(
        *(browser.finish("rs256", back) for browser, back in zip(browsers, ways_back, strict=True))
    )
    assert len({answer.signed_in.user.id for answer in answers}) == 1
    assert len({answer.signed_in.tokens.refresh_token for answer in answers}) == 4


async def test_a_confirming_link_makes_no_account_for_an_identity_that_got_one(auth: AuthStub) -> None:
    person = Person()
    addresses = [Person().email, Person().email]
    for address in addresses:
        ticket = (await Browser(auth).sign_in(UNTRUSTED, person)).ticket.ticket
        request = auth_pb2.CompleteSocialSignUpRequest(ticket=ticket, email=address, display_name="Ada")
        await call(auth, "CompleteSocialSignUp", request)
    first = await confirm(auth, await link_token(addresses[0]))
    assert await reason_of(confirm(auth, await link_token(addresses[1]))) == "IDENTITY_TAKEN"
    assert (await Browser(auth).sign_in(UNTRUSTED, person)).signed_in.user == first


async def test_a_device_is_known_again_also_with_a_provider(auth: AuthStub) -> None:
    person, browser = Person(), Browser(auth)
    first = (await browser.sign_in("rs256", person)).signed_in
    browser.device_token = first.device_token
    await browser.sign_in("rs256", person)
    await Browser(auth).sign_in("rs256", person)
    actions = [line.action for line in await activities(auth, first.tokens.access_token)]
    assert actions[:2] == [auth_pb2.ACTIVITY_ACTION_SIGNED_IN_NEW_DEVICE, auth_pb2.ACTIVITY_ACTION_SIGNED_IN]


async def test_the_database_alone_lets_nobody_go_on_with_a_sign_in(auth: AuthStub, database: Database) -> None:
    browser = Browser(auth)
    authorize_url = await browser.begin("rs256")
    ticket = (await Browser(auth).sign_in(UNTRUSTED, Person())).ticket.ticket
    asked = dict(parse_qsl(urlsplit(authorize_url).query))
    async with database.sessions() as session:
        rows = [
            bytes(value) if isinstance(value, bytes) else str(value).encode()
            for row in await session.execute(sa.select(store.tables.flows))
            for value in row
        ]
    assert rows
    for secret in (browser.secret, asked["state"], asked["nonce"], ticket):
        assert not any(secret.encode() in value for value in rows)


async def test_somebody_without_a_password_does_not_sign_in_with_one(auth: AuthStub) -> None:
    user = (await Browser(auth).sign_in("rs256", Person())).signed_in.user
    for password in ("", "four unrelated words"):
        assert await reason_of(log_in(auth, email=user.email, password=password)) == "WRONG_CREDENTIALS"


def _with(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    query = {name: value for name, value in {**dict(parse_qsl(parts.query)), **changes}.items() if value}
    return parts._replace(query=urlencode(query)).geturl()


async def _end_flows(database: Database) -> None:
    """Makes every flow and every ticket one whose time has just run out."""
    async with database.sessions() as session:
        await session.execute(sa.update(store.tables.flows).values(expires_at=sa.func.now()))
        await session.commit()
