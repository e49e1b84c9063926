"""Ids and the time: handed to use cases as arguments, so that tests own them."""

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Tells the time, always in UTC."""


def utc_now() -> datetime:
    """Returns the time now, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Makes a UUIDv7 (RFC 9562, section 5.7): sorts by the time it was made, to the millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=value))


def is_id(value: str) -> bool:
    """Tells whether a string is a UUID as we write them."""
    try:
        return str(uuid.UUID(value)) == value
    except ValueError:
        return False
