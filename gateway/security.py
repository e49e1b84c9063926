"""What keeps a browser from being used against its owner."""

import re

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.context import Gateway
from servicekit.errors import ForbiddenError

# The client is our own files and nothing else: no script, style or frame of anybody's, and nothing leaves the origin.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Two years, as the preload lists of browsers ask for.
STRICT_TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# The largest request is a sync with 200 connections, about 8 kB.
BODY_BYTES = 64 * 1024
# Read piece by piece, and counted there.
STREAMED_PATHS = ("/v1/images",)
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")


class SecurityHeaders:
    """Adds the headers to every answer that does not say otherwise. What the API answers is nobody else's, so no cache keeps it."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        headers = HEADERS | ({"strict-transport-security": STRICT_TRANSPORT_SECURITY} if https else {})
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [*message.get("headers", ())]
                said = {name for name, _ in own}
                own += [header for header in self._headers if header[0] not in said]
                if b"cache-control" not in said and scope["path"].startswith("/v1/"):
                    own.append((b"cache-control", b"no-store"))
                message["headers"] = own
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Keeps bodies that are read whole from filling the memory. Raises `HTTPException` with 413 where one is read too far."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in STREAMED_PATHS:
            await self._app(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY_BYTES:
                raise HTTPException(413, f"The body is larger than {BODY_BYTES // 1024} KiB.")
            return message

        await self._app(scope, limited, send)


def refuse_cross_site(request: Request, gateway: Gateway) -> None:
    """Lets a request change something only if our own pages sent it, or no browser did.

    A browser says where a request comes from in `Sec-Fetch-Site` (older ones in `Origin`). A request with an `Authorization`
    header is let through: no page of another origin can set one here. Raises `ForbiddenError` with reason CROSS_SITE.
    """
    if request.method in SAFE_METHODS or "authorization" in request.headers:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        allowed = site == "same-origin"
    elif origin is not None:
        allowed = _same_origin(origin.lower(), request.headers.get("host", "").lower(), gateway.settings.public_url)
    else:
        allowed = not gateway.cookies.any_of_ours(request)
    if not allowed:
        raise ForbiddenError(
            "This request did not come from a page of this site. Programs send a token or API key as Authorization: Bearer.",
            reason="CROSS_SITE",
        )


def _same_origin(origin: str, host: str, public_url: str) -> bool:
    """Compares with both names that we may have: behind a proxy we see another host than the browser does; without one, the browser
    may use another name than the public one. A page that came over plain http is never ours where the public address has https.
    """
    if origin in (public_url, f"https://{host}"):
        return True
    return origin == f"http://{host}" and not public_url.startswith("https://")


def is_own_path(path: str) -> bool:
    """Tells whether a browser that is sent there stays on this site. Browsers read a backslash as a slash, and drop control characters."""
    return _OWN_PATH.fullmatch(path) is not None
