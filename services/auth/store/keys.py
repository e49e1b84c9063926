"""Queries about keys: those that sign, and those for programs; and about what ended."""

from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.auth.domain.api_key import ApiKey
from services.auth.domain.signing_key import SigningKey
from services.auth.store.tables import api_keys, sessions, signing_keys

_API_KEY = TypeAdapter(ApiKey)


class KeyQueries(UnitOfWork):
    async def signing_keys(self, now: datetime) -> list[SigningKey]:
        """Returns the keys that are published."""
        current = sa.or_(signing_keys.c.retires_at.is_(None), signing_keys.c.retires_at > now)
        rows = await self.session.execute(sa.select(signing_keys).where(current).order_by(signing_keys.c.signs_from))
        return [SigningKey(**row._mapping) for row in rows]

    async def lock_signing_keys(self) -> None:
        """Keeps other replicas and commands from changing the keys until we are done; reading goes on."""
        await self.session.execute(sa.text("LOCK TABLE signing_keys IN EXCLUSIVE MODE"))

    async def save_signing_key(self, key: SigningKey) -> None:
        """Adds a key; of one that is there, nothing but its end changes."""
        statement = insert(signing_keys).values(**asdict(key))
        end = {"retires_at": statement.excluded.retires_at}
        await self.session.execute(statement.on_conflict_do_update(index_elements=[signing_keys.c.id], set_=end))

    async def forget_signing_keys(self, *, retired_before: datetime) -> None:
        """Removes keys that are published no more."""
        await self.session.execute(sa.delete(signing_keys).where(signing_keys.c.retires_at < retired_before))

    async def ended_since(self, since: datetime) -> list[str]:
        """Returns the sessions that ended and the keys that were revoked since then."""
        ended = sa.select(sessions.c.id).where(sessions.c.ended_at.is_not(None), sessions.c.ended_at >= since)
        revoked = sa.select(api_keys.c.id).where(api_keys.c.revoked_at.is_not(None), api_keys.c.revoked_at >= since)
        return list((await self.session.execute(sa.union_all(ended, revoked))).scalars())

    async def count_api_keys(self, user_id: str) -> int:
        """Returns how many keys of an account were not revoked."""
        query = sa.select(sa.func.count()).where(_usable(user_id))
        return (await self.session.execute(query)).scalar_one()

    async def add_api_key(self, key: ApiKey) -> None:
        await self.session.execute(sa.insert(api_keys).values(**asdict(key)))

    async def api_keys_of(self, user_id: str) -> list[ApiKey]:
        """Returns the keys that were not revoked, newest first."""
        rows = await self.session.execute(sa.select(api_keys).where(_usable(user_id)).order_by(api_keys.c.id.desc()))
        return [_api_key(row) for row in rows]

    async def api_key_by_hash(self, key_hash: bytes) -> ApiKey | None:
        row = (await self.session.execute(sa.select(api_keys).where(api_keys.c.hash == key_hash))).first()
        return None if row is None else _api_key(row)

    async def revoke_api_key(self, user_id: str, key_id: str) -> ApiKey | None:
        """Revokes a key of the account's. None when there is none of that id, or it is revoked already."""
        which = sa.and_(_usable(user_id), api_keys.c.id == key_id)
        statement = sa.update(api_keys).where(which).values(revoked_at=self.clock()).returning(api_keys)
        row = (await self.session.execute(statement)).first()
        return None if row is None else _api_key(row)

    async def touch_api_key(self, key_id: str, *, at: datetime, at_most_every: timedelta) -> None:
        """Notes that a key was used, unless that was noted a short while ago."""
        long_ago = sa.or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= at - at_most_every)
        await self.session.execute(sa.update(api_keys).where(api_keys.c.id == key_id, long_ago).values(last_used_at=at))


def _usable(user_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))


def _api_key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return _API_KEY.validate_python(dict(row._mapping))
