"""Queries about letters that ask something of their reader."""

import hashlib
from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import TypeAdapter

from servicekit.database import UnitOfWork
from services.auth.domain.challenge import Challenge, Purpose
from services.auth.store.tables import challenges

_CHALLENGE = TypeAdapter(Challenge)
# Longer than letters are counted for, and than any link counts.
CHALLENGES_KEPT_FOR = timedelta(days=1)


class ChallengeQueries(UnitOfWork):
    async def lock_letters(self, email_key: str) -> None:
        """Waits until nobody else decides on letters to an address; it is ours until the end of the transaction."""
        number = int.from_bytes(hashlib.sha256(f"letters|{email_key}".encode()).digest()[:8], signed=True)
        await self.session.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    async def count_letters(self, email_key: str, purpose: Purpose, *, since: datetime) -> int:
        """Returns how many letters of a kind went to an address."""
        query = sa.select(sa.func.count()).where(
            challenges.c.email_key == email_key, challenges.c.purpose == purpose, challenges.c.created_at > since
        )
        return (await self.session.execute(query)).scalar_one()

    async def add_challenge(self, challenge: Challenge) -> None:
        await self.session.execute(sa.insert(challenges).values(**asdict(challenge)))

    async def challenge(self, token_hash: bytes) -> Challenge | None:
        row = (await self.session.execute(sa.select(challenges).where(challenges.c.token_hash == token_hash))).first()
        return None if row is None else _CHALLENGE.validate_python(dict(row._mapping))

    async def use_challenge(self, challenge: Challenge, *, at: datetime) -> bool:
        """Uses a link up. False when that was done meanwhile, or its time is over."""
        statement = (
            sa.update(challenges)
            .where(challenges.c.id == challenge.id, challenges.c.used_at.is_(None), challenges.c.expires_at > at)
            .values(used_at=at)
            .returning(challenges.c.id)
        )
        return (await self.session.execute(statement)).first() is not None

    async def void_challenges(self, user_id: str, *, at: datetime) -> None:
        """Makes every link void that was sent for an account. The user is locked before."""
        unused = sa.and_(challenges.c.user_id == user_id, challenges.c.used_at.is_(None))
        await self.session.execute(sa.update(challenges).where(unused).values(used_at=at))

    async def forget_challenges(self, *, now: datetime) -> None:
        """Removes what no link and no count needs any more."""
        await self.session.execute(sa.delete(challenges).where(challenges.c.expires_at < now - CHALLENGES_KEPT_FOR))
