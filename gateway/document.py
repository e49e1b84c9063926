"""What the framework does not know of our operations, for the OpenAPI document: who may call them, and with which problems they answer."""

from collections.abc import Mapping
from typing import Any

from gateway.cookies import ACCESS
from gateway.problems import MEDIA_TYPE, told
from gateway.security import SAFE_METHODS
from servicekit.rights import ROUTES, Limit, Route

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /v1/auth/login`, or an API key (`lnk_…`) of `POST /v1/me/api-keys`.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": f"__Host-{ACCESS}",
        "description": f"What a browser keeps of its sign-in; `{ACCESS}` where the public address is plain http.",
    },
}
# What it would answer to wrong input (with 422) if we did not answer with problem documents.
FRAMEWORK_PROBLEMS = ("HTTPValidationError", "ValidationError")
_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}


def complete(document: dict[str, Any]) -> None:  # any JSON
    """Adds to each operation what its line in `servicekit.rights.ROUTES` means for whoever calls it."""
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    for schema in FRAMEWORK_PROBLEMS:
        document["components"]["schemas"].pop(schema, None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            line = ROUTES[f"{method.upper()} {path}"]
            _say_who_may(operation, line)
            operation["responses"].pop("422", None)
            for status in _problems(method.upper(), operation, line):
                operation["responses"].setdefault(str(status), told(status)[status])
            operation["responses"] = {
                status: _told(answer) for status, answer in sorted(operation["responses"].items())
            }


def _say_who_may(operation: dict[str, Any], line: Route) -> None:
    if line.right.anyone:
        operation["security"] = []
        return
    operation["security"] = [{name: []} for name in SECURITY_SCHEMES]
    operation["description"] += f"\n\nFor whom: {line.right.words}."


def _problems(method: str, operation: Mapping[str, Any], line: Route) -> list[int]:
    """Returns the statuses that follow from what an operation takes and from who may call it."""
    statuses = []
    has_body = "requestBody" in operation
    if has_body or operation.get("parameters"):
        statuses.append(400)
    if has_body:
        statuses.append(413)
    if not line.right.anyone:
        statuses += [401, 403]
    elif method not in SAFE_METHODS:
        statuses.append(403)
    if line.limit is not Limit.NONE:
        statuses += [429, 503]
    return statuses


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """Gives problems their media type, for which the framework has no word of its own."""
    model = answer.pop("model", None)
    content = answer.get("content", {})
    if model is not None or content.get("application/json") == _PROBLEM:
        answer["content"] = {MEDIA_TYPE: _PROBLEM}
    return answer
