"""The relay: publishes what units of work recorded, at least once, and marks it."""

import asyncio
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from servicekit import metrics
from servicekit.bus import PUBLISH_TIMEOUT_SECONDS, Bus
from servicekit.database import SENT_KEPT_FOR, Database
from servicekit.ids import Clock, utc_now
from servicekit.periodic import PeriodicTask

log = structlog.get_logger()

BATCH = 200
# A commit in this process rings at once; this finds what another replica left behind when it died.
POLL_SECONDS = 1.0
PURGE_EVERY_SECONDS = 60.0
# Inbox rows outlive the messages that could come again: longer than the streams keep theirs (see `topology`).
INBOX_KEPT_DAYS = 31


class OutboxRelay:
    """Runs beside a service, one a replica; rows are locked, so replicas share the work. Order across batches is not kept."""

    def __init__(
        self, database: Database, bus: Bus, outbox: sa.Table, inbox: sa.Table, *, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._bus = bus
        self._outbox = outbox
        self._inbox = inbox
        self._clock = clock
        self._ring = asyncio.Event()
        self._purging = PeriodicTask("outbox_purge", self.purge, every_seconds=PURGE_EVERY_SECONDS)
        self._published = metrics.OUTBOX_PUBLISHED.labels(database.schema)
        self._oldest = metrics.OUTBOX_OLDEST_SECONDS.labels(database.schema)

    def ring(self) -> None:
        """Says that there are new rows; called after a commit."""
        self._ring.set()

    async def start(self) -> None:
        self._stopping = False
        self._relaying = asyncio.create_task(self._relay_for_ever())
        await self._purging.start()

    async def stop(self) -> None:
        """Sends what is left, as far as that takes no longer than one publication, and ends."""
        await self._purging.stop()
        self._stopping = True  # a library may lose the cancellation, as Python's own `wait_for` did before 3.12
        self._relaying.cancel()
        await asyncio.gather(self._relaying, return_exceptions=True)
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                await self._drain()
        except Exception as error:
            log.warning("outbox_left_for_next_start", error=str(error) or type(error).__name__)

    async def _relay_for_ever(self) -> None:
        while not self._stopping:
            # Cleared before the query: a commit during it rings again instead of being lost.
            self._ring.clear()
            try:
                await self._drain()
            except Exception as error:
                # Postgres or NATS are away, as a rule. Whatever it is: the rows are there, and a relay that ends tells nobody.
                metrics.LOOP_FAILURES.labels("outbox").inc()
                log.warning("outbox_relay_failed", error=str(error) or type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._ring.wait()
            except TimeoutError:
                continue

    async def _drain(self) -> None:
        while await self.publish_batch() == BATCH:
            pass

    async def publish_batch(self) -> int:
        """Publishes up to `BATCH` rows in one transaction and returns how many there were.

        When one of them fails all are sent again later; the bus drops those that it has (same `Nats-Msg-Id`).
        """
        outbox = self._outbox
        unsent = (
            sa.select(outbox.c.id)
            .where(outbox.c.sent_at.is_(None))
            .order_by(outbox.c.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
            .cte("unsent")
        )
        claim = (
            sa.update(outbox)
            .where(outbox.c.id == unsent.c.id)
            .values(sent_at=self._clock())
            .returning(outbox.c.id, outbox.c.created_at, outbox.c.subject, outbox.c.payload, outbox.c.headers)
        )
        async with self._database.sessions() as session:
            rows = (await session.execute(claim)).all()
            self._oldest.set(self._age_seconds(min((row.created_at for row in rows), default=None)))
            if rows:
                await asyncio.gather(*(self._publish(row) for row in sorted(rows, key=lambda row: row.id)))
            await session.commit()
        self._published.inc(len(rows))
        return len(rows)

    async def _publish(self, row: sa.Row[Any]) -> None:  # a row of the outbox
        await self._bus.jetstream.publish(row.subject, row.payload, headers=row.headers)

    def _age_seconds(self, oldest: datetime | None) -> float:
        return 0.0 if oldest is None else (self._clock() - oldest).total_seconds()

    async def purge(self) -> None:
        """Removes sent rows and inbox rows that are past their time."""
        now = self._clock()
        async with self._database.sessions() as session:
            await session.execute(sa.delete(self._outbox).where(self._outbox.c.sent_at < now - SENT_KEPT_FOR))
            await session.execute(
                sa.delete(self._inbox).where(
                    self._inbox.c.received_at < now - sa.func.make_interval(0, 0, 0, INBOX_KEPT_DAYS)
                )
            )
            await session.commit()
