"""Linking an account at a provider to one that is here, and taking it away again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import AuthStub, RunAuth, account, activities, call, coming_from, log_in, refresh
from social_world import UNTRUSTED, Browser, Person, consent, last_event, reason_of

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import PreconditionError, UnauthenticatedError
from services.auth import store
from services.auth.domain.account import User


async def signed_in(auth: AuthStub) -> tuple[User, Browser]:
    """Makes an account with a password and signs in to it."""
    user = await account()
    return user, Browser(auth, token=(await log_in(auth, email=user.email)).access_token)


async def actions_of(browser: Browser) -> list[Any]:
    return [line.action for line in await activities(browser.auth, browser.token or "")]


async def test_a_linked_account_opens_the_account_that_it_was_linked_to(auth: AuthStub) -> None:
    user, browser = await signed_in(auth)
    person = Person()
    answer = await browser.link("rs256", person)
    assert answer.return_to == "/settings/sign-in"
    assert (answer.linked.provider, answer.linked.name) == ("rs256", person.email)
    assert not answer.linked.HasField("last_used_time")
    assert list(await browser.identities()) == [answer.linked]
    assert (await actions_of(browser))[0] == auth_pb2.ACTIVITY_ACTION_IDENTITY_LINKED
    assert (await Browser(auth).sign_in("rs256", person)).signed_in.user.id == user.id


async def test_an_account_may_be_linked_whatever_address_the_provider_tells(auth: AuthStub) -> None:
    """The session says whose account it is; addresses decide nothing here, so nobody has to vouch for them."""
    user, browser = await signed_in(auth)
    somebody = await account()
    person = Person(email=somebody.email, email_verified=False)
    assert (await browser.link(UNTRUSTED, person)).HasField("linked")
    assert (await Browser(auth).sign_in(UNTRUSTED, person)).signed_in.user.id == user.id


async def test_a_link_and_its_end_are_told_by_letter(auth: AuthStub, bus: Bus, eventually: Callable[..., Any]) -> None:
    user, browser = await signed_in(auth)

    async def told(action: Any) -> Any:
        event = await last_event(bus, events.AccountSecurityNoted, user.id)
        return event if event is not None and event.action == action else None

    linked = (await browser.link("rs256", Person())).linked
    letter = await eventually(lambda: told(auth_pb2.ACTIVITY_ACTION_IDENTITY_LINKED))
    assert (letter.email, letter.detail) == (user.email, "Company (rs256)")
    await browser.unlink(linked.id)
    letter = await eventually(lambda: told(auth_pb2.ACTIVITY_ACTION_IDENTITY_REMOVED))
    assert (letter.email, letter.detail) == (user.email, "Company (rs256)")


async def test_linking_the_same_account_again_changes_nothing_but_its_name(auth: AuthStub) -> None:
    _, browser = await signed_in(auth)
    person = Person()
    first = (await browser.link("rs256", person)).linked
    renamed = Person(sub=person.sub)
    again = (await browser.link("rs256", renamed)).linked
    assert (again.id, again.name) == (first.id, renamed.email)
    assert list(await browser.identities()) == [again]
    assert (await actions_of(browser)).count(auth_pb2.ACTIVITY_ACTION_IDENTITY_LINKED) == 1


async def test_an_account_at_a_provider_opens_one_account_alone(auth: AuthStub) -> None:
    _, owner = await signed_in(auth)
    _, other = await signed_in(auth)
    person = Person()
    await owner.link("rs256", person)
    parameters = await consent(await other.begin_link("rs256"), person)
    assert await reason_of(other.finish("rs256", parameters)) == "IDENTITY_TAKEN"
    assert await other.identities() == []


async def test_of_two_accounts_that_race_for_an_identity_one_gets_it(auth: AuthStub) -> None:
    person = Person()
    browsers = [(await signed_in(auth))[1] for _ in range(3)]
    ways_back = [await consent(await browser.begin_link("rs256"), person) for browser in browsers]
    outcomes = await asyncio.gather(
        *(browser.finish("rs256", back) for browser, back in zip(browsers, ways_back, strict=True)),
        return_exceptions=True,
    )
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, PreconditionError)] == ["IDENTITY_TAKEN"] * 2
    assert sum([len(await browser.identities()) for browser in browsers]) == 1


async def test_a_link_ends_in_the_session_that_began_it(auth: AuthStub) -> None:
    """Else somebody could have another person finish a link, and get into that person's account with their own identity."""
    user, browser = await signed_in(auth)
    own_token = browser.token
    parameters = await consent(await browser.begin_link("rs256"), Person())
    another_session = (await log_in(auth, email=user.email)).access_token
    _, stranger = await signed_in(auth)
    for token in (None, stranger.token, another_session, "nonsense"):
        browser.token = token
        assert await reason_of(browser.finish("rs256", parameters)) == "FLOW_NOT_VALID"
    browser.token = own_token
    assert (await browser.finish("rs256", parameters)).HasField("linked")


async def test_a_sign_in_that_was_begun_links_nothing_to_who_is_signed_in(auth: AuthStub) -> None:
    _, browser = await signed_in(auth)
    assert (await browser.sign_in("rs256", Person())).HasField("signed_in")
    assert await browser.identities() == []


async def test_nobody_links_without_a_session(auth: AuthStub) -> None:
    with pytest.raises(UnauthenticatedError):
        await Browser(auth).begin_link("rs256")
    with pytest.raises(UnauthenticatedError):
        await Browser(auth).identities()
    with pytest.raises(UnauthenticatedError):
        await Browser(auth).unlink("an id")


