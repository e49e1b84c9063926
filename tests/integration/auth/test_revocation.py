"""What was ended stops working everywhere within seconds: at other services, and at every replica of our own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import AuthStub, RunAuth, account, call, coming_from, current_user, log_in

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit.app import App
from servicekit.database import Database
from servicekit.errors import NotFoundError, UnauthenticatedError
from servicekit.grpc_client import open_channel, remote_errors
from servicekit.identity import ENDED_MAX_AGE_SECONDS
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import moment, timestamp
from servicekit.settings import GrpcSettings
from services.auth.app import build
from services.auth.settings import AuthSettings
from services.auth.store.tables import sessions
from services.profile.app import build as build_profile
from services.profile.settings import ProfileSettings

# The age up to which a service trusts what it knows, and the time that a busy machine takes for a few calls.
SECONDS = ENDED_MAX_AGE_SECONDS + 8


@pytest.fixture
async def running_auth(
    auth_settings: Callable[..., AuthSettings], run_app: Callable[[App], AbstractAsyncContextManager[App]]
) -> AsyncIterator[str]:
    """The address of a replica."""
    async with run_app(build(auth_settings())) as app:
        assert app.grpc is not None
        yield app.grpc.address


@pytest.fixture
async def auth(running_auth: str) -> AsyncIterator[AuthStub]:
    service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
    async with open_channel(running_auth, service, GrpcSettings()) as channel:
        yield auth_pb2_grpc.AuthServiceStub(channel)


@pytest.fixture
async def profiles(
    running_auth: str,
    service_settings: Callable[..., Any],
    run_app: Callable[[App], AbstractAsyncContextManager[App]],
) -> AsyncIterator[Any]:
    """Another service, which asks that replica."""
    async with run_app(build_profile(service_settings(ProfileSettings, auth_target=running_auth))) as app:
        assert app.grpc is not None
        service = profile_pb2.DESCRIPTOR.services_by_name["ProfileService"]
        async with open_channel(app.grpc.address, service, GrpcSettings()) as channel:
            yield profile_pb2_grpc.ProfileServiceStub(channel)


async def at_profile(profiles: Any, token: str) -> str:
    """Says how the profile service takes a token: "accepted", or why not."""
    try:
        with remote_errors():
            await profiles.GetProfile(profile_pb2.GetProfileRequest(), metadata=coming_from(token=token))
    except NotFoundError:  # it has not heard of the new account yet, but it let the call in
        pass
    except UnauthenticatedError as refused:
        return refused.reason
    return "accepted"


async def at_auth(auth: AuthStub, token: str) -> str:
    try:
        await current_user(auth, token)
    except UnauthenticatedError as refused:
        return refused.reason
    return "accepted"


async def test_a_session_that_was_ended_is_refused_by_other_services_and_replicas_within_seconds(
    auth: AuthStub, run_auth: RunAuth, profiles: Any, eventually: Callable[..., Any]
) -> None:
    person = await account()
    lost, own = [await log_in(auth, email=person.email) for _ in range(2)]
    async with run_auth() as replica:
        for tokens in (lost, own):
            assert await at_profile(profiles, tokens.access_token) == "accepted"
            assert await at_auth(replica, tokens.access_token) == "accepted"

        await call(auth, "EndOtherSessions", auth_pb2.EndOtherSessionsRequest(), metadata=as_(own))

        async def refused_everywhere() -> bool:
            answers = {
                await at_profile(profiles, lost.access_token),
                await at_auth(replica, lost.access_token),
                await at_auth(auth, lost.access_token),
            }
            return answers == {"TOKEN_REVOKED"}

        await eventually(refused_everywhere, within_seconds=SECONDS)
        assert await at_profile(profiles, own.access_token) == "accepted"
        assert await at_auth(replica, own.access_token) == "accepted"


async def test_the_access_token_of_an_api_key_that_was_revoked_is_refused_by_other_services_within_seconds(
    auth: AuthStub, profiles: Any, eventually: Callable[..., Any]
) -> None:
    person = await log_in(auth, email=(await account()).email)
    asked = auth_pb2.CreateApiKeyRequest(name="Lost", scopes=["profile:read"])
    made = await call(auth, "CreateApiKey", asked, metadata=as_(person))
    exchanged = await call(auth, "ExchangeApiKey", auth_pb2.ExchangeApiKeyRequest(api_key=made.secret))
    assert await at_profile(profiles, exchanged.access_token) == "accepted"

    await call(auth, "DeleteApiKey", auth_pb2.DeleteApiKeyRequest(id=made.api_key.id), metadata=as_(person))

    async def refused() -> bool:
        return await at_profile(profiles, exchanged.access_token) == "TOKEN_REVOKED"

    await eventually(refused, within_seconds=SECONDS)


async def test_a_service_that_asks_for_the_first_time_is_told_what_ended_before(auth: AuthStub, profiles: Any) -> None:
    tokens = await log_in(auth, email=(await account()).email)
    await call(auth, "LogOut", auth_pb2.LogOutRequest(refresh_token=tokens.refresh_token))

    assert await at_profile(profiles, tokens.access_token) == "TOKEN_REVOKED"


def as_(tokens: auth_pb2.SessionTokens) -> tuple[tuple[str, str], ...]:
    return coming_from(token=tokens.access_token)


async def ended(auth: AuthStub, since: Any = None) -> auth_pb2.ListEndedSessionsResponse:
    answer: auth_pb2.ListEndedSessionsResponse = await call(
        auth, "ListEndedSessions", auth_pb2.ListEndedSessionsRequest(since_time=timestamp(since))
    )
    return answer


async def add_ended_session(database: Database, *, ago: timedelta) -> str:
    user, session_id, now = await account(), new_id(), utc_now()
    async with database.sessions() as session:
        values = {
            "id": session_id,
            "user_id": user.id,
            "device": "",
            "address": "",
            "created_at": now - ago,
            "last_used_at": now - ago,
            "ends_at": now + timedelta(days=1),
            "ended_at": now - ago,
            "end_reason": "logged_out",
        }
        await session.execute(sa.insert(sessions).values(**values))
        await session.commit()
    return session_id


async def test_what_ended_is_told_for_as_long_as_tokens_of_it_may_be_good(auth: AuthStub, database: Database) -> None:
    of_use = await add_ended_session(database, ago=timedelta(minutes=10))  # the leeway of clocks comes on top
    long_gone = await add_ended_session(database, ago=timedelta(minutes=11))

    told = (await ended(auth)).ids

    assert of_use in told
    assert long_gone not in told


async def test_who_asks_again_is_told_what_is_new_and_what_may_have_come_late(
    auth: AuthStub, database: Database
) -> None:
    known = await add_ended_session(database, ago=timedelta(minutes=2))
    as_of = moment((await ended(auth)).as_of_time)
    late = await add_ended_session(database, ago=timedelta(seconds=20))  # its transaction was slow, or its clock behind

    answer = await ended(auth, as_of)

    assert late in answer.ids
    assert known not in answer.ids
    assert moment(answer.as_of_time) >= as_of


async def test_a_moment_far_back_is_no_more_than_everything(auth: AuthStub, database: Database) -> None:
    long_gone = await add_ended_session(database, ago=timedelta(days=30))

    assert long_gone not in (await ended(auth, utc_now() - timedelta(days=365))).ids
