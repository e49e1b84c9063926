"""Words a Mastodon server's answers: errors, rate-limit headers, and which failures it can be switched to."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Limit, Window
from sandbox.kit.switches import Panel, PictureSwitches
from sandbox.mastodon.flavours import FLAVOURS, OLD_MASTODON, Flavour, FlavourName

# Per token; callers without one share theirs by address.
LIMITS = (Limit("api", 300, 5 * 60),)


class MastodonSwitches(PictureSwitches):
    fail: (
        Literal[
            "429", "500", "503", "401", "401_html", "403_scope", "403_disabled", "422", "422_oversize", "hang", "drop"
        ]
        | None
    ) = Field(default=None, description="Answer API calls with this failure")
    flavour: FlavourName = Field(default="mastodon", description="Act like this kind of server")
    old_server: bool = Field(
        default=False,
        description="Act like Mastodon 4.2: no discovery, no PKCE, no /api/v1/profile to read, pictures under 2 MB",
    )
    odd_picture: Literal["script", "huge", "elsewhere"] | None = Field(
        default=None,
        description="Serve this instead of every picture: a page with a script, 200 MB, an address that is not public",
    )
    reset_as: Literal["unix seconds", "seconds to wait"] | None = Field(
        default=None,
        description="Send the rate limit's reset so, as some servers do (empty: as the kind of server does)",
    )


def flavour_of(panel: Panel[MastodonSwitches]) -> Flavour:
    """Returns which kind of server is played now."""
    return OLD_MASTODON if panel.switches.old_server else FLAVOURS[panel.switches.flavour]


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def refuse(status: int, message: str) -> Refused:
    """Returns the exception that ends a handler with this error."""
    return Refused(error(status, message))


def invalid_token(message: str) -> Response:
    """Returns the answer to a token that is no use: `message` is "The access token is invalid" or its like."""
    challenge = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{message}"'
    return error(401, message, {"WWW-Authenticate": challenge})


def insufficient(scope: str) -> Response:
    """Returns the answer of Pleroma and its kin, who do not tell a token that is no use from one that may not do this."""
    return error(403, f"Insufficient permissions: {scope}.")


def outside_scopes() -> Response:
    return error(403, "This action is outside the authorized scopes")


class MastodonDialect:
    def __init__(self, panel: Panel[MastodonSwitches]) -> None:
        self._panel = panel

    def applies(self, kind: str, request: Request) -> bool:
        return not kind.startswith("422") or request.method == "PATCH"

    def failure(self, kind: str, request: Request) -> Response:  # noqa: ARG002 - the same wherever it strikes
        match kind:
            case "429":
                return error(429, "Too many requests")
            case "401" | "403_scope" if flavour_of(self._panel).own_limits:
                return insufficient("write:accounts")
            case "401":
                return invalid_token("The access token was revoked")
            case "401_html":
                return HTMLResponse("", 401)
            case "403_scope":
                return outside_scopes()
            case "403_disabled":
                return error(403, "Your login is currently disabled")
            case "422":
                return error(422, "Validation failed: Avatar content type is invalid")
            case "422_oversize":
                return error(422, "Validation failed: Avatar file size must be less than 2 MB")
            case "503":
                return HTMLResponse("<html><body><h1>503 Service Unavailable</h1></body></html>", 503)
            case _:
                return HTMLResponse("<html><body><h1>We're sorry, but something went wrong</h1></body></html>", 500)

    def too_large(self) -> Response:
        # The web server in front answers this one.
        return HTMLResponse("<html><body><h1>413 Request Entity Too Large</h1></body></html>", 413)

    def subject(self, request: Request) -> str:
        return request.headers.get("authorization") or (request.client.host if request.client else "")

    def limit_headers(self, window: Window) -> Mapping[str, str]:
        flavour, reset_as = self._panel.switches.flavour, self._panel.switches.reset_as
        if flavour in ("pleroma", "akkoma") and reset_as is None:
            return {}
        headers = {"X-RateLimit-Limit": str(window.limit.count), "X-RateLimit-Remaining": str(window.remaining)}
        wait = {"Retry-After": str(max(0, window.reset_seconds - int(datetime.now(UTC).timestamp())))}
        if reset_as == "seconds to wait":
            return headers if window.remaining else {**headers, **wait}
        unix = {"X-RateLimit-Reset": str(window.reset_seconds)}
        if reset_as == "unix seconds":
            return {**headers, **unix}
        if flavour == "pixelfed":
            # As Laravel has it: when it ends is said once it is used up.
            return headers if window.remaining else {**headers, **wait, **unix}
        iso = datetime.fromtimestamp(window.reset, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {**headers, "X-RateLimit-Reset": iso}
