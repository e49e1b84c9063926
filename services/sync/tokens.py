"""Opens the access to connected accounts, and renews it in time: one process at once for each account."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.vault import Vault, VaultError
from services.sync.domain.connection import Connection, Grant
from services.sync.domain.outcomes import AuthRevoked, PlatformError, Transient
from services.sync.platforms.base import Adapter, Session
from services.sync.store import Store

log = structlog.get_logger()

# Longer than a renewal takes; after a crash in the middle the next one waits for this.
REFRESH_LEASE = timedelta(seconds=60)
# A token that ends within this time is not used any more.
LAST_USE = timedelta(seconds=30)

FIELD = "credentials"


@dataclass(frozen=True)
class Tokens:
    """Dependencies of what is done here."""

    stores: OpenStore[Store]
    vault: Vault
    clock: Clock

    def seal(self, connection_id: str, owner_id: str, grant: Grant) -> bytes:
        """Seals credentials for a connection."""
        return self.vault.seal(grant.credentials, user=owner_id, thing=connection_id, field=FIELD)

    def open(self, connection: Connection) -> Session:
        """Returns the access as it is stored. Raises `PlatformError` when it cannot be opened, which is our own trouble."""
        try:
            credentials = self.vault.open(connection.sealed, user=connection.owner_id, thing=connection.id, field=FIELD)
        except VaultError as error:
            log.error("credentials_not_opened", connection_id=connection.id, error=str(error))
            raise PlatformError(Transient(str(error), is_ours=True)) from error
        return Session(connection.account, credentials)

    async def session(self, connection: Connection, adapter: Adapter) -> Session:
        """Returns access that is good for a while; renews it first at four fifths of its life.

        Raises `PlatformError` when it has ended and cannot be renewed now.
        """
        now = self.clock()
        if connection.ends_at is not None and connection.ends_at <= now:
            raise PlatformError(AuthRevoked("the access is over, and cannot be renewed"))
        if connection.refresh_at is None or now < connection.refresh_at:
            return self.open(connection)
        try:
            return await self.renewed(connection, adapter)
        except PlatformError as error:
            still_good = connection.expires_at is not None and now < connection.expires_at - LAST_USE
            if isinstance(error.problem, AuthRevoked) or not still_good:
                raise
            log.warning("renewal_failed", connection_id=connection.id, problem=str(error))
            return self.open(connection)

    async def renewed(self, connection: Connection, adapter: Adapter) -> Session:
        """Renews the access now, or takes what another process has renewed meanwhile. Raises `PlatformError`."""
        async with self.stores() as store:
            current = await store.connection(connection.id)
            if current is None:
                raise PlatformError(Transient("the connection was removed", is_ours=True))
            if current.grant_version != connection.grant_version:
                return self.open(current)
            now = self.clock()
            leased = await store.lease_refresh(current, now=now, until=now + REFRESH_LEASE)
            await store.commit()
        if not leased:
            # A refresh token may be good for one use only: never two at once.
            raise PlatformError(Transient("the access is being renewed by another worker", is_ours=True))
        old = self.open(current)
        try:
            grant = await adapter.refresh(old)
        except PlatformError:
            async with self.stores() as store:
                await store.end_refresh(current)
                await store.commit()
            raise
        async with self.stores() as store:
            sealed = self.seal(current.id, current.owner_id, grant)
            await store.set_grant(current, sealed, grant, self.clock())
            await store.commit()
        return Session(current.account, grant.credentials)
