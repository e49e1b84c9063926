"""Calls of the auth service as its clients make them; its errors come back as ours."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias
from uuid import uuid4

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.grpc_client import remote_errors

PASSWORD = "four unrelated words"

AuthStub: TypeAlias = "auth_pb2_grpc.AuthServiceAsyncStub"
RunAuth: TypeAlias = Callable[..., AbstractAsyncContextManager["AuthStub"]]


def fresh_email() -> str:
    return f"Ada.{uuid4().hex}@Example.org"


async def register(auth: AuthStub, *, email: str, password: str = PASSWORD, name: str = "Ada") -> auth_pb2.User:
    with remote_errors():
        request = auth_pb2.RegisterRequest(email=email, password=password, display_name=name)
        return (await auth.Register(request)).user


async def log_in(auth: AuthStub, *, email: str, password: str = PASSWORD) -> auth_pb2.SessionTokens:
    with remote_errors():
        return (await auth.LogIn(auth_pb2.LogInRequest(email=email, password=password))).signed_in.tokens


async def refresh(auth: AuthStub, token: str) -> auth_pb2.SessionTokens:
    with remote_errors():
        return (await auth.RefreshSession(auth_pb2.RefreshSessionRequest(refresh_token=token))).tokens


async def log_out(auth: AuthStub, token: str) -> None:
    with remote_errors():
        await auth.LogOut(auth_pb2.LogOutRequest(refresh_token=token))


async def current_user(auth: AuthStub, access_token: str | None) -> auth_pb2.User:
    metadata = () if access_token is None else (("authorization", f"Bearer {access_token}"),)
    with remote_errors():
        return (await auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest(), metadata=metadata)).user
