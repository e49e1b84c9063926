"""What is counted, and in which buckets of time. Pure: no I/O.

The rule of counting: a target counts once, with the result of its newest resting step (the highest version) and at the time of that step. So
neither the order nor the repetition of events changes a figure, and a target that failed and was verified later counts as verified alone. One
that was called off or replaced by a newer wish counts no more. Steps on the way to a rest undo nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from servicekit.errors import InvalidInputError

MAX_SPAN = timedelta(days=400)
DEFAULT_SPAN = timedelta(days=30)
HOUR = timedelta(hours=1)

# States that a target rests in. The first four are results that are counted.
RESULTS = ("differs", "failed", "needs_you", "verified")
RESTING = (*RESULTS, "cancelled", "superseded")


class Granularity(StrEnum):
    """The width of a bucket."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True)
class Fact:
    """One event as it is kept raw. `kind` is its subject without prefix and version, such as `image.uploaded`."""

    at: datetime
    id: str
    owner_id: str
    kind: str
    payload: dict[str, object]


@dataclass(frozen=True)
class Ending:
    """A resting step of a target. `requested_at` is None where the event did not tell."""

    target_id: str
    owner_id: str
    platform: str
    version: int
    result: str
    requested_at: datetime | None
    rested_at: datetime


@dataclass(frozen=True)
class Span:
    """From `start` to before `end`, UTC."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, start: datetime | None, end: datetime | None, *, now: datetime) -> "Span":
        """Completes and checks a span: without an end it ends now, without a start it has 30 days.

        Raises `InvalidInputError` that names the field unless start < end and they are at most 400 days apart.
        """
        end = end or now
        start = start or end - DEFAULT_SPAN
        if start >= end:
            raise InvalidInputError.of_field(
                "span.start_time", "The span ends before it begins. Choose a start before the end."
            )
        if end - start > MAX_SPAN:
            raise InvalidInputError.of_field(
                "span.end_time", f"The span is longer than {MAX_SPAN.days} days. Choose a shorter one."
            )
        return cls(start, end)


@dataclass(frozen=True)
class PlatformOutcomes:
    """How it went on one platform. `failed` holds those that differ, too."""

    platform: str
    verified: int
    failed: int
    needs_you: int
    median_seconds_to_verified: float | None


@dataclass(frozen=True)
class Series:
    """Counts of one result on one platform, one a bucket."""

    platform: str
    result: str
    counts: Sequence[int]


@dataclass(frozen=True)
class Overview:
    """The sums of a span; platforms sorted by id."""

    span: Span
    images_uploaded: int
    syncs_requested: int
    platforms: Sequence[PlatformOutcomes]


@dataclass(frozen=True)
class TimeSeries:
    """Counts over time: `bounds` are the beginnings of the buckets and, last, the end of the last one."""

    bounds: Sequence[datetime]
    series: Sequence[Series]


def find_zone(name: str) -> ZoneInfo:
    """Returns a time zone by its IANA name, UTC for an empty one. Raises `InvalidInputError` for a name that is none."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInputError.of_field(
            "time_zone", "The time zone is not known. Use an IANA name such as Europe/Berlin."
        ) from error


def bounds_of(span: Span, granularity: Granularity, zone: ZoneInfo) -> list[datetime]:
    """Returns where the buckets that cover a span begin and, last, where the last one ends, all in UTC.

    Days run from midnight to midnight in the zone, so the days of a clock change have 23 or 25 hours. Hours begin at full hours in the zone
    at the start of the span, and are all of the same length.
    """
    if granularity is Granularity.HOUR:
        local = span.start.astimezone(zone)
        bound = span.start - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        bounds = [bound]
        while bound < span.end:
            bound += HOUR
            bounds.append(bound)
        return bounds
    day = span.start.astimezone(zone).date()
    bounds = [_midnight(day, zone)]
    while bounds[-1] < span.end:
        day += timedelta(days=1)
        midnight = _midnight(day, zone)
        # A zone that moves across the date line leaves a whole day out.
        if midnight > bounds[-1]:
            bounds.append(midnight)
    return bounds


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Returns when a day begins. Where the clock jumps over midnight that is the moment of the jump; where midnight comes twice, the first."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
