"""Connections to the Redis or Valkey that the replicas share."""

import re

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

# Every request that asks the store waits for it: one that takes longer than this is away.
STORE_TIMEOUT_SECONDS = 0.5
# How long a store that is away is left alone.
AWAY_SECONDS = 5.0


def connections_to(store: str) -> ConnectionPool:
    """Returns connections to a Redis; Valkey speaks the same language."""
    return ConnectionPool.from_url(
        re.sub(r"^valkey(s?):", r"redis\1:", store),
        socket_timeout=STORE_TIMEOUT_SECONDS,
        socket_connect_timeout=STORE_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),  # once, for a connection that the server has closed meanwhile
    )
