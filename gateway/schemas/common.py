"""What all subjects share."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from servicekit.protobuf import moment

if TYPE_CHECKING:  # a class of the type stubs
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

Value = TypeVar("Value", bound=int)


def _rfc3339(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    AwareDatetime,
    PlainSerializer(_rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 in UTC, to the millisecond."""

Slot = Literal["avatar", "banner"]


class Answer(BaseModel):
    """What clients get. Every field is always there; null says that there is nothing."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_serialization_defaults_required=True)


class Question(BaseModel):
    """What clients send. A field that does not exist is refused by name, so that a misspelt one is noticed."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid", hide_input_in_errors=True)


class FieldProblem(Answer):
    """One field of the request that was refused."""

    field: str
    """The field's name; dots lead into nested ones."""
    detail: str
    """What is wrong with it, for people."""


class Problem(Answer):
    """What went wrong (RFC 9457, `application/problem+json`). Branch on `reason`, show `detail`."""

    type: str = Field(json_schema_extra={"format": "uri-reference"})
    """Names the kind of problem; not an address to fetch."""
    title: str
    """The kind of problem in a few words, the same each time."""
    status: int
    """The status of the answer."""
    detail: str
    """What happened here and what to do, for people."""
    reason: str
    """UPPER_SNAKE, for programs."""
    errors: list[FieldProblem]
    """The fields that were refused; empty when it is not about fields."""
    retry_after: int | None
    """Seconds after which trying again makes sense; null when nobody knows."""
    metadata: dict[str, str]
    """Figures that `detail` tells of, such as limits."""
    reference: str
    """Finds this request in the logs; the `X-Request-Id` of the answer."""


def word(enum: "_EnumTypeWrapper[Value]", value: Value) -> str:
    """Returns an enum value as a lower-case word, without the enum's own name before it: IMAGE_STATE_READY is `ready`."""
    prefix_length = len(enum.keys()[0]) - len("UNSPECIFIED")
    return enum.Name(value)[prefix_length:].lower()


def time_or_none(message: Timestamp, *, present: bool) -> datetime | None:
    """Returns a time, or None where its message did not have it."""
    return moment(message) if present else None
