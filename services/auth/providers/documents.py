"""A provider's public documents: its discovery document and its keys, kept for a while."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from services.auth.providers.base import Http, ProviderError, UnreachableError, object_of

log = structlog.get_logger()

# For an answer that does not say how long it may be kept.
USUAL_SECONDS = 3600.0
# What a provider says is taken within these: not at each sign-in, and not for so long that a mistake of theirs stays.
SHORTEST_SECONDS, LONGEST_SECONDS = 60.0, 86_400.0
# Strangers can invent ids of keys, and a provider that is away must not be waited for by everybody: so long nobody asks again.
PAUSE_SECONDS = 5.0

_MAX_AGE = re.compile(r"\bmax-age=(\d{1,9})\b", re.IGNORECASE)


class CachedDocument:
    """One JSON object on the web. While its server is in trouble, what was known last counts."""

    def __init__(self, http: Http, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._monotonic = monotonic
        self._asking = asyncio.Lock()
        self._url = ""
        self._value: Mapping[str, Any] | None = None  # JSON
        self._fresh_until = 0.0
        self._quiet_until = 0.0

    async def get(self, url: str, *, anew: bool = False) -> Mapping[str, Any]:  # JSON
        """Returns the document. `anew` asks for it even if what is known is fresh, but not again within a few seconds.

        Raises `ProviderError` when nothing is known.
        """
        async with self._asking:
            if url != self._url:
                self._url, self._value, self._quiet_until = url, None, 0.0
            now = self._monotonic()
            if self._value is not None and ((now < self._fresh_until and not anew) or now < self._quiet_until):
                return self._value
            if now < self._quiet_until:
                raise UnreachableError("asked a moment ago, without an answer")
            try:
                answer = await self._http.call("GET", url)
                self._value = object_of(answer)
                self._fresh_until = self._monotonic() + kept_for(answer.headers.get("cache-control", ""))
                self._quiet_until = self._monotonic() + PAUSE_SECONDS if anew else 0.0
            except ProviderError as error:
                self._quiet_until = self._monotonic() + PAUSE_SECONDS
                if self._value is None:
                    raise
                log.warning("provider_document_old", url=url, problem=str(error))
            return self._value


def kept_for(cache_control: str) -> float:
    """Returns for how many seconds an answer may be kept."""
    if "no-store" in cache_control.lower():
        return SHORTEST_SECONDS
    stated = _MAX_AGE.search(cache_control)
    seconds = USUAL_SECONDS if stated is None else float(stated[1])
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
