import asyncio

import pytest
import sqlalchemy as sa
from auth_client import (
    PASSWORD,
    AuthStub,
    RunAuth,
    account,
    activities,
    ask_for_account,
    call,
    coming_from,
    current_user,
    fresh_email,
    letters,
    link_token,
    log_in,
    refresh,
    register,
    security_notes,
    sign_in,
)

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import Database
from servicekit.errors import (
    ForbiddenError,
    InvalidInputError,
    PreconditionError,
    ServiceError,
    TooManyRequestsError,
    UnauthenticatedError,
)
from services.auth.store.tables import sessions, users

NEW = "five quite unrelated words"
HOME = coming_from("203.0.113.7")


async def ask_for_reset(auth: AuthStub, email: str) -> None:
    await call(auth, "RequestPasswordReset", auth_pb2.RequestPasswordResetRequest(email=email))


async def reset(auth: AuthStub, token: str, password: str = NEW) -> None:
    await call(auth, "ResetPassword", auth_pb2.ResetPasswordRequest(token=token, new_password=password))


async def change(auth: AuthStub, access_token: str, *, current: str = PASSWORD, new: str = NEW) -> None:
    request = auth_pb2.ChangePasswordRequest(current_password=current, new_password=new)
    await call(auth, "ChangePassword", request, metadata=coming_from(token=access_token))


async def test_who_forgot_the_password_sets_another_by_letter(auth: AuthStub) -> None:
    email = fresh_email()
    await register(auth, email=email)
    await ask_for_reset(auth, email.upper())
    letter = (await letters(email))[-1]
    assert (letter.kind, letter.email) == (events.ACCOUNT_LETTER_KIND_RESET_PASSWORD, email)
    assert letter.expire_time.seconds - letter.event_time.seconds == 30 * 60
    await reset(auth, await link_token(email))
    with pytest.raises(UnauthenticatedError):
        await log_in(auth, email=email)
    signed_in = await sign_in(auth, email=email, password=NEW)
    told = [line.action for line in await activities(auth, signed_in.tokens.access_token)]
    assert told[-3:] == [
        auth_pb2.ACTIVITY_ACTION_PASSWORD_RESET,
        auth_pb2.ACTIVITY_ACTION_PASSWORD_RESET_REQUESTED,
        auth_pb2.ACTIVITY_ACTION_REGISTERED,
    ]


async def test_a_reset_ends_every_session(auth: AuthStub) -> None:
    user = await account()
    tokens = [await log_in(auth, email=user.email) for _ in range(3)]
    await ask_for_reset(auth, user.email)
    await reset(auth, await link_token(user.email))
    for one in tokens:
        with pytest.raises(UnauthenticatedError) as ended:
            await refresh(auth, one.refresh_token)
        assert ended.value.reason == "SESSION_ENDED"


async def test_a_reset_link_is_used_once_also_by_two_at_once(run_auth: RunAuth) -> None:
    user = await account()
    async with run_auth() as one, run_auth() as two:
        await ask_for_reset(one, user.email)
        token = await link_token(user.email)
        outcomes = await asyncio.gather(
            reset(one, token, "the first of two words"),
            reset(two, token, "the second of two words"),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, PreconditionError)]
        assert [error.reason for error in refused] == ["LINK_NOT_VALID"]
        winner = outcomes.index(None)
        passwords = ["the first of two words", "the second of two words"]
        assert (await log_in(one, email=user.email, password=passwords[winner])).access_token
        with pytest.raises(UnauthenticatedError):
            await log_in(one, email=user.email, password=passwords[1 - winner])


async def test_a_password_that_is_refused_leaves_the_link_as_it_was(auth: AuthStub) -> None:
    user = await account()
    await ask_for_reset(auth, user.email)
    token = await link_token(user.email)
    for bad in ("short", "password123", user.email):
        with pytest.raises(InvalidInputError) as refused:
            await reset(auth, token, bad)
        assert [violation.field for violation in refused.value.violations] == ["new_password"]
    await reset(auth, token)


async def test_a_link_to_confirm_an_address_sets_no_password(auth: AuthStub) -> None:
    email = fresh_email()
    await ask_for_account(auth, email=email)
    with pytest.raises(PreconditionError) as refused:
        await reset(auth, await link_token(email))
    assert refused.value.reason == "LINK_NOT_VALID"


async def test_a_second_reset_makes_the_links_before_it_void(auth: AuthStub) -> None:
    user = await account()
    await ask_for_reset(auth, user.email)
    older = await link_token(user.email)
    await ask_for_reset(auth, user.email)
    await reset(auth, await link_token(user.email))
    with pytest.raises(PreconditionError):
        await reset(auth, older, "somebody else's new words")


async def test_an_address_without_an_account_gets_a_letter_that_says_so(auth: AuthStub) -> None:
    email = fresh_email()
    await ask_for_reset(auth, email)
    [letter] = await letters(email)
    assert (letter.kind, letter.sealed_token) == (events.ACCOUNT_LETTER_KIND_NO_ACCOUNT, b"")


async def test_three_reset_letters_go_to_an_address_in_an_hour(auth: AuthStub) -> None:
    user, stranger = await account(), fresh_email()
    for email in (user.email, stranger):
        for _ in range(5):
            await ask_for_reset(auth, email)
        assert len(await letters(email)) == 3


async def test_what_is_no_address_is_refused_by_its_field(auth: AuthStub) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await ask_for_reset(auth, "no address")
    assert [violation.field for violation in refused.value.violations] == ["email"]


