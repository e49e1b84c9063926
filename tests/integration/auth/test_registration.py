import asyncio

import pytest
import sqlalchemy as sa
from auth_client import (
    FIREFOX,
    PASSWORD,
    AuthStub,
    RunAuth,
    activities,
    ask_for_account,
    coming_from,
    confirm,
    fresh_email,
    letters,
    link_token,
    log_in,
    register,
    settings,
    sign_in,
)
from system.accounts import make_account, token_of

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import Database
from servicekit.errors import AlreadyExistsError, InvalidInputError, PreconditionError, UnauthenticatedError
from servicekit.identity import Role
from servicekit.subjects import subject_of
from services.auth import store
from services.auth.store.tables import challenges, users

CONFIRM = events.ACCOUNT_LETTER_KIND_CONFIRM_REGISTRATION
ALREADY = events.ACCOUNT_LETTER_KIND_ALREADY_REGISTERED


async def accounts_of(database: Database, email: str) -> list[str]:
    async with database.sessions() as session:
        found = await session.execute(sa.select(users.c.id).where(users.c.email_key == email.lower()))
        return list(found.scalars())


async def expire_links(database: Database, email: str) -> None:
    """Lets the time of the links to an address be over."""
    async with database.sessions() as session:
        mine = challenges.c.email_key == email.lower()
        await session.execute(sa.update(challenges).where(mine).values(expires_at=challenges.c.created_at))
        await session.commit()


async def test_an_account_exists_once_its_owner_opens_the_link_and_not_before(
    auth: AuthStub, database: Database
) -> None:
    email = fresh_email()
    asked = await ask_for_account(auth, email=email, name="Ada Lovelace")
    assert await accounts_of(database, email) == []
    with pytest.raises(UnauthenticatedError) as early:
        await log_in(auth, email=email)
    assert early.value.reason == "WRONG_CREDENTIALS"
    made = await confirm(auth, await link_token(email))
    assert (made.id, made.email, made.display_name) == (asked.id, email, "Ada Lovelace")
    assert (await log_in(auth, email=email)).access_token


async def test_the_letter_says_who_asked_and_has_a_link_that_is_sealed_on_its_way(
    auth: AuthStub, database: Database
) -> None:
    email = fresh_email()
    user = await ask_for_account(auth, email=email, metadata=coming_from("203.0.113.7", FIREFOX))
    [letter] = await letters(email)
    assert (letter.kind, letter.email, letter.display_name) == (CONFIRM, email, "Ada")
    assert (letter.device, letter.address) == ("Firefox on Linux", "203.0.113.7")
    assert letter.expire_time.seconds - letter.event_time.seconds == 24 * 3600
    token = token_of(settings(), letter)
    assert token.encode() not in letter.SerializeToString()
    async with database.sessions() as session:
        headers = sa.select(store.outbox.c.headers).where(store.outbox.c.headers["ce-subject"].as_string() == user.id)
        assert (await session.execute(headers)).one()
        stored = (await session.execute(sa.select(challenges).where(challenges.c.id == user.id))).one()
    assert token.encode() not in b"".join(bytes(value) if isinstance(value, bytes) else b"" for value in stored)


async def test_a_link_is_used_once(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email)
    with pytest.raises(PreconditionError) as used:
        await confirm(auth, await link_token(email))
    assert used.value.reason == "LINK_NOT_VALID"


async def test_of_two_who_open_a_link_at_once_in_two_replicas_one_makes_the_account(
    run_auth: RunAuth, database: Database
) -> None:
    email = fresh_email()
    async with run_auth() as one, run_auth() as two:
        await ask_for_account(one, email=email)
        token = await link_token(email)
        opened = await asyncio.gather(*(confirm(auth, token) for auth in (one, two, one, two)), return_exceptions=True)
    assert sum(isinstance(outcome, auth_pb2.User) for outcome in opened) == 1
    assert {outcome.reason for outcome in opened if isinstance(outcome, PreconditionError)} == {"LINK_NOT_VALID"}
    assert len(await accounts_of(database, email)) == 1


@pytest.mark.parametrize("token", ["", "never handed out", "\N{SNOWMAN}" * 1000])
async def test_a_link_that_nobody_sent_opens_nothing(auth: AuthStub, token: str) -> None:
    with pytest.raises(PreconditionError) as refused:
        await confirm(auth, token)
    assert refused.value.reason == "LINK_NOT_VALID"


async def test_a_link_opens_nothing_when_its_time_is_over(auth: AuthStub, database: Database) -> None:
    email = fresh_email()
    await ask_for_account(auth, email=email)
    await expire_links(database, email)
    with pytest.raises(PreconditionError) as late:
        await confirm(auth, await link_token(email))
    assert late.value.reason == "LINK_NOT_VALID"
    assert await accounts_of(database, email) == []


