"""How a browser comes to be signed in, and the way back from a provider's page, which ends in a page of the web client whatever happened."""

from contextlib import nullcontext

import grpc
import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from gateway.consent import renewed_session, see_other
from gateway.context import Gateway
from gateway.cookies import Purpose, purpose_of
from gateway.security import is_own_path
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import PreconditionError, ServiceError
from servicekit.grpc_client import remote_errors
from servicekit.identity import acting_for, caller_if_any
from servicekit.protobuf import moment

log = structlog.get_logger()

# These calls wait for the provider's own servers.
PROVIDER_SECONDS = 30.0
PROBLEM_PAGES = {Purpose.SIGN_IN: "/login", Purpose.LINK: "/settings/sign-in"}


async def keep_sign_in(request: Request, response: Response, gateway: Gateway, signed_in: auth_pb2.SignedIn) -> None:
    """Gives a new session to the browser, and ends the one that it had: nobody could see or end that one there any more."""
    gateway.cookies.keep(response, signed_in.tokens)
    gateway.cookies.keep_device(response, signed_in.device_token)
    before = gateway.cookies.refresh_token(request)
    if before is None:
        return
    try:
        await gateway.auth.LogOut(auth_pb2.LogOutRequest(refresh_token=before))
    except grpc.aio.AioRpcError as error:
        # The new one is good all the same, and the old one ends by itself or in the list of sessions.
        log.warning("session_before_not_ended", error=error.code().name)


async def send_to_provider(provider: str, return_to: str, request: Request, gateway: Gateway) -> RedirectResponse:
    """Begins to sign in with a provider and returns where the browser goes: there, or to the page that says why not."""
    secret = gateway.cookies.begin_flow(request, Purpose.SIGN_IN)
    try:
        with remote_errors():
            answer = await gateway.auth.BeginSocialSignIn(
                auth_pb2.BeginSocialSignInRequest(provider=provider, browser_secret=secret, return_to=return_to),
                timeout=PROVIDER_SECONDS,
            )
    except ServiceError as error:
        return see_other(PROBLEM_PAGES[Purpose.SIGN_IN], problem=error.reason, provider=provider)
    response = see_other(answer.authorize_url)
    gateway.cookies.keep_flow(response, secret)
    return response


async def return_from_provider(provider: str, request: Request, gateway: Gateway) -> RedirectResponse:
    """Ends what signing in or linking began and returns where the browser goes on.

    Consent may take longer than an access token lives, so a session that can be renewed is renewed on the way.
    """
    secret = gateway.cookies.flow_secret(request)
    purpose = purpose_of(secret)
    problem_page = PROBLEM_PAGES[purpose or Purpose.SIGN_IN]
    renewed: auth_pb2.SessionTokens | None = None
    try:
        if purpose is None:
            raise PreconditionError("This browser did not begin to sign in.", reason="FLOW_NOT_VALID")
        caller = caller_if_any()
        if caller is None:
            renewed = await renewed_session(request, gateway)
            caller = None if renewed is None else await gateway.verifier.verify(renewed.access_token)
        with nullcontext() if caller is None else acting_for(caller), remote_errors():
            answer = await gateway.auth.FinishSocialSignIn(
                auth_pb2.FinishSocialSignInRequest(
                    provider=provider,
                    parameters=dict(request.query_params),
                    browser_secret=secret,
                    device_token=gateway.cookies.device_token(request),
                ),
                timeout=PROVIDER_SECONDS,
            )
    except ServiceError as error:
        response = see_other(problem_page, problem=error.reason, provider=provider)
    except grpc.aio.AioRpcError:
        log.exception("social_sign_in_not_finished", provider=provider)
        response = see_other(problem_page, problem="INTERNAL", provider=provider)
    else:
        if answer.HasField("signed_in"):
            response = see_other(_back(answer))
            await keep_sign_in(request, response, gateway, answer.signed_in)
            gateway.cookies.forget_flow(response)
            return response
        response = _ticketed(answer.ticket, gateway) if answer.HasField("ticket") else see_other(_back(answer))
        gateway.cookies.forget_flow(response)
    if renewed is not None:
        gateway.cookies.keep(response, renewed)
    return response


def _back(answer: auth_pb2.FinishSocialSignInResponse) -> str:
    # It was checked on its way in; a browser is sent nowhere else whatever was stored.
    return answer.return_to if is_own_path(answer.return_to) else "/"


def _ticketed(ticket: auth_pb2.SignUpTicket, gateway: Gateway) -> RedirectResponse:
    """Sends the browser to the page that asks for what the provider did not tell. Scripts there see what it did, not the ticket."""
    response = see_other(
        "/complete-sign-up",
        email=ticket.email,
        display_name=ticket.display_name,
        provider_label=ticket.provider_label,
    )
    gateway.cookies.keep_ticket(response, ticket.ticket, until=moment(ticket.expire_time))
    return response
