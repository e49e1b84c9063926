"""Spans, and the buckets of time that cover them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import InvalidInputError
from services.analytics.domain import MAX_SPAN, Granularity, Span, bounds_of, find_zone

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    (
        "UTC",
        "Europe/Berlin",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Pacific/Apia",
    )
)
BEGINNING = datetime(2005, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=9000)).map(lambda since: BEGINNING + since)
SPANS = st.builds(
    lambda start, length: Span(start, start + length), MOMENTS, st.timedeltas(timedelta(seconds=1), MAX_SPAN)
)


def hours(bounds: list[datetime]) -> list[float]:
    return [(after - before) / timedelta(hours=1) for before, after in pairwise(bounds)]


def days_of(start: datetime, end: datetime, zone: str = "Europe/Berlin") -> list[datetime]:
    return bounds_of(Span(start.astimezone(UTC), end.astimezone(UTC)), Granularity.DAY, ZoneInfo(zone))


def test_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    bounds = days_of(datetime(2026, 3, 28, tzinfo=BERLIN), datetime(2026, 3, 31, tzinfo=BERLIN))
    assert hours(bounds) == [24, 23, 24]
    assert bounds[1] == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert bounds[2] == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    bounds = days_of(datetime(2026, 10, 24, tzinfo=BERLIN), datetime(2026, 10, 27, tzinfo=BERLIN))
    assert hours(bounds) == [24, 25, 24]


def test_a_day_whose_midnight_is_jumped_over_begins_at_the_jump() -> None:
    # In Cairo the clock went from 00:00 to 01:00 on 26 April 2024.
    cairo = ZoneInfo("Africa/Cairo")
    bounds = days_of(datetime(2024, 4, 25, 12, tzinfo=cairo), datetime(2024, 4, 26, 12, tzinfo=cairo), "Africa/Cairo")
    assert hours(bounds) == [24, 23]
    assert bounds[1] == datetime(2024, 4, 25, 22, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_has_no_bucket() -> None:
    # Samoa went from 29 to 31 December 2011.
    bounds = days_of(datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2011, 12, 31, 9, tzinfo=UTC), "Pacific/Apia")
    assert hours(bounds) == [24, 24]


def test_a_span_is_widened_to_whole_days_of_the_zone() -> None:
    bounds = bounds_of(Span(NOW, NOW + timedelta(minutes=1)), Granularity.DAY, ZoneInfo("America/New_York"))
    assert bounds == [datetime(2026, 5, 1, 4, tzinfo=UTC), datetime(2026, 5, 2, 4, tzinfo=UTC)]


def test_hours_begin_at_full_hours_in_a_zone_that_is_half_an_hour_off() -> None:
    bounds = bounds_of(Span(NOW, NOW + timedelta(minutes=31)), Granularity.HOUR, ZoneInfo("Asia/Kolkata"))
    assert bounds == [NOW - timedelta(minutes=30) + timedelta(hours=n) for n in range(3)]


def test_the_hour_that_comes_twice_is_two_buckets() -> None:
    start = datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:00 in Berlin, for the first time
    assert bounds_of(Span(start, start + timedelta(hours=2)), Granularity.HOUR, BERLIN) == [
        start + timedelta(hours=n) for n in range(3)
    ]


@given(SPANS, ZONES, st.sampled_from(Granularity))
def test_buckets_cover_the_span_without_gap_or_excess(span: Span, zone: str, granularity: Granularity) -> None:
    bounds = bounds_of(span, granularity, ZoneInfo(zone))
    assert bounds[0] <= span.start < bounds[1]
    assert bounds[-2] < span.end <= bounds[-1]
    assert all(before < after for before, after in pairwise(bounds))


@given(SPANS, ZONES)
def test_days_change_date_at_each_bound_and_nowhere_else(span: Span, name: str) -> None:
    zone = ZoneInfo(name)
    for before, after in pairwise(bounds_of(span, Granularity.DAY, zone)):
        day = before.astimezone(zone).date()
        assert (after - timedelta(seconds=1)).astimezone(zone).date() == day
        assert after.astimezone(zone).date() > day


def test_a_span_that_is_not_given_is_the_last_30_days() -> None:
    assert Span.parse(None, None, now=NOW) == Span(NOW - timedelta(days=30), NOW)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (NOW, NOW, "span.start_time"),
        (NOW, NOW - timedelta(seconds=1), "span.start_time"),
        (NOW - MAX_SPAN - timedelta(seconds=1), NOW, "span.end_time"),
    ],
)
def test_a_span_that_cannot_be_names_the_field(start: datetime, end: datetime, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Span.parse(start, end, now=NOW)
    assert [violation.field for violation in refused.value.violations] == [field]


def test_the_longest_span_is_allowed() -> None:
    assert Span.parse(NOW - MAX_SPAN, NOW, now=NOW) == Span(NOW - MAX_SPAN, NOW)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", "a\0b", "é"])
def test_an_unknown_time_zone_names_the_field(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        find_zone(name)
    assert [violation.field for violation in refused.value.violations] == ["time_zone"]


def test_no_time_zone_means_utc() -> None:
    assert find_zone("").key == "UTC"
