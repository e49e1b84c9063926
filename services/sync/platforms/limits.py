"""What a platform's answers tell of its limits, so that we stop before a call fails.

Three shapes: what is left and when the window ends, as `x-rate-limit-*`, `RateLimit-*` or `X-RateLimit-*`, the end in unix seconds, as an
ISO 8601 time, or in seconds from now; and percentages of what may be used (`X-App-Usage` and its like).

What is found goes to whoever listens (`noting_limits`): adapters need not hand it on.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

LimitScope: TypeAlias = Literal["app", "account", "call"]
ScopeOf: TypeAlias = Callable[[Mapping[str, str]], LimitScope]

_PREFIXES = ("x-rate-limit-", "ratelimit-", "x-ratelimit-")
_USAGE: Mapping[str, LimitScope] = {"x-app-usage": "app", "x-page-usage": "account"}
_USAGE_BY_CASE = "x-business-use-case-usage"
# A number below is a span, one above a time: as a span it would be three years.
_LONGEST_SPAN_SECONDS = 100_000_000
# Whatever a server says: after so long we see for ourselves.
_LONGEST = timedelta(days=1)
# From here on a platform that tells percentages wants us to slow down, and does not say by how much.
_SLOW_FROM_PERCENT = 80
_SLOWED = timedelta(seconds=15)
# The windows of percentages slide, so a part of what is used up comes back soon.
_USED_UP = timedelta(minutes=5)


@dataclass(frozen=True)
class Spent:
    """A limit with nothing left until then.

    `scope` says what it counts: everything that we do there, all calls for an account, or this one call alone.
    """

    until: datetime
    scope: LimitScope
    writes: bool = False


_listening: ContextVar[list[Spent] | None] = ContextVar("spent_limits", default=None)


@contextmanager
def noting_limits() -> Iterator[list[Spent]]:
    """Collects what the calls made in this block have used up."""
    found: list[Spent] = []
    token = _listening.set(found)
    try:
        yield found
    finally:
        _listening.reset(token)


def note_limits(spent: Iterable[Spent]) -> None:
    """Tells who listens; nobody may."""
    listening = _listening.get()
    if listening is not None:
        listening.extend(spent)


def account_scope(headers: Mapping[str, str]) -> LimitScope:  # noqa: ARG001  # for platforms whose headers tell the scope
    """Says that what is left is counted for all calls of an account."""
    return "account"


def call_scope(headers: Mapping[str, str]) -> LimitScope:  # noqa: ARG001  # for platforms whose headers tell the scope
    """Says that what is left is counted for each call by itself."""
    return "call"


def spent_in(
    headers: Mapping[str, str], *, now: datetime, writes: bool = False, scope_of: ScopeOf = account_scope
) -> list[Spent]:
    """Returns the limits that an answer says are used up; none where it says nothing that we understand."""
    found = [Spent(until, scope_of(headers), writes) for until in _windows(headers, now)]
    for name, scope in _USAGE.items():
        wait = _wait(_json(headers.get(name, "")))
        if wait is not None:
            found.append(Spent(now + wait, scope, writes))
    by_case = _json(headers.get(_USAGE_BY_CASE, "")).values()
    waits = [_wait(usage) for usages in by_case if isinstance(usages, list) for usage in usages]
    found += [Spent(now + wait, "account", writes) for wait in waits if wait is not None]
    return found


def reset_in(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """Returns when the window that an answer tells of ends; None where it does not say so."""
    ends = (reset_time(headers.get(f"{prefix}reset", ""), now=now) for prefix in _PREFIXES)
    return next((end for end in ends if end is not None), None)


def reset_time(value: str, *, now: datetime) -> datetime | None:
    """Reads the end of a window in any of its shapes; None for what is none."""
    try:
        number = float(value)
    except ValueError:
        return _iso(value, now)
    if not 0 <= number < datetime.max.replace(tzinfo=UTC).timestamp():
        return None
    end = now + timedelta(seconds=number) if number < _LONGEST_SPAN_SECONDS else datetime.fromtimestamp(number, UTC)
    return min(end, now + _LONGEST)


def _iso(value: str, now: datetime) -> datetime | None:
    try:
        end = datetime.fromisoformat(value)
    except ValueError:
        return None
    return min(end if end.tzinfo else end.replace(tzinfo=UTC), now + _LONGEST)


def _windows(headers: Mapping[str, str], now: datetime) -> Iterator[datetime]:
    for prefix in _PREFIXES:
        try:
            left = float(headers.get(f"{prefix}remaining", ""))
        except ValueError:
            continue
        end = reset_time(headers.get(f"{prefix}reset", ""), now=now)
        if left <= 0 and end is not None and end > now:
            yield end


def _wait(usage: Any) -> timedelta | None:  # JSON
    """Returns how long to wait at a usage in percent; None where there is room."""
    if not isinstance(usage, dict):
        return None
    percent = max(_number(usage.get(name)) for name in ("call_count", "total_time", "total_cputime"))
    regain_minutes = _number(usage.get("estimated_time_to_regain_access"))
    if regain_minutes > 0:
        return min(timedelta(minutes=min(regain_minutes, 10_000)), _LONGEST)
    if percent >= 100:
        return _USED_UP
    return _SLOWED if percent >= _SLOW_FROM_PERCENT else None


def _number(value: object) -> float:
    """Returns a number of JSON; nothing else is more than 0."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _json(text: str) -> dict[str, Any]:  # JSON
    try:
        values = json.loads(text) if text else {}
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
