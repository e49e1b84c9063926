"""When a connection is looked after without anybody asking, and what follows from what is found."""

from enum import StrEnum


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
