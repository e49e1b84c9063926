"""When to try again."""

from collections.abc import Callable
from datetime import timedelta

Jitter = Callable[[float, float], float]
"""Draws a number between two: `random.uniform`, or what a test wants."""

# The first repetitions come while a person is still watching.
FIRST_DELAY_SECONDS = 2.0
LONGEST_DELAY_SECONDS = 300.0
# What does not work for a whole day will not work without somebody doing something about it.
BUDGET = timedelta(hours=24)
# After a write whose answer was lost, the platform may still be at work on it for this long, whatever it says about itself.
UNKNOWN_SETTLE_SECONDS = 10.0


def delay_seconds(failures: int, jitter: Jitter) -> float:
    """Returns how long to wait after so many failures in a row: 2, 4, 8 … 300 s, give or take a fifth."""
    return min(FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_DELAY_SECONDS) * jitter(0.8, 1.2)


def unknown_settle_seconds(settle_seconds: float, sends: int) -> float:
    """Returns how long a write with a lost answer may take to show; longer each time it happens, so that we never hammer."""
    return max(settle_seconds, min(UNKNOWN_SETTLE_SECONDS * 2.0 ** min(sends - 1, 20), LONGEST_DELAY_SECONDS))
