"""How much time a call has left, so that what it calls gets a little less."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Kept back, so that the one who called us still hears what went wrong before their own deadline.
MARGIN_SECONDS = 0.05

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Sets the time that the block has left."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def time_left(own_limit_seconds: float) -> float:
    """Returns how long a call made now may take: the own limit, or what is left if that is less, never below zero."""
    ends_at = _ends_at.get()
    if ends_at is None:
        return own_limit_seconds
    return max(0.0, min(own_limit_seconds, ends_at - time.monotonic() - MARGIN_SECONDS))
