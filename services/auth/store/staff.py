"""Queries for those who help people."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from servicekit.identity import Role
from services.auth.domain.activity import Action
from services.auth.store.tables import activities, api_keys, identities, users


@dataclass(frozen=True)
class AccountFigures:
    """What there is beside an account."""

    providers: tuple[str, ...]
    api_keys: int
    last_sign_in_at: datetime | None


class StaffQueries(UnitOfWork):
    async def figures_of(self, user_id: str) -> AccountFigures:
        """Counts what belongs to an account."""
        usable = sa.and_(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        signed_in = sa.and_(
            activities.c.user_id == user_id,
            activities.c.action.in_([Action.SIGNED_IN, Action.SIGNED_IN_NEW_DEVICE]),
        )
        linked = sa.select(identities.c.provider).where(identities.c.user_id == user_id).order_by(identities.c.id)
        counts = sa.select(
            sa.select(sa.func.count()).where(usable).scalar_subquery(),
            sa.select(sa.func.max(activities.c.at)).where(signed_in).scalar_subquery(),
        )
        keys, last_sign_in_at = (await self.session.execute(counts)).one()
        providers = tuple((await self.session.execute(linked)).scalars())
        return AccountFigures(providers, keys, last_sign_in_at)

    async def lock_admins(self) -> set[str]:
        """Returns the accounts that are admins; nobody else changes who they are until we are done."""
        query = sa.select(users.c.id).where(users.c.role == Role.ADMIN).order_by(users.c.id).with_for_update()
        return set((await self.session.execute(query)).scalars())
