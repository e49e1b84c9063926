"""Queries about failures to sign in."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.auth.domain.throttle import FORGOTTEN_AFTER, Counter
from services.auth.store.tables import throttles

THROTTLES_KEPT_FOR = timedelta(days=1)


class ThrottleQueries(UnitOfWork):
    async def failures(self, keys: Collection[bytes]) -> Mapping[bytes, Counter]:
        """Returns the counters that there are."""
        rows = await self.session.execute(sa.select(throttles).where(throttles.c.key.in_(keys)))
        return {row.key: Counter(row.failures, row.last_failed_at) for row in rows}

    async def count_failure(self, keys: Collection[bytes], *, at: datetime) -> Mapping[bytes, Counter]:
        """Adds one to each counter, which starts anew after a while of peace. Returns them."""
        rows = [{"key": key, "failures": 1, "last_failed_at": at} for key in sorted(keys)]  # one order: no deadlocks
        peace = throttles.c.last_failed_at <= at - FORGOTTEN_AFTER
        statement = insert(throttles).values(rows)
        statement = statement.on_conflict_do_update(
            index_elements=[throttles.c.key],
            set_={"failures": sa.case((peace, 1), else_=throttles.c.failures + 1), "last_failed_at": at},
        )
        counted = await self.session.execute(statement.returning(*throttles.c))
        return {row.key: Counter(row.failures, row.last_failed_at) for row in counted}

    async def clear_failures(self, key: bytes) -> None:
        await self.session.execute(sa.delete(throttles).where(throttles.c.key == key))

    async def forget_failures(self, *, now: datetime) -> None:
        """Removes counters that have not counted for long."""
        await self.session.execute(sa.delete(throttles).where(throttles.c.last_failed_at < now - THROTTLES_KEPT_FOR))
