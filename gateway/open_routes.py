"""Routes whose door stands open, answered before the framework has looked for them.

Its way to a route takes the better part of a millisecond with as many routes as ours, several times what it takes to send a small picture from
memory (`benchmarks/delivery.py`). What every request gets is here too: a reference, its line in the log, its time in the metrics, security
headers, problem documents. It begins no trace of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.middleware import Middleware
from fastapi.routing import iter_route_contexts
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admission import AdmittedRoute, Handler, lines_of
from servicekit.rights import Limit

Answer = Callable[[Request], Awaitable[Response]]


class OpenRoute(AdmittedRoute):
    """A route that anyone may call, and nobody counts: so there is nothing to ask at its door.

    What answers it takes the request and nothing else. Raises `LookupError` when a route is made whose line says otherwise.
    """

    def get_route_handler(self) -> Handler:
        """Returns what answers a request where it comes through the framework after all."""
        for method, line in lines_of(self).items():
            if not line.right.anyone or line.limit is not Limit.NONE:
                raise LookupError(
                    f"{method} {self.path} has a door that somebody has to pass: make it an AdmittedRoute"
                )
        return super().get_route_handler()


class OpenRoutes:
    """Answers the open routes of an API."""

    def __init__(self, api: FastAPI, layers: Sequence[Middleware]) -> None:
        """`layers` go around each request, the outermost first."""
        self._api = api
        routes = (context.original_route for context in iter_route_contexts(api.routes))
        self._routes = [route for route in routes if isinstance(route, OpenRoute)]
        handlers = cast("Mapping[Any, Any]", api.exception_handlers)
        app: ASGIApp = ExceptionMiddleware(_answered, handlers=handlers)
        for layer in reversed(layers):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        self._app = app

    def take(self, scope: Scope) -> bool:
        """Tells whether a request is for one of the routes, and notes which one."""
        if scope["type"] != "http":
            return False
        for route in self._routes:
            match = route.path_regex.match(scope["path"])
            if match and scope["method"] in (route.methods or ()):
                scope.update(app=self._api, route=route, path_params=match.groupdict())
                return True
        return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request that was taken."""
        await self._app(scope, receive, send)


async def _answered(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    answer = cast("Answer", scope["route"].endpoint)
    response = await answer(request)
    await response(scope, receive, send)
