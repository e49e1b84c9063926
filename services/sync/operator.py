"""What the operator does by commands on the server: on the database alone, while the service runs elsewhere."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from servicekit.database import Database, OpenStore
from servicekit.ids import Clock, utc_now
from servicekit.settings import DatabaseSettings, ServiceSettings
from servicekit.vault import Vault, VaultError, VaultKeys
from services.sync import store
from services.sync.registrations import FIELD as REGISTRATION
from services.sync.registrations import INSTALLATION
from services.sync.store.care import CHOICE_PREFIX
from services.sync.store.sealed import SEALED, Sealed
from services.sync.tokens import FIELD as CREDENTIALS
from services.sync.use_cases.choices import KEPT_FIELD as CHOICE
from services.sync.use_cases.connections import KEPT_FIELD as ATTEMPT

MIGRATIONS = Path(__file__).parent / "migrations"

# So many in one transaction: who renews an access meanwhile waits for no longer than that takes.
SEALED_AT_ONCE = 200


class OperatorSettings(ServiceSettings, DatabaseSettings):
    """What the commands read of the service's environment."""

    service = "sync"

    vault_keys: VaultKeys


@dataclass(frozen=True)
class Resealed:
    """How many things were sealed anew, and how many are still sealed with another key than the first, by its id."""

    count: int
    still_with: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Operator:
    """The use cases. Made by `operator_of`."""

    stores: OpenStore[store.Store]
    vault: Vault

    async def seal_anew(self) -> Resealed:
        """Seals with the first key what another one has sealed. Whoever renews an access at the same moment wins: what they stored stays.

        What cannot be opened, because its key is not among the settings' any more, stays as it is and is counted.
        """
        count = 0
        for name in SEALED:
            after: tuple[str, ...] | None = None
            while True:
                async with self.stores() as opened:
                    found = await opened.sealed_otherwise(name, self.vault.newest, after=after, limit=SEALED_AT_ONCE)
                    for each in found:
                        anew = self._anew(name, each)
                        if anew is not None:
                            count += await opened.replace_sealed(name, each, anew)
                    await opened.commit()
                if len(found) < SEALED_AT_ONCE:
                    break
                after = found[-1].key
        async with self.stores() as opened:
            return Resealed(count, await opened.count_sealed_otherwise(self.vault.newest))

    def _anew(self, name: str, each: Sealed) -> bytes | None:
        user, thing, field_ = _binding(name, each)
        try:
            values = self.vault.open(each.sealed, user=user, thing=thing, field=field_)
        except VaultError:
            return None
        return self.vault.seal(values, user=user, thing=thing, field=field_)


def _binding(name: str, each: Sealed) -> tuple[str, str, str]:
    """Returns what a sealed value is bound to: user, thing and field."""
    if name == "registrations":
        return INSTALLATION, "/".join(each.key), REGISTRATION
    if name == "connections":
        return each.owner_id, each.key[0], CREDENTIALS
    return each.owner_id, each.key[0], CHOICE if each.state_hash.startswith(CHOICE_PREFIX) else ATTEMPT


@asynccontextmanager
async def operator_of(settings: OperatorSettings, *, clock: Clock = utc_now) -> AsyncIterator[Operator]:
    """Opens what the commands need within the block. Raises `OSError` when the database is away or not migrated."""
    database = Database(settings, schema=OperatorSettings.service)
    try:
        try:
            await database.expect_revision(MIGRATIONS)
        except (RuntimeError, sa.exc.SQLAlchemyError) as error:
            raise OSError(f"the database of the sync service cannot be used: {error}") from error
        vault = Vault(settings.vault_keys, setting="LINKAROOIE_SYNC_VAULT_KEYS")
        yield Operator(partial(store.Store, database, clock=clock), vault)
    finally:
        await database.stop()
