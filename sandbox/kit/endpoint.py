"""Turns handlers into API endpoints that obey the switches, the rate limits and a bound on the body."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from sandbox.kit.limits import Limit, Window
from sandbox.kit.platform import Context
from sandbox.kit.server import cut_connection
from sandbox.kit.switches import Access, Panel

Handler = Callable[[Request], Awaitable[Response]]


class Refused(Exception):  # noqa: N818 - it is an answer of the platform rather than an error of ours
    """Ends a handler with the platform's own answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Dialect(Protocol):
    """How a platform words what every endpoint may answer."""

    def applies(self, kind: str, request: Request) -> bool:
        """Tells whether a failure of `Switches.fail` strikes this call at all."""

    def failure(self, kind: str, request: Request) -> Response:
        """Returns the answer for a failure of `Switches.fail`."""

    def too_large(self) -> Response:
        """Returns the answer to a body that the platform does not read to its end."""

    def subject(self, request: Request) -> str:
        """Returns whom a request counts for."""

    def limit_headers(self, window: Window) -> Mapping[str, str]:
        """Returns the rate-limit headers."""


class _TooLarge(Exception):  # noqa: N818 - a signal between the lines below
    pass


class _Cut(Exception):  # noqa: N818 - a signal between the lines below
    """Leaves the caller without an answer: at once, or when the caller or the sandbox gives up."""

    def __init__(self, *, hang: bool = False) -> None:
        super().__init__(hang)
        self.hang = hang


class Endpoints:
    """Makes the routes of one platform's API."""

    # Any: every stand-in has switches of its own; those with rate limits have `PictureSwitches`.
    def __init__(self, context: Context, panel: Panel[Any], dialect: Dialect) -> None:
        self._context = context
        self._panel = panel
        self._dialect = dialect

    def route(
        self,
        path: str,
        handler: Handler,
        access: Access,
        *,
        methods: list[str] | None = None,
        limits: Sequence[Limit] = (),
        max_body: int = 64 * 1024,
    ) -> Route:
        """Returns a route whose answers carry the platform's rate-limit headers where it has limits."""
        return Route(path, _Endpoint(self, handler, access, limits, max_body), methods=methods or ["GET"])

    async def answer(self, request: Request, handler: Handler, access: Access, limits: Sequence[Limit]) -> Response:
        """Returns the answer; raises `_Cut` where there shall be none."""
        failure = self._panel.take_failure(access, lambda kind: self._dialect.applies(kind, request))
        if failure in ("hang", "drop"):
            raise _Cut(hang=failure == "hang")
        headers: Mapping[str, str] = {}
        if limits:
            allowed, window = self._window(request, limits, exhausted=failure == "429")
            headers = self._dialect.limit_headers(window)
            if not allowed:
                failure = "429"
        if failure is not None:
            response = self._dialect.failure(failure, request)
        else:
            try:
                response = await handler(request)
            except Refused as refused:
                response = refused.response
            except _TooLarge:
                response = self._dialect.too_large()
        if getattr(request.state, "changed", False):
            if self._panel.strikes("lose_answer"):
                raise _Cut
            if self._panel.strikes("hold_answer"):
                raise _Cut(hang=True)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    def _window(self, request: Request, limits: Sequence[Limit], *, exhausted: bool) -> tuple[bool, Window]:
        """Counts a call; returns whether every limit allows it, and the window that is nearest to its end."""
        switches = self._panel.switches
        if exhausted:
            return True, Window(limits[0], 0, self._context.clock() + switches.retry_after_seconds)
        subject = self._dialect.subject(request)
        taken = [self._context.limiter.take(limit, subject) for limit in limits]
        allowed, window = min(taken, key=lambda one: (one[0], one[1].remaining))
        return allowed or not switches.enforce_limits, window

    async def cut(self, cut: _Cut, request: Request, receive: Receive) -> None:
        gone = asyncio.create_task(_disconnect(receive))
        if cut.hang:
            closing = asyncio.create_task(self._context.closing.wait())
            await asyncio.wait({gone, closing}, return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()
        cut_connection(request)
        await gone


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Endpoint:
    """An ASGI app, so that a cut connection need not pretend to be a response."""

    def __init__(
        self, endpoints: Endpoints, handler: Handler, access: Access, limits: Sequence[Limit], max_body: int
    ) -> None:
        self._endpoints = endpoints
        self._handler = handler
        self._access = access
        self._limits = limits
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, _bounded(receive, self._max_body))
        try:
            response = await self._endpoints.answer(request, self._handler, self._access, self._limits)
        except ClientDisconnect:
            return
        except _Cut as cut:
            await self._endpoints.cut(cut, request, receive)
            return
        finally:
            await request.close()
        await response(scope, receive, send)


def _bounded(receive: Receive, limit: int) -> Receive:
    """Wraps `receive` so that it raises once more than `limit` bytes have come."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _TooLarge
        return message

    return counted
