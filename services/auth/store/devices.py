"""Queries about the devices that accounts were signed in on."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.auth.store.tables import devices, users

# As long as browsers keep a cookie at most, which is where they keep their token.
DEVICES_KEPT_FOR = timedelta(days=400)


class DeviceQueries(UnitOfWork):
    async def known_devices(self, user_id: str, keys: Collection[bytes]) -> set[bytes]:
        """Returns those of the keys that an account was signed in with before."""
        query = sa.select(devices.c.key_hash).where(devices.c.user_id == user_id, devices.c.key_hash.in_(keys))
        return set((await self.session.execute(query)).scalars())

    async def is_known_device(self, email_key: str, key: bytes) -> bool:
        """Tells whether the account with this address, if there is one, was signed in with a key before."""
        query = (
            sa.select(devices.c.key_hash)
            .join(users, users.c.id == devices.c.user_id)
            .where(users.c.email_key == email_key, devices.c.key_hash == key)
        )
        return (await self.session.execute(query)).first() is not None

    async def see_devices(self, user_id: str, keys: Collection[bytes], *, at: datetime) -> None:
        """Remembers that an account was signed in with these keys."""
        rows = [{"user_id": user_id, "key_hash": key, "seen_at": at} for key in sorted(keys)]
        statement = insert(devices).values(rows)
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=[devices.c.user_id, devices.c.key_hash], set_={"seen_at": statement.excluded.seen_at}
            )
        )

    async def forget_devices(self, *, now: datetime) -> None:
        """Removes devices that nobody signed in on for longer than they keep their token."""
        await self.session.execute(sa.delete(devices).where(devices.c.seen_at < now - DEVICES_KEPT_FOR))
