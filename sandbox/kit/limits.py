"""Counts requests in fixed windows, as the platforms' rate limits do."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """`count` points in `seconds`, counted under `name`; a request costs `points`."""

    name: str
    count: int
    seconds: int
    points: int = 1


@dataclass(frozen=True)
class Window:
    """Where a caller stands: what the rate-limit headers tell. `reset` is in unix seconds."""

    limit: Limit
    remaining: int
    reset: float

    @property
    def reset_seconds(self) -> int:
        return math.ceil(self.reset)


class Limiter:
    """Keeps the windows in memory: they are short, and a restart may forget them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, limit: Limit, subject: str) -> tuple[bool, Window]:
        """Counts a request; returns whether it is within the limit, and the window after it."""
        now = self._clock()
        key = limit.name, subject
        end, used = self._windows.get(key, (0.0, 0))
        if end <= now:
            end, used = now + limit.seconds, 0
        allowed = used + limit.points <= limit.count
        if allowed:
            used += limit.points
        self._windows[key] = end, used
        return allowed, Window(limit, limit.count - used, end)

    def reset(self) -> None:
        self._windows.clear()
