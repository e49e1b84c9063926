"""Dead letters as an operator meets them: listed, shown, put back to where they came from, dropped. On a real NATS."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processes import TopologySettings
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.consumers import Consumer, Delivery, PoisonedMessageError
from servicekit.database import Database
from servicekit.dead_letters import DeadLetter, DeadLetters
from servicekit.errors import NotFoundError, PreconditionError, UnavailableError
from servicekit.ids import new_id, utc_now
from servicekit.subjects import dead_letter, envelope, subject_of
from servicekit.topology import DEAD_LETTERS, EVENTS, Subscription
from services.upload import store
from services.upload.settings import UploadSettings

SUBJECT = subject_of(events.ProfileUpdated)


@pytest.fixture(autouse=True)
async def none_of_other_tests(bus: Bus) -> None:
    await bus.jetstream.purge_stream(DEAD_LETTERS)


@dataclass
class Ill:
    """A handler that cannot handle anything until it is cured."""

    heard: list[Delivery]
    cured: bool = False

    async def __call__(self, delivery: Delivery) -> None:
        self.heard.append(delivery)
        if not self.cured:
            raise PoisonedMessageError("no handle to it: «grasped»")


@dataclass
class Heard:
    """Two consumers of the same fact: one fails, one handles everything once, as its inbox says."""

    ill: Ill
    handled: list[Delivery]
    repeated: list[Delivery]


@pytest.fixture
async def heard(bus: Bus, service_settings: Callable[..., UploadSettings]) -> AsyncIterator[Heard]:
    database = Database(service_settings(UploadSettings), schema="upload")
    found = Heard(Ill([]), [], [])

    async def handle_once(delivery: Delivery) -> None:
        async with store.Store(database) as work:
            first = await work.first_delivery(delivery.consumer, delivery.message_id)
            await work.commit()
        (found.handled if first else found.repeated).append(delivery)

    running = []
    for name, handler in (("ill", found.ill), ("well", handle_once)):
        durable = f"{name}-{new_id()}"
        config = ConsumerConfig(
            durable_name=durable,
            filter_subjects=[SUBJECT],
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=5,
        )
        await bus.jetstream.add_consumer(EVENTS, config)
        subscription = Subscription(durable, EVENTS, (SUBJECT,))
        consumer = Consumer(bus, subscription, {events.ProfileUpdated: handler}, ack_wait_seconds=5)
        await consumer.start()
        running.append((durable, consumer))
    yield found
    for durable, consumer in running:
        await consumer.stop()
        await bus.jetstream.delete_consumer(EVENTS, durable)
    await database.stop()


@dataclass(frozen=True)
class Outcome:
    code: int
    said: str
    complained: str


async def admin(*arguments: str) -> Outcome:
    """Runs `linkarooie admin dead-letters` with the address of the bus and nothing else of ours."""
    ours = ("LINKAROOIE_NATS_URL",)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LINKAROOIE_")}
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "linkarooie"), "admin", "dead-letters", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, **{name: os.environ[name] for name in ours}, "COLUMNS": "200"},
    )
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Outcome(process.returncode, said.decode(), complained.decode())


async def laid_aside(bus: Bus, count: int = 1, *, consumer: str = "upload", reason: str = "BROKEN: cut off") -> None:
    """Puts letters among the dead as a consumer does that gave up on a job of nobody's."""
    for _ in range(count):
        message = processor_pb2.RenderImage(image_id=new_id(), attempt=3)
        headers = {
            **envelope(new_id(), type(message), source="upload", time=utc_now(), owner_id="ada"),
            "linkarooie-consumer": consumer,
            "linkarooie-reason": reason,
            "linkarooie-failed-at": "2026-11-22T05:04:03+00:00",
        }
        await bus.jetstream.publish(dead_letter("job.sync.nowhere"), message.SerializeToString(), headers=headers)


