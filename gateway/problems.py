"""Errors as problem documents (RFC 9457): the only place that knows them.

What a service raised keeps its reason and its words. What nobody meant becomes a bare 500 whose reference finds it in the logs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import grpc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.schemas.common import FieldProblem, Problem
from servicekit.errors import (
    AlreadyExistsError,
    ConflictError,
    FieldViolation,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
)
from servicekit.grpc_client import remote_errors
from servicekit.grpc_errors import from_rpc_error

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """How a class of errors is told: its status, and its title, which is the same each time."""

    status: HTTPStatus
    title: str


class SessionEndedError(UnauthenticatedError):
    """The browser's session is over; its cookies are taken back with the answer."""

    default_reason = "SESSION_ENDED"


class StaleError(ConflictError):
    """`If-Match` names a version that is no longer the present one."""

    default_reason = "ETAG_MISMATCH"


class PartMissingError(InvalidInputError):
    """The part of a file that is asked for begins behind its end."""

    default_reason = "RANGE_NOT_SATISFIABLE"


class TooLargeError(InvalidInputError):
    """The body is larger than we read."""

    default_reason = "TOO_MANY_BYTES"


KINDS: Mapping[type[ServiceError], Kind] = {
    InvalidInputError: Kind(HTTPStatus.BAD_REQUEST, "The request is not right"),
    UnauthenticatedError: Kind(HTTPStatus.UNAUTHORIZED, "Not signed in"),
    ForbiddenError: Kind(HTTPStatus.FORBIDDEN, "Not allowed"),
    NotFoundError: Kind(HTTPStatus.NOT_FOUND, "Not found"),
    AlreadyExistsError: Kind(HTTPStatus.CONFLICT, "There already"),
    ConflictError: Kind(HTTPStatus.CONFLICT, "Changed meanwhile"),
    PreconditionError: Kind(HTTPStatus.CONFLICT, "Not possible at the moment"),
    TooManyRequestsError: Kind(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    UnavailableError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Not available at the moment"),
    StaleError: Kind(HTTPStatus.PRECONDITION_FAILED, "Changed meanwhile"),
    PartMissingError: Kind(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "No such part"),
    TooLargeError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large"),
}
_INTERNAL = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here")


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns what `responses` of a route takes, for problems that its line in the table of rights does not imply."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


@contextmanager
def fields_named(**names: str) -> Iterator[None]:
    """Tells of refused fields by the names that they have in our JSON, where a service knows them by other ones."""
    try:
        with remote_errors():
            yield
    except InvalidInputError as error:
        error.violations = tuple(
            FieldViolation(names.get(violation.field, violation.field), violation.description)
            for violation in error.violations
        )
        raise


def kind_of(error: ServiceError) -> Kind:
    """Returns how an error is told, by the nearest of its classes."""
    return next((KINDS[base] for base in type(error).__mro__ if base in KINDS), _INTERNAL)


def problem_of(error: ServiceError, *, reference: str) -> Problem:
    """Makes the document of an error."""
    kind = kind_of(error)
    retry_after = error.retry_after_seconds
    return Problem(
        type="/problems/" + error.reason.lower().replace("_", "-"),
        title=kind.title,
        status=kind.status,
        detail=error.message,
        reason=error.reason,
        errors=[FieldProblem(field=violation.field, detail=violation.description) for violation in error.violations],
        retry_after=None if retry_after is None else math.ceil(retry_after),
        metadata=error.metadata,
        reference=reference,
    )


def internal_problem(*, reference: str) -> Problem:
    """Makes the document of an error that nobody meant. It tells nothing of what happened but where to look."""
    return Problem(
        type="/problems/internal",
        title=_INTERNAL.title,
        status=_INTERNAL.status,
        detail=f"Something went wrong on our side. Try again; if it happens again, tell us the reference {reference}.",
        reason="INTERNAL",
        errors=[],
        retry_after=None,
        metadata={},
        reference=reference,
    )


def rendered(problem: Problem) -> Response:
    """Returns the answer that carries a document."""
    headers: dict[str, str] = {"cache-control": "no-store"}
    if problem.retry_after is not None:
        headers["retry-after"] = str(problem.retry_after)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


def install(api: FastAPI) -> None:
    """Makes every error of the API a problem document."""

    async def of_service(request: Request, error: Exception) -> Response:
        response = rendered(problem_of(cast("ServiceError", error), reference=request.state.reference))
        if isinstance(error, SessionEndedError):
            request.app.state.gateway.cookies.forget(response)
        return response

    async def of_call(request: Request, error: Exception) -> Response:
        known = from_rpc_error(cast("grpc.aio.AioRpcError", error))
        if known is None:
            raise error
        return await of_service(request, known)

    async def of_validation(request: Request, error: Exception) -> Response:
        return await of_service(request, _invalid(cast("RequestValidationError", error).errors()))

    async def of_http(request: Request, error: Exception) -> Response:
        raised = cast("HTTPException", error)
        response = rendered(_of_status(raised, reference=request.state.reference))
        response.headers.update(raised.headers or {})
        return response

    api.add_exception_handler(ServiceError, of_service)
    api.add_exception_handler(grpc.aio.AioRpcError, of_call)
    api.add_exception_handler(RequestValidationError, of_validation)
    api.add_exception_handler(HTTPException, of_http)


def _invalid(errors: Sequence[Any]) -> InvalidInputError:  # pydantic's own dictionaries
    """Names each field; never repeats a value, which may be a password."""
    violations = tuple(FieldViolation(_field(error), _sentence(error)) for error in errors)
    named = ", ".join(dict.fromkeys(violation.field for violation in violations))
    return InvalidInputError(f"Some of the request is not right: {named}.", violations=violations)


def _field(error: Any) -> str:  # pydantic's own dictionary
    # The first part says where in the request the field is; people know it by its name alone.
    place, *names = error["loc"]
    return place if error["type"] == "json_invalid" else ".".join(str(name) for name in names) or place


def _sentence(error: Any) -> str:  # pydantic's own dictionary
    match error["type"]:
        case "missing":
            return "This is needed."
        case "extra_forbidden":
            return "There is no such field; remove it or correct its name."
        case "json_invalid":
            return "The body is not valid JSON."
        case "model_attributes_type" | "model_type":
            return "Send a JSON object, with the header Content-Type: application/json."
        case _:
            return f"{error['msg']}."


def _of_status(error: HTTPException, *, reference: str) -> Problem:
    """Makes the document of what the framework itself refuses, such as an unknown address."""
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method; the header Allow names those it takes.",
    }.get(status, f"{error.detail}")
    # The standard library has renamed this status between versions.
    reason = "TOO_MANY_BYTES" if status == 413 else status.name
    return Problem(
        type="/problems/" + reason.lower().replace("_", "-"),
        title=status.phrase,
        status=status,
        detail=detail,
        reason=reason,
        errors=[],
        retry_after=None,
        metadata={},
        reference=reference,
    )
