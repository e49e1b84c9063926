"""Durable consumers: what arrives is handled at least once, kept alive while it is worked on, and laid aside when it cannot be."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext
from nats.js.errors import APIError
from opentelemetry import propagate, trace

from servicekit import metrics
from servicekit.bus import Bus
from servicekit.ids import Clock, utc_now
from servicekit.subjects import MESSAGES, dead_letter
from servicekit.topology import MAX_ATTEMPTS, Subscription

log = structlog.get_logger()
tracer = trace.get_tracer("linkarooie.consumers")

# A fetch that was waiting when the server restarted is not asked again: short, so that it is soon.
FETCH_TIMEOUT_SECONDS = 2
# What a handler may still take when the process is told to stop; then its message goes to another replica.
STOP_GRACE_SECONDS = 20


class PoisonedMessageError(Exception):
    """The message can never be handled: lay it aside at once, with this reason."""


@dataclass(frozen=True)
class Delivery:
    """One message as a handler gets it. `message_id` is the same in every repetition: the key for the inbox."""

    message_id: str
    consumer: str
    subject: str
    message: Any  # the protobuf message that belongs to the subject
    owner_id: str
    attempt: int
    published_at: datetime


Handler = Callable[[Delivery], Awaitable[None]]
Jitter = Callable[[float, float], float]
"""Draws a number between two: `random.uniform`, or what a test wants."""


class Consumer:
    """Runs one durable consumer. A part of an `App`.

    `handlers` maps a message type to its handler; for a subject that is no fact, `message` names the type. A handler that
    returns is done; one that raises is called again later with the same message, and in the end it becomes a dead letter.
    """

    def __init__(
        self,
        bus: Bus,
        subscription: Subscription,
        handlers: Mapping[type[Message], Handler],
        *,
        message: type[Message] | None = None,
        ack_wait_seconds: float,
        clock: Clock = utc_now,
    ) -> None:
        self._bus = bus
        self._subscription = subscription
        self._handlers = handlers
        self._message = message
        self._heartbeat_seconds = ack_wait_seconds / 3
        self._clock = clock

    async def start(self) -> None:
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"consumer {self._subscription.durable}")

    async def stop(self) -> None:
        self._stopping.set()
        # An end by itself has been told by `ping`.
        await asyncio.gather(self._task, return_exceptions=True)

    async def ping(self) -> None:
        """Readiness: raises `RuntimeError` when the consumer has ended although nobody told it to."""
        if self._task.done():
            raise RuntimeError(f"the consumer {self._subscription.durable} has ended: {self._task.exception()!r}")

    async def _run(self) -> None:
        durable, stream = self._subscription.durable, self._subscription.stream
        free = asyncio.Semaphore(self._subscription.concurrency)
        running: set[asyncio.Task[None]] = set()
        subscription = await self._bus.jetstream.pull_subscribe_bind(durable, stream=stream)

        def finished(task: asyncio.Task[None]) -> None:
            running.discard(task)
            free.release()

        try:
            while not self._stopping.is_set():
                await free.acquire()
                message = await self._fetch(subscription)
                if message is None:
                    free.release()
                    continue
                task = asyncio.create_task(self._handle(message))
                running.add(task)
                task.add_done_callback(finished)
        finally:
            # Before the connection is drained: with fetches left over that would hang for its whole time-out.
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
            if running:
                _, late = await asyncio.wait(running, timeout=STOP_GRACE_SECONDS)
                for task in late:
                    task.cancel()

    async def _fetch(self, subscription: JetStreamContext.PullSubscription) -> Msg | None:
        """Waits for a message, for a time-out, or for being told to stop, whichever comes first.

        One at a time: a fetch of several holds the first back for as long as it waits for the others (nats-py 2.16).
        """
        fetch = asyncio.create_task(subscription.fetch(1, timeout=FETCH_TIMEOUT_SECONDS))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({fetch, stop}, return_when=asyncio.FIRST_COMPLETED)
            return fetch.result()[0] if fetch.done() else None
        except TimeoutError:
            return None
        except (APIError, NatsError) as error:
            log.warning("fetch_failed", consumer=self._subscription.durable, error=str(error) or type(error).__name__)
            await asyncio.sleep(1)
            return None
        finally:
            fetch.cancel()
            stop.cancel()

    async def _handle(self, raw: Msg) -> None:
        durable = self._subscription.durable
        headers = raw.headers or {}
        attempt = raw.metadata.num_delivered
        published_at = raw.metadata.timestamp
        metrics.DELIVERY_AGE_SECONDS.labels(durable).observe(max(0.0, time.time() - published_at.timestamp()))
        context = propagate.extract(headers)
        bound = structlog.contextvars.bound_contextvars(
            consumer=durable, message_id=headers.get("ce-id"), attempt=attempt, owner_id=headers.get("ce-subject")
        )
        with bound, tracer.start_as_current_span(f"handle {raw.subject}", context, kind=trace.SpanKind.CONSUMER):
            alive = asyncio.create_task(self._sign_of_life(raw))
            try:
                await self._call(raw, headers, attempt, published_at)
                # Synchronous: a lost acknowledgement only means a repetition, but one that nobody needs.
                await raw.ack_sync()
                metrics.DELIVERIES.labels(durable, "done").inc()
            except asyncio.CancelledError:
                raise
            except (PoisonedMessageError, DecodeError) as error:
                await self._lay_aside(raw, headers, error)
            except Exception as error:
                if attempt >= MAX_ATTEMPTS:
                    log.exception("delivery_gave_up", subject=raw.subject)
                    await self._lay_aside(raw, headers, error)
                else:
                    log.warning(
                        "delivery_failed", subject=raw.subject, error=f"{type(error).__name__}: {error}", exc_info=True
                    )
                    await self._later(raw, attempt)
            finally:
                alive.cancel()

    async def _call(self, raw: Msg, headers: Mapping[str, str], attempt: int, published_at: datetime) -> None:
        kind = self._message or MESSAGES.get(raw.subject)
        if kind is None:
            # A fact from a newer version: those who do not know it have nothing to do with it.
            return
        handler = self._handlers.get(kind)
        if handler is None:
            return
        message = kind()
        message.ParseFromString(raw.data)
        message_id = headers.get("ce-id")
        if not message_id:
            raise PoisonedMessageError("the message has no ce-id header")
        await handler(
            Delivery(
                message_id=message_id,
                consumer=self._subscription.durable,
                subject=raw.subject,
                message=message,
                owner_id=headers.get("ce-subject", ""),
                attempt=attempt,
                published_at=published_at.astimezone(UTC),
            )
        )

    async def _sign_of_life(self, raw: Msg) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            with contextlib.suppress(NatsError):
                await raw.in_progress()

    async def _later(self, raw: Msg, attempt: int) -> None:
        metrics.DELIVERIES.labels(self._subscription.durable, "retry").inc()
        # Never nak without a delay: the message would be back at once.
        with contextlib.suppress(NatsError):
            await raw.nak(delay=retry_delay_seconds(attempt))

    async def _lay_aside(self, raw: Msg, headers: Mapping[str, str], error: Exception) -> None:
        where = raw.metadata
        # A poisoned message says its reason itself; anything else is an error that was not expected.
        reason = (str(error) if isinstance(error, PoisonedMessageError) else f"{type(error).__name__}: {error}")[:500]
        letter = {
            **headers,
            "Nats-Msg-Id": f"dlq-{where.stream}-{where.sequence.stream}-{self._subscription.durable}",
            "linkarooie-consumer": self._subscription.durable,
            "linkarooie-reason": reason.encode("ascii", "replace").decode().replace("\n", " "),
            "linkarooie-failed-at": self._clock().isoformat(),
        }
        try:
            await self._bus.jetstream.publish(dead_letter(raw.subject), raw.data, headers=letter)
            await raw.term()
            metrics.DELIVERIES.labels(self._subscription.durable, "dead_letter").inc()
            log.error("dead_letter", subject=raw.subject, reason=reason)
        except (TimeoutError, NatsError, APIError) as failure:
            log.warning("dead_letter_not_stored", subject=raw.subject, error=str(failure))
            await self._later(raw, where.num_delivered)


def retry_delay_seconds(attempt: int, *, jitter: Jitter = random.uniform) -> float:
    """Returns how long to wait after a failed attempt (1 is the first): 2, 8, 32, 128, then 300 s, give or take a fifth."""
    return min(2.0 * 4.0 ** (attempt - 1), 300.0) * jitter(0.8, 1.2)
