"""Letters: what they say, how they are kept, and when they are tried again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# As mail servers commonly keep trying, so that a mailbox that is full for a weekend still gets its letters.
LETTER_GIVEN_UP_AFTER = timedelta(days=3)


class LetterState(StrEnum):
    """How far a letter has come. A refused one is not tried again, nor is one whose link has expired."""

    PENDING = "pending"
    SENT = "sent"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Recipient:
    """Whom to write to. `version` grows with each change of address or name."""

    user_id: str
    email: str
    name: str
    version: int = 1


@dataclass(frozen=True)
class LetterRow:
    """One line of a letter's list. `link` is an address or a path of the web client; empty for none."""

    label: str
    status: str
    text: str = ""
    link: str = ""


@dataclass(frozen=True)
class LetterText:
    """What a letter says, before it is set in type: paragraphs, rows, the button, and the paragraphs of `closing` below it.

    `footer` says why it comes. `secret_until` is when a secret in its link expires; None for a letter that holds none.
    """

    subject: str
    paragraphs: tuple[str, ...]
    action_path: str = field(repr=False)  # may hold a secret
    action_label: str
    rows: tuple[LetterRow, ...] = ()
    closing: tuple[str, ...] = ()
    footer: str = "You get this letter because you have an account there."
    secret_until: datetime | None = None


@dataclass(frozen=True)
class Letter:
    """One letter as it is kept and sent. Whoever claims it moves `next_attempt_at` on: that is the lease.

    `attempts` counts claims, so it also tells the latest holder from an earlier one. `failure` is what the mail server last said.
    A letter with a secret in it keeps its text and HTML only until it is done with.
    """

    id: str
    owner_id: str
    kind: str
    address: str
    name: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    created_at: datetime
    next_attempt_at: datetime
    state: LetterState = LetterState.PENDING
    attempts: int = 0
    sent_at: datetime | None = None
    failure: str = ""
    secret_until: datetime | None = None

    def is_expired(self, *, now: datetime) -> bool:
        """Tells whether its link would no longer work."""
        return self.secret_until is not None and self.secret_until <= now


def next_attempt(letter: Letter, *, now: datetime, jitter: Callable[[float, float], float]) -> datetime | None:
    """Returns when to try a letter again that did not go out: after 5, 20, 80, then every 300 s, give or take a fifth.

    None when it has been tried for so long that it is given up.
    """
    if now - letter.created_at > LETTER_GIVEN_UP_AFTER:
        return None
    return now + timedelta(seconds=min(5.0 * 4.0 ** min(letter.attempts - 1, 10), 300.0) * jitter(0.8, 1.2))
