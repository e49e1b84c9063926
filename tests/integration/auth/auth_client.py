"""Calls of the auth service as its clients make them; its errors come back as ours."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias
from uuid import uuid4

from system.accounts import CHEAP_HASHES, TEST_KEYS, letters_to, make_account, newest_token, notes_about

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.events.v1 import events_pb2 as events
from servicekit.grpc_client import CLIENT_ADDRESS, CLIENT_AGENT, remote_errors
from servicekit.identity import Role
from services.auth.domain.account import User
from services.auth.settings import AuthSettings

PASSWORD = "four unrelated words"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

AuthStub: TypeAlias = "auth_pb2_grpc.AuthServiceAsyncStub"
RunAuth: TypeAlias = Callable[..., AbstractAsyncContextManager["AuthStub"]]
Metadata: TypeAlias = tuple[tuple[str, str], ...]


def fresh_email() -> str:
    return f"Ada.{uuid4().hex}@Example.org"


def coming_from(address: str = "", agent: str = "", *, token: str | None = None) -> Metadata:
    """Returns what the gateway sends along: from where somebody calls, and who they are."""
    told = [(CLIENT_ADDRESS, address), (CLIENT_AGENT, agent)]
    if token is not None:
        told.append(("authorization", f"Bearer {token}"))
    return tuple((name, value) for name, value in told if value)


def settings() -> AuthSettings:
    """Returns the settings of the services in these tests, as far as their database is concerned."""
    return AuthSettings(**TEST_KEYS, **CHEAP_HASHES)


async def call(auth: AuthStub, method: str, request: Any, *, metadata: Metadata = ()) -> Any:
    """Calls a method. Raises our errors."""
    with remote_errors():
        return await getattr(auth, method)(request, metadata=metadata)


async def ask_for_account(
    auth: AuthStub, *, email: str, password: str = PASSWORD, name: str = "Ada", metadata: Metadata = ()
) -> auth_pb2.User:
    """Registers, and leaves the letter unopened."""
    request = auth_pb2.RegisterRequest(email=email, password=password, display_name=name)
    user: auth_pb2.User = (await call(auth, "Register", request, metadata=metadata)).user
    return user


async def confirm(auth: AuthStub, token: str) -> auth_pb2.User:
    user: auth_pb2.User = (await call(auth, "ConfirmEmail", auth_pb2.ConfirmEmailRequest(token=token))).user
    return user


async def register(auth: AuthStub, *, email: str, password: str = PASSWORD, name: str = "Ada") -> auth_pb2.User:
    """Registers, and opens the link in the letter."""
    await ask_for_account(auth, email=email, password=password, name=name)
    return await confirm(auth, await newest_token(settings(), email))


async def account(email: str | None = None, *, role: Role = Role.USER) -> User:
    """Makes an account that needs no letter, which is cheaper."""
    return await make_account(
        settings(), email=email or fresh_email(), password=PASSWORD, display_name="Ada", role=role
    )


async def sign_in(
    auth: AuthStub, *, email: str, password: str = PASSWORD, device_token: str = "", metadata: Metadata = ()
) -> auth_pb2.SignedIn:
    request = auth_pb2.LogInRequest(email=email, password=password, device_token=device_token)
    signed_in: auth_pb2.SignedIn = (await call(auth, "LogIn", request, metadata=metadata)).signed_in
    return signed_in


async def log_in(
    auth: AuthStub, *, email: str, password: str = PASSWORD, metadata: Metadata = ()
) -> auth_pb2.SessionTokens:
    return (await sign_in(auth, email=email, password=password, metadata=metadata)).tokens


async def refresh(auth: AuthStub, token: str, *, metadata: Metadata = ()) -> auth_pb2.SessionTokens:
    request = auth_pb2.RefreshSessionRequest(refresh_token=token)
    tokens: auth_pb2.SessionTokens = (await call(auth, "RefreshSession", request, metadata=metadata)).tokens
    return tokens


async def log_out(auth: AuthStub, token: str) -> None:
    await call(auth, "LogOut", auth_pb2.LogOutRequest(refresh_token=token))


async def current_user(auth: AuthStub, access_token: str | None) -> auth_pb2.User:
    metadata = () if access_token is None else (("authorization", f"Bearer {access_token}"),)
    answer = await call(auth, "GetCurrentUser", auth_pb2.GetCurrentUserRequest(), metadata=metadata)
    user: auth_pb2.User = answer.user
    return user


async def activities(auth: AuthStub, access_token: str) -> list[auth_pb2.Activity]:
    """Returns what the account's owner sees of its trail, newest first."""
    request = auth_pb2.ListActivitiesRequest(page_size=100)
    answer = await call(auth, "ListActivities", request, metadata=coming_from(token=access_token))
    return list(answer.activities)


async def letters(email: str) -> list[events.AccountLetterRequested]:
    """Returns the letters that were asked for to an address, oldest first."""
    return await letters_to(settings(), email)


async def link_token(email: str) -> str:
    """Returns the token of the newest letter with a link to an address."""
    return await newest_token(settings(), email)


async def security_notes(user_id: str) -> list[events.AccountSecurityNoted]:
    """Returns what an account's owner is told by letter, oldest first."""
    return await notes_about(settings(), user_id)
