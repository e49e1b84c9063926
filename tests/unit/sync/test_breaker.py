"""When a server is left alone, and what lets calls through again."""

from datetime import datetime, timedelta

from target_making import NOW, at

from services.sync.domain.circuit import (
    FAILURES,
    FIRST_OPENING,
    LONGEST_OPENING,
    PROBE_RECHECK,
    WINDOW,
    Circuit,
    after_failure,
)

SERVER = "plat"


def failing(times: int, *, accounts: int = 2, apart: timedelta = timedelta(seconds=1)) -> Circuit:
    """Returns the circuit after failures one after the other; the last one at `NOW`."""
    circuit: Circuit | None = None
    for number in range(times):
        now = NOW - apart * (times - 1 - number)
        circuit = after_failure(circuit, SERVER, f"c{number % accounts}", began=now, now=now)
    assert circuit is not None
    return circuit


def fails(circuit: Circuit, moment: datetime) -> Circuit:
    return after_failure(circuit, SERVER, "c0", began=moment, now=moment)


def test_it_opens_after_some_failures_in_a_row_and_not_before() -> None:
    assert failing(FAILURES - 1).waits_until(NOW) is None
    assert failing(FAILURES).waits_until(NOW) == NOW + FIRST_OPENING


def test_failures_of_one_account_alone_stop_nobody() -> None:
    assert failing(20, accounts=1).waits_until(NOW) is None


def test_failures_that_lie_far_apart_do_not_add_up() -> None:
    assert failing(FAILURES, apart=WINDOW + timedelta(seconds=1)).failures == 1


def test_an_open_one_lets_a_probe_through_when_its_time_is_over_and_others_wait_for_it() -> None:
    opened = failing(FAILURES)
    after = NOW + FIRST_OPENING

    assert opened.waits_until(after) is None
    assert opened.wants_probe
    probed = Circuit(**{**vars(opened), "probed_until": after + timedelta(seconds=30)})
    assert probed.waits_until(after) == after + PROBE_RECHECK


def test_a_probe_that_dies_is_replaced() -> None:
    opened = failing(FAILURES)
    probed = Circuit(**{**vars(opened), "probed_until": NOW + FIRST_OPENING + timedelta(seconds=30)})

    assert probed.waits_until(NOW + FIRST_OPENING + timedelta(seconds=31)) is None


def test_each_probe_that_fails_doubles_the_wait_up_to_the_longest() -> None:
    circuit, waits = failing(FAILURES), []
    for _ in range(6):
        assert circuit.open_until is not None
        circuit = fails(circuit, circuit.open_until)
        assert circuit.open_until is not None
        waits.append(circuit.open_until - circuit.failed_at)

    assert waits[0] == 2 * FIRST_OPENING
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_OPENING


def test_calls_that_were_under_way_when_it_opened_change_nothing() -> None:
    opened = failing(FAILURES)

    assert after_failure(opened, SERVER, "c9", began=at(-3), now=NOW + FIRST_OPENING + timedelta(seconds=1)) == opened
    assert not opened.is_refuted_by(at(1))


def test_an_answer_counts_when_it_was_asked_for_after_the_last_failure() -> None:
    circuit = failing(2)

    assert not circuit.is_refuted_by(at(-0.5))
    assert circuit.is_refuted_by(at(0.5))
    assert failing(FAILURES).is_refuted_by(NOW + FIRST_OPENING)
