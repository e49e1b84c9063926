"""Slowing down who guesses passwords, without keeping anybody out of their account.

Failures are counted in three ways, and whoever shows the token of a device that is known for the account is counted apart from everybody:

    account and network   refuses for a while: this is one person, or one attacker
    network               refuses for a while: somebody tries many accounts
    account               delays the answer, never refuses: else a stranger could keep the owner out
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.auth.domain.devices import network_of

# After this long without a failure a count starts anew.
FORGOTTEN_AFTER = timedelta(hours=1)
# A person mistypes a few times; what comes after doubles the wait each time.
PAIR_FREE_FAILURES = 5
PAIR_LONGEST_WAIT = timedelta(minutes=15)
# A school or an office shares a network, so it has more, and the wait is shorter.
NETWORK_FREE_FAILURES = 30
NETWORK_LONGEST_WAIT = timedelta(minutes=5)
# The delay must fit the deadline of a call together with the work of hashing.
ACCOUNT_FREE_FAILURES = 10
ACCOUNT_DELAY_STEP_SECONDS = 0.5
ACCOUNT_LONGEST_DELAY_SECONDS = 4.0


@dataclass(frozen=True)
class Counter:
    """How often something failed, and when last."""

    failures: int
    last_failed_at: datetime

    def counts_at(self, now: datetime) -> int:
        """Returns the failures that still count."""
        return self.failures if now - self.last_failed_at < FORGOTTEN_AFTER else 0


@dataclass(frozen=True)
class Attempt:
    """Under which keys an attempt is counted. `own` is cleared by a success, the others are shared with strangers."""

    own: bytes
    network: bytes | None = None
    account: bytes | None = None

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(key for key in (self.own, self.network, self.account) if key is not None)

    @property
    def widest(self) -> bytes:
        """The key that counts most of what is tried at the account."""
        return self.account or self.own


@dataclass(frozen=True)
class Pace:
    """What follows for an attempt: wait so long and come back, or an answer after so long."""

    wait: timedelta = field(default_factory=timedelta)
    delay_seconds: float = 0.0


def sign_in_attempt(email_key: str, *, address: str) -> Attempt:
    """Returns how a sign-in from somewhere is counted. Who comes from an address that nobody told shares no network with anybody."""
    network = network_of(address)
    return Attempt(
        own=_key(f"pair|{email_key}|{network}"),
        network=_key(f"range|{network}") if network else None,
        account=_key(f"account|{email_key}"),
    )


def known_device_attempt(email_key: str, *, device_key: bytes) -> Attempt:
    """Returns how a sign-in is counted that shows the token of a device known for the account."""
    return Attempt(own=_key(f"device|{email_key}|{device_key.hex()}"))


def password_change_attempt(session_id: str) -> Attempt:
    """Returns how a change of the password is counted: within the session, so that a stolen one slows nobody else down."""
    return Attempt(own=_key(f"change|{session_id}"))


def pace(attempt: Attempt, counters: Mapping[bytes, Counter], *, now: datetime) -> Pace:
    """Decides on an attempt from the counters that there are."""
    wait = max(
        _wait(counters.get(attempt.own or b""), PAIR_FREE_FAILURES, PAIR_LONGEST_WAIT, now=now),
        _wait(counters.get(attempt.network or b""), NETWORK_FREE_FAILURES, NETWORK_LONGEST_WAIT, now=now),
    )
    counter = counters.get(attempt.account or b"")
    beyond = 0 if counter is None else max(0, counter.counts_at(now) - ACCOUNT_FREE_FAILURES)
    return Pace(wait, min(beyond * ACCOUNT_DELAY_STEP_SECONDS, ACCOUNT_LONGEST_DELAY_SECONDS))


def _wait(counter: Counter | None, free: int, longest: timedelta, *, now: datetime) -> timedelta:
    beyond = 0 if counter is None else counter.counts_at(now) - free
    if counter is None or beyond <= 0:
        return timedelta()
    doubled = longest if beyond > 20 else min(longest, timedelta(seconds=2**beyond))  # 2^20 s is more than any wait
    return max(timedelta(), min(doubled, counter.last_failed_at + doubled - now))


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
