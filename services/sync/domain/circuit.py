"""When a server that fails is left alone, and when it is asked again.

    closed ── 5 failures in a row, of two accounts or more, none further apart than 2 minutes ──► open
    open ── its time is over ──► half open: one probe at a time
    half open ── the probe is answered ──► closed          ── it fails ──► open, for twice as long

A server that works has no circuit, so a call that succeeds writes nothing. A failure is no answer, or one that tells of the
server's own trouble; a refusal is an answer. One account alone opens nothing: it may be the account that is the trouble.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES = 5
ACCOUNTS = 2
# Failures that lie further apart are not one outage.
WINDOW = timedelta(minutes=2)
# A restart of a server takes about as long as the first; the longest is what people may have to wait after a long outage.
FIRST_OPENING = timedelta(seconds=30)
LONGEST_OPENING = timedelta(minutes=5)
# While somebody probes, the others come again after so long.
PROBE_RECHECK = timedelta(seconds=5)


@dataclass(frozen=True)
class Circuit:
    """What is known of a server that has failed lately. `accounts` are those that have met with it; some, not all."""

    server: str
    failures: int
    accounts: tuple[str, ...]
    failed_at: datetime
    openings: int = 0
    open_until: datetime | None = None
    probed_until: datetime | None = None

    def waits_until(self, now: datetime) -> datetime | None:
        """Returns when to come again; None where one may call, as the probe if it is open."""
        if self.open_until is None:
            return None
        if now < self.open_until:
            return self.open_until
        return now + PROBE_RECHECK if self.probed_until is not None and now < self.probed_until else None

    @property
    def wants_probe(self) -> bool:
        """True where only who has taken the probe may call."""
        return self.open_until is not None

    def is_refuted_by(self, began: datetime) -> bool:
        """Tells whether an answer to a call that began then shows that the server works."""
        return began >= max(self.failed_at, self.open_until or self.failed_at)


def after_failure(circuit: Circuit | None, server: str, account: str, *, began: datetime, now: datetime) -> Circuit:
    """Returns the circuit after a call that began then has failed. The same where that says nothing new."""
    if circuit is not None and circuit.open_until is not None:
        if began < circuit.open_until:
            # It was under way when the others failed.
            return circuit
        return replace(_opened(circuit, now), failed_at=now)
    if circuit is None or now - circuit.failed_at > WINDOW:
        return Circuit(server, 1, (account,), now)
    accounts = circuit.accounts
    if account not in accounts and len(accounts) < ACCOUNTS:
        accounts = (*accounts, account)
    failed = replace(circuit, failures=circuit.failures + 1, accounts=accounts, failed_at=now)
    return _opened(failed, now) if failed.failures >= FAILURES and len(accounts) >= ACCOUNTS else failed


def _opened(circuit: Circuit, now: datetime) -> Circuit:
    wait = min(FIRST_OPENING * 2 ** min(circuit.openings, 10), LONGEST_OPENING)
    return replace(circuit, openings=circuit.openings + 1, open_until=now + wait, probed_until=None)
