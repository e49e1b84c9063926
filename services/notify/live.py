"""Tells the open pages of a person that something they show has changed. Stored nowhere: a page that missed it asks again anyway."""

import structlog
from nats.errors import Error as NatsError

from linkarooie.notify.v1 import notify_pb2
from servicekit.bus import Bus
from servicekit.subjects import live

log = structlog.get_logger()


class LivePages:
    """The pages that are open now, reached over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def tell(self, user_id: str, update: notify_pb2.LiveUpdate) -> None:
        """Publishes one update. A failure is logged and costs nobody anything but speed."""
        try:
            await self._bus.client.publish(live(user_id), update.SerializeToString())
        except (NatsError, OSError, ValueError) as error:
            log.warning("live_update_lost", kind=update.kind, error=str(error) or type(error).__name__)
