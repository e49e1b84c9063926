"""Queries about accounts."""

from dataclasses import asdict

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.auth.domain.account import User
from services.auth.store.tables import users

_USER = TypeAdapter(User)
_other = users.alias("other")


class AccountQueries(UnitOfWork):
    async def user(self, user_id: str) -> User | None:
        return await self._user(users.c.id == user_id)

    async def user_by_email(self, email_key: str) -> User | None:
        return await self._user(users.c.email_key == email_key)

    async def lock_user(self, user_id: str) -> User | None:
        """Returns an account; nobody else changes it, opens a session of it or ends all of them until we are done."""
        return await self._user(users.c.id == user_id, lock=True)

    async def _user(self, which: sa.ColumnElement[bool], *, lock: bool = False) -> User | None:
        query = sa.select(users).where(which)
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else _USER.validate_python(dict(row._mapping))

    async def add_user(self, user: User) -> bool:
        """Adds an account. False when there is one with the address already, however close the race was."""
        statement = insert(users).values(**asdict(user)).on_conflict_do_nothing(index_elements=[users.c.email_key])
        return (await self.session.execute(statement.returning(users.c.id))).first() is not None

    async def change_user(self, user: User) -> bool:
        """Stores a locked account as it is now. False when its address has another account already, however close the race was."""
        taken = sa.exists().where(_other.c.email_key == user.email_key, _other.c.id != user.id)
        statement = sa.update(users).where(users.c.id == user.id, ~taken).values(**asdict(user))
        try:
            return (await self.session.execute(statement.returning(users.c.id))).first() is not None
        except sa.exc.IntegrityError:
            return False
