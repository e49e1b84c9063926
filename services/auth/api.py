"""The gRPC face of the auth service: translate, call a use case, translate back."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.identity import current_caller
from servicekit.protobuf import timestamp
from services.auth.domain import User
from services.auth.keys import SigningKeys
from services.auth.use_cases import Accounts, SessionTokens

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

# What somebody calls who is not signed in, or whose access token has ended.
PUBLIC_METHODS = ("Register", "LogIn", "RefreshSession", "LogOut", "GetSigningKeys")


class AuthApi(auth_pb2_grpc.AuthServiceServicer):
    def __init__(self, accounts: Accounts, keys: SigningKeys) -> None:
        self._accounts = accounts
        self._keys = keys

    async def Register(self, request: auth_pb2.RegisterRequest, context: Context) -> auth_pb2.RegisterResponse:
        user = await self._accounts.register(
            email=request.email, password=request.password, display_name=request.display_name
        )
        return auth_pb2.RegisterResponse(user=_user(user))

    async def LogIn(self, request: auth_pb2.LogInRequest, context: Context) -> auth_pb2.LogInResponse:
        user, tokens = await self._accounts.log_in(
            email=request.email, password=request.password, user_agent=request.user_agent
        )
        return auth_pb2.LogInResponse(user=_user(user), tokens=_tokens(tokens))

    async def RefreshSession(
        self, request: auth_pb2.RefreshSessionRequest, context: Context
    ) -> auth_pb2.RefreshSessionResponse:
        return auth_pb2.RefreshSessionResponse(tokens=_tokens(await self._accounts.refresh(request.refresh_token)))

    async def LogOut(self, request: auth_pb2.LogOutRequest, context: Context) -> auth_pb2.LogOutResponse:
        await self._accounts.log_out(request.refresh_token)
        return auth_pb2.LogOutResponse()

    async def GetCurrentUser(
        self, request: auth_pb2.GetCurrentUserRequest, context: Context
    ) -> auth_pb2.GetCurrentUserResponse:
        user = await self._accounts.user(current_caller().user_id)
        return auth_pb2.GetCurrentUserResponse(user=_user(user))

    async def GetSigningKeys(
        self, request: auth_pb2.GetSigningKeysRequest, context: Context
    ) -> auth_pb2.GetSigningKeysResponse:
        return auth_pb2.GetSigningKeysResponse(jwks_json=self._keys.public_jwks())


def _user(user: User) -> auth_pb2.User:
    return auth_pb2.User(
        id=user.id, email=user.email, display_name=user.display_name, create_time=timestamp(user.created_at)
    )


def _tokens(tokens: SessionTokens) -> auth_pb2.SessionTokens:
    return auth_pb2.SessionTokens(
        access_token=tokens.access.text,
        access_expire_time=timestamp(tokens.access.expires_at),
        refresh_token=tokens.refresh_token,
        refresh_expire_time=timestamp(tokens.refresh_expires_at),
    )
