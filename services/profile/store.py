"""Tables and queries of the profile service."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork, inbox_table, outbox_table
from services.profile.domain import Profile, Visibility

metadata = sa.MetaData()

profiles = sa.Table(
    "profiles",
    metadata,
    sa.Column("user_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("handle", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("bio", sa.Text, nullable=False),
    sa.Column("visibility", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("handle", name="profiles_handle"),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)


class Store(UnitOfWork):
    """The unit of work of the profile service."""

    outbox = outbox
    inbox = inbox

    async def profile(self, user_id: str, *, lock: bool = False) -> Profile | None:
        """Returns somebody's profile; with `lock` nobody else changes it meanwhile."""
        query = sa.select(profiles).where(profiles.c.user_id == user_id)
        return await self._profile(query.with_for_update() if lock else query)

    async def profile_by_handle(self, handle: str) -> Profile | None:
        return await self._profile(sa.select(profiles).where(profiles.c.handle == handle))

    async def _profile(self, query: sa.Select[Any]) -> Profile | None:  # columns of `profiles`
        row = (await self.session.execute(query)).first()
        if row is None:
            return None
        values = dict(row._mapping)
        return Profile(**{**values, "visibility": Visibility(values["visibility"])})

    async def add_profile(self, profile: Profile) -> bool:
        """Adds a profile. False when the handle is taken, however close the race was."""
        statement = (
            insert(profiles).values(**asdict(profile)).on_conflict_do_nothing(index_elements=[profiles.c.handle])
        )
        return (await self.session.execute(statement.returning(profiles.c.user_id))).first() is not None

    async def replace_profile(self, profile: Profile) -> bool:
        """Stores a changed profile. False when its handle is taken; the unit of work can only be given up then."""
        statement = sa.update(profiles).where(profiles.c.user_id == profile.user_id).values(**asdict(profile))
        try:
            await self.session.execute(statement)
        except sa.exc.IntegrityError:  # the handle is the only thing that two profiles can want
            return False
        return True
