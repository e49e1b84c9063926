"""What the platforms of the Graph API share: how it words its answers, and the failures that they can be switched to."""

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from sandbox.kit.endpoint import Refused
from sandbox.kit.limits import Window
from sandbox.kit.switches import Panel, PictureSwitches

UseCase = Literal["pages", "instagram"]
# What says that too many calls were made for an account, by what it is counted as.
_TOO_MANY: Mapping[UseCase, tuple[int, str]] = {"pages": (80001, "Page"), "instagram": (80002, "Instagram")}
# How far the app has come, in percent, as long as nothing is the matter.
APP_USAGE = {"call_count": 3, "total_time": 2, "total_cputime": 1}

# Why a token is not taken, by subcode.
ENDINGS: Mapping[int, str] = {
    458: "Error validating access token: The user has not authorized application.",
    459: "Error validating access token: The user is in a checkpoint and cannot log in.",
    460: "Error validating access token: The session has been invalidated because the user changed their password.",
    463: "Error validating access token: Session has expired.",
    464: "Error validating access token: Sessions for the user are not allowed because the user is not a confirmed user.",
    467: "Error validating access token: This may be because the user logged out.",
    490: "Error validating access token: User is enrolled in a blocking, logged-in checkpoint.",
    492: "Error validating access token: The session no longer matches a role at the Page.",
}
# switch: (status, code, subcode, message)
_FAILURES: Mapping[str, tuple[int, int, int | None, str]] = {
    "500": (500, 1, None, "An unknown error has occurred."),
    "503": (503, 2, None, "Service temporarily unavailable"),
    "1": (400, 1, None, "An unknown error occurred"),
    "limit": (403, 4, None, "(#4) Application request limit reached"),
    "17": (400, 17, None, "(#17) User request limit reached"),
    "32": (400, 32, None, "(#32) Page request limit reached"),
    "403_scope": (403, 200, None, "(#200) Requires pages_manage_metadata permission to manage the object"),
    "368": (400, 368, None, "(#368) The action attempted has been deemed abusive or is otherwise disallowed"),
    "1346003": (400, 368, 1346003, "(#368) It looks like you were misusing this feature"),
    "1404078": (400, 190, 1404078, "Page publishing authorization is needed"),
    "506": (400, 506, None, "(#506) Duplicate status message"),
    **{str(subcode): (400, 190, subcode, message) for subcode, message in ENDINGS.items()},
}


class GraphSwitches(PictureSwitches):
    fail: (
        Literal[
            "429",
            "500",
            "503",
            "1",
            "limit",
            "17",
            "32",
            "403_scope",
            "368",
            "1346003",
            "1404078",
            "506",
            "458",
            "459",
            "460",
            "463",
            "464",
            "467",
            "490",
            "492",
            "not_json",
            "plain_text",
            "hang",
            "drop",
        ]
        | None
    ) = Field(default=None, description="Answer with this failure; a number from 458 on is a subcode of 190")


def graph_error(status: int, code: int, message: str, *, subcode: int | None = None, words: str = "") -> Response:
    """Returns an error as the Graph API words it; `words` are for people."""
    error: dict[str, object] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    if words:
        error["error_user_title"] = "This did not work"
        error["error_user_msg"] = words
    headers = (
        {"WWW-Authenticate": f'OAuth "Facebook Platform" "invalid_request" "{message}"'} if status == 400 else None
    )
    return JSONResponse(
        {"error": {**error, "is_transient": code in (1, 2), "fbtrace_id": "AsandboxTrace"}}, status, headers
    )


def refuse(code: int, message: str, *, subcode: int | None = None, words: str = "") -> Refused:
    """Returns the exception that ends a handler with this error."""
    return Refused(graph_error(400, code, message, subcode=subcode, words=words))


def ended(subcode: int) -> Refused:
    """Returns the refusal of a token that has come to this end."""
    return refuse(190, ENDINGS[subcode], subcode=subcode)


def usage_headers(use_case: UseCase, account_id: str, used_percent: int, wait_seconds: float = 0) -> dict[str, str]:
    """Returns both usage headers of an answer about an account.

    They count in whole minutes; here what is shorter stays so, since nobody wants to wait for one.
    """
    minutes = math.ceil(wait_seconds / 60) if wait_seconds >= 60 else wait_seconds / 60
    usage = {
        "type": use_case,
        "call_count": used_percent,
        "total_cputime": min(used_percent, 5),
        "total_time": min(used_percent, 6),
        "estimated_time_to_regain_access": minutes,
    }
    return {
        "X-App-Usage": json.dumps(APP_USAGE, separators=(",", ":")),
        "X-Business-Use-Case-Usage": json.dumps({account_id: [usage]}, separators=(",", ":")),
    }


def limited(use_case: UseCase, account_id: str, wait_seconds: float) -> Response:
    """Returns the answer where too many calls were made for an account."""
    code, kind = _TOO_MANY[use_case]
    message = f"(#{code}) There have been too many calls to this {kind} account. Wait a bit and try again."
    response = graph_error(403, code, message)
    response.headers.update(usage_headers(use_case, account_id, 100, wait_seconds))
    return response


def access_token(request: Request) -> str:
    """Returns the token that a call carries; empty if none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key if scheme.lower() in ("bearer", "oauth") else request.query_params.get("access_token", "")


class GraphDialect:
    # Any: each platform has switches of its own beside `GraphSwitches`.
    def __init__(self, panel: Panel[Any], use_case: UseCase) -> None:
        self._panel = panel
        self._use_case = use_case

    def applies(self, kind: str, request: Request) -> bool:  # noqa: ARG002 - every failure may strike every call
        return True

    def failure(self, kind: str, request: Request) -> Response:
        if kind == "429":
            account_id = str(request.path_params.get("page", "me"))
            return limited(self._use_case, account_id, self._panel.switches.retry_after_seconds)
        if kind == "not_json":
            return HTMLResponse("<!DOCTYPE html><title>Error</title><p>Sorry, something went wrong.", 200)
        if kind == "plain_text":
            return PlainTextResponse("Service is temporarily unavailable.", 200)
        status, code, subcode, message = _FAILURES[kind]
        response = graph_error(status, code, message, subcode=subcode)
        if kind in ("limit", "17", "32"):
            name = "X-Page-Usage" if kind == "32" else "X-App-Usage"
            response.headers[name] = json.dumps(dict.fromkeys(APP_USAGE, 100))
        return response

    def too_large(self) -> Response:
        return graph_error(413, 1, "The request is too large.")

    def subject(self, request: Request) -> str:  # noqa: ARG002 - accounts are counted where they are known
        return ""

    def limit_headers(self, window: Window) -> Mapping[str, str]:  # noqa: ARG002 - as above
        return {}