async def test_a_session_of_long_ago_neither_links_nor_unlinks(auth: AuthStub, database: Database) -> None:
    user = await account()
    tokens = await log_in(auth, email=user.email)
    browser = Browser(auth, token=tokens.access_token)
    identity = (await browser.link("rs256", Person())).linked
    sessions = store.tables.sessions
    async with database.sessions() as session:
        long_ago = sessions.c.created_at - sa.text("interval '16 minutes'")
        await session.execute(sa.update(sessions).where(sessions.c.user_id == user.id).values(created_at=long_ago))
        await session.commit()
    browser.token = (await refresh(auth, tokens.refresh_token)).access_token
    assert await reason_of(browser.begin_link("rs256")) == "SIGN_IN_AGAIN"
    assert await reason_of(browser.unlink(identity.id)) == "SIGN_IN_AGAIN"
    assert await browser.identities() == [identity]


async def test_an_identity_that_was_removed_opens_nothing(auth: AuthStub) -> None:
    user, browser = await signed_in(auth)
    person = Person()
    identity = (await browser.link("rs256", person)).linked
    await browser.unlink(identity.id)
    assert await browser.identities() == []
    assert (await actions_of(browser))[0] == auth_pb2.ACTIVITY_ACTION_IDENTITY_REMOVED
    assert (await Browser(auth).sign_in("rs256", person)).signed_in.user.id != user.id
    assert await reason_of(browser.unlink(identity.id)) == "IDENTITY_NOT_FOUND"


async def test_nobody_removes_what_is_somebody_elses(auth: AuthStub) -> None:
    _, owner = await signed_in(auth)
    _, stranger = await signed_in(auth)
    identity = (await owner.link("rs256", Person())).linked
    for identity_id in (identity.id, "", "no id", "00000000-0000-7000-8000-000000000000"):
        assert await reason_of(stranger.unlink(identity_id)) == "IDENTITY_NOT_FOUND"
    assert await owner.identities() == [identity]


async def test_the_last_way_in_stays(auth: AuthStub) -> None:
    browser = Browser(auth)
    browser.token = (await browser.sign_in("rs256", Person())).signed_in.tokens.access_token
    only = (await browser.identities())[0]
    assert await reason_of(browser.unlink(only.id)) == "LAST_WAY_IN"
    second = (await browser.link("es256", Person())).linked
    await browser.unlink(only.id)
    assert await reason_of(browser.unlink(second.id)) == "LAST_WAY_IN"
    assert [one.id for one in await browser.identities()] == [second.id]


async def test_two_removals_at_once_do_not_each_count_on_the_other(auth: AuthStub) -> None:
    browser = Browser(auth)
    browser.token = (await browser.sign_in("rs256", Person())).signed_in.tokens.access_token
    await browser.link("es256", Person())
    both = await browser.identities()
    outcomes = await asyncio.gather(*(browser.unlink(one.id) for one in both), return_exceptions=True)
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, PreconditionError)] == ["LAST_WAY_IN"]
    assert len(await browser.identities()) == 1


async def test_an_identity_of_a_provider_that_is_not_set_up_any_more_is_no_way_in(
    auth: AuthStub, run_auth: RunAuth, social_settings: dict[str, Any]
) -> None:
    browser = Browser(auth)
    browser.token = (await browser.sign_in("rs256", Person())).signed_in.tokens.access_token
    await browser.link("es256", Person())
    one, gone = await browser.identities()
    left = [provider for provider in social_settings["openid_providers"] if provider["id"] == "rs256"]
    async with run_auth(openid_providers=left) as fewer:
        browser.auth = fewer
        assert await reason_of(browser.unlink(one.id)) == "LAST_WAY_IN"
        shown = next(identity for identity in await browser.identities() if identity.id == gone.id)
        assert shown.provider_label == "Es256"
        await browser.unlink(gone.id)
        assert [identity.id for identity in await browser.identities()] == [one.id]


async def test_an_identity_that_is_removed_during_a_sign_in_opens_nothing(
    auth: AuthStub, database: Database, eventually: Callable[..., Any]
) -> None:
    user, browser = await signed_in(auth)
    person = Person()
    identity = (await browser.link(UNTRUSTED, person)).linked
    other = Browser(auth)
    parameters = await consent(await other.begin(UNTRUSTED), person)
    users, identities = store.tables.users, store.tables.identities
    async with database.sessions() as removal:
        await removal.execute(sa.select(users).where(users.c.id == user.id).with_for_update())
        signing_in = asyncio.create_task(other.finish(UNTRUSTED, parameters))
        # It has found the identity, and waits for the account.
        await eventually(lambda: _somebody_waits(database), within_seconds=3)
        await removal.execute(sa.delete(identities).where(identities.c.id == identity.id))
        await removal.commit()
    assert (await signing_in).HasField("ticket")


async def _somebody_waits(database: Database) -> bool:
    """Tells whether a statement on this schema waits for a lock."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'linkarooie-auth'"
    )
    async with database.sessions() as session:
        return bool((await session.execute(query)).scalar_one())


async def test_no_api_key_reaches_the_ways_to_sign_in(auth: AuthStub) -> None:
    _, browser = await signed_in(auth)
    made = await call(
        auth,
        "CreateApiKey",
        auth_pb2.CreateApiKeyRequest(name="a program", scopes=["account:read"]),
        metadata=coming_from(token=browser.token),
    )
    exchanged = await call(auth, "ExchangeApiKey", auth_pb2.ExchangeApiKeyRequest(api_key=made.secret))
    program = Browser(auth, token=exchanged.access_token)
    for attempt in (program.identities(), program.begin_link("rs256"), program.unlink("an id")):
        assert await reason_of(attempt) == "NOT_FOR_API_KEYS"
