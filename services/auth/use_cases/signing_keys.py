"""Keeps the signing keys: makes the first, follows what replicas and commands change, and lets the next one take over."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.identity import LEEWAY_SECONDS
from servicekit.ids import Clock
from servicekit.vault import Vault
from services.auth.domain.signing_key import PUBLISHED_BEFORE_SIGNING, SigningKey, succeeded
from services.auth.keys import SigningKeys, new_signing_key
from services.auth.store import Store

log = structlog.get_logger()

# Clocks of two replicas may differ by the leeway, and a transaction that ends something may take until its timeout to be seen.
ENDED_OVERLAP = timedelta(seconds=LEEWAY_SECONDS + 15)


@dataclass(frozen=True)
class KeyCare:
    """Dependencies of the use cases. `keys` is what this process signs with."""

    stores: OpenStore[Store]
    vault: Vault
    keys: SigningKeys
    token_lifetime: timedelta
    clock: Clock

    async def load(self) -> None:
        """Reads the keys; where there is none, makes it. Called again and again: others change them too.

        Raises `VaultError` when one was sealed under a vault key that we do not have.
        """
        async with self.stores() as store:
            found = await store.signing_keys(self.clock())
        self.keys.replace(found or await self._first())

    async def _first(self) -> list[SigningKey]:
        async with self.stores() as store:
            await store.lock_signing_keys()
            found = await store.signing_keys(self.clock())  # another replica may have been quicker
            if found:
                return found
            key = new_signing_key(self.vault, signs_from=self.clock())
            await store.save_signing_key(key)
            await store.commit()
        log.info("signing_key_made", kid=key.id)
        return [key]

    async def expect_loaded(self) -> None:
        """Readiness: returns when there is a key to sign with, and raises what keeps us from having one.

        So a replica starts while its database is away, and goes on by itself.
        """
        if not self.keys.are_known:
            await self.load()

    async def rotate(self, *, at_once: bool) -> SigningKey:
        """Makes the key that signs next, and ends the others: once their last tokens have ended, or at once.

        At once is for a key that leaked. People stay signed in either way, since a session stands on its refresh token.
        """
        now = self.clock()
        following = new_signing_key(self.vault, signs_from=now if at_once else now + PUBLISHED_BEFORE_SIGNING)
        async with self.stores() as store:
            await store.lock_signing_keys()
            await store.forget_signing_keys(retired_before=now)
            for key in await store.signing_keys(now):
                ended = succeeded(key, following, token_lifetime=self.token_lifetime, at_once=at_once)
                await store.save_signing_key(ended)
            await store.save_signing_key(following)
            await store.commit()
        log.info("signing_key_made", kid=following.id, signs_from=following.signs_from.isoformat(), at_once=at_once)
        return following


@dataclass(frozen=True)
class Endings:
    """Tells which sessions and API keys are over while access tokens of theirs may still be good."""

    stores: OpenStore[Store]
    token_lifetime: timedelta
    clock: Clock

    async def since(self, moment: datetime | None) -> tuple[Collection[str], datetime]:
        """Returns what ended since then, with some that was told before, and the moment of the answer. None: all that matters."""
        now = self.clock()
        earliest = now - self.token_lifetime - timedelta(seconds=LEEWAY_SECONDS)
        async with self.stores() as store:
            ids = await store.ended_since(earliest if moment is None else max(earliest, moment - ENDED_OVERLAP))
        return ids, now


@dataclass(frozen=True)
class OwnIssuer:
    """What this service tells itself about its tokens: the same as it tells the others."""

    keys: SigningKeys
    endings: Endings

    async def jwks(self) -> str:
        return self.keys.public_jwks()

    async def ended(self, since: datetime | None) -> tuple[Collection[str], datetime]:
        return await self.endings.since(since)
