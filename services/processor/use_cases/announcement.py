"""Tells which recipes are in force, so that pictures that were made by others are made anew."""

from collections.abc import Sequence

import structlog
from nats.errors import Error as NatsError

from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.ids import Clock
from servicekit.periodic import PeriodicTask
from servicekit.protobuf import timestamp
from servicekit.topology import DUPLICATE_WINDOW_SECONDS
from services.processor.domain import Recipe, announcement_id, fingerprint

log = structlog.get_logger()

SOURCE = "processor"
# One that was lost is made up for by the next.
EVERY_SECONDS = 60 * 60.0


class Announcement:
    """Publishes `recipes.published` at the start and every hour from then on. A part of an `App`: the last to start.

    Replicas that tell the same at about the same time tell it once. It belongs to no account.
    """

    def __init__(self, bus: Bus, recipes: Sequence[Recipe], *, clock: Clock) -> None:
        self._bus = bus
        self._recipes = recipes
        self._clock = clock
        self._again = PeriodicTask("recipes_published", self.tell, every_seconds=EVERY_SECONDS)

    async def start(self) -> None:
        try:
            await self.tell()
        except (NatsError, TimeoutError) as error:
            # Pictures can be made meanwhile.
            log.warning("recipes_not_told", error=str(error) or type(error).__name__)
        await self._again.start()

    async def stop(self) -> None:
        await self._again.stop()

    async def tell(self) -> None:
        """Publishes the event once. Raises what nats-py raises."""
        now, in_force = self._clock(), fingerprint(self._recipes)
        await self._bus.publish_fact(
            events.RecipesPublished(fingerprint=in_force, event_time=timestamp(now)),
            event_id=announcement_id(in_force, now, window_seconds=DUPLICATE_WINDOW_SECONDS),
            source=SOURCE,
            owner_id="",
            clock=self._clock,
        )
