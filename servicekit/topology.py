"""All streams and consumers of the bus, declared in one place and created by one idempotent step (`linkarooie migrate`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from servicekit.bus import Bus
from servicekit.settings import BusSettings
from servicekit.subjects import PROCESS_JOBS, RENDER_BULK, RENDER_INTERACTIVE, SYNC_JOBS, sync_job

DAY_SECONDS = 24 * 60 * 60
# Longer than a relay can be kept from marking what it published, so that a repetition is recognised.
DUPLICATE_WINDOW_SECONDS = 15 * 60
# Attempts before a message is laid aside as a dead letter; with the delays of `consumers` that is about a quarter of an hour.
MAX_ATTEMPTS = 6
# Room for messages that wait out a delay beside those that are worked on: they count, too.
MAX_UNACKNOWLEDGED = 1000
# Places on one platform that a replica is at work on at once. A turn is nearly all waiting: at a platform that takes 10 seconds to answer
# these are 200 answers a second, about what one core can make of them.
SYNC_TURNS = 2048
# Replicas of the sync service that get their fill; more share it.
MOST_SYNC_REPLICAS = 16

EVENTS = "EVENTS"
JOBS = "JOBS"
DEAD_LETTERS = "DLQ"
ADVISORIES = "ADVISORY"


@dataclass(frozen=True)
class Subscription:
    """One durable consumer: what it hears, how many messages a replica handles at once, and how many all of them together."""

    durable: str
    stream: str
    subjects: tuple[str, ...]
    concurrency: int = 10
    unacknowledged: int = MAX_UNACKNOWLEDGED


# The processor sets the concurrency of these three from the number of its workers.
PROCESSOR = Subscription("processor", EVENTS, ("evt.image.uploaded.v1",))
PROCESS_INTERACTIVE = Subscription("process-interactive", JOBS, (RENDER_INTERACTIVE,))
PROCESS_BULK = Subscription("process-bulk", JOBS, (RENDER_BULK,))
UPLOAD = Subscription(
    "upload",
    EVENTS,
    (
        "evt.variants.ready.v1",
        "evt.variants.failed.v1",
        "evt.recipes.published.v1",
        "evt.account.registered.v1",
        "evt.account.changed.v1",
        "evt.profile.updated.v1",
        "evt.connection.removed.v1",
    ),
)
PROFILE = Subscription("profile", EVENTS, ("evt.account.registered.v1",))
SYNC = Subscription(
    "sync",
    EVENTS,
    ("evt.variants.ready.v1", "evt.variants.failed.v1", "evt.image.deleted.v1", "evt.defaults.changed.v1"),
)
ANALYTICS = Subscription("analytics", EVENTS, ("evt.>",), concurrency=20)
NOTIFY = Subscription(
    "notify",
    EVENTS,
    (
        "evt.account.registered.v1",
        "evt.account.changed.v1",
        "evt.account.letter_requested.v1",
        "evt.account.security_noted.v1",
        "evt.image.ready.v1",
        "evt.image.failed.v1",
        "evt.image.edited.v1",
        "evt.image.deleted.v1",
        "evt.image.restored.v1",
        "evt.image.purged.v1",
        "evt.defaults.changed.v1",
        "evt.connection.added.v1",
        "evt.connection.observed.v1",
        "evt.connection.revoked.v1",
        "evt.connection.expiry_noted.v1",
        "evt.connection.removed.v1",
        "evt.target.changed.v1",
        "evt.target.reminded.v1",
        "evt.sync.finished.v1",
    ),
)
# One at a time: who empties a cache is often told to do so slowly.
PURGE = Subscription("purge", EVENTS, ("evt.addresses.changed.v1",), concurrency=1)
FIXED_SUBSCRIPTIONS: Sequence[Subscription] = (
    PROCESSOR,
    PROCESS_INTERACTIVE,
    PROCESS_BULK,
    UPLOAD,
    PROFILE,
    SYNC,
    ANALYTICS,
    NOTIFY,
    PURGE,
)


def sync_jobs_of(platform: str) -> Subscription:
    """Returns the consumer of one platform's doorbells: apart, so that a platform that is down holds up no other."""
    return Subscription(
        f"sync-{platform}",
        JOBS,
        (sync_job(platform),),
        concurrency=SYNC_TURNS,
        unacknowledged=SYNC_TURNS * MOST_SYNC_REPLICAS,
    )


def streams(settings: BusSettings) -> Sequence[StreamConfig]:
    """Returns the streams as they should be."""
    replicas, storage = settings.nats_replicas, settings.nats_storage_bytes
    return (
        StreamConfig(
            name=EVENTS,
            description="Facts, for any number of consumers",
            subjects=["evt.>"],
            retention=RetentionPolicy.LIMITS,
            max_age=30 * DAY_SECONDS,
            max_bytes=storage // 2,
            # Refuse rather than drop in silence: the outbox keeps what is refused, and an alert tells.
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            num_replicas=replicas,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
        ),
        StreamConfig(
            name=JOBS,
            description="Work, each message for one worker",
            subjects=[SYNC_JOBS, PROCESS_JOBS],
            retention=RetentionPolicy.WORK_QUEUE,
            max_age=7 * DAY_SECONDS,
            max_bytes=storage // 4,
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            num_replicas=replicas,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
        ),
        StreamConfig(
            name=DEAD_LETTERS,
            description="Messages that failed again and again, with the reason in their headers",
            subjects=["dlq.>"],
            retention=RetentionPolicy.LIMITS,
            max_age=30 * DAY_SECONDS,
            max_bytes=storage // 8,
            storage=StorageType.FILE,
            num_replicas=replicas,
        ),
        StreamConfig(
            name=ADVISORIES,
            description="The server's own word on messages that ran out of attempts",
            subjects=["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"],
            retention=RetentionPolicy.LIMITS,
            max_age=7 * DAY_SECONDS,
            max_bytes=storage // 32,
            storage=StorageType.FILE,
            num_replicas=replicas,
        ),
    )


async def ensure_topology(bus: Bus, settings: BusSettings, *, platforms: Iterable[str]) -> None:
    """Creates what is missing and updates what differs; any number of times, from any number of processes.

    Raises nats-py's `APIError` when the server refuses a change, such as another retention for a stream that exists.
    """
    for stream in streams(settings):
        try:
            await bus.jetstream.stream_info(str(stream.name))
        except NotFoundError:
            await bus.jetstream.add_stream(stream)
        else:
            await bus.jetstream.update_stream(stream)
    for subscription in (*FIXED_SUBSCRIPTIONS, *(sync_jobs_of(platform) for platform in platforms)):
        # Not through pull_subscribe: that would ignore the settings of a consumer that exists.
        await bus.jetstream.add_consumer(
            subscription.stream,
            ConsumerConfig(
                durable_name=subscription.durable,
                filter_subjects=list(subscription.subjects),
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                # No `backoff` here: it would replace ack_wait and take work away from handlers that are alive.
                ack_wait=settings.consumer_ack_wait_seconds,
                # One more than we count, so that it is we who lay the message aside, with its reason.
                max_deliver=MAX_ATTEMPTS + 1,
                max_ack_pending=subscription.unacknowledged,
            ),
        )
