"""Small conversions between protobuf's types and Python's."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Turns a time into a protobuf one; None stays None, which a message field reads as absent."""
    if moment is None:
        return None
    converted = Timestamp()
    converted.FromDatetime(moment)
    return converted


def moment(value: Timestamp) -> datetime:
    """Turns a protobuf time into one in UTC."""
    return value.ToDatetime(UTC)
