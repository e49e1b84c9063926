"""Who calls, and how often they may."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.context import Gateway, GatewayParts
from gateway.limits import LimitReachedError
from servicekit.errors import UnauthenticatedError
from servicekit.identity import Caller, acting_for

# Only for the OpenAPI document: we read the header ourselves, since a cookie does as well.
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token of `POST /v1/auth/login`.")


async def caller_if_any(request: Request, gateway: GatewayParts) -> Caller | None:
    """Returns who calls, or None when they show no valid token."""
    token = _presented_token(request, gateway)
    if token is None:
        return None
    try:
        caller = await gateway.verifier.verify(token)
    except UnauthenticatedError:
        return None
    structlog.contextvars.bind_contextvars(user_id=caller.user_id)
    return caller


CallerIfAny = Annotated[Caller | None, Depends(caller_if_any)]


async def signed_in(
    request: Request,
    gateway: GatewayParts,
    caller: CallerIfAny,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> AsyncIterator[Caller]:
    """Passes the caller's token on to the services for the time of the request.

    Raises `UnauthenticatedError`, which says whether there was a token at all.
    """
    if caller is None:
        if _presented_token(request, gateway) is None:
            raise UnauthenticatedError("Sign in first.")
        raise UnauthenticatedError(
            "The sign-in has ended or its token is not valid. Sign in again.", reason="TOKEN_INVALID"
        )
    with acting_for(caller):
        yield caller


SignedIn = Annotated[Caller, Depends(signed_in)]


async def general_limit(request: Request, gateway: GatewayParts, caller: CallerIfAny) -> None:
    """Counts a call for the caller's account, or for their address while they are nobody."""
    key = ("user", caller.user_id) if caller else ("address", address_of(request))
    await _take(request, gateway, gateway.settings.limit_general, "general", *key)


async def sign_in_limit(request: Request, gateway: GatewayParts) -> None:
    """Counts a try to register or to sign in for the caller's address."""
    await _take(request, gateway, gateway.settings.limit_sign_in, "sign-in", address_of(request))


async def account_limit(request: Request, gateway: Gateway, email: str) -> None:
    """Counts a try to sign in for the account that is tried, whether it exists or not."""
    account = hashlib.sha256(email.strip().casefold().encode()).hexdigest()
    await _take(request, gateway, gateway.settings.limit_sign_in_account, "sign-in-account", account)


def address_of(request: Request) -> str:
    """Returns the caller's network address, as far as the proxies that we trust tell it."""
    return request.client.host if request.client else "unknown"


async def _take(request: Request, gateway: Gateway, limits: str, *key: str) -> None:
    try:
        allowance = await gateway.limiter.take(limits, *key)
    except LimitReachedError as error:
        request.state.headers.update(error.allowance.headers())
        raise
    if allowance is not None:
        request.state.headers.update(allowance.headers())


def _presented_token(request: Request, gateway: Gateway) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return gateway.cookies.access_token(request)
