"""Public addresses that answer something else now: this process forgets what it knows of them, and a cache in front of us is told to."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

import httpx2
import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from pydantic import SecretStr

from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.consumers import Delivery
from servicekit.subjects import subject_of

log = structlog.get_logger()

# The consumer tries again, later, what takes longer.
TIMEOUT_SECONDS = 10.0

Listener = Callable[[Sequence[str]], None]
"""Is told the paths, as the services know them."""


class ChangedAddresses:
    """Tells this process what every replica has to know at once. A part of an `App`.

    Nothing is stored for it: what it misses while the bus is away ends by itself soon after, as everything that is kept here does.
    """

    def __init__(self, bus: Bus, *listeners: Listener) -> None:
        self._bus = bus
        self._listeners = listeners

    async def start(self) -> None:
        subject = subject_of(events.AddressesChanged)
        self._subscription = await self._bus.client.subscribe(subject, cb=self._heard)
        # The subscription is a message to the server; once that has answered, nothing that follows is missed.
        await self._bus.client.flush()

    async def stop(self) -> None:
        if self._bus.client.is_connected:
            await self._subscription.unsubscribe()

    async def _heard(self, message: Msg) -> None:
        try:
            paths = events.AddressesChanged.FromString(message.data).paths
        except DecodeError as error:
            log.warning("changed_addresses_unreadable", error=str(error))
            return
        for listener in self._listeners:
            listener(paths)


class PurgeFailedError(Exception):
    """The hook did not take the addresses."""


class PurgeHook:
    """Hands changed addresses to whatever empties the cache in front of us. A part of an `App`.

    Whoever is told twice empties it twice, so there is no memory of what was told.
    """

    def __init__(self, url: str, token: SecretStr, *, public_url: str) -> None:
        """Without a `url` nobody is told."""
        self._url = url
        self._token = token
        self._public_url = public_url

    async def start(self) -> None:
        token = self._token.get_secret_value()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.AsyncClient(headers=headers, timeout=TIMEOUT_SECONDS)

    async def stop(self) -> None:
        await self._http.aclose()

    async def tell(self, delivery: Delivery) -> None:
        """Tells of one change. Raises `PurgeFailedError`, so that the consumer comes again later."""
        if not self._url:
            return
        urls = [self._public_url + quote(path) for path in delivery.message.paths]
        try:
            answer = await self._http.post(self._url, json={"urls": urls})
        except httpx2.TransportError as error:
            raise PurgeFailedError(f"the purge hook does not answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise PurgeFailedError(f"the purge hook answered {answer.status_code}")
        log.info("addresses_purged", count=len(urls))