async def test_an_address_with_an_account_gets_the_same_answer_and_a_letter_that_says_so(auth: AuthStub) -> None:
    email, stranger = fresh_email(), fresh_email()
    owner = await register(auth, email=email)
    answers = [
        await ask_for_account(auth, email=address, password="another four words", name="Mallory")
        for address in (email.swapcase(), stranger)
    ]
    assert answers[0].id not in (owner.id, answers[1].id)
    for answer in answers:
        answer.ClearField("id")
        answer.ClearField("create_time")
    answers[1].email = email.swapcase()
    assert answers[0] == answers[1]
    _, told = await letters(email)
    assert (told.kind, told.email, told.display_name, told.sealed_token) == (ALREADY, email, "Ada", b"")
    assert (await log_in(auth, email=email)).access_token  # nothing of the account was changed


async def test_of_registrations_that_race_for_an_address_all_get_the_same_answer_and_the_first_link_wins(
    run_auth: RunAuth, database: Database
) -> None:
    email = fresh_email()
    async with run_auth() as one, run_auth() as two:
        asked = await asyncio.gather(
            ask_for_account(one, email=email, name="First"), ask_for_account(two, email=email, name="Second")
        )
        assert {user.email for user in asked} == {email}
        tokens = [token_of(settings(), letter) for letter in await letters(email)]
        opened = await asyncio.gather(confirm(one, tokens[0]), confirm(two, tokens[1]), return_exceptions=True)
    [winner] = [outcome for outcome in opened if isinstance(outcome, auth_pb2.User)]
    [loser] = [outcome for outcome in opened if isinstance(outcome, AlreadyExistsError)]
    assert loser.reason == "EMAIL_TAKEN"
    assert await accounts_of(database, email) == [winner.id]
    registered = sa.and_(
        store.outbox.c.subject == subject_of(events.AccountRegistered),
        store.outbox.c.headers["ce-subject"].as_string().in_([user.id for user in asked]),
    )
    async with database.sessions() as session:
        assert len((await session.execute(sa.select(store.outbox.c.id).where(registered))).all()) == 1


async def test_an_address_gets_three_letters_an_hour_whoever_asks(run_auth: RunAuth) -> None:
    email = fresh_email()
    async with run_auth() as one, run_auth() as two:
        asked = await asyncio.gather(*(ask_for_account(auth, email=email) for auth in (one, two) * 4))
        assert len({user.id for user in asked}) == 8
        assert len(await letters(email)) == 3


async def test_letters_of_an_hour_ago_do_not_count(auth: AuthStub, database: Database) -> None:
    email = fresh_email()
    for _ in range(4):
        await ask_for_account(auth, email=email)
    async with database.sessions() as session:
        mine = challenges.c.email_key == email.lower()
        hour = sa.text("interval '1 hour'")
        await session.execute(sa.update(challenges).where(mine).values(created_at=challenges.c.created_at - hour))
        await session.commit()
    await ask_for_account(auth, email=email)
    assert len(await letters(email)) == 4


async def test_asking_for_an_account_keeps_nobody_from_a_letter_for_a_new_password(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email)
    for _ in range(4):
        await ask_for_account(auth, email=email)
    await auth.RequestPasswordReset(auth_pb2.RequestPasswordResetRequest(email=email))
    assert (await letters(email))[-1].kind == events.ACCOUNT_LETTER_KIND_RESET_PASSWORD


async def test_a_registration_names_every_field_that_is_refused(auth: AuthStub) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await ask_for_account(auth, email="nobody", password="password123", name=" ")
    assert [violation.field for violation in refused.value.violations] == ["email", "password", "display_name"]


async def test_an_account_begins_its_trail_with_how_it_was_made(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email)
    signed_in = await sign_in(auth, email=email)
    lines = await activities(auth, signed_in.tokens.access_token)
    assert [line.action for line in lines] == [
        auth_pb2.ACTIVITY_ACTION_SIGNED_IN,
        auth_pb2.ACTIVITY_ACTION_REGISTERED,
    ]
    assert {line.actor for line in lines} == {auth_pb2.ACTOR_OWNER}


async def test_the_operator_makes_accounts_that_need_no_letter(auth: AuthStub) -> None:
    email = fresh_email()
    made = await make_account(settings(), email=email, password=PASSWORD, role=Role.ADMIN)
    assert await letters(email) == []
    signed_in = await sign_in(auth, email=email)
    assert (signed_in.user.id, signed_in.user.role) == (made.id, auth_pb2.ROLE_ADMIN)
    assert (await activities(auth, signed_in.tokens.access_token))[-1].actor == auth_pb2.ACTOR_OPERATOR
    with pytest.raises(AlreadyExistsError) as taken:
        await make_account(settings(), email=email.upper())
    assert taken.value.reason == "EMAIL_TAKEN"
