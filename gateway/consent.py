"""The way back from a platform's consent page, which ends in a page of the web client whatever happened."""

from urllib.parse import urlencode

import grpc
import structlog
from fastapi import Request, status
from fastapi.responses import RedirectResponse

from gateway.context import Gateway
from linkarooie.auth.v1 import auth_pb2
from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import ServiceError, UnauthenticatedError
from servicekit.grpc_client import remote_errors
from servicekit.identity import acting_for, caller_if_any

log = structlog.get_logger()


async def finish_connection(platform: str, request: Request, gateway: Gateway, *, seconds: float) -> RedirectResponse:
    """Ends what connecting began and returns where the browser goes on.

    Consent may take longer than an access token lives, so a session that can be renewed is renewed on the way. Who is not signed in signs in first
    and comes back here.
    """
    tokens: auth_pb2.SessionTokens | None = None
    caller = caller_if_any()
    try:
        if caller is None:
            tokens = await renewed_session(request, gateway)
            if tokens is None:
                # Our own path and query, so nobody can lead the browser elsewhere.
                back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return see_other("/login", return_to=back)
            caller = await gateway.verifier.verify(tokens.access_token)
        with acting_for(caller), remote_errors():
            answer = await gateway.sync.FinishConnection(
                sync_pb2.FinishConnectionRequest(platform=platform, parameters=dict(request.query_params)),
                timeout=seconds,
            )
        if answer.choice_id:
            response = see_other("/connections/choose", choice=answer.choice_id)
        else:
            response = see_other("/connections", connected=answer.connection.id)
    except ServiceError as error:
        response = see_other("/connections", problem=error.reason, platform=platform)
    except grpc.aio.AioRpcError:
        log.exception("connection_not_finished", platform=platform)
        response = see_other("/connections", problem="INTERNAL", platform=platform)
    if tokens is not None:
        gateway.cookies.keep(response, tokens)
    return response


async def renewed_session(request: Request, gateway: Gateway) -> auth_pb2.SessionTokens | None:
    """Returns the next tokens of the browser's session, which the answer has to hand on; None where there is no session."""
    refresh_token = gateway.cookies.refresh_token(request)
    if refresh_token is None:
        return None
    try:
        with remote_errors():
            answer = await gateway.auth.RefreshSession(auth_pb2.RefreshSessionRequest(refresh_token=refresh_token))
    except UnauthenticatedError:
        return None
    return answer.tokens


def see_other(address: str, **parameters: str) -> RedirectResponse:
    """Returns the answer that leads a browser on, with what no cache keeps."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    return RedirectResponse(f"{address}{query}", status.HTTP_303_SEE_OTHER, headers={"cache-control": "no-store"})
