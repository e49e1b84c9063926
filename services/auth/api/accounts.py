"""Accounts, passwords and sessions."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.identity import Caller, current_caller
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.auth.api.messages import activity_message, signed_in_message, tokens_message, user_message
from services.auth.domain.session import Session
from services.auth.keys import SigningKeys
from services.auth.use_cases.account import OwnAccount
from services.auth.use_cases.confirmation import Confirmation
from services.auth.use_cases.email_change import EmailChange
from services.auth.use_cases.passwords import NewPasswords
from services.auth.use_cases.registration import Registration
from services.auth.use_cases.sessions import Sessions
from services.auth.use_cases.sign_in import SignIn

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

ACTIVITIES_A_PAGE = 20


class AccountsApi(auth_pb2_grpc.AuthServiceServicer):
    _keys: SigningKeys
    _registration: Registration
    _confirmation: Confirmation
    _sign_in: SignIn
    _sessions: Sessions
    _new_passwords: NewPasswords
    _email_change: EmailChange
    _own_account: OwnAccount

    async def Register(self, request: auth_pb2.RegisterRequest, context: Context) -> auth_pb2.RegisterResponse:
        user = await self._registration.request(
            email=request.email, password=request.password, display_name=request.display_name
        )
        return auth_pb2.RegisterResponse(user=user_message(user))

    async def ConfirmEmail(
        self, request: auth_pb2.ConfirmEmailRequest, context: Context
    ) -> auth_pb2.ConfirmEmailResponse:
        return auth_pb2.ConfirmEmailResponse(user=user_message(await self._confirmation.confirm(request.token)))

    async def LogIn(self, request: auth_pb2.LogInRequest, context: Context) -> auth_pb2.LogInResponse:
        opened = await self._sign_in.log_in(
            email=request.email, password=request.password, device_token=request.device_token
        )
        return auth_pb2.LogInResponse(signed_in=signed_in_message(opened))

    async def RefreshSession(
        self, request: auth_pb2.RefreshSessionRequest, context: Context
    ) -> auth_pb2.RefreshSessionResponse:
        tokens = await self._sessions.refresh(request.refresh_token)
        return auth_pb2.RefreshSessionResponse(tokens=tokens_message(tokens))

    async def LogOut(self, request: auth_pb2.LogOutRequest, context: Context) -> auth_pb2.LogOutResponse:
        await self._sessions.log_out(request.refresh_token)
        return auth_pb2.LogOutResponse()

    async def RequestPasswordReset(
        self, request: auth_pb2.RequestPasswordResetRequest, context: Context
    ) -> auth_pb2.RequestPasswordResetResponse:
        await self._new_passwords.request_reset(request.email)
        return auth_pb2.RequestPasswordResetResponse()

    async def ResetPassword(
        self, request: auth_pb2.ResetPasswordRequest, context: Context
    ) -> auth_pb2.ResetPasswordResponse:
        await self._new_passwords.reset(request.token, request.new_password)
        return auth_pb2.ResetPasswordResponse()

    async def GetSigningKeys(
        self, request: auth_pb2.GetSigningKeysRequest, context: Context
    ) -> auth_pb2.GetSigningKeysResponse:
        return auth_pb2.GetSigningKeysResponse(jwks_json=self._keys.public_jwks())

    async def GetCurrentUser(
        self, request: auth_pb2.GetCurrentUserRequest, context: Context
    ) -> auth_pb2.GetCurrentUserResponse:
        user = await self._own_account.get(current_caller().user_id)
        return auth_pb2.GetCurrentUserResponse(user=user_message(user))

    async def UpdateCurrentUser(
        self, request: auth_pb2.UpdateCurrentUserRequest, context: Context
    ) -> auth_pb2.UpdateCurrentUserResponse:
        user = await self._own_account.rename(current_caller().user_id, request.display_name)
        return auth_pb2.UpdateCurrentUserResponse(user=user_message(user))

    async def RequestEmailChange(
        self, request: auth_pb2.RequestEmailChangeRequest, context: Context
    ) -> auth_pb2.RequestEmailChangeResponse:
        await self._email_change.request(current_caller(), request.email)
        return auth_pb2.RequestEmailChangeResponse()

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: Context
    ) -> auth_pb2.ChangePasswordResponse:
        await self._new_passwords.change(
            current_caller(), current_password=request.current_password, new_password=request.new_password
        )
        return auth_pb2.ChangePasswordResponse()

    async def ListSessions(
        self, request: auth_pb2.ListSessionsRequest, context: Context
    ) -> auth_pb2.ListSessionsResponse:
        caller = current_caller()
        sessions = await self._sessions.of(caller.user_id)
        return auth_pb2.ListSessionsResponse(sessions=[_session(session, caller) for session in sessions])

    async def EndSession(self, request: auth_pb2.EndSessionRequest, context: Context) -> auth_pb2.EndSessionResponse:
        await self._sessions.end(current_caller().user_id, request.id)
        return auth_pb2.EndSessionResponse()

    async def EndOtherSessions(
        self, request: auth_pb2.EndOtherSessionsRequest, context: Context
    ) -> auth_pb2.EndOtherSessionsResponse:
        return auth_pb2.EndOtherSessionsResponse(ended=await self._sessions.end_others(current_caller()))

    async def ListActivities(
        self, request: auth_pb2.ListActivitiesRequest, context: Context
    ) -> auth_pb2.ListActivitiesResponse:
        asked = PageRequest.parse(request.page_size, request.page_token, default=ACTIVITIES_A_PAGE)
        page = await self._own_account.activities(current_caller().user_id, asked)
        return auth_pb2.ListActivitiesResponse(
            activities=[activity_message(activity) for activity in page.items], next_page_token=page.next_page_token
        )


def _session(session: Session, caller: Caller) -> auth_pb2.Session:
    return auth_pb2.Session(
        id=session.id,
        device=session.device,
        address=session.address,
        create_time=timestamp(session.created_at),
        last_used_time=timestamp(session.last_used_at),
        expire_time=timestamp(session.ends_at),
        current=session.id == caller.session_id,
    )
