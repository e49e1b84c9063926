"""What the analytics service does, one function a use case."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.analytics.domain import (
    Ending,
    Fact,
    Granularity,
    Overview,
    Series,
    Span,
    TimeSeries,
    bounds_of,
    find_zone,
)
from services.analytics.store import Store

log = structlog.get_logger()


@dataclass(frozen=True)
class Figures:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    clock: Clock

    async def make_partitions(self) -> None:
        """Makes room for the events of the months around now."""
        async with self.stores() as store:
            made = await store.make_partitions()
            await store.commit()
        if made:
            log.info("partitions_made", partitions=made)

    async def take(self, fact: Fact, ending: Ending | None = None) -> None:
        """Keeps an event and, where it is one, how a target ended. What came before changes nothing."""
        async with self.stores() as store:
            if not await store.add_fact(fact):
                return
            if ending is not None:
                await store.take_ending(ending)
            await store.commit()

    async def overview(self, *, owner_id: str, start: datetime | None, end: datetime | None) -> Overview:
        """Returns the sums of a span for one owner. Raises `InvalidInputError` for a span that cannot be."""
        span = Span.parse(start, end, now=self.clock())
        async with self.stores() as store:
            return Overview(
                span=span,
                images_uploaded=await store.count_things(owner_id, "image.uploaded", "image_id", span),
                syncs_requested=await store.count_things(owner_id, "sync.requested", "sync_id", span),
                platforms=await store.outcomes_by_platform(owner_id, span),
            )

    async def outcomes(
        self,
        *,
        owner_id: str,
        start: datetime | None,
        end: datetime | None,
        granularity: Granularity,
        time_zone: str,
    ) -> TimeSeries:
        """Returns one owner's outcomes over time, gaps filled with zeros.

        Raises `InvalidInputError` for a span that cannot be and for an unknown time zone.
        """
        span = Span.parse(start, end, now=self.clock())
        bounds = bounds_of(span, granularity, find_zone(time_zone))
        async with self.stores() as store:
            found = await store.outcomes_by_bucket(owner_id, bounds)
        counts: dict[tuple[str, str], list[int]] = {}
        for platform, result, bucket, count in found:
            counts.setdefault((platform, result), [0] * (len(bounds) - 1))[bucket] = count
        return TimeSeries(bounds, [Series(*key, counts[key]) for key in sorted(counts)])
