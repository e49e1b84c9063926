"""What the operator does by commands on the server: the use cases on the database alone, while the service runs elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from email_validator import EmailNotValidError

from servicekit.database import Database, OpenStore
from servicekit.errors import NotFoundError
from servicekit.identity import Role
from servicekit.ids import Clock, utc_now
from servicekit.vault import Vault
from services.auth import store
from services.auth.domain.account import User, email_key
from services.auth.keys import SigningKeys
from services.auth.passwords import Passwords, common_passwords
from services.auth.settings import AuthSettings
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.registration import Registration
from services.auth.use_cases.signing_keys import KeyCare
from services.auth.use_cases.staff import Staff

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Operator:
    """The use cases. Made by `operator_of`; events wait in the outbox for the service to send them."""

    stores: OpenStore[store.Store]
    registration: Registration
    key_care: KeyCare
    staff: Staff

    async def account(self, email: str) -> User | None:
        """Returns the account with an address, if there is one."""
        try:
            key = email_key(email)
        except EmailNotValidError:
            return None
        async with self.stores() as opened:
            return await opened.user_by_email(key)

    async def set_role(self, email: str, role: Role) -> User:
        """Gives the account with an address a role. Raises `NotFoundError`, and `PreconditionError` for the last admin."""
        user = await self.account(email)
        if user is None:
            raise NotFoundError(f"There is no account with the address {email}.", reason="ACCOUNT_NOT_FOUND")
        return await self.staff.set_role(user.id, role, by=None)


@asynccontextmanager
async def operator_of(settings: AuthSettings, *, clock: Clock = utc_now) -> AsyncIterator[Operator]:
    """Opens what the commands need within the block. Raises `OSError` when the database is away or not migrated."""
    database = Database(settings, schema=settings.service)
    passwords = Passwords(settings.hash_cost, threads=1, max_waiting=0)
    await passwords.start()
    try:
        try:
            await database.expect_revision(MIGRATIONS)
        except (RuntimeError, sa.exc.SQLAlchemyError) as error:
            raise OSError(f"the database of the auth service cannot be used: {error}") from error
        stores = partial(store.Store, database, clock=clock)
        vault = Vault(settings.vault_keys, setting="LINKAROOIE_AUTH_VAULT_KEYS")
        letters = Letters(Vault(settings.letter_keys, setting="LINKAROOIE_LETTER_KEYS"), clock)
        yield Operator(
            stores=stores,
            registration=Registration(stores, letters, passwords, common_passwords(), clock),
            key_care=KeyCare(stores, vault, SigningKeys(vault, clock=clock), settings.token_lifetime, clock),
            staff=Staff(stores, provider_label=str, clock=clock),
        )
    finally:
        await passwords.stop()
        await database.stop()