async def test_a_message_that_is_put_back_is_handled_by_the_one_that_failed_and_by_nobody_twice(
    bus: Bus, heard: Heard, eventually: Any
) -> None:
    letters = DeadLetters(bus)
    event = events.ProfileUpdated(user_id=new_id(), handle="ada")
    await bus.publish_fact(event, event_id=new_id(), source="profile", owner_id=event.user_id)
    [letter] = await eventually(letters.all)
    await eventually(lambda: heard.handled)

    heard.ill.cured = True
    await letters.replay(letter)
    await eventually(lambda: len(heard.ill.heard) == 2 and heard.repeated)

    first, second = heard.ill.heard
    assert (first.message_id, first.message, first.owner_id) == (second.message_id, second.message, second.owner_id)
    assert len(heard.handled) == len(heard.repeated) == 1
    assert await letters.all() == []


async def test_a_message_that_fails_again_is_a_dead_letter_again(bus: Bus, heard: Heard, eventually: Any) -> None:
    letters = DeadLetters(bus)
    event = events.ProfileUpdated(user_id=new_id())
    await bus.publish_fact(event, event_id=new_id(), source="profile", owner_id=event.user_id)
    [first] = await eventually(letters.all)

    await letters.replay(first)
    await eventually(lambda: len(heard.ill.heard) == 2)
    [second] = await eventually(letters.all)

    assert second.id > first.id
    assert second.headers["ce-id"] == first.headers["ce-id"]
    assert second.reason == "no handle to it: ?grasped?"


async def test_a_replay_that_is_repeated_puts_the_message_back_once(bus: Bus, heard: Heard, eventually: Any) -> None:
    letters = DeadLetters(bus)
    event = events.ProfileUpdated(user_id=new_id())
    await bus.publish_fact(event, event_id=new_id(), source="profile", owner_id=event.user_id)
    [letter] = await eventually(letters.all)
    heard.ill.cured = True

    # As two operators do, or one whose first command ended before it was told how it went.
    await letters.replay(letter)
    await letters.replay(letter)
    last = events.ProfileUpdated(user_id=new_id())
    await bus.publish_fact(last, event_id=new_id(), source="profile", owner_id=last.user_id)
    await eventually(lambda: heard.ill.heard[-1].owner_id == last.user_id)

    assert [delivery.owner_id for delivery in heard.ill.heard] == [event.user_id, event.user_id, last.user_id]


async def test_many_letters_are_listed_oldest_first(bus: Bus) -> None:
    await laid_aside(bus, 300)

    ids = [letter.id for letter in await DeadLetters(bus).all()]

    assert len(ids) == 300
    assert ids == sorted(ids)


async def test_what_is_not_there_is_said_so(bus: Bus) -> None:
    letters = DeadLetters(bus)
    await laid_aside(bus)
    [letter] = await letters.all()
    await letters.drop(letter.id)

    for missing in (letter.id, 10**9):
        with pytest.raises(NotFoundError, match=f"no dead letter {missing}"):
            await letters.get(missing)
        with pytest.raises(NotFoundError, match=f"no dead letter {missing}"):
            await letters.drop(missing)


async def test_a_bus_that_went_away_is_said_so(stack: object) -> None:
    bus = Bus(TopologySettings(), name="test")
    await bus.start()
    await bus.stop()

    with pytest.raises(UnavailableError, match=r"LINKAROOIE_NATS_URL.*connection closed"):
        await DeadLetters(bus).all()


