"""Carries errors across gRPC as `google.rpc.Status` with details, and back."""

import math

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from servicekit.errors import ERRORS_BY_STATUS, FieldViolation, ServiceError, UnavailableError

DOMAIN = "linkarooie"
"""`ErrorInfo.domain` of every error that is ours."""


def to_status(error: ServiceError) -> grpc.Status:
    """Packs an error with its reason, field violations and retry time."""
    details = [_pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))]
    if error.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in error.violations
        ]
        details.append(_pack(error_details_pb2.BadRequest(field_violations=violations)))
    if error.retry_after_seconds is not None:
        delay = Duration(seconds=math.ceil(error.retry_after_seconds))
        details.append(_pack(error_details_pb2.RetryInfo(retry_delay=delay)))
    status = status_pb2.Status(code=code_pb2.Code.Value(error.status), message=error.message, details=details)
    return rpc_status.to_status(status)  # type: ignore[no-any-return]  # the library has no types


def _pack(
    message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError | None:
    """Unpacks what another service raised.

    Returns None for what is nobody's intention: an internal error over there, or a status that a proxy made. A service
    that is away or too slow is an `UnavailableError`.
    """
    code = error.code()
    error_class = ERRORS_BY_STATUS.get(code.name)
    status = rpc_status.from_call(error)
    if error_class is None or status is None:
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return UnavailableError(
                "A part of Linkarooie does not answer at the moment. Try again in a few seconds.", retry_after_seconds=5
            )
        return None
    reason: str | None = None
    metadata: dict[str, str] = {}
    violations: tuple[FieldViolation, ...] = ()
    retry_after_seconds: float | None = None
    for detail in status.details:
        info, bad_request, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            violations = tuple(FieldViolation(v.field, v.description) for v in bad_request.field_violations)
        elif detail.Unpack(retry):
            retry_after_seconds = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return error_class(
        status.message, reason=reason, metadata=metadata, violations=violations, retry_after_seconds=retry_after_seconds
    )
