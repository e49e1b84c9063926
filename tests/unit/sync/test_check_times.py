"""When accounts are looked at unasked: at an early hour of their owner, whatever clocks and calendars do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.domain.schedule import FIRST_HOUR, HOURS, CheckEvery, is_time_zone, next_check

REGULAR = [every for every in CheckEvery if every is not CheckEvery.NEVER]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Helsinki",  # its clocks jump at three
    "America/New_York",
    "America/St_Johns",
    "America/Scoresbysund",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # by half an hour
    "Antarctica/Troll",  # by two
    "Pacific/Apia",  # left out a whole day
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]
# A week and a month may hold the change of the clocks, or the day that a zone left out.
LONGEST = {
    CheckEvery.DAY: timedelta(days=1, hours=24),
    CheckEvery.WEEK: timedelta(days=7, hours=24),
    CheckEvery.MONTH: timedelta(days=31, hours=24),
}

# Of the years 2000 to 2036.
moments = st.integers(946_684_800, 2_114_380_799).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
connections = st.uuids().map(str)


def turn_after(every: CheckEvery, zone: str, after: datetime, spread: str) -> datetime:
    turn = next_check(every, zone, after=after, spread=spread)
    assert turn is not None
    return turn


@given(st.sampled_from(REGULAR), st.sampled_from(ZONES), moments, connections)
def test_the_next_look_is_strictly_later_and_within_the_span(
    every: CheckEvery, zone: str, after: datetime, spread: str
) -> None:
    turn = turn_after(every, zone, after, spread)

    assert after < turn <= after + LONGEST[every]
    assert turn.tzinfo is UTC


@given(st.sampled_from(REGULAR), st.sampled_from(ZONES), moments, moments, connections)
def test_later_moments_never_have_earlier_looks(
    every: CheckEvery, zone: str, one: datetime, other: datetime, spread: str
) -> None:
    earlier, later = sorted((one, other))

    assert turn_after(every, zone, earlier, spread) <= turn_after(every, zone, later, spread)


@given(st.sampled_from(REGULAR), st.sampled_from(ZONES), moments, connections)
def test_looks_are_taken_in_the_early_morning_of_their_owner(
    every: CheckEvery, zone: str, after: datetime, spread: str
) -> None:
    local = turn_after(every, zone, after, spread).astimezone(ZoneInfo(zone))

    # Clocks that jump then make it as much later.
    assert FIRST_HOUR <= local.hour < FIRST_HOUR + HOURS + 1


@given(st.sampled_from(ZONES), moments, connections)
def test_each_local_day_has_one_look(zone: str, after: datetime, spread: str) -> None:
    days = []
    for _ in range(5):
        after = turn_after(CheckEvery.DAY, zone, after, spread)
        days.append(after.astimezone(ZoneInfo(zone)).date())

    apart = [later - day for day, later in pairwise(days)]
    left_out = zone == "Pacific/Apia" and days[0] < date(2011, 12, 30) < days[-1]
    assert apart == [timedelta(days=1)] * 4 or left_out


@given(st.sampled_from(ZONES), moments, connections)
def test_a_week_keeps_its_day_and_a_month_its_date(zone: str, after: datetime, spread: str) -> None:
    def local_turns(every: CheckEvery) -> list[datetime]:
        first = turn_after(every, zone, after, spread)
        return [turn.astimezone(ZoneInfo(zone)) for turn in (first, turn_after(every, zone, first, spread))]

    if zone == "Pacific/Apia":
        return
    week, next_week = local_turns(CheckEvery.WEEK)
    month, next_month = local_turns(CheckEvery.MONTH)
    assert next_week.date() - week.date() == timedelta(days=7)
    assert (next_month.day, next_month.month) == (month.day, month.month % 12 + 1)


def test_never_is_never() -> None:
    assert next_check(CheckEvery.NEVER, "UTC", after=datetime(2026, 5, 1, tzinfo=UTC), spread="a") is None


# Its time of day is 03:38:15.
EARLY = "8"


def test_a_time_that_clocks_leave_out_is_as_much_later_as_they_jump() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)

    usual = turn_after(CheckEvery.DAY, "Europe/Helsinki", before - timedelta(days=1), EARLY)
    jumped = turn_after(CheckEvery.DAY, "Europe/Helsinki", before, EARLY)

    helsinki = ZoneInfo("Europe/Helsinki")
    assert usual.astimezone(helsinki).hour == 3
    assert jumped.astimezone(helsinki).hour == 4
    assert jumped.astimezone(helsinki).date() == date(2026, 3, 29)
    assert jumped - usual == timedelta(days=1)


def test_of_a_time_that_clocks_show_twice_it_is_the_first_and_no_second_look_follows() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)

    turn = turn_after(CheckEvery.DAY, "Europe/Helsinki", before, EARLY)
    following = turn_after(CheckEvery.DAY, "Europe/Helsinki", turn, EARLY)

    assert turn.astimezone(ZoneInfo("Europe/Helsinki")).utcoffset() == timedelta(hours=3)
    assert following - turn == timedelta(days=1, hours=1)


def test_who_moves_to_another_zone_is_looked_after_by_the_clocks_there() -> None:
    after = datetime(2026, 5, 1, 12, tzinfo=UTC)

    there = {zone: turn_after(CheckEvery.DAY, zone, after, EARLY) for zone in ("Europe/Berlin", "Asia/Tokyo")}

    assert {turn.astimezone(ZoneInfo(zone)).time() for zone, turn in there.items()} == {
        there["Asia/Tokyo"].astimezone(ZoneInfo("Asia/Tokyo")).time()
    }
    assert there["Asia/Tokyo"] < there["Europe/Berlin"]


def test_connections_do_not_all_have_the_same_turn() -> None:
    after = datetime(2026, 5, 1, 12, tzinfo=UTC)

    turns = [turn_after(CheckEvery.MONTH, "UTC", after, str(number)) for number in range(500)]

    assert len({turn.day for turn in turns}) == 28
    assert len({turn.time() for turn in turns}) > 400


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"])
def test_names_of_the_database_are_time_zones(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "localtime", "Factory", "europe/berlin"]
)
def test_other_names_are_none(name: str) -> None:
    assert not is_time_zone(name)


def test_a_zone_that_is_not_known_any_more_counts_as_utc() -> None:
    after = datetime(2026, 5, 1, 12, tzinfo=UTC)

    assert turn_after(CheckEvery.DAY, "Nowhere/Atall", after, "a") == turn_after(CheckEvery.DAY, "UTC", after, "a")
