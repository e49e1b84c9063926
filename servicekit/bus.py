"""The connection to NATS JetStream."""

import asyncio

import nats
import structlog
from google.protobuf.message import Message
from nats.aio.client import Client
from nats.js.client import JetStreamContext

from servicekit.ids import Clock, utc_now
from servicekit.settings import BusSettings
from servicekit.subjects import envelope, subject_of

log = structlog.get_logger()

# How long the first connection may take before the service says that the bus is away.
CONNECT_TIMEOUT_SECONDS = 15
PUBLISH_TIMEOUT_SECONDS = 5


class Bus:
    """One connection a service. A part of an `App`: first to start, last to stop.

    After an interruption it connects again by itself, for as long as it takes.
    """

    def __init__(self, settings: BusSettings, *, name: str) -> None:
        self._settings = settings
        self._name = name
        self._stopping = False
        self.client: Client
        self.jetstream: JetStreamContext

    async def start(self) -> None:
        """Connects. Raises `ConnectionError` that says so when NATS does not answer in time."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                self.client = await self._connect()
        except TimeoutError as error:
            raise ConnectionError(
                f"the message bus (LINKAROOIE_NATS_URL) did not answer within {CONNECT_TIMEOUT_SECONDS} s"
            ) from error
        self.jetstream = self.client.jetstream(timeout=PUBLISH_TIMEOUT_SECONDS)

    async def _connect(self) -> Client:
        async def failed(error: Exception) -> None:
            log.warning("bus_error", error=str(error) or type(error).__name__)

        async def disconnected() -> None:
            if not self._stopping:
                log.warning("bus_disconnected")

        async def reconnected() -> None:
            log.info("bus_reconnected")

        return await nats.connect(
            self._settings.nats_url.get_secret_value(),
            name=f"linkarooie-{self._name}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=20,
            max_outstanding_pings=3,
            drain_timeout=10,
            error_cb=failed,
            disconnected_cb=disconnected,
            reconnected_cb=reconnected,
        )

    async def stop(self) -> None:
        self._stopping = True
        if self.client.is_connected:
            await self.client.drain()
        else:
            await self.client.close()

    async def ping(self) -> None:
        """Returns when the bus is connected; raises `ConnectionError` when not."""
        if not self.client.is_connected:
            raise ConnectionError("the message bus is not connected")

    async def publish_fact(
        self, event: Message, *, event_id: str, source: str, owner_id: str, clock: Clock = utc_now
    ) -> None:
        """Publishes a fact of a service that has no database, and returns when the bus has stored it.

        `event_id` must come from what happened, not from the attempt: the bus drops the second of two.
        Raises what nats-py raises; a `TimeoutError` means that the outcome is unknown, so publish again with the same id.
        """
        headers = envelope(event_id, type(event), source=source, time=clock(), owner_id=owner_id)
        await self.jetstream.publish(subject_of(type(event)), event.SerializeToString(), headers=headers)
