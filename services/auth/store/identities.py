"""Queries about identities: accounts at providers that open accounts here."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.auth.domain.identity import Identity
from services.auth.store.tables import identities


class IdentityQueries(UnitOfWork):
    async def add_identity(self, identity: Identity) -> bool:
        """Adds an identity. False when it belongs to an account already, however close the race was."""
        statement = (
            insert(identities)
            .values(**asdict(identity))
            .on_conflict_do_nothing(index_elements=[identities.c.provider, identities.c.subject])
        )
        return (await self.session.execute(statement.returning(identities.c.id))).first() is not None

    async def identity(self, provider: str, subject: str) -> Identity | None:
        """Returns the identity by what the provider calls it."""
        query = sa.select(identities).where(identities.c.provider == provider, identities.c.subject == subject)
        row = (await self.session.execute(query)).first()
        return None if row is None else Identity(**row._mapping)

    async def identities_of(self, user_id: str) -> Sequence[Identity]:
        """Returns an account's identities, oldest first."""
        query = sa.select(identities).where(identities.c.user_id == user_id).order_by(identities.c.id)
        return [Identity(**row._mapping) for row in await self.session.execute(query)]

    async def use_identity(self, identity: Identity, *, name: str, at: datetime) -> bool:
        """Keeps when an identity was used, and what the provider calls it now. False when it was removed meanwhile."""
        statement = sa.update(identities).where(identities.c.id == identity.id).values(name=name, last_used_at=at)
        return (await self.session.execute(statement.returning(identities.c.id))).first() is not None

    async def rename_identity(self, identity_id: str, name: str) -> None:
        await self.session.execute(sa.update(identities).where(identities.c.id == identity_id).values(name=name))

    async def remove_identity(self, identity_id: str) -> None:
        await self.session.execute(sa.delete(identities).where(identities.c.id == identity_id))
