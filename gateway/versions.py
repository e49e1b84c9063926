"""Changing only what was read: `ETag` and `If-Match`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Header, Response

from gateway.problems import StaleError
from servicekit.errors import ConflictError
from servicekit.grpc_client import remote_errors

IfMatch = Annotated[
    str, Header(max_length=200, description="The ETag that was read: changes nothing if it has changed since.")
]


def wanted_version(if_match: str) -> str:
    """Returns the version that a header names; empty where any will do."""
    return "" if if_match in ("", "*") else if_match.removeprefix("W/").strip('"')


def tag(response: Response, version: str | int) -> None:
    """Says with an answer which version it is."""
    response.headers["etag"] = f'"{version}"'


@contextmanager
def stale_is_412() -> Iterator[None]:
    """Tells of a version that is not the present one as `If-Match` wants it told."""
    try:
        with remote_errors():
            yield
    except ConflictError as error:
        raise StaleError(error.message, reason=error.reason, metadata=error.metadata) from error
