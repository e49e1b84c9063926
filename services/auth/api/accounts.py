"""Accounts and sessions."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.identity import current_caller
from servicekit.protobuf import timestamp
from services.auth.domain.account import User
from services.auth.keys import SigningKeys
from services.auth.use_cases.sessions import Accounts, SessionTokens

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class AccountsApi(auth_pb2_grpc.AuthServiceServicer):
    def __init__(self, accounts: Accounts, keys: SigningKeys) -> None:
        self._accounts = accounts
        self._keys = keys

    async def Register(self, request: auth_pb2.RegisterRequest, context: Context) -> auth_pb2.RegisterResponse:
        user = await self._accounts.register(
            email=request.email, password=request.password, display_name=request.display_name
        )
        return auth_pb2.RegisterResponse(user=_user(user))

    async def LogIn(self, request: auth_pb2.LogInRequest, context: Context) -> auth_pb2.LogInResponse:
        user, tokens = await self._accounts.log_in(email=request.email, password=request.password)
        return auth_pb2.LogInResponse(signed_in=auth_pb2.SignedIn(user=_user(user), tokens=_tokens(tokens)))

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

    async def ConfirmEmail(
        self, request: auth_pb2.ConfirmEmailRequest, context: Context
    ) -> auth_pb2.ConfirmEmailResponse:
        raise NotImplementedError

    async def RequestPasswordReset(
        self, request: auth_pb2.RequestPasswordResetRequest, context: Context
    ) -> auth_pb2.RequestPasswordResetResponse:
        raise NotImplementedError

    async def ResetPassword(
        self, request: auth_pb2.ResetPasswordRequest, context: Context
    ) -> auth_pb2.ResetPasswordResponse:
        raise NotImplementedError

    async def UpdateCurrentUser(
        self, request: auth_pb2.UpdateCurrentUserRequest, context: Context
    ) -> auth_pb2.UpdateCurrentUserResponse:
        raise NotImplementedError

    async def RequestEmailChange(
        self, request: auth_pb2.RequestEmailChangeRequest, context: Context
    ) -> auth_pb2.RequestEmailChangeResponse:
        raise NotImplementedError

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: Context
    ) -> auth_pb2.ChangePasswordResponse:
        raise NotImplementedError

    async def ListSessions(
        self, request: auth_pb2.ListSessionsRequest, context: Context
    ) -> auth_pb2.ListSessionsResponse:
        raise NotImplementedError

    async def EndSession(self, request: auth_pb2.EndSessionRequest, context: Context) -> auth_pb2.EndSessionResponse:
        raise NotImplementedError

    async def EndOtherSessions(
        self, request: auth_pb2.EndOtherSessionsRequest, context: Context
    ) -> auth_pb2.EndOtherSessionsResponse:
        raise NotImplementedError

    async def ListActivities(
        self, request: auth_pb2.ListActivitiesRequest, context: Context
    ) -> auth_pb2.ListActivitiesResponse:
        raise NotImplementedError


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
