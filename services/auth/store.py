"""Tables and queries of the auth service."""

from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork, inbox_table, outbox_table
from services.auth.domain import RefreshToken, Session, User

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("email_key", name="users_email_key"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("user_id", sa.Uuid(as_uuid=False), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("user_agent", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("end_reason", sa.Text, nullable=False),
    sa.Index("sessions_of_user", "user_id", "id"),
    sa.Index("sessions_ends_at", "ends_at"),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("session_id", sa.Uuid(as_uuid=False), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("spent_at", sa.DateTime(timezone=True)),
    sa.Column("sealed_successor", sa.LargeBinary),
    sa.Index("refresh_tokens_of_session", "session_id"),
    sa.Index("refresh_tokens_expires_at", "expires_at"),
    sa.Index("refresh_tokens_sealed", "spent_at", postgresql_where=sa.text("sealed_successor IS NOT NULL")),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)


class Store(UnitOfWork):
    """The unit of work of the auth service."""

    outbox = outbox
    inbox = inbox

    async def user(self, user_id: str) -> User | None:
        return await self._user(users.c.id == user_id)

    async def user_by_email(self, email_key: str) -> User | None:
        return await self._user(users.c.email_key == email_key)

    async def _user(self, which: sa.ColumnElement[bool]) -> User | None:
        row = (await self.session.execute(sa.select(users).where(which))).first()
        return None if row is None else User(**row._mapping)

    async def add_user(self, user: User) -> bool:
        """Adds an account. False when there is one with the address already, however close the race was."""
        statement = insert(users).values(**asdict(user)).on_conflict_do_nothing(index_elements=[users.c.email_key])
        return (await self.session.execute(statement.returning(users.c.id))).first() is not None

    async def replace_password_hash(self, user: User, password_hash: str) -> None:
        """Stores another hash of the same password, unless the password was changed meanwhile."""
        same = sa.and_(users.c.id == user.id, users.c.password_hash == user.password_hash)
        await self.session.execute(sa.update(users).where(same).values(password_hash=password_hash))

    async def add_session(self, session: Session) -> None:
        await self.session.execute(sa.insert(sessions).values(**asdict(session)))

    async def lock_session_of(self, token_hash: bytes) -> Session | None:
        """Returns the session that a refresh token belongs to; nobody else changes the family until we are done."""
        family = sa.select(refresh_tokens.c.session_id).where(refresh_tokens.c.hash == token_hash).scalar_subquery()
        query = sa.select(sessions).where(sessions.c.id == family).with_for_update()
        row = (await self.session.execute(query)).first()
        return None if row is None else Session(**row._mapping)

    async def end_session(self, session_id: str, *, reason: str) -> None:
        """Ends a session; one that has ended keeps its first reason."""
        open_one = sa.and_(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        await self.session.execute(sa.update(sessions).where(open_one).values(ended_at=self.clock(), end_reason=reason))

    async def refresh_token(self, token_hash: bytes) -> RefreshToken | None:
        """Returns a refresh token. Ask after the session's lock: before it, another request may be spending the token."""
        query = sa.select(refresh_tokens).where(refresh_tokens.c.hash == token_hash)
        row = (await self.session.execute(query)).first()
        return None if row is None else RefreshToken(**row._mapping)

    async def add_refresh_token(self, token: RefreshToken) -> None:
        await self.session.execute(sa.insert(refresh_tokens).values(**asdict(token)))

    async def spend_refresh_token(self, token_hash: bytes, *, at: datetime, sealed_successor: bytes) -> None:
        await self.session.execute(
            sa.update(refresh_tokens)
            .where(refresh_tokens.c.hash == token_hash)
            .values(spent_at=at, sealed_successor=sealed_successor)
        )

    async def forget_what_is_over(self, *, now: datetime, grace: timedelta) -> None:
        """Removes successors whose grace is over, tokens past their end, and sessions past theirs."""
        over = sa.and_(refresh_tokens.c.sealed_successor.is_not(None), refresh_tokens.c.spent_at < now - grace)
        await self.session.execute(sa.update(refresh_tokens).where(over).values(sealed_successor=None))
        await self.session.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.expires_at < now))
        await self.session.execute(sa.delete(sessions).where(sessions.c.ends_at < now))
