"""What answers tell of limits, in the shapes that platforms have for it."""

from datetime import timedelta

import pytest
from target_making import NOW, at

from services.sync.platforms.limits import Spent, call_scope, note_limits, noting_limits, reset_in, reset_time, spent_in

IN_A_MINUTE = at(60)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(IN_A_MINUTE.timestamp()))},
        {"ratelimit-remaining": "0", "ratelimit-reset": str(int(IN_A_MINUTE.timestamp()))},
        {"ratelimit-remaining": "0", "ratelimit-reset": "60"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": IN_A_MINUTE.isoformat()},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-11-21T12:01:00.000000Z"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{IN_A_MINUTE.timestamp():.3f}"},
    ],
)
def test_an_empty_window_is_told_in_every_shape(headers: dict[str, str]) -> None:
    assert spent_in(headers, now=NOW) == [Spent(IN_A_MINUTE, "account")]
    assert reset_in(headers, now=NOW) == IN_A_MINUTE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-rate-limit-remaining": "1", "x-rate-limit-reset": "60"},
        {"x-rate-limit-remaining": "0"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "soon"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "-5"},
        {"x-rate-limit-remaining": "none", "x-rate-limit-reset": "60"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "nan"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-11-21T11:59:00Z"},
        {"x-app-usage": "{"},
        {"x-app-usage": "[1]"},
        {"x-app-usage": '{"call_count":79,"total_time":2}'},
        {"x-app-usage": '{"call_count":"100"}'},
        {"x-business-use-case-usage": '{"1010":{"call_count":100}}'},
    ],
)
def test_room_left_or_nonsense_holds_nothing(headers: dict[str, str]) -> None:
    assert spent_in(headers, now=NOW) == []


def test_no_server_can_hold_us_back_for_longer_than_a_day() -> None:
    for value in ("99999999999", "9999-12-31T00:00:00Z"):
        assert reset_time(value, now=NOW) == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("headers", "seconds", "scope"),
    [
        ({"x-app-usage": '{"call_count":85,"total_time":25}'}, 15, "app"),
        ({"x-app-usage": '{"call_count":28,"total_cputime":100}'}, 300, "app"),
        ({"x-page-usage": '{"call_count":100}'}, 300, "account"),
        (
            {"x-business-use-case-usage": '{"1010":[{"type":"pages","call_count":100,"estimated_time_to_regain_access":7}]}'},
            420,
            "account",
        ),
    ],
)  # fmt: skip
def test_percentages_slow_us_down_and_then_hold_us(headers: dict[str, str], seconds: int, scope: str) -> None:
    [spent] = spent_in(headers, now=NOW)

    assert (spent.until, spent.scope) == (at(seconds), scope)


def test_who_listens_hears_what_calls_use_up_and_nobody_else() -> None:
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "60"}
    note_limits(spent_in(headers, now=NOW))
    with noting_limits() as spent:
        note_limits(spent_in(headers, now=NOW, writes=True, scope_of=call_scope))
    note_limits(spent_in(headers, now=NOW))

    assert spent == [Spent(IN_A_MINUTE, "call", writes=True)]
