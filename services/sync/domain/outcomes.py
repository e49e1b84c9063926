"""What a platform can answer, sorted by what we do next. A closed union: whoever matches on it is told by the type checker what is missing.

    Success                 returned by `submit` and `check`
        Accepted            taken; look whether it shows
        Submitted           taken, to be worked on; ask later
        PendingReview       taken; somebody there has to approve it
    Problem                 carried by `PlatformError`
        AuthExpired         refresh, then try once more
        AuthRevoked         park, ask the person to connect again
        MissingScope        the person has to connect again with more rights
        AccountCheckpoint   the person has to do something on the platform
        RateLimited         wait; the account or the whole app
        Cooldown            wait; this one place
        Outage              wait; the server has failed again and again, and nobody calls it
        InvalidImage        the file is refused
        PolicyRejected      the platform does not want this
        Conflict            it changed meanwhile: read again
        Transient           nothing happened; try again later
        OutcomeUnknown      it may have happened: look before trying again
        Unsupported         this cannot be done here

`detail` is the platform's own word for the log: cut short, never shown to people, never secret.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

# A platform's own words are kept to this length.
DETAIL_MAX_CHARACTERS = 300


@dataclass(frozen=True)
class Accepted:
    """The platform has taken the picture."""


@dataclass(frozen=True)
class Submitted:
    """The platform works on it; `operation` is what `check` asks about."""

    operation: str
    ask_after_seconds: float


@dataclass(frozen=True)
class PendingReview:
    """Somebody at the platform looks at it first."""

    ask_after_seconds: float


Success: TypeAlias = Accepted | Submitted | PendingReview


@dataclass(frozen=True)
class AuthExpired:
    detail: str = ""


@dataclass(frozen=True)
class AuthRevoked:
    detail: str = ""


@dataclass(frozen=True)
class MissingScope:
    detail: str = ""


@dataclass(frozen=True)
class AccountCheckpoint:
    """`link` is where the person can settle it."""

    link: str
    detail: str = ""


@dataclass(frozen=True)
class RateLimited:
    """`scope` says for whom the limit counts: this account, or everything that the installation does there."""

    until: datetime
    scope: Literal["account", "app"]
    detail: str = ""


@dataclass(frozen=True)
class Cooldown:
    until: datetime
    detail: str = ""


@dataclass(frozen=True)
class Outage:
    """Nothing was asked: the server has failed too often lately. `until` is when it is asked again."""

    until: datetime
    detail: str = ""


@dataclass(frozen=True)
class InvalidImage:
    """`message` is for people: which rule, and what the file has."""

    message: str
    detail: str = ""


@dataclass(frozen=True)
class PolicyRejected:
    link: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Conflict:
    detail: str = ""


@dataclass(frozen=True)
class Transient:
    """`is_ours` says that it was not the platform that failed; `no_answer` that its server did: none came, or one of its own trouble."""

    detail: str = ""
    is_ours: bool = False
    no_answer: bool = False


@dataclass(frozen=True)
class OutcomeUnknown:
    """`no_answer` as in `Transient`."""

    detail: str = ""
    no_answer: bool = False


@dataclass(frozen=True)
class Unsupported:
    """`message` is for people; `link` leads to where the platform says so."""

    message: str
    link: str = ""
    detail: str = ""


Problem: TypeAlias = (
    AuthExpired
    | AuthRevoked
    | MissingScope
    | AccountCheckpoint
    | RateLimited
    | Cooldown
    | Outage
    | InvalidImage
    | PolicyRejected
    | Conflict
    | Transient
    | OutcomeUnknown
    | Unsupported
)


class PlatformError(Exception):
    """A platform did not do what it was asked; `problem` says what follows."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{type(problem).__name__}: {problem.detail}")
        self.problem = problem


def cut(detail: str) -> str:
    """Returns a platform's words short enough to keep, and without what no database or screen takes."""
    words = " ".join(detail.split())[:DETAIL_MAX_CHARACTERS]
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
