"""Accounts at providers: whom somebody is there, what the provider vouches for, and the way through its consent."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from servicekit.names import DISPLAY_NAME_MAX_CHARACTERS, display_name_problem
from services.auth.domain.account import email_problem

# Time to sign in at the provider and to look for the second factor there.
FLOW_LIFE = timedelta(minutes=10)
# Time to think of an address, and to type it.
TICKET_LIFE = timedelta(minutes=30)


@dataclass(frozen=True)
class ProviderAccount:
    """Who somebody is at a provider, as it has just told us.

    `subject` is the one thing by which they are known again: addresses and names change hands. `vouches_for_email` says that the
    provider has proved the address and is in charge of it. `name` tells one account there from another, for people.
    """

    subject: str
    name: str = ""
    display_name: str = ""
    email: str = ""
    vouches_for_email: bool = False

    def trusted_email(self) -> str | None:
        """Returns the address if the provider vouches for it and we can write to it."""
        return self.email if self.vouches_for_email and email_problem(self.email) is None else None

    def usable_display_name(self, provider_label: str) -> str:
        """Returns what to call an account that is made without asking: what the provider says, as far as our rules allow it."""
        for candidate in (self.display_name, self.email.partition("@")[0]):
            printable = "".join(filter(str.isprintable, candidate)).strip()[:DISPLAY_NAME_MAX_CHARACTERS].strip()
            if display_name_problem(printable) is None:
                return printable
        return f"{provider_label} user"


@dataclass(frozen=True)
class Identity:
    """An account at a provider that opens an account here. `name` is for people."""

    id: str
    user_id: str
    provider: str
    subject: str
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Flow:
    """A sign-in with a provider that was begun, or, with `user_id`, the linking of an identity to that account by that session.

    Nothing in it lets a reader of the table go on with it: the state and the browser's secret are hashed, the rest is sealed.
    """

    id: str
    state_hash: bytes
    provider: str
    browser_hash: bytes
    sealed: bytes = field(repr=False)
    return_to: str
    expires_at: datetime
    user_id: str | None = None
    session_id: str | None = None
    used_at: datetime | None = None

    @property
    def links(self) -> bool:
        return self.user_id is not None


# A ticket is a flow that no browser's secret fits: it goes on by its own token.
NO_BROWSER = b""


def state_hash(state: str) -> bytes:
    """Returns what is stored of the state that a provider sends back."""
    return hashlib.sha256(f"state|{state}".encode()).digest()


def browser_hash(secret: str) -> bytes:
    """Returns what is stored of the secret that ties a flow to its browser."""
    return hashlib.sha256(f"browser|{secret}".encode()).digest()


def ticket_hash(ticket: str) -> bytes:
    """Returns what is stored of a ticket; never equal to the hash of a state."""
    return hashlib.sha256(f"ticket|{ticket}".encode()).digest()


def is_last_way_in(
    identity: Identity, *, identities: Iterable[Identity], has_password: bool, providers: Collection[str]
) -> bool:
    """Tells whether nothing would be left to sign in with if an identity went. One of a provider that is not set up opens nothing."""
    others = (other for other in identities if other.id != identity.id and other.provider in providers)
    return not has_password and next(others, None) is None
