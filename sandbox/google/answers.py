"""Words Google's answers, and says which failures it can be switched to."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Window
from sandbox.kit.switches import Switches


class GoogleSwitches(Switches):
    ONCE: ClassVar[tuple[str, ...]] = ("rotate_keys",)

    fail: Literal["500", "503", "not_json", "hang", "drop"] | None = Field(
        default=None, description="Answer with this failure"
    )
    no_email: bool = Field(default=False, description="Tell no e-mail address")
    unverified_email: bool = Field(default=False, description="Say that the e-mail address is not verified")
    bare_issuer: bool = Field(
        default=False, description="Name the issuer in ID tokens without its scheme, as Google sometimes does"
    )
    spoil: Literal["nonce", "issuer", "audience", "signature", "expired"] | None = Field(
        default=None, description="Issue ID tokens that are wrong in this"
    )
    rotate_keys: bool = Field(default=False, description="Once: sign with a new key from now on")


def error(status: int, name: str, description: str) -> Response:
    return JSONResponse({"error": name, "error_description": description}, status)


def refuse(status: int, name: str, description: str) -> Refused:
    """Returns the exception that ends a handler with this error."""
    return Refused(error(status, name, description))


class GoogleDialect:
    def applies(self, kind: str, request: Request) -> bool:  # noqa: ARG002 - every failure may strike every call
        return True

    def failure(self, kind: str, request: Request) -> Response:  # noqa: ARG002 - the same wherever it strikes
        match kind:
            case "not_json":
                return HTMLResponse("<!DOCTYPE html><title>Sorry</title><p>We're sorry, try again later.", 200)
            case "503":
                return error(503, "temporarily_unavailable", "The service is currently unavailable.")
            case _:
                return error(500, "internal_failure", "An internal error occurred.")

    def too_large(self) -> Response:
        return error(413, "invalid_request", "The request is too large.")

    def subject(self, request: Request) -> str:  # noqa: ARG002 - nothing is counted here
        return ""

    def limit_headers(self, window: Window) -> Mapping[str, str]:  # noqa: ARG002 - nothing is counted here
        return {}
