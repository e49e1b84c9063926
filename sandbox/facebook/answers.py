"""Words the Graph API's answers, and says which failures Facebook can be switched to."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Window
from sandbox.kit.switches import Switches


class FacebookSwitches(Switches):
    fail: Literal["500", "503", "limit", "not_json", "hang", "drop"] | None = Field(
        default=None, description="Answer with this failure"
    )
    no_email: bool = Field(default=False, description="Tell no e-mail address")
    foreign_app: bool = Field(default=False, description="Say of every token that another app got it")


def graph_error(status: int, code: int, message: str, *, subcode: int | None = None) -> Response:
    error: dict[str, object] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    headers = (
        {"WWW-Authenticate": f'OAuth "Facebook Platform" "invalid_request" "{message}"'} if status == 400 else None
    )
    return JSONResponse({"error": {**error, "fbtrace_id": "AsandboxTrace"}}, status, headers)


def refuse(code: int, message: str, *, subcode: int | None = None) -> Refused:
    """Returns the exception that ends a handler with this error."""
    return Refused(graph_error(400, code, message, subcode=subcode))


class FacebookDialect:
    def applies(self, kind: str, request: Request) -> bool:  # noqa: ARG002 - every failure may strike every call
        return True

    def failure(self, kind: str, request: Request) -> Response:  # noqa: ARG002 - the same wherever it strikes
        match kind:
            case "limit":
                return graph_error(403, 4, "(#4) Application request limit reached")
            case "not_json":
                return HTMLResponse("<!DOCTYPE html><title>Error</title><p>Sorry, something went wrong.", 200)
            case "503":
                return graph_error(503, 2, "Service temporarily unavailable")
            case _:
                return graph_error(500, 1, "An unknown error has occurred.")

    def too_large(self) -> Response:
        return graph_error(413, 1, "The request is too large.")

    def subject(self, request: Request) -> str:  # noqa: ARG002 - nothing is counted here
        return ""

    def limit_headers(self, window: Window) -> Mapping[str, str]:  # noqa: ARG002 - nothing is counted here
        return {}
