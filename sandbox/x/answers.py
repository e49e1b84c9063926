"""Words X's answers: v1.1 error codes, v2 problems, rate-limit headers."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Window
from sandbox.kit.switches import PictureSwitches


class XSwitches(PictureSwitches):
    fail: (
        Literal["429", "500", "503", "401", "403_scope", "326", "403_suspended", "453", "403_empty", "hang", "drop"]
        | None
    ) = Field(default=None, description="Answer API calls with this failure")
    slow_seconds: float = Field(default=2, ge=0, le=3_600, description="Seconds until an accepted picture shows")


# code: (HTTP status, message)
ERRORS: Mapping[int, tuple[int, str]] = {
    17: (404, "No user matches for specified terms."),
    32: (401, "Could not authenticate you."),
    34: (404, "Sorry, that page does not exist."),
    38: (403, "A required parameter is missing."),
    50: (404, "User not found."),
    64: (403, "Your account is suspended and is not permitted to access this feature."),
    88: (429, "Rate limit exceeded"),
    89: (401, "Invalid or expired token."),
    120: (400, "Account update failed: image is invalid or too large."),
    130: (503, "Over capacity"),
    131: (500, "Internal error"),
    135: (401, "Timestamp out of bounds."),
    215: (400, "Bad Authentication data."),
    220: (403, "Your credentials do not allow access to this resource."),
    326: (
        403,
        "To protect our users from spam and other malicious activity, this account is temporarily locked."
        " Please log in to unlock your account.",
    ),
    415: (403, "Callback URL not approved for this client application."),
    453: (
        403,
        "You currently have access to a subset of X API V2 endpoints and limited v1.1 endpoints only."
        " If you need access to this endpoint, you may need a different access level.",
    ),
}

_FAILURE_CODES = {
    "429": 88,
    "500": 131,
    "503": 130,
    "401": 89,
    "403_scope": 220,
    "326": 326,
    "403_suspended": 64,
    "453": 453,
}

# code: (last part of the problem's type, title); a code that is not here is a plain status in v2.
_PROBLEMS = {
    88: ("rate-limit-exceeded", "Too Many Requests"),
    453: ("client-forbidden", "Client Forbidden"),
    220: ("not-authorized-for-resource", "Not Authorized for Resource"),
}


def error(request: Request, code: int, message: str | None = None, status: int | None = None) -> Response:
    """Returns the error with this v1.1 code in the format of the called API version."""
    usual_status, usual_message = ERRORS[code]
    status, message = status or usual_status, message or usual_message
    if request.url.path.startswith("/2/"):
        kind, title = _PROBLEMS.get(code, ("", ""))
        if not kind:
            title = {401: "Unauthorized", 400: "Unauthorized", 403: "Forbidden", 404: "Not Found"}.get(status, "Error")
            # v2 knows no 400 for missing credentials.
            status = 401 if code == 215 else status
        problem = {
            "title": title,
            "detail": message if kind else title,
            "type": f"https://api.x.com/2/problems/{kind}" if kind else "about:blank",
            "status": status,
        }
        return JSONResponse(problem, status, media_type="application/problem+json")
    return JSONResponse({"errors": [{"code": code, "message": message}]}, status)


def refuse(request: Request, code: int, message: str | None = None, status: int | None = None) -> Refused:
    """Returns the exception that ends a handler with this error."""
    return Refused(error(request, code, message, status))


class XDialect:
    def applies(self, kind: str, request: Request) -> bool:
        # An app with the smaller plan may still sign people in and use v2.
        return kind != "453" or request.url.path.startswith("/1.1/account/")

    def failure(self, kind: str, request: Request) -> Response:
        if kind == "403_empty":
            return Response(status_code=403)
        return error(request, _FAILURE_CODES[kind])

    def too_large(self) -> Response:
        return Response(status_code=413)

    def subject(self, request: Request) -> str:
        # The header's own token is enough to count by: a caller who invents one gets no further than a 401.
        header = request.headers.get("authorization", "")
        _, _, rest = header.partition('oauth_token="')
        return rest.partition('"')[0]

    def limit_headers(self, window: Window) -> Mapping[str, str]:
        return {
            "x-rate-limit-limit": str(window.limit.count),
            "x-rate-limit-remaining": str(window.remaining),
            "x-rate-limit-reset": str(window.reset_seconds),
        }
