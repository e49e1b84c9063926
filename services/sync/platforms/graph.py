"""What the platforms of the Graph API share: how its answers are read, and what its refusals mean.

Its codes tell, the status mostly does not: nearly all refusals come with 400.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from servicekit.outbound import Answer
from services.sync.domain import outcomes as o
from services.sync.domain.outcomes import PlatformError, cut
from services.sync.platforms.base import described, json_of, server_trouble
from services.sync.platforms.limits import spent_in

# Where the usage headers do not say when it goes on. The windows slide, so a part of what is used up comes back soon.
RATE_LIMIT_WAIT = timedelta(minutes=15)

# Codes by what we do next.
_TROUBLE = {1, 2}
_APP_LIMITED = {4, 341}
_ACCOUNT_LIMITED = {17, 32, 613, 80001, 80002}
_INVALID = 100
_SESSION_ENDED = {102, 190}
_APP_UNKNOWN = {101}
_BLOCKED = 368
_DUPLICATE = 506

# Subcodes, which say more than their code does.
_SIGN_IN_THERE = {459, 464, 490}  # a checkpoint; somebody who has not confirmed who they are
_LOCKED = {1404078, 1404112, 4854002}
_IMAGE_TOO_LARGE = 1366046
_IMAGE = {_IMAGE_TOO_LARGE, 2069019}
_TOO_FAST = 1390008
_ABUSIVE = 1346003
_PASSING = {1363047, 1609010}


@dataclass(frozen=True)
class Refusal:
    """What the Graph API says about a call that it has not done. `words` are meant for people, where there are any."""

    code: int
    subcode: int
    is_transient: bool
    words: str = ""
    message: str = ""

    @property
    def is_of_app(self) -> bool:
        """True where the operator's keys are wrong, rather than anything of the person's."""
        return self.code in _APP_UNKNOWN or (self.code == _INVALID and "appsecret_proof" in self.message)


def refusal_of(answer: Answer) -> Refusal | None:
    """Returns the refusal that an answer holds, whatever its status; None where it holds none."""
    error = json_of(answer).get("error")
    if not isinstance(error, dict):
        return None
    return Refusal(
        code=_number(error.get("code")),
        subcode=_number(error.get("error_subcode")),
        is_transient=error.get("is_transient") is True,
        words=cut(str(error.get("error_user_msg") or "")),
        message=str(error.get("message") or ""),
    )


def is_json(answer: Answer) -> bool:
    """Tells whether an answer is of the API at all: an outage may be told in plain text, with 200."""
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return True


def problem_of(answer: Answer, *, writes: bool, now: datetime, link: str, rule: str = "") -> o.Problem:
    """Says what follows from an answer that is no success.

    `link` is where people settle what the platform asks of them, `rule` what the file that was sent has to keep.
    """
    refusal, detail = refusal_of(answer), described(answer)
    if refusal is None and answer.status == 429:
        return o.RateLimited(_until(answer, now), "account", detail)
    if refusal is None:
        return server_trouble(answer, writes=writes)
    code, subcode = refusal.code, refusal.subcode
    if code in _APP_LIMITED | _ACCOUNT_LIMITED or subcode == _TOO_FAST:
        return o.RateLimited(_until(answer, now), "app" if code in _APP_LIMITED else "account", detail)
    if subcode in _SIGN_IN_THERE | _LOCKED or code == _BLOCKED:
        return o.AccountCheckpoint(link, detail)
    if subcode == _ABUSIVE:
        return o.PolicyRejected(link, detail)
    if refusal.is_of_app:
        return o.Transient(detail)
    if code in _SESSION_ENDED:
        return o.AuthRevoked(detail)
    if code == 10 or 200 <= code <= 299:
        return o.MissingScope(detail)
    if code == _DUPLICATE:
        return o.Conflict(detail)
    if subcode in _PASSING or code in _TROUBLE or refusal.is_transient:
        return server_trouble(answer, writes=writes)
    if writes and (subcode in _IMAGE or code == _INVALID):
        return o.InvalidImage(f"It says: {refusal.words}" if refusal.words else rule, detail)
    return server_trouble(answer, writes=writes)


def expect_done(answer: Answer, *, writes: bool, now: datetime, link: str, rule: str = "") -> None:
    """Raises `PlatformError` unless the call was done: with 200 there may be an error, too, or a plain word about an outage."""
    if not answer.is_success or refusal_of(answer) is not None or not is_json(answer):
        raise PlatformError(problem_of(answer, writes=writes, now=now, link=link, rule=rule))


def picture_tag(url: str) -> str:
    """Returns what changes with a picture alone: its address is signed and changes by itself; what is before the signature names the file."""
    return urlsplit(url).path


def span_of(values: Mapping[str, Any], usual: timedelta) -> timedelta:  # JSON
    """Returns how long a new token is good; the usual time where the answer does not say."""
    seconds = _number(values.get("expires_in"))
    return timedelta(seconds=seconds) if 0 < seconds <= usual.total_seconds() else usual


def dict_of(value: object) -> Mapping[str, Any]:  # JSON
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> Sequence[object]:  # JSON
    return value if isinstance(value, list) else ()


def _until(answer: Answer, now: datetime) -> datetime:
    return max((spent.until for spent in spent_in(answer.headers, now=now)), default=now + RATE_LIMIT_WAIT)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
