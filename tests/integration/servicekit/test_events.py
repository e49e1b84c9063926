"""Events over real Postgres and NATS: nothing is lost, nothing takes effect twice, and what cannot be handled is laid aside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from nats.js.api import AckPolicy, ConsumerConfig

from linkarooie.events.v1 import events_pb2 as events
from servicekit import consumers, outbox
from servicekit.bus import Bus
from servicekit.consumers import Consumer, Delivery, PoisonedMessageError
from servicekit.database import Database
from servicekit.ids import new_id
from servicekit.outbox import OutboxRelay
from servicekit.subjects import subject_of
from servicekit.topology import EVENTS, MAX_ATTEMPTS, Subscription
from services.upload import store
from services.upload.settings import UploadSettings

SUBJECT = subject_of(events.ProfileUpdated)


@pytest.fixture
async def database(service_settings: Callable[..., UploadSettings]) -> AsyncIterator[Database]:
    made = Database(service_settings(UploadSettings), schema="upload")
    yield made
    await made.stop()


@pytest.fixture
def relay(database: Database, bus: Bus) -> OutboxRelay:
    return OutboxRelay(database, bus, store.outbox, store.inbox)


@pytest.fixture
async def subscription(bus: Bus) -> Subscription:
    """A durable consumer of the test's own, that hears what comes from now on."""
    from nats.js.api import DeliverPolicy

    durable = f"test-{new_id()}"
    config = ConsumerConfig(
        durable_name=durable,
        filter_subjects=[SUBJECT],
        deliver_policy=DeliverPolicy.NEW,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=2,
        max_deliver=MAX_ATTEMPTS + 1,
    )
    await bus.jetstream.add_consumer(EVENTS, config)
    return Subscription(durable, EVENTS, (SUBJECT,))


def unit_of_work(database: Database, committed: Callable[[], None] | None = None) -> store.Store:
    return store.Store(database, committed=committed)


async def record(database: Database, *, commit: bool = True, committed: Callable[[], None] | None = None) -> str:
    """Decides one event and returns its owner."""
    owner_id = new_id()
    async with unit_of_work(database, committed) as work:
        work.record(events.ProfileUpdated(user_id=owner_id, handle="ada"), owner_id=owner_id)
        if commit:
            await work.commit()
    return owner_id


class Heard:
    """A handler that notes what it was given, and fails as often as it is told to."""

    def __init__(self, *, failures: int = 0, error: type[Exception] = RuntimeError) -> None:
        self.deliveries: list[Delivery] = []
        self.failures = failures
        self.error = error

    async def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if len(self.deliveries) <= self.failures:
            raise self.error("not today")

    @property
    def owners(self) -> list[str]:
        return [delivery.owner_id for delivery in self.deliveries]


@pytest.fixture
async def listen(bus: Bus, subscription: Subscription) -> AsyncIterator[Callable[[Any], Any]]:
    running: list[Consumer] = []

    async def start(handler: Any) -> Consumer:
        consumer = Consumer(bus, subscription, {events.ProfileUpdated: handler}, ack_wait_seconds=2)
        await consumer.start()
        running.append(consumer)
        return consumer

    yield start
    for consumer in running:
        await consumer.stop()


async def test_a_committed_event_arrives_with_its_envelope(
    database: Database, relay: OutboxRelay, listen: Any, eventually: Any
) -> None:
    heard = Heard()
    await listen(heard)
    owner_id = await record(database)

    await relay.publish_batch()
    await eventually(lambda: heard.deliveries)

    delivery = heard.deliveries[0]
    assert delivery.message.handle == "ada"
    assert (delivery.owner_id, delivery.subject, delivery.attempt) == (owner_id, SUBJECT, 1)


async def test_an_event_of_a_rolled_back_change_never_leaves(database: Database, relay: OutboxRelay) -> None:
    owner_id = await record(database, commit=False)

    await relay.publish_batch()

    async with database.sessions() as session:
        found = await session.scalar(
            sa.select(sa.func.count())
            .select_from(store.outbox)
            .where(store.outbox.c.headers["ce-subject"].astext == owner_id)
        )
    assert found == 0


