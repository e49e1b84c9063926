"""Queries about sessions and their refresh tokens."""

from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from services.auth.domain.session import EndReason, RefreshToken, Session
from services.auth.store.tables import refresh_tokens, sessions

# A session that was ended must be told as such for as long as its last access token lives: an hour at most, by the settings.
ENDED_SESSIONS_KEPT_FOR = timedelta(days=1)


class SessionQueries(UnitOfWork):
    async def add_session(self, session: Session) -> None:
        await self.session.execute(sa.insert(sessions).values(**asdict(session)))

    async def lock_session_of(self, token_hash: bytes) -> Session | None:
        """Returns the session that a refresh token belongs to; nobody else changes the family until we are done."""
        family = sa.select(refresh_tokens.c.session_id).where(refresh_tokens.c.hash == token_hash).scalar_subquery()
        query = sa.select(sessions).where(sessions.c.id == family).with_for_update()
        row = (await self.session.execute(query)).first()
        return None if row is None else Session(**row._mapping)

    async def touch_session(self, session: Session) -> None:
        """Stores when and from where a session was used last."""
        used = {"last_used_at": session.last_used_at, "address": session.address}
        await self.session.execute(sa.update(sessions).where(sessions.c.id == session.id).values(**used))

    async def open_sessions(self, user_id: str, *, now: datetime, limit: int) -> list[Session]:
        """Returns the sessions that can still be refreshed, the one used last first."""
        live = sa.exists().where(
            refresh_tokens.c.session_id == sessions.c.id,
            refresh_tokens.c.spent_at.is_(None),
            refresh_tokens.c.expires_at > now,
        )
        query = sa.select(sessions).where(_open_of(user_id), sessions.c.ends_at > now, live)
        rows = await self.session.execute(query.order_by(sessions.c.last_used_at.desc()).limit(limit))
        return [Session(**row._mapping) for row in rows]

    async def is_open(self, user_id: str, session_id: str) -> bool:
        """Tells whether a session of somebody's goes on. With the user locked, nobody ends all of them until we are done."""
        query = sa.select(sessions.c.id).where(_open_of(user_id), sessions.c.id == session_id)
        return (await self.session.execute(query)).first() is not None

    async def end_session(self, user_id: str, session_id: str, *, reason: EndReason) -> Session | None:
        """Ends a session of somebody's and returns it; None when there is none, or it has ended: that keeps its first reason."""
        statement = (
            sa.update(sessions)
            .where(_open_of(user_id), sessions.c.id == session_id)
            .values(ended_at=self.clock(), end_reason=reason)
            .returning(*sessions.c)
        )
        row = (await self.session.execute(statement)).first()
        return None if row is None else Session(**row._mapping)

    async def end_sessions(self, user_id: str, *, reason: EndReason, but: str | None = None) -> int:
        """Ends all sessions of somebody's, but for one that may be named. Returns how many. The user is locked before."""
        wanted = _open_of(user_id) if but is None else sa.and_(_open_of(user_id), sessions.c.id != but)
        statement = sa.update(sessions).where(wanted).values(ended_at=self.clock(), end_reason=reason)
        return len((await self.session.execute(statement.returning(sessions.c.id))).all())

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

    async def forget_sessions(self, *, now: datetime, grace: timedelta) -> None:
        """Removes successors whose grace is over, tokens past their end, and sessions long past theirs."""
        over = sa.and_(refresh_tokens.c.sealed_successor.is_not(None), refresh_tokens.c.spent_at < now - grace)
        await self.session.execute(sa.update(refresh_tokens).where(over).values(sealed_successor=None))
        await self.session.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.expires_at < now))
        await self.session.execute(sa.delete(sessions).where(sessions.c.ends_at < now - ENDED_SESSIONS_KEPT_FOR))


def _open_of(user_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
