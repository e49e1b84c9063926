"""Queries about accounts."""

from dataclasses import asdict

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.auth.domain.account import User
from services.auth.store.tables import users

_USER = TypeAdapter(User)


class AccountQueries(UnitOfWork):
    async def user(self, user_id: str) -> User | None:
        return await self._user(users.c.id == user_id)

    async def user_by_email(self, email_key: str) -> User | None:
        return await self._user(users.c.email_key == email_key)

    async def _user(self, which: sa.ColumnElement[bool]) -> User | None:
        row = (await self.session.execute(sa.select(users).where(which))).first()
        return None if row is None else _USER.validate_python(dict(row._mapping))

    async def add_user(self, user: User) -> bool:
        """Adds an account. False when there is one with the address already, however close the race was."""
        statement = insert(users).values(**asdict(user)).on_conflict_do_nothing(index_elements=[users.c.email_key])
        return (await self.session.execute(statement.returning(users.c.id))).first() is not None

    async def replace_password_hash(self, user: User, password_hash: str) -> None:
        """Stores another hash of the same password, unless the password was changed meanwhile."""
        same = sa.and_(users.c.id == user.id, users.c.password_hash == user.password_hash)
        await self.session.execute(sa.update(users).where(same).values(password_hash=password_hash))
