import asyncio

import pytest
from auth_client import (
    AuthStub,
    account,
    activities,
    call,
    coming_from,
    confirm,
    current_user,
    fresh_email,
    letters,
    link_token,
    log_in,
    security_notes,
    settings,
)
from system.accounts import token_of

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import Database
from servicekit.errors import AlreadyExistsError, InvalidInputError, PreconditionError, UnauthenticatedError
from servicekit.subjects import subject_of
from services.auth import store


async def ask_for_change(auth: AuthStub, access_token: str, email: str) -> None:
    request = auth_pb2.RequestEmailChangeRequest(email=email)
    await call(auth, "RequestEmailChange", request, metadata=coming_from(token=access_token))


async def test_an_account_has_its_new_address_once_the_link_sent_there_is_opened(auth: AuthStub) -> None:
    user, new = await account(), fresh_email()
    own = await log_in(auth, email=user.email)
    await ask_for_change(auth, own.access_token, new)
    assert (await current_user(auth, own.access_token)).email == user.email
    [letter] = await letters(new)
    assert (letter.kind, letter.display_name) == (events.ACCOUNT_LETTER_KIND_CONFIRM_EMAIL_CHANGE, "Ada")
    changed = await confirm(auth, await link_token(new))
    assert (changed.id, changed.email) == (user.id, new)
    assert (await log_in(auth, email=new)).access_token
    with pytest.raises(UnauthenticatedError):
        await log_in(auth, email=user.email)


async def test_the_old_address_is_told_and_so_are_the_other_services(auth: AuthStub, database: Database) -> None:
    user, new = await account(), fresh_email()
    own = await log_in(auth, email=user.email)
    await ask_for_change(auth, own.access_token, new)
    await confirm(auth, await link_token(new))
    [note] = await security_notes(user.id)
    assert (note.action, note.email, note.detail) == (auth_pb2.ACTIVITY_ACTION_EMAIL_CHANGED, user.email, new)
    table = store.outbox
    mine = (table.c.subject == subject_of(events.AccountChanged)) & (
        table.c.headers["ce-subject"].as_string() == user.id
    )
    async with database.sessions() as session:
        [payload] = (await session.execute(table.select().with_only_columns(table.c.payload).where(mine))).scalars()
    told = events.AccountChanged.FromString(payload)
    assert (told.email, told.version) == (new, 2)
    lines = [(line.action, line.detail) for line in await activities(auth, own.access_token)]
    assert lines[:2] == [
        (auth_pb2.ACTIVITY_ACTION_EMAIL_CHANGED, new),
        (auth_pb2.ACTIVITY_ACTION_EMAIL_CHANGE_REQUESTED, new),
    ]


async def test_an_address_of_somebody_else_gets_the_same_answer_and_no_link(auth: AuthStub) -> None:
    user, other = await account(), await account()
    own = await log_in(auth, email=user.email)
    await ask_for_change(auth, own.access_token, other.email.upper())
    [letter] = await letters(other.email)
    assert (letter.kind, letter.sealed_token) == (events.ACCOUNT_LETTER_KIND_ALREADY_REGISTERED, b"")
    assert letter.display_name == "Ada"


async def test_of_two_accounts_that_want_an_address_the_first_link_wins(auth: AuthStub) -> None:
    new, people = fresh_email(), [await account(), await account()]
    for person in people:
        await ask_for_change(auth, (await log_in(auth, email=person.email)).access_token, new)
    tokens = [token_of(settings(), letter) for letter in await letters(new)]
    outcomes = await asyncio.gather(*(confirm(auth, token) for token in tokens), return_exceptions=True)
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, auth_pb2.User)]
    [loser] = [outcome for outcome in outcomes if isinstance(outcome, AlreadyExistsError)]
    assert (winner.email, loser.reason) == (new, "EMAIL_TAKEN")
    [kept] = [person for person in people if person.id != winner.id]
    assert (await log_in(auth, email=kept.email)).access_token


async def test_a_link_to_an_address_is_void_after_the_address_was_changed_to_another(auth: AuthStub) -> None:
    user, first, second = await account(), fresh_email(), fresh_email()
    own = await log_in(auth, email=user.email)
    for new in (first, second):
        await ask_for_change(auth, own.access_token, new)
    await confirm(auth, await link_token(second))
    with pytest.raises(PreconditionError) as void:
        await confirm(auth, await link_token(first))
    assert void.value.reason == "LINK_NOT_VALID"


async def test_another_spelling_of_the_own_address_is_fine(auth: AuthStub) -> None:
    user = await account()
    own = await log_in(auth, email=user.email)
    await ask_for_change(auth, own.access_token, user.email.lower())
    assert (await confirm(auth, await link_token(user.email))).email == user.email.lower()


async def test_what_is_no_address_and_the_present_one_are_refused_by_field(auth: AuthStub) -> None:
    user = await account()
    own = await log_in(auth, email=user.email)
    for email in ("no address", f" {user.email} ", "\N{CYRILLIC SMALL LETTER A}da@example.org"):
        with pytest.raises(InvalidInputError) as refused:
            await ask_for_change(auth, own.access_token, email)
        assert [violation.field for violation in refused.value.violations] == ["email"]


async def test_a_name_is_changed_and_told(auth: AuthStub) -> None:
    user = await account()
    own = await log_in(auth, email=user.email)

    async def rename(name: str) -> auth_pb2.User:
        request = auth_pb2.UpdateCurrentUserRequest(display_name=name)
        answer = await call(auth, "UpdateCurrentUser", request, metadata=coming_from(token=own.access_token))
        renamed: auth_pb2.User = answer.user
        return renamed

    for _ in range(2):  # the second time there is nothing to change
        assert (await rename(" Ada Lovelace ")).display_name == "Ada Lovelace"
    actions = [line.action for line in await activities(auth, own.access_token)]
    assert actions.count(auth_pb2.ACTIVITY_ACTION_NAME_CHANGED) == 1
    with pytest.raises(InvalidInputError) as refused:
        await rename("Ada\N{RIGHT-TO-LEFT OVERRIDE}")
    assert [violation.field for violation in refused.value.violations] == ["display_name"]


async def test_two_who_ask_for_each_others_address_do_not_wait_for_each_other(auth: AuthStub) -> None:
    ada, bob = await account(), await account()
    hers, his = await log_in(auth, email=ada.email), await log_in(auth, email=bob.email)
    wishes = [(hers, bob.email), (his, ada.email), (hers, ada.email.lower()), (his, bob.email.lower())]
    resets = [auth_pb2.RequestPasswordResetRequest(email=person.email) for person in (ada, bob)]
    for _ in range(5):
        await asyncio.gather(
            *(ask_for_change(auth, tokens.access_token, email) for tokens, email in wishes),
            *(call(auth, "RequestPasswordReset", request) for request in resets),
        )
