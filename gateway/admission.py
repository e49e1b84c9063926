"""The door of every route: who calls, whether they may, and how often. What each route asks is its line in `servicekit.rights.ROUTES`."""

import ipaddress
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from gateway.context import Gateway, gateway_of
from gateway.limits import LimitReachedError
from gateway.security import refuse_cross_site
from servicekit.errors import ServiceError
from servicekit.grpc_client import client_of
from servicekit.identity import Caller, acting_for, calling_from
from servicekit.rights import ROUTES, Limit, Route

log = structlog.get_logger()

# Who has an IPv6 address has at least all addresses of such a network.
IPV6_PREFIX = 64

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class AdmittedRoute(APIRoute):
    """A route with a door, which opens before anything of the request's body is read.

    Within it the caller, if any, is the current one (`servicekit.identity`), also for the services that it calls. Raises
    `LookupError` when a route is made that has no line.
    """

    def get_route_handler(self) -> Handler:
        """Returns what answers a request: the door, then the framework's own."""
        lines = lines_of(self)
        handler = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            with ExitStack() as stack:
                await _admit(request, gateway_of(request), lines[request.method], stack)
                return await handler(request)

        return admitted


def lines_of(route: APIRoute) -> Mapping[str, Route]:
    """Returns the lines of a route by method. Raises `LookupError` that names the one that is missing."""
    names = {method: f"{method} {route.path}" for method in route.methods or ()}
    for name in names.values():
        if name not in ROUTES:
            raise LookupError(f"servicekit.rights.ROUTES has no line for {name}")
    return {method: ROUTES[name] for method, name in names.items()}


def refuse_unguarded(routes: Sequence[BaseRoute]) -> None:
    """Raises `LookupError` for a route that was made without a door."""
    for context in iter_route_contexts(routes):
        if not isinstance(context.original_route, AdmittedRoute):
            raise LookupError(f"{context.path} is not an AdmittedRoute: make its router with route_class=AdmittedRoute")


async def _admit(request: Request, gateway: Gateway, line: Route, stack: ExitStack) -> None:
    """Returns when the caller may go on; `stack` then holds who they are.

    Counts first and refuses then, so that guessing tokens is counted too.
    """
    address = request.client.host if request.client else ""
    _tell_of_proxy(request, gateway)
    stack.enter_context(calling_from(client_of(address, request.headers.get("user-agent", ""))))
    if line.right.anyone and line.limit is Limit.NONE:
        return
    caller, refusal = await _caller(request, gateway)
    await _count(request, gateway, line, caller, address)
    refuse_cross_site(request, gateway)
    if line.right.anyone:
        refusal = None
    if refusal is not None:
        raise refusal
    line.right.permit(caller, gateway.clock())
    if caller is not None:
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        stack.enter_context(acting_for(caller))


def _tell_of_proxy(request: Request, gateway: Gateway) -> None:
    """Says once that we are behind a proxy and do not heed it: then all people share its address, its limits and its slow-down."""
    state = request.app.state
    if gateway.settings.trusted_proxies or "x-forwarded-for" not in request.headers or hasattr(state, "told_of_proxy"):
        return
    state.told_of_proxy = True
    log.warning(
        "proxy_not_trusted",
        hint="requests come with X-Forwarded-For; name the proxy in LINKAROOIE_GATEWAY_TRUSTED_PROXIES, or all people count as one",
    )


async def _caller(request: Request, gateway: Gateway) -> tuple[Caller | None, ServiceError | None]:
    """Returns who calls, or why that is not known. Who shows nothing is nobody, and no error."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "bearer" and credential.strip():
            return await gateway.credentials.caller_of(credential.strip()), None
        token = gateway.cookies.access_token(request)
        return (None if token is None else await gateway.verifier.verify(token)), None
    except ServiceError as error:
        return None, error


async def _count(request: Request, gateway: Gateway, line: Route, caller: Caller | None, address: str) -> None:
    """Counts the call. What anyone may do counts for the address, whoever is signed in: more accounts are no more tries."""
    if line.limit is Limit.NONE:
        return
    if caller is None or line.right.anyone:
        principal = ("address", network_of(address))
    elif caller.scopes is not None:
        principal = ("key", caller.session_id)
    else:
        principal = ("account", caller.user_id)
    try:
        allowance = await gateway.limiter.take(gateway.settings.limits_of(line.limit), line.limit, *principal)
    except LimitReachedError as error:
        request.state.headers.update(error.allowance.headers())
        raise
    if allowance is not None:
        request.state.headers.update(allowance.headers())


def network_of(address: str) -> str:
    """Returns what stands for everybody who shares an address: itself, or its network for IPv6. Unknown ones share a word."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
