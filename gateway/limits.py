"""How often somebody may call, counted over a sliding window."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from gateway.redis_store import AWAY_SECONDS, connections_to
from servicekit.errors import TooManyRequestsError

log = structlog.get_logger()

_parsed = cache(parse_many)


@dataclass(frozen=True)
class Allowance:
    """What is left of a limit, as the `RateLimit-*` headers say it."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """Returns the headers."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_seconds),
        }


class Limiter:
    """Counts calls in the store of the settings; a part of an `App`.

    When the store is away, everything is allowed: it guards, it does not serve.
    """

    def __init__(self, store: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`store` is `memory://`, or the address of a Redis or Valkey, such as `redis://host:6379`."""
        self._monotonic = monotonic
        self._pool = None if store.startswith("memory:") else connections_to(store)
        if self._pool is None:
            storage = storage_from_string(f"async+{store}", wrap_exceptions=True)
        else:
            storage = RedisStorage(
                "redis://",
                wrap_exceptions=True,
                implementation="redispy",
                connection_pool=self._pool,  # type: ignore[arg-type]  # the annotation forgets what the library documents
            )
        self._strategy = SlidingWindowCounterRateLimiter(storage)
        self._away_until = 0.0

    async def start(self) -> None:
        """Does nothing: the store is asked when somebody calls."""

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.disconnect()

    async def take(self, limits: str, *key: str) -> Allowance | None:
        """Counts one call and returns what is left of the tightest limit, or None when nobody knows.

        Raises `TooManyRequestsError` when a limit is used up.
        """
        if self._monotonic() < self._away_until:
            return None
        try:
            allowances = [await self._take(item, key) for item in _parsed(limits)]
        except StorageError as error:
            self._away_until = self._monotonic() + AWAY_SECONDS
            log.warning("limits_not_counted", error=str(error.storage_error), seconds=AWAY_SECONDS)
            return None
        return min(allowances, key=lambda allowance: allowance.remaining)

    async def _take(self, item: RateLimitItem, key: tuple[str, ...]) -> Allowance:
        allowed = await self._strategy.hit(item, *key)
        window = await self._strategy.get_window_stats(item, *key)
        reset_seconds = max(1, math.ceil(window.reset_time - time.time()))
        allowance = Allowance(item.amount, max(0, window.remaining), reset_seconds)
        if not allowed:
            raise LimitReachedError(allowance)
        return allowance


class LimitReachedError(TooManyRequestsError):
    """The allowance is used up."""

    def __init__(self, allowance: Allowance) -> None:
        wait = f"{allowance.reset_seconds} second{'' if allowance.reset_seconds == 1 else 's'}"
        super().__init__(
            f"That was too much at once. Try again in {wait}.",
            reason="RATE_LIMITED",
            retry_after_seconds=allowance.reset_seconds,
        )
        self.allowance = allowance
