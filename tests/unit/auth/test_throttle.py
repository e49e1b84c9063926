from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.throttle import (
    ACCOUNT_LONGEST_DELAY_SECONDS,
    FORGOTTEN_AFTER,
    Attempt,
    Counter,
    known_device_attempt,
    pace,
    password_change_attempt,
    sign_in_attempt,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER, OTHER = "ada@example.org", "bob@example.org"
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.7"


class Failures:
    """Counts as the table does."""

    def __init__(self) -> None:
        self.counters: dict[bytes, Counter] = {}
        self.now = NOW

    def fail(self, attempt: Attempt, times: int = 1) -> None:
        for _ in range(times):
            for key in attempt.keys:
                before = self.counters.get(key)
                counted = 0 if before is None else before.counts_at(self.now)
                self.counters[key] = Counter(counted + 1, self.now)

    def wait(self, attempt: Attempt) -> float:
        return pace(attempt, self.counters, now=self.now).wait.total_seconds()

    def delay(self, attempt: Attempt) -> float:
        return pace(attempt, self.counters, now=self.now).delay_seconds


at_home = sign_in_attempt(OWNER, address=HOME)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(5, 0), (6, 2), (7, 4), (8, 8), (14, 512), (15, 900), (16, 900), (5000, 900)]
)
def test_who_fails_from_one_place_waits_twice_as_long_each_time_and_15_minutes_at_most(
    failures: int, seconds: float
) -> None:
    world = Failures()
    world.fail(at_home, failures)
    assert world.wait(at_home) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(30, 0), (31, 2), (38, 256), (39, 300), (5000, 300)])
def test_a_network_that_tries_many_accounts_waits_5_minutes_at_most(failures: int, seconds: float) -> None:
    world = Failures()
    for number in range(failures):
        world.fail(sign_in_attempt(f"{number}@example.org", address="203.0.113.200"))
    assert world.wait(at_home) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(10, 0), (11, 0.5), (14, 2), (18, 4), (5000, 4)])
def test_an_account_that_many_places_try_answers_later_and_refuses_nobody(failures: int, seconds: float) -> None:
    world = Failures()
    for number in range(failures):
        world.fail(sign_in_attempt(OWNER, address=f"10.{number // 250}.{number % 250}.1"))
    assert (world.wait(at_home), world.delay(at_home)) == (0, seconds)


def test_a_wait_gets_shorter_while_it_is_waited() -> None:
    world = Failures()
    world.fail(at_home, 8)
    world.now += timedelta(seconds=3)
    assert world.wait(at_home) == 5
    world.now += timedelta(seconds=5)
    assert world.wait(at_home) == 0


def test_a_clock_that_was_set_back_makes_no_wait_longer() -> None:
    world = Failures()
    world.fail(at_home, 8)
    world.now -= timedelta(days=1)
    assert world.wait(at_home) == 8


def test_failures_are_forgotten_after_an_hour_without_one() -> None:
    world = Failures()
    world.fail(at_home, 40)
    world.now += FORGOTTEN_AFTER
    assert (world.wait(at_home), world.delay(at_home)) == (0, 0)
    world.fail(at_home)
    assert world.wait(at_home) == 0


def test_neighbours_share_a_network_and_nobody_shares_one_that_is_not_known() -> None:
    assert sign_in_attempt(OWNER, address="203.0.113.200") == at_home
    world = Failures()
    for number in range(100):
        world.fail(sign_in_attempt(f"{number}@example.org", address=""))
    assert world.wait(sign_in_attempt(OWNER, address="")) == 0


def test_a_change_of_the_password_is_slowed_down_within_its_session_alone() -> None:
    world = Failures()
    world.fail(password_change_attempt("stolen"), 9)
    assert world.wait(password_change_attempt("stolen")) == 16
    assert world.wait(password_change_attempt("own")) == world.wait(at_home) == 0


Failed = tuple[str, str, float]
attacks = st.lists(
    st.tuples(
        st.sampled_from([OWNER, OTHER, "carol@example.org"]),
        st.one_of(st.ip_addresses().map(str), st.sampled_from([HOME, ELSEWHERE, ""])),
        st.floats(0, 4000),
    ),
    max_size=120,
)


def strike(world: Failures, attack: Sequence[Failed]) -> None:
    for email, address, seconds in attack:
        world.now += timedelta(seconds=seconds)
        world.fail(sign_in_attempt(email, address=address))


@given(attacks)
def test_nobody_who_shows_a_known_device_is_slowed_down_by_what_others_do(attack: Sequence[Failed]) -> None:
    world = Failures()
    strike(world, attack)
    for address in (HOME, ELSEWHERE):
        owner = known_device_attempt(OWNER, device_key=b"the owner's laptop")
        assert pace(owner, world.counters, now=world.now) == pace(owner, {}, now=world.now), address


@given(attacks)
def test_failures_elsewhere_never_refuse_anybody_and_delay_them_4_seconds_at_most(attack: Sequence[Failed]) -> None:
    world = Failures()
    strike(world, [failed for failed in attack if not failed[1].startswith("203.0.113.")])
    assert world.wait(at_home) == 0
    assert world.delay(at_home) <= ACCOUNT_LONGEST_DELAY_SECONDS


@given(attacks, st.integers(1, 5000))
def test_no_wait_is_longer_than_15_minutes_whatever_happened(attack: Sequence[Failed], more: int) -> None:
    world = Failures()
    strike(world, attack)
    world.counters = {
        key: Counter(counter.failures + more, counter.last_failed_at) for key, counter in world.counters.items()
    }
    for address in (HOME, ELSEWHERE, ""):
        assert world.wait(sign_in_attempt(OWNER, address=address)) <= 900