async def test_who_had_to_wait_need_not_after_a_reset(auth: AuthStub) -> None:
    user = await account()
    for _ in range(6):
        with pytest.raises(UnauthenticatedError):
            await log_in(auth, email=user.email, password="forgotten words", metadata=HOME)
    with pytest.raises(TooManyRequestsError):
        await log_in(auth, email=user.email, metadata=HOME)
    await ask_for_reset(auth, user.email)
    request = auth_pb2.ResetPasswordRequest(token=await link_token(user.email), new_password=NEW)
    await call(auth, "ResetPassword", request, metadata=HOME)
    assert (await log_in(auth, email=user.email, password=NEW, metadata=HOME)).access_token


async def test_who_knows_the_password_changes_it_and_all_other_sessions_end(auth: AuthStub) -> None:
    user = await account()
    own, other = await log_in(auth, email=user.email), await log_in(auth, email=user.email)
    await change(auth, own.access_token)
    assert (await refresh(auth, own.refresh_token)).access_token
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, other.refresh_token)
    with pytest.raises(UnauthenticatedError):
        await log_in(auth, email=user.email)
    assert (await log_in(auth, email=user.email, password=NEW)).access_token
    told = [line.action for line in await activities(auth, own.access_token)]
    assert auth_pb2.ACTIVITY_ACTION_PASSWORD_CHANGED in told


async def test_a_change_of_the_password_makes_links_of_letters_void(auth: AuthStub) -> None:
    user = await account()
    own = await log_in(auth, email=user.email)
    await ask_for_reset(auth, user.email)
    await change(auth, own.access_token)
    with pytest.raises(PreconditionError):
        await reset(auth, await link_token(user.email), "somebody else's words")


async def test_a_new_password_that_is_refused_changes_nothing(auth: AuthStub) -> None:
    user = await account()
    own = await log_in(auth, email=user.email)
    with pytest.raises(InvalidInputError) as refused:
        await change(auth, own.access_token, new="password123")
    assert [violation.field for violation in refused.value.violations] == ["new_password"]
    assert (await log_in(auth, email=user.email)).access_token


async def test_a_wrong_present_password_is_refused_and_soon_slowed_down_in_that_session_alone(auth: AuthStub) -> None:
    user = await account()
    stolen, own = await log_in(auth, email=user.email), await log_in(auth, email=user.email)
    for _ in range(6):
        with pytest.raises(InvalidInputError) as wrong:
            await change(auth, stolen.access_token, current="not the password")
        assert wrong.value.reason == "WRONG_PASSWORD"
        assert [violation.field for violation in wrong.value.violations] == ["current_password"]
    with pytest.raises(TooManyRequestsError) as slowed:
        await change(auth, stolen.access_token)
    assert (slowed.value.reason, slowed.value.retry_after_seconds) == ("SLOW_DOWN", 2)
    await change(auth, own.access_token)


async def without_password(database: Database, user_id: str, *, signed_in_minutes_ago: int = 0) -> None:
    """Makes an account one that signs in with a provider alone, and its sessions older."""
    async with database.sessions() as session:
        await session.execute(sa.update(users).where(users.c.id == user_id).values(password_hash=None))
        ago = sa.text(f"interval '{signed_in_minutes_ago} minutes'")
        mine = sa.update(sessions).where(sessions.c.user_id == user_id)
        await session.execute(mine.values(created_at=sessions.c.created_at - ago))
        await session.commit()


async def test_an_account_without_a_password_gets_one_after_a_fresh_sign_in_alone(
    auth: AuthStub, database: Database
) -> None:
    user = await account()
    tokens = await log_in(auth, email=user.email)
    await without_password(database, user.id, signed_in_minutes_ago=16)
    stale = await refresh(auth, tokens.refresh_token)
    with pytest.raises(ForbiddenError) as again:
        await change(auth, stale.access_token, current="")
    assert again.value.reason == "SIGN_IN_AGAIN"
    await change(auth, tokens.access_token, current="")  # its token still says that the sign-in is fresh
    assert (await current_user(auth, tokens.access_token)).has_password
    assert (await log_in(auth, email=user.email, password=NEW)).access_token


async def test_nobody_signs_in_by_password_to_an_account_that_has_none(auth: AuthStub, database: Database) -> None:
    user = await account()
    await without_password(database, user.id)
    for password in ("", PASSWORD):
        with pytest.raises(UnauthenticatedError) as refused:
            await log_in(auth, email=user.email, password=password)
        assert refused.value.reason == "WRONG_CREDENTIALS"


async def test_a_sign_in_that_races_a_reset_opens_no_session_with_the_old_password(
    auth: AuthStub, database: Database
) -> None:
    user = await account()
    await ask_for_reset(auth, user.email)
    token = await link_token(user.email)
    raced = await asyncio.gather(
        *(log_in(auth, email=user.email) for _ in range(6)), reset(auth, token), return_exceptions=True
    )
    assert all(outcome is None or isinstance(outcome, auth_pb2.SessionTokens | ServiceError) for outcome in raced)
    still_open = sa.select(sa.func.count()).where(sessions.c.user_id == user.id, sessions.c.ended_at.is_(None))
    async with database.sessions() as session:
        assert (await session.execute(still_open)).scalar_one() == 0


async def test_a_letter_tells_of_a_new_password(auth: AuthStub) -> None:
    user = await account()
    await ask_for_reset(auth, user.email)
    await reset(auth, await link_token(user.email))
    noted = await security_notes(user.id)
    assert [(note.action, note.email) for note in noted] == [(auth_pb2.ACTIVITY_ACTION_PASSWORD_RESET, user.email)]
