"""What is known of each request: its reference, one log line, and its time in the metrics."""

import time
from functools import cache

import structlog
from opentelemetry import trace
from prometheus_client import Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import internal_problem, rendered
from servicekit.ids import new_id

log = structlog.get_logger()

HTTP_SECONDS = Histogram(
    "linkarooie_http_seconds", "Time until an HTTP answer was complete, by method, route and status.", ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
# Web servers' own number for a client that went away before it was answered.
CLIENT_GONE = 499
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
# Asked for every few seconds by whoever runs us.
QUIET_ROUTES = ("/healthz", "/readyz")


class Requests:
    """The outermost layer. Whatever else happens, there is an answer with a reference, and a line about it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        reference = new_id()
        headers: dict[str, str] = {"x-request-id": reference}
        scope["state"] = {**scope.get("state", {}), "reference": reference, "headers": headers}
        status = CLIENT_GONE
        if scope["query_string"]:
            # Codes of a consent page and signatures of pictures come this way; the framework would trace them.
            trace.get_current_span().set_attribute("url.query", "[hidden]")

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # What is ours alone: nothing that answers says any of it.
                message["headers"] = [
                    *message.get("headers", ()),
                    *((n.encode(), v.encode()) for n, v in headers.items()),
                ]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=reference):
            try:
                await self._app(scope, receive, observed)
            except ClientDisconnect:
                pass
            except Exception:
                log.exception("request_failed", method=scope["method"], route=_route(scope))
                if status != CLIENT_GONE:
                    raise  # the answer has begun: all that is left is to break it off
                await rendered(internal_problem(reference=reference))(scope, receive, observed)
            finally:
                self._record(scope, status, time.perf_counter() - started)

    @staticmethod
    def _record(scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        _http_seconds(method, route, status).observe(seconds)
        if route not in QUIET_ROUTES:
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


@cache
def _http_seconds(method: str, route: str, status: int) -> Histogram:
    """Returns what counts such requests; there are few kinds, and each is looked up for every request."""
    return HTTP_SECONDS.labels(method, route, status)


def _route(scope: Scope) -> str:
    """Returns the route's template, which has few values; paths have many."""
    route = scope.get("route")
    return getattr(route, "path", "") or "other"