async def test_a_commit_rings_the_relay_at_once(
    database: Database, relay: OutboxRelay, listen: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 3600)
    heard = Heard()
    await listen(heard)
    await relay.start()
    try:
        owner_id = await record(database, committed=relay.ring)
        await eventually(lambda: owner_id in heard.owners)
    finally:
        await relay.stop()


async def test_a_relay_that_dies_after_publishing_sends_again_and_nobody_hears_it_twice(
    database: Database, relay: OutboxRelay, listen: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    await listen(heard)
    owner_id = await record(database)
    publish = relay._publish

    async def publish_then_die(row: Any) -> None:
        await publish(row)
        raise ConnectionError("the process is gone before the row is marked")

    # This relay only: services of other tests live in the same process.
    monkeypatch.setattr(relay, "_publish", publish_then_die)
    with pytest.raises(ConnectionError):
        await relay.publish_batch()
    monkeypatch.undo()
    await relay.publish_batch()
    await eventually(lambda: heard.deliveries)
    await relay.publish_batch()
    later_owner = await record(database)
    await relay.publish_batch()
    await eventually(lambda: later_owner in heard.owners)

    assert heard.owners.count(owner_id) == 1


async def test_two_relays_share_the_rows_and_lose_none(
    database: Database, bus: Bus, listen: Any, eventually: Any
) -> None:
    heard = Heard()
    await listen(heard)
    owners = {await record(database) for _ in range(30)}
    relays = [OutboxRelay(database, bus, store.outbox, store.inbox) for _ in range(2)]

    await asyncio.gather(*(relay.publish_batch() for relay in relays for _ in range(3)))
    await eventually(lambda: owners <= set(heard.owners))

    assert sorted(owners) == sorted(owner for owner in heard.owners if owner in owners)


async def test_a_failed_delivery_comes_again_with_the_same_id(
    database: Database, relay: OutboxRelay, listen: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "retry_delay_seconds", lambda _attempt: 0.05)
    heard = Heard(failures=2)
    await listen(heard)
    await record(database)
    await relay.publish_batch()

    await eventually(lambda: len(heard.deliveries) == 3)

    assert len({delivery.message_id for delivery in heard.deliveries}) == 1
    assert [delivery.attempt for delivery in heard.deliveries] == [1, 2, 3]


async def dead_letters_of(bus: Bus, owner_id: str) -> list[Any]:
    reader = await bus.jetstream.subscribe(f"dlq.{SUBJECT}", ordered_consumer=True)
    found = []
    try:
        while True:
            message = await reader.next_msg(timeout=0.5)
            if (message.headers or {}).get("ce-subject") == owner_id:
                found.append(message)
    except TimeoutError:
        return found
    finally:
        await reader.unsubscribe()


async def test_what_fails_every_time_becomes_one_dead_letter_with_its_reason(
    bus: Bus, database: Database, relay: OutboxRelay, listen: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "retry_delay_seconds", lambda _attempt: 0.02)
    heard = Heard(failures=1000)
    await listen(heard)
    owner_id = await record(database)
    await relay.publish_batch()
    await eventually(lambda: len(heard.deliveries) == MAX_ATTEMPTS)

    async def letters() -> list[Any]:
        return await dead_letters_of(bus, owner_id)

    found = await eventually(letters)

    assert len(found) == 1
    assert found[0].headers["linkarooie-reason"] == "RuntimeError: not today"
    assert events.ProfileUpdated.FromString(found[0].data).user_id == owner_id
    assert len(heard.deliveries) == MAX_ATTEMPTS


async def test_a_poisoned_message_is_laid_aside_at_the_first_delivery(
    bus: Bus, database: Database, relay: OutboxRelay, listen: Any, eventually: Any
) -> None:
    heard = Heard(failures=1000, error=PoisonedMessageError)
    await listen(heard)
    owner_id = await record(database)
    await relay.publish_batch()

    async def letters() -> list[Any]:
        return await dead_letters_of(bus, owner_id)

    assert len(await eventually(letters)) == 1
    assert len(heard.deliveries) == 1


async def test_a_message_that_is_no_message_is_laid_aside(bus: Bus, listen: Any, eventually: Any) -> None:
    heard = Heard()
    await listen(heard)
    owner_id = new_id()
    headers = {"ce-id": new_id(), "ce-subject": owner_id}
    await bus.jetstream.publish(SUBJECT, b"\xff\xff\xff", headers=headers)

    async def letters() -> list[Any]:
        return await dead_letters_of(bus, owner_id)

    assert len(await eventually(letters)) == 1
    assert heard.deliveries == []


async def test_long_work_keeps_its_message(database: Database, relay: OutboxRelay, listen: Any) -> None:
    heard: list[str] = []
    finished = asyncio.Event()

    async def slowly(delivery: Delivery) -> None:
        heard.append(delivery.owner_id)
        await asyncio.sleep(4.5)  # twice the ack wait of 2 s: without signs of life the message would have come again
        finished.set()

    await listen(slowly)
    owner_id = await record(database)
    await relay.publish_batch()
    await asyncio.wait_for(finished.wait(), 15)

    assert heard == [owner_id]


async def test_stopping_lets_the_work_at_hand_finish(
    database: Database, relay: OutboxRelay, listen: Any, eventually: Any
) -> None:
    began, finished = asyncio.Event(), asyncio.Event()

    async def work(_: Delivery) -> None:
        began.set()
        await asyncio.sleep(0.3)
        finished.set()

    consumer = await listen(work)
    await record(database)
    await relay.publish_batch()
    await asyncio.wait_for(began.wait(), 10)

    await consumer.stop()

    assert finished.is_set()


async def test_the_inbox_takes_a_message_once_even_when_it_comes_twice_at_once(database: Database) -> None:
    message_id = new_id()
    effects = 0

    async def handle() -> None:
        nonlocal effects
        async with unit_of_work(database) as work:
            if await work.first_delivery("test", message_id):
                effects += 1
            await work.commit()

    await asyncio.gather(*(handle() for _ in range(8)))

    assert effects == 1


async def test_an_effect_that_was_rolled_back_leaves_no_trace_in_the_inbox(database: Database) -> None:
    message_id = new_id()
    async with unit_of_work(database) as work:
        assert await work.first_delivery("test", message_id)

    async with unit_of_work(database) as work:
        assert await work.first_delivery("test", message_id)


async def test_old_rows_are_purged_and_fresh_ones_kept(database: Database, bus: Bus) -> None:
    from datetime import timedelta

    from servicekit.ids import utc_now

    await record(database)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox)
    await relay.publish_batch()

    async def sent() -> int:
        async with database.sessions() as session:
            query = sa.select(sa.func.count()).select_from(store.outbox).where(store.outbox.c.sent_at.is_not(None))
            return int(await session.scalar(query) or 0)

    before = await sent()
    await relay.purge()
    kept = await sent()
    in_an_hour = OutboxRelay(database, bus, store.outbox, store.inbox, clock=lambda: utc_now() + timedelta(hours=1))
    await in_an_hour.purge()

    assert before == kept > 0
    assert await sent() == 0


async def test_a_consumer_that_has_ended_by_itself_is_not_ready(
    bus: Bus, listen: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = await listen(Heard())
    await consumer.ping()

    async def fail(*_: Any) -> list[Any]:
        raise KeyError("a fault of ours")

    # This consumer only: services of other tests live in the same process.
    monkeypatch.setattr(consumer, "_fetch", fail)

    async def ended() -> bool:
        try:
            await consumer.ping()
        except RuntimeError as error:
            return "a fault of ours" in str(error)
        return False

    await eventually(ended)
