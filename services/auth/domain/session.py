"""Sessions: families of refresh tokens, and what follows when one is presented."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto


class EndReason(StrEnum):
    """Why a session ended before its time. The words are stored."""

    LOGGED_OUT = "logged_out"
    ENDED_ELSEWHERE = "ended_elsewhere"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105  # a word
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    ROLE_CHANGED = "role_changed"


@dataclass(frozen=True)
class Session:
    """One signed-in device: a family of refresh tokens, of which at most one is live."""

    id: str
    user_id: str
    device: str  # for people, such as "Firefox on Linux"
    address: str  # the network address that it was used from last
    created_at: datetime
    last_used_at: datetime
    ends_at: datetime  # at the latest, however often it is refreshed
    ended_at: datetime | None = None
    end_reason: str = ""


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token as we keep it: its hash, and once it is spent its successor, which only the spent token opens."""

    hash: bytes
    session_id: str
    created_at: datetime
    expires_at: datetime
    spent_at: datetime | None = None
    sealed_successor: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Lifetimes:
    """How long sessions and their tokens live."""

    session: timedelta
    refresh_idle: timedelta
    reuse_grace: timedelta

    def refresh_expiry(self, session: Session, now: datetime) -> datetime:
        """Returns when a refresh token made now ends."""
        return min(now + self.refresh_idle, session.ends_at)


class Verdict(Enum):
    """What follows when a refresh token is presented."""

    ROTATE = auto()
    REPEAT_SUCCESSOR = auto()
    REUSED = auto()
    ENDED = auto()


def judge(token: RefreshToken, session: Session, *, now: datetime, grace: timedelta) -> Verdict:
    """Decides on a presented refresh token of a session that nobody else changes meanwhile.

    The grace counts in both directions: a clock that was set back must not reopen a token spent long ago.
    """
    if session.ended_at is not None or now >= session.ends_at:
        return Verdict.ENDED
    if token.spent_at is not None:
        raced = abs(now - token.spent_at) <= grace and token.sealed_successor is not None
        return Verdict.REPEAT_SUCCESSOR if raced else Verdict.REUSED
    return Verdict.ENDED if now >= token.expires_at else Verdict.ROTATE
