"""When connections are looked after without being asked: probes of their access, and telling in time that it ends."""

from datetime import datetime, timedelta

from services.sync.domain.connection import Connection
from services.sync.domain.retry import Jitter

PROBE_EVERY = timedelta(hours=6)
# Right after connecting its places are looked at; this sees whether the access outlives the first minutes.
FIRST_PROBE_AFTER = timedelta(minutes=10)
PROBE_AGAIN_AFTER_FAILURE = timedelta(minutes=15)
# However short a platform lets an access live.
LEAST_BETWEEN_PROBES = timedelta(minutes=1)

# How long before the end of an access that cannot be renewed its owner is told.
EXPIRY_TOLD_BEFORE = (timedelta(days=7), timedelta(days=1))


def next_probe(connection: Connection, now: datetime, jitter: Jitter) -> datetime:
    """Returns when a connection that works is probed next: sooner where its access has to be renewed, or ends, before."""
    times = [now + PROBE_EVERY * jitter(0.9, 1.1)]
    if connection.refresh_at is not None:
        times.append(connection.refresh_at)
    if connection.ends_at is not None:
        times += [connection.ends_at, *_tellings_to_come(connection.ends_at, now)]
    return max(min(times), now + LEAST_BETWEEN_PROBES)


def _tellings_to_come(ends_at: datetime, now: datetime) -> list[datetime]:
    return [ends_at - before for before in EXPIRY_TOLD_BEFORE if ends_at - before > now]


def expiry_notes_due(connection: Connection, now: datetime) -> int:
    """Returns how often the owner should have been told by now that the access ends. What is over is told in another way."""
    ends_at = connection.ends_at
    if ends_at is None or ends_at <= now:
        return 0
    return sum(now >= ends_at - before for before in EXPIRY_TOLD_BEFORE)