async def test_a_bus_that_was_not_prepared_is_said_so(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servicekit.dead_letters.DEAD_LETTERS", "NOTHING")

    for call in (DeadLetters(bus).all(), DeadLetters(bus).get(1), DeadLetters(bus).drop(1)):
        with pytest.raises(PreconditionError, match="linkarooie migrate"):
            await call


async def test_a_letter_that_goes_nowhere_stays_a_letter(bus: Bus) -> None:
    letters = DeadLetters(bus)
    await bus.jetstream.publish(dead_letter("nobody.hears.this"), b"")
    [letter] = await letters.all()

    with pytest.raises(UnavailableError, match=r"did not do it: no response from stream\. Nothing was lost"):
        await letters.replay(letter)

    assert await letters.all() == [letter]


def test_a_letter_that_is_none_of_ours_says_what_it_can() -> None:
    letter = DeadLetter(1, {"ce-type": "nobody.knows.v1.This", "linkarooie-failed-at": "soon"}, "job.x", b"\xff")

    assert letter.fields() is None
    assert letter.failed_at is None
    assert (letter.consumer, letter.owner_id, letter.reason) == ("", "", "")


async def test_the_operator_lists_and_filters_letters(bus: Bus) -> None:
    await laid_aside(bus, consumer="upload")
    await laid_aside(bus, consumer="process-bulk", reason="PROCESSING_TIMEOUT: slow")

    listed = await admin()
    [one] = json.loads((await admin("--consumer", "process-bulk", "--json")).said)

    header, *lines = listed.said.splitlines()
    assert header.split() == ["ID", "WHEN", "(UTC)", "CONSUMER", "SUBJECT", "OWNER", "REASON"]
    assert len(lines) == 2
    for word in ("2026-11-22 05:04:03", "upload", "job.sync.nowhere", "ada", "BROKEN: cut off"):
        assert word in lines[0]
    assert one == {
        "id": one["id"],
        "when": "2026-11-22T05:04:03+00:00",
        "consumer": "process-bulk",
        "subject": "job.sync.nowhere",
        "owner": "ada",
        "reason": "PROCESSING_TIMEOUT: slow",
    }


async def test_the_operator_sees_what_a_message_says(bus: Bus) -> None:
    await laid_aside(bus)
    [letter] = await DeadLetters(bus).all()

    shown = await admin("show", str(letter.id))
    parsed = json.loads((await admin("show", str(letter.id), "--json")).said)

    assert '"attempt": 3' in shown.said
    assert "linkarooie.processor.v1.RenderImage" in shown.said
    assert parsed["message"]["attempt"] == 3
    assert parsed["headers"]["ce-id"] == letter.headers["ce-id"]


async def test_the_operator_puts_letters_back_by_number_by_consumer_and_all(bus: Bus) -> None:
    await laid_aside(bus, 3, consumer="upload")
    await laid_aside(bus, 2, consumer="process-bulk")
    [first, *_] = await DeadLetters(bus).all()

    by_number = await admin("replay", str(first.id))
    by_consumer = await admin("replay", "--consumer", "process-bulk")
    everything = await admin("replay", "--all")
    nothing = await admin("replay", "--all")

    assert by_number.said.startswith("Put back 1 message.")
    assert by_consumer.said.startswith("Put back 2 messages.")
    assert everything.said.startswith("Put back 2 messages.")
    assert nothing.said == "There are no dead letters: nothing to replay.\n"


async def test_a_letter_that_cannot_go_back_keeps_no_other(bus: Bus) -> None:
    await bus.jetstream.publish(dead_letter("nobody.hears.this"), b"")
    await laid_aside(bus)
    [stuck, _] = await DeadLetters(bus).all()

    outcome = await admin("replay", "--all")

    assert outcome.code == 1
    assert outcome.said.startswith("Put back 1 message.")
    assert outcome.complained.startswith(f"{stuck.id} stays: The message bus")
    assert await DeadLetters(bus).all() == [stuck]


async def test_the_operator_drops_a_letter(bus: Bus) -> None:
    await laid_aside(bus)
    [letter] = await DeadLetters(bus).all()

    dropped = await admin("drop", str(letter.id))
    again = await admin("drop", str(letter.id))
    listed = await admin("--consumer", "upload")

    assert (dropped.code, dropped.said) == (0, f"Dropped the dead letter {letter.id}.\n")
    assert again.code == 1
    assert f"There is no dead letter {letter.id}." in again.complained
    assert "Traceback" not in again.complained
    assert listed.said == "There are no dead letters of the consumer upload.\n"
