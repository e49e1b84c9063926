"""Words Bluesky's answers: XRPC and OAuth errors, rate-limit headers, and which failures it can be switched to."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Limit, Window
from sandbox.kit.switches import PictureSwitches

_HOUR = 60 * 60
# The real ones count by address and by account; here all callers share one address.
ALL_CALLS = Limit("all", 3_000, 5 * 60)
UPLOADS = Limit("uploads", 1_000, 24 * _HOUR)
UPDATES = (Limit("writes per hour", 5_000, _HOUR, 2), Limit("writes per day", 35_000, 24 * _HOUR, 2))
LOGINS = (Limit("logins", 30, 5 * 60), Limit("logins per day", 300, 24 * _HOUR))


class BlueskySwitches(PictureSwitches):
    STRIKES: ClassVar[tuple[str, ...]] = (*PictureSwitches.STRIKES, "race")
    ONCE: ClassVar[tuple[str, ...]] = (*PictureSwitches.ONCE, "forget_profiles")

    fail: (
        Literal[
            "429", "500", "502", "503", "401", "400_expired", "403_scope", "AccountTakedown", "html", "hang", "drop"
        ]
        | None
    ) = Field(default=None, description="Answer API calls with this failure")
    slow_seconds: float = Field(
        default=1, ge=0, le=3_600, description="Seconds until the app view shows a picture that the record has"
    )
    lie: Literal["no_blob", "another_blob", "empty_record"] | None = Field(
        default=None,
        description="Answer an upload without its blob, or with another one; tell an empty profile record",
    )
    race: bool = Field(default=False, description="Let another app edit the profile just before putRecord")
    forget_profiles: bool = Field(default=False, description="Once: remove the profile records, as of new accounts")


def xrpc_error(status: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": name, "message": message}, status, headers)


def refuse(status: int, name: str, message: str) -> Refused:
    """Returns the exception that ends a handler with this XRPC error."""
    return Refused(xrpc_error(status, name, message))


def challenge(name: str, message: str) -> Response:
    """Returns the resource side's answer to a token or proof that is no use."""
    header = f'DPoP algs="ES256", error="{name}", error_description="{message}"'
    return xrpc_error(401, name, message, {"WWW-Authenticate": header})


def oauth_error(name: str, description: str, status: int = 400) -> Response:
    return JSONResponse({"error": name, "error_description": description}, status, {"Cache-Control": "no-store"})


def refuse_oauth(name: str, description: str, status: int = 400) -> Refused:
    """Returns the exception that ends a handler of the authorisation server with this error."""
    return Refused(oauth_error(name, description, status))


class BlueskyDialect:
    def applies(self, kind: str, request: Request) -> bool:
        match kind:
            case "AccountTakedown" | "403_scope" | "400_expired" | "401":
                # These are about a token or an account: public reads and the OAuth endpoints know neither.
                return "authorization" in request.headers or request.url.path.endswith(".createSession")
            case _:
                return True

    def failure(self, kind: str, request: Request) -> Response:
        if request.url.path.startswith("/oauth/"):
            if kind == "429":
                return oauth_error("rate_limit_exceeded", "Too Many Requests", 429)
            return oauth_error("server_error", "Internal Server Error", int(kind))
        match kind:
            case "429":
                return xrpc_error(429, "RateLimitExceeded", "Rate Limit Exceeded")
            case "401":
                return challenge("invalid_token", "Invalid token")
            case "400_expired":
                return xrpc_error(400, "ExpiredToken", "Token has expired")
            case "403_scope":
                return scope_missing("repo:app.bsky.actor.profile?action=update")
            case "AccountTakedown":
                return xrpc_error(401, "AccountTakedown", "Account has been taken down")
            case "html":
                return HTMLResponse("<!doctype html><title>Welcome</title>")
            case "502":
                return xrpc_error(502, "UpstreamFailure", "Upstream Failure")
            case "503":
                return xrpc_error(503, "NotEnoughResources", "Not Enough Resources")
            case _:
                return xrpc_error(500, "InternalServerError", "Internal Server Error")

    def too_large(self) -> Response:
        return xrpc_error(413, "PayloadTooLarge", "request entity too large")

    def subject(self, request: Request) -> str:
        return request.client.host if request.client else ""

    def limit_headers(self, window: Window) -> Mapping[str, str]:
        # No Retry-After, not even with a 429.
        return {
            "RateLimit-Limit": str(window.limit.count),
            "RateLimit-Remaining": str(window.remaining),
            "RateLimit-Reset": str(window.reset_seconds),
            "RateLimit-Policy": f"{window.limit.count};w={window.limit.seconds}",
        }


def scope_missing(scope: str) -> Response:
    return xrpc_error(403, "ScopeMissingError", f'Missing required scope "{scope}"')
