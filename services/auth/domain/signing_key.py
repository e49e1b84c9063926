"""The life of a signing key: published first, then signing, then published until its last token has ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from servicekit.identity import LEEWAY_SECONDS

# Longer than anybody holds on to the published keys: our services a minute, others as long as `/.well-known/jwks.json` lets them.
PUBLISHED_BEFORE_SIGNING = timedelta(minutes=10)
LEEWAY = timedelta(seconds=LEEWAY_SECONDS)


@dataclass(frozen=True)
class SigningKey:
    """A key as we keep it. `retires_at`: when it is published no more; None while nothing follows it."""

    id: str
    public_jwk: dict[str, Any]  # as RFC 7517 writes it
    sealed: bytes = field(repr=False)
    signs_from: datetime
    retires_at: datetime | None = None

    def is_published(self, now: datetime) -> bool:
        return self.retires_at is None or now < self.retires_at


def signer_of(keys: Iterable[SigningKey], now: datetime) -> SigningKey | None:
    """Returns the key that signs: of the published ones the newest whose time has come.

    When none has, the oldest does: another replica made the first key a moment ago, by a clock that is ahead.
    """
    published = sorted((key for key in keys if key.is_published(now)), key=lambda key: (key.signs_from, key.id))
    ready = [key for key in published if key.signs_from <= now]
    if ready:
        return ready[-1]
    return published[0] if published else None


def succeeded(key: SigningKey, successor: SigningKey, *, token_lifetime: timedelta, at_once: bool) -> SigningKey:
    """Returns a key with the end that a successor gives it; one that has an end keeps it, unless it is to go at once."""
    if at_once:
        return replace(key, retires_at=successor.signs_from)
    if key.retires_at is not None:
        return key
    return replace(key, retires_at=successor.signs_from + token_lifetime + LEEWAY)
