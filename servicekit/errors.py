"""The errors that cross service boundaries, sorted by what the caller does next.

    ServiceError
        InvalidInputError       the request is wrong: names each field        400  INVALID_ARGUMENT
        UnauthenticatedError    we do not know who calls                      401  UNAUTHENTICATED
        ForbiddenError          we know, and they may not                     403  PERMISSION_DENIED
        NotFoundError           absent, or somebody else's                    404  NOT_FOUND
        AlreadyExistsError      the same thing is there already               409  ALREADY_EXISTS
        ConflictError           it changed meanwhile: read again              409  ABORTED
        PreconditionError       not in the state that this needs              409  FAILED_PRECONDITION
        TooManyRequestsError    wait, see `retry_after_seconds`               429  RESOURCE_EXHAUSTED
        UnavailableError        one of our parts is away: try again           503  UNAVAILABLE

Pure data: the domain may raise them, the gRPC edge translates them (`servicekit.grpc_errors`), and the gateway turns them into problem documents.
`reason` (UPPER_SNAKE) is the identity that clients branch on; `message` is for people; whatever varies in it is in `metadata` too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldViolation:
    """One field of the request that was refused, and why, for people."""

    field: str
    description: str


class ServiceError(Exception):
    """Something that the caller can act on. Raise a subclass."""

    status: ClassVar[str] = "UNKNOWN"
    default_reason: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: tuple[FieldViolation, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata = dict(metadata or {})
        self.violations = violations
        self.retry_after_seconds = retry_after_seconds


class InvalidInputError(ServiceError):
    status = "INVALID_ARGUMENT"
    default_reason = "INVALID_INPUT"

    @classmethod
    def of_field(cls, field: str, description: str, *, reason: str | None = None) -> "InvalidInputError":
        """Makes the error for one wrong field; `description` is a whole sentence."""
        return cls(description, reason=reason, violations=(FieldViolation(field, description),))


class UnauthenticatedError(ServiceError):
    status = "UNAUTHENTICATED"
    default_reason = "UNAUTHENTICATED"


class ForbiddenError(ServiceError):
    status = "PERMISSION_DENIED"
    default_reason = "FORBIDDEN"


class NotFoundError(ServiceError):
    status = "NOT_FOUND"
    default_reason = "NOT_FOUND"


class AlreadyExistsError(ServiceError):
    status = "ALREADY_EXISTS"
    default_reason = "ALREADY_EXISTS"


class ConflictError(ServiceError):
    status = "ABORTED"
    default_reason = "CONFLICT"


class PreconditionError(ServiceError):
    status = "FAILED_PRECONDITION"
    default_reason = "PRECONDITION_FAILED"


class TooManyRequestsError(ServiceError):
    status = "RESOURCE_EXHAUSTED"
    default_reason = "TOO_MANY_REQUESTS"


class UnavailableError(ServiceError):
    status = "UNAVAILABLE"
    default_reason = "UNAVAILABLE"


ERRORS_BY_STATUS: Mapping[str, type[ServiceError]] = {
    error.status: error
    for error in (
        InvalidInputError,
        UnauthenticatedError,
        ForbiddenError,
        NotFoundError,
        AlreadyExistsError,
        ConflictError,
        PreconditionError,
        TooManyRequestsError,
        UnavailableError,
    )
}
