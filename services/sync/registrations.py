"""Keeps what servers gave this installation when it registered with them, sealed."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.vault import Vault, VaultError
from services.sync.store import Store

log = structlog.get_logger()

INSTALLATION = "installation"
FIELD = "registration"


@dataclass(frozen=True)
class SealedRegistrations:
    """The store as adapters see it."""

    stores: OpenStore[Store]
    vault: Vault
    clock: Clock

    async def load(self, platform: str, instance: str) -> Mapping[str, str] | None:
        """Returns what was saved for a server; None if there is nothing, or nothing that can be opened."""
        async with self.stores() as store:
            sealed = await store.registration(platform, instance)
        if sealed is None:
            return None
        try:
            return self.vault.open(sealed, user=INSTALLATION, thing=f"{platform}/{instance}", field=FIELD)
        except VaultError as error:
            # Registering anew gives another.
            log.warning("registration_not_opened", platform=platform, instance=instance, error=str(error))
            return None

    async def save(self, platform: str, instance: str, values: Mapping[str, str]) -> None:
        sealed = self.vault.seal(values, user=INSTALLATION, thing=f"{platform}/{instance}", field=FIELD)
        async with self.stores() as store:
            await store.set_registration(platform, instance, sealed, self.clock())
            await store.commit()
