"""Queries about sessions and their refresh tokens."""

from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from services.auth.domain.session import RefreshToken, Session
from services.auth.store.tables import refresh_tokens, sessions


class SessionQueries(UnitOfWork):
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
