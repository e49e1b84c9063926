"""Tables and queries of the analytics service."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.analytics.domain import RESULTS, Ending, Fact, PlatformOutcomes, Span

metadata = sa.MetaData()

# One partition a month, made ahead. There is no default partition: it would stand in the way of detaching old months, and
# what fits nowhere is better seen (as a dead letter) than kept out of sight.
events = sa.Table(
    "events",
    metadata,
    sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", postgresql.JSONB, nullable=False),
    sa.Index("events_of_owner", "owner_id", "kind", "at"),
    postgresql_partition_by="RANGE (at)",
)

targets = sa.Table(
    "targets",
    metadata,
    sa.Column("target_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("requested_at", sa.DateTime(timezone=True)),
    sa.Column("rested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("targets_of_owner", "owner_id", "rested_at"),
)

# Events stay 30 days in the stream, and as long again as dead letters that may be replayed; three months back hold them all.
MONTHS_BACK = 3
MONTHS_AHEAD = 3


class Store(UnitOfWork):
    """The unit of work of the analytics service. It has no inbox, since `events` itself knows what came before, and emits no events."""

    async def make_partitions(self) -> list[str]:
        """Makes the partitions around this month that do not exist, and returns their names."""
        existing = set((await self.session.execute(sa.text(EXISTING_PARTITIONS))).scalars())
        missing = [month for month in months_around(self.clock()) if partition_name(month) not in existing]
        for month in missing:
            await self.session.execute(sa.text(create_partition(month)))
        return [partition_name(month) for month in missing]

    async def add_fact(self, fact: Fact) -> bool:
        """Keeps an event. False when it came before."""
        statement = insert(events).values(**asdict(fact)).on_conflict_do_nothing()
        return (await self.session.execute(statement.returning(events.c.id))).first() is not None

    async def take_ending(self, ending: Ending) -> None:
        """Remembers how a target ended, unless something newer is known about it."""
        values = asdict(ending)
        statement = insert(targets).values(**values)
        news = {name: statement.excluded[name] for name in values if name != "target_id"}
        newer = statement.excluded.version > targets.c.version
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["target_id"], set_=news, where=newer)
        )

    async def count_things(self, owner_id: str, kind: str, id_field: str, span: Span) -> int:
        """Counts the things that events of a kind tell of: each once, even if its event was published under two ids."""
        thing_id = events.c.payload[id_field].astext
        query = sa.select(sa.func.count(thing_id.distinct())).where(
            events.c.owner_id == owner_id, events.c.kind == kind, events.c.at >= span.start, events.c.at < span.end
        )
        return (await self.session.execute(query)).scalar_one()

    async def outcomes_by_platform(self, owner_id: str, span: Span) -> list[PlatformOutcomes]:
        """Returns the sums of a span, sorted by platform."""
        result = targets.c.result
        seconds = sa.extract("epoch", targets.c.rested_at - targets.c.requested_at)
        median = sa.func.percentile_cont(0.5).within_group(seconds).filter(result == "verified")
        query = (
            sa.select(
                targets.c.platform,
                sa.func.count().filter(result == "verified").label("verified"),
                sa.func.count().filter(result.in_(("failed", "differs"))).label("failed"),
                sa.func.count().filter(result == "needs_you").label("needs_you"),
                median.label("median_seconds_to_verified"),
            )
            .where(*_of(owner_id, span))
            .group_by(targets.c.platform)
            .order_by(targets.c.platform)
        )
        return [PlatformOutcomes(**row._mapping) for row in await self.session.execute(query)]

    async def outcomes_by_bucket(self, owner_id: str, bounds: Sequence[datetime]) -> list[tuple[str, str, int, int]]:
        """Returns (platform, result, number of the bucket from 0, count), sorted; buckets without outcomes are left out."""
        array = sa.cast(list(bounds), postgresql.ARRAY(sa.DateTime(timezone=True)))
        bucket = (sa.func.width_bucket(targets.c.rested_at, array) - 1).label("bucket")
        query = (
            sa.select(targets.c.platform, targets.c.result, bucket, sa.func.count())
            .where(*_of(owner_id, Span(bounds[0], bounds[-1])))
            .group_by(targets.c.platform, targets.c.result, sa.text("bucket"))
            .order_by(targets.c.platform, targets.c.result, sa.text("bucket"))
        )
        return [tuple(row) for row in await self.session.execute(query)]


def _of(owner_id: str, span: Span) -> tuple[sa.ColumnElement[bool], ...]:
    rested_at = targets.c.rested_at
    return (
        targets.c.owner_id == owner_id,
        rested_at >= span.start,
        rested_at < span.end,
        targets.c.result.in_(RESULTS),
    )


EXISTING_PARTITIONS = """
    SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'events'::regclass
"""


def months_around(now: datetime) -> list[datetime]:
    """Returns the beginnings of the months that events may fall into now."""
    return [_month(now, offset) for offset in range(-MONTHS_BACK, MONTHS_AHEAD + 1)]


def _month(at: datetime, offset: int) -> datetime:
    months = at.year * 12 + at.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def partition_name(month: datetime) -> str:
    return f"events_{month:%Y_%m}"


def create_partition(month: datetime) -> str:
    """Returns the statement that makes the partition of a month; two replicas may run it at once."""
    following = _month(month, 1)
    return (
        f"CREATE TABLE IF NOT EXISTS {partition_name(month)} PARTITION OF events"
        f" FOR VALUES FROM ('{month.isoformat()}') TO ('{following.isoformat()}')"
    )
