"""Registering, signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response, status

from gateway.callers import account_limit, sign_in_limit
from gateway.context import Gateway, GatewayParts
from gateway.problems import SessionEndedError
from gateway.schemas.auth import AccessToken, Credentials, RefreshToken, Registration, User
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import UnauthenticatedError
from servicekit.grpc_client import remote_errors
from servicekit.protobuf import moment

router = APIRouter(prefix="/v1/auth", tags=["auth"])

SessionByName = Annotated[RefreshToken | None, Body(description="Only where no cookie names the session.")]


@router.post("/register", status_code=status.HTTP_201_CREATED, dependencies=[Depends(sign_in_limit)])
async def register(registration: Registration, gateway: GatewayParts) -> User:
    """Makes an account. Sign in with it afterwards."""
    answer = await gateway.auth.Register(
        auth_pb2.RegisterRequest(
            email=registration.email, password=registration.password, display_name=registration.display_name
        )
    )
    return User.of(answer.user)


@router.post("/login", dependencies=[Depends(sign_in_limit)])
async def log_in(credentials: Credentials, request: Request, response: Response, gateway: GatewayParts) -> AccessToken:
    """Opens a session: answers with an access token and sets the browser's cookies, which a refresh needs."""
    await account_limit(request, gateway, credentials.email)
    answer = await gateway.auth.LogIn(
        auth_pb2.LogInRequest(
            email=credentials.email,
            password=credentials.password,
        )
    )
    gateway.cookies.keep(response, answer.signed_in.tokens)
    return _access_token(gateway, answer.signed_in.tokens)


@router.post("/refresh")
async def refresh(
    request: Request, response: Response, gateway: GatewayParts, session: SessionByName = None
) -> AccessToken:
    """Exchanges the refresh token, of the cookie or of the body, for the next pair."""
    token = session.refresh_token if session else gateway.cookies.refresh_token(request)
    if token is None:
        raise SessionEndedError("There is no session to go on with. Sign in.")
    try:
        with remote_errors():
            answer = await gateway.auth.RefreshSession(auth_pb2.RefreshSessionRequest(refresh_token=token))
    except UnauthenticatedError as error:
        raise SessionEndedError(error.message, reason=error.reason) from error
    if session:
        return _access_token(gateway, answer.tokens, refresh_token=answer.tokens.refresh_token)
    gateway.cookies.keep(response, answer.tokens)
    return _access_token(gateway, answer.tokens)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
async def log_out(request: Request, response: Response, gateway: GatewayParts, session: SessionByName = None) -> None:
    """Ends the session of the refresh token, of the cookie or of the body. A session that is gone already is no error."""
    token = session.refresh_token if session else gateway.cookies.refresh_token(request)
    if token is not None:
        await gateway.auth.LogOut(auth_pb2.LogOutRequest(refresh_token=token))
    gateway.cookies.forget(response)


def _access_token(gateway: Gateway, tokens: auth_pb2.SessionTokens, refresh_token: str | None = None) -> AccessToken:
    left = moment(tokens.access_expire_time) - gateway.clock()
    return AccessToken(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106  # the name of the scheme
        expires_in=max(0, int(left.total_seconds())),
        refresh_token=refresh_token,
    )
