"""The live stream (server-sent events): what the services say on the bus about one person, to each page that the person has open."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from gateway.schemas.common import Answer
from gateway.schemas.notices import LiveEnd, LiveUpdate
from linkarooie.notify.v1 import notify_pb2
from servicekit.bus import Bus
from servicekit.identity import Caller
from servicekit.ids import Clock
from servicekit.subjects import live

log = structlog.get_logger()

HEARTBEAT_SECONDS = 15.0
# How soon a stream ends after its session.
CHECK_SECONDS = 3.0
# A page that is this far behind is better off to load anew.
QUEUE_EVENTS = 100
RETRY_MILLISECONDS = 2000

Event = LiveUpdate | LiveEnd


@dataclass(eq=False)
class _Page:
    """One open stream."""

    events: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(QUEUE_EVENTS))

    def tell(self, event: LiveUpdate) -> None:
        """Hands an event to the page. One that does not keep up gets no more but the word to load anew."""
        try:
            self.events.put_nowait(event)
        except asyncio.QueueFull:
            self.end(LiveEnd(reason="too_slow"))

    def end(self, event: LiveEnd) -> None:
        """Makes `event` the next and last one."""
        while not self.events.empty():
            self.events.get_nowait()
        self.events.put_nowait(event)


@dataclass(eq=False)
class _Audience:
    """The open pages of one person in this process, which share a subscription."""

    pages: set[_Page]
    subscription: Subscription


class LiveHub:
    """Serves all live streams of the process."""

    def __init__(
        self,
        bus: Bus,
        *,
        is_over: Callable[[Caller], Awaitable[bool]],
        clock: Clock,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        """`is_over` tells whether the session or key behind a caller was ended."""
        self._bus = bus
        self._is_over = is_over
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._check_seconds = check_seconds
        self._audiences: dict[str, _Audience] = {}
        self._changing = asyncio.Lock()
        self._closing = False

    async def stream(self, caller: Caller) -> AsyncIterator[str]:
        """Yields the stream's text until the caller's token or session ends, the page falls behind, or the process stops."""
        page = _Page()
        await self._join(caller.user_id, page)
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n: welcome\n\n"
            ends_at = token_end(caller.token)
            elapsed = asyncio.get_running_loop().time
            quiet_since = elapsed()
            while True:
                event = await self._next(page, caller, ends_at)
                if event is not None:
                    yield _text(event)
                    quiet_since = elapsed()
                elif elapsed() - quiet_since >= self._heartbeat_seconds:
                    yield ": still here\n\n"
                    quiet_since = elapsed()
                if isinstance(event, LiveEnd):
                    return
        finally:
            # Even when the client is gone and this task with it.
            await asyncio.shield(self._leave(caller.user_id, page))

    async def _next(self, page: _Page, caller: Caller, ends_at: datetime) -> Event | None:
        """Returns the next event, or None when nothing happens for a few seconds."""
        seconds_left = (ends_at - self._clock()).total_seconds()
        if seconds_left <= 0:
            return LiveEnd(reason="token_expired")
        if await self._is_over(caller):
            return LiveEnd(reason="session_ended")
        try:
            async with asyncio.timeout(min(self._check_seconds, self._heartbeat_seconds, seconds_left)):
                return await page.events.get()
        except TimeoutError:
            return None

    def close(self) -> None:
        """Ends all streams, also those that are about to begin. Call it before the server waits for its open requests."""
        self._closing = True
        for audience in self._audiences.values():
            for page in audience.pages:
                page.end(LiveEnd(reason="shutting_down"))

    async def _join(self, user_id: str, page: _Page) -> None:
        async with self._changing:
            if self._closing:
                page.end(LiveEnd(reason="shutting_down"))
                return
            audience = self._audiences.get(user_id)
            if audience is None:
                pages: set[_Page] = set()

                async def heard(message: Msg) -> None:
                    event = _update(message.data)
                    if event is not None:
                        for listener in pages:
                            listener.tell(event)

                subscription = await self._bus.client.subscribe(live(user_id), cb=heard)
                # The subscription is a message to the server; once that has answered, nothing that follows is missed.
                await self._bus.client.flush()
                audience = self._audiences[user_id] = _Audience(pages, subscription)
            audience.pages.add(page)

    async def _leave(self, user_id: str, page: _Page) -> None:
        async with self._changing:
            audience = self._audiences.get(user_id)
            if audience is None:
                return
            audience.pages.discard(page)
            if not audience.pages:
                del self._audiences[user_id]
                try:
                    await audience.subscription.unsubscribe()
                except NatsError as error:  # the connection is closed, and the subscription with it
                    log.debug("live_unsubscribe_failed", error=str(error))


def token_end(token: str) -> datetime:
    """Returns when an access token ends. The token has been verified: here it is only read."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return datetime.fromtimestamp(claims["exp"], UTC)


def _update(data: bytes) -> LiveUpdate | None:
    try:
        update = notify_pb2.LiveUpdate.FromString(data)
        return LiveUpdate.model_validate(
            {
                "kind": update.kind,
                "id": update.id,
                "state": update.state or None,
                "parent_id": update.parent_id or None,
            }
        )
    except (DecodeError, ValueError) as error:
        log.warning("live_update_unreadable", error=str(error))
        return None


def _text(event: Answer) -> str:
    name = event.kind if isinstance(event, LiveUpdate) else "end"
    return f"event: {name}\ndata: {event.model_dump_json()}\n\n"
