"""When a connection is looked after without anybody asking, and what follows from what is found."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

# While its owner sleeps. By then most clocks that change that night have done so.
FIRST_HOUR, HOURS = 3, 4
# Days that each month has.
_MONTH_DAYS = 28
# No two turns lie further apart, not even where a zone has left out a day.
_LONGEST_WAIT_DAYS = 33


class CheckEvery(StrEnum):
    """How often the places of a connection are looked at."""

    NEVER = "never"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class OnDifference(StrEnum):
    """What follows when a place shows something else than the picture that was brought there."""

    ASK = "ask"
    RESTORE = "restore"
    LEAVE = "leave"


class Trigger(StrEnum):
    """Why a sync came to be."""

    BY_HAND = "by_hand"
    DEFAULT_CHANGED = "default_changed"
    ROLL_BACK = "roll_back"


def next_check(every: CheckEvery, time_zone: str, *, after: datetime, spread: str) -> datetime | None:
    """Returns when a connection is looked at next, strictly after a moment, in UTC; None for never.

    Its time of day, day of the week and day of the month follow from `spread`, the connection's id: so all its places are looked at
    together, a late look delays none after it, and not all connections have the same turn. A time of day that the zone's clocks leave out
    is as much later as they jump; of one that they show twice it is the first. A zone that is not known any more counts as UTC.
    """
    if every is CheckEvery.NEVER:
        return None
    zone = ZoneInfo(time_zone) if is_time_zone(time_zone) else UTC
    number = int.from_bytes(hashlib.sha256(spread.encode()).digest()[:8])
    number, second = divmod(number, HOURS * 3600)
    at = time(FIRST_HOUR + second // 3600, second // 60 % 60, second % 60)
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(_LONGEST_WAIT_DAYS))
    turns = (datetime.combine(day, at, zone).astimezone(UTC) for day in days if _has_turn(every, day, number))
    return next(turn for turn in turns if turn > after)


def _has_turn(every: CheckEvery, day: date, number: int) -> bool:
    match every:
        case CheckEvery.WEEK:
            return day.weekday() == number % 7
        case CheckEvery.MONTH:
            return day.day == 1 + number % _MONTH_DAYS
        case _:
            return True


def is_time_zone(name: str) -> bool:
    """Tells whether it is a name of the IANA database."""
    return name in _time_zones()


@cache
def _time_zones() -> frozenset[str]:
    # Not what the system has: that differs between machines, and names their own time, too.
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split()) - {"Factory"}
