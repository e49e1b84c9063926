"""Challenges: what is asked of somebody by letter, and when its link counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# Enough for whoever mistyped or lost a letter; more would be a way to flood somebody's mailbox.
LETTERS_AN_HOUR = 3
LETTERS_COUNTED_FOR = timedelta(hours=1)


class Purpose(StrEnum):
    """What a challenge is for. The words are stored."""

    CONFIRM_REGISTRATION = "confirm_registration"
    CONFIRM_EMAIL_CHANGE = "confirm_email_change"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a word


# Slow mail is no reason to start again; but a link that sets a password is worth more to a thief.
LINK_LIFETIMES: Mapping[Purpose, timedelta] = {
    Purpose.CONFIRM_REGISTRATION: timedelta(hours=24),
    Purpose.CONFIRM_EMAIL_CHANGE: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(minutes=30),
}


@dataclass(frozen=True)
class Challenge:
    """One letter: to whom, and what follows when its link is opened. Without `token_hash` its letter has no link.

    For a registration `id` becomes the account's, and either `password_hash` or the identity of a provider is set.
    """

    id: str
    purpose: Purpose
    email: str
    email_key: str
    created_at: datetime
    expires_at: datetime
    token_hash: bytes | None = field(default=None, repr=False)
    user_id: str | None = None
    display_name: str = ""
    password_hash: str | None = field(default=None, repr=False)
    provider: str | None = None
    subject: str | None = None
    identity_name: str | None = None
    used_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Tells whether the link may still be used."""
        return self.used_at is None and now < self.expires_at
