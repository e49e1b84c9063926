"""Words GitHub's answers, and says which failures it can be switched to."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Window
from sandbox.kit.switches import Switches

DOCUMENTATION = "https://docs.github.com"


class GithubSwitches(Switches):
    fail: Literal["500", "503", "403_limit", "not_json", "hang", "drop"] | None = Field(
        default=None, description="Answer with this failure"
    )
    no_email: bool = Field(default=False, description="Tell no e-mail address")
    unverified_email: bool = Field(default=False, description="Say that the primary e-mail address is not verified")


def form_or_json(request: Request, values: Mapping[str, str]) -> Response:
    """Answers as the token endpoint does: as a form, unless the app asks for JSON."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(dict(values))
    return PlainTextResponse(urlencode(values), media_type="application/x-www-form-urlencoded")


def token_error(request: Request, name: str, description: str) -> Response:
    """Words an error of the token endpoint: it comes with status 200."""
    uri = (
        f"{DOCUMENTATION}/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/"
        f"#{name.replace('_', '-')}"
    )
    return form_or_json(request, {"error": name, "error_description": description, "error_uri": uri})


def api_error(status: int, message: str) -> Response:
    return JSONResponse(
        {"message": message, "documentation_url": f"{DOCUMENTATION}/rest", "status": str(status)}, status
    )


def refuse(status: int, message: str) -> Refused:
    """Returns the exception that ends a handler of the API with this error."""
    return Refused(api_error(status, message))


class GithubDialect:
    def applies(self, kind: str, request: Request) -> bool:
        return kind != "403_limit" or request.method == "GET"

    def failure(self, kind: str, request: Request) -> Response:  # noqa: ARG002 - the same wherever it strikes
        match kind:
            case "403_limit":
                answer = api_error(403, "API rate limit exceeded for user ID 1.")
                answer.headers["X-RateLimit-Remaining"] = "0"
                return answer
            case "not_json":
                return HTMLResponse(
                    "<!DOCTYPE html><title>Unicorn!</title><p>We had issues producing the response.", 200
                )
            case "503":
                return HTMLResponse("<!DOCTYPE html><title>Unicorn!</title><p>No server is available.", 503)
            case _:
                return api_error(500, "Server Error")

    def too_large(self) -> Response:
        return api_error(413, "Payload too large")

    def subject(self, request: Request) -> str:  # noqa: ARG002 - nothing is counted here
        return ""

    def limit_headers(self, window: Window) -> Mapping[str, str]:  # noqa: ARG002 - nothing is counted here
        return {}
