"""The recipes in force are told when a processor starts and again later, once by all replicas together."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from nats.errors import TimeoutError as NatsTimeoutError
from processor_client import recipe

from catalog import load_catalogue
from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.ids import new_id, utc_now
from servicekit.subjects import subject_of
from servicekit.topology import DUPLICATE_WINDOW_SECONDS
from services.processor.app import build
from services.processor.domain import fingerprint, recipes
from services.processor.settings import ProcessorSettings
from services.processor.use_cases.announcement import Announcement


async def told(bus: Bus) -> list[tuple[str, str]]:
    """Returns all that was published so far: the fingerprint and the owner that the envelope names."""
    found = []
    subscription = await bus.jetstream.subscribe(subject_of(events.RecipesPublished), ordered_consumer=True)
    try:
        while True:
            raw = await subscription.next_msg(timeout=1)
            message = events.RecipesPublished.FromString(raw.data)
            assert message.HasField("event_time")
            found.append((message.fingerprint, raw.headers["ce-subject"]))
            if raw.metadata.num_pending == 0:
                return found
    except NatsTimeoutError:
        return found
    finally:
        await subscription.unsubscribe()


async def test_a_processor_that_starts_tells_its_recipes_which_belong_to_nobody(
    service_settings: Callable[..., Any], run_app: Any, bus: Bus
) -> None:
    # What another file's processor told just now is not told a second time; yesterday nobody did.
    yesterday = utc_now() - timedelta(days=1)
    async with run_app(build(service_settings(ProcessorSettings, picture_workers=1), clock=lambda: yesterday)):
        assert (fingerprint(recipes(load_catalogue())), "") in await told(bus)


async def test_replicas_that_tell_the_same_tell_it_once_and_an_hour_later_again(bus: Bus) -> None:
    now = utc_now()
    name = new_id()[-12:]
    ours = [recipe(f"r{name}", 40)]

    def replica(at: datetime) -> Announcement:
        return Announcement(bus, ours, clock=lambda: at)

    begin = now - timedelta(seconds=now.timestamp() % DUPLICATE_WINDOW_SECONDS)
    for seconds in (0, 1, DUPLICATE_WINDOW_SECONDS - 1, 3600, 3601):
        await replica(begin + timedelta(seconds=seconds)).tell()
    for part in (replica(begin), Announcement(bus, [*ours, recipe("other", 50)], clock=lambda: now)):
        await part.start()
        await part.stop()

    heard = [one for one, _ in await told(bus)]
    assert heard.count(fingerprint(ours)) == 2
    assert heard.count(fingerprint([*ours, recipe("other", 50)])) == 1


async def test_a_processor_starts_though_nobody_can_be_told() -> None:
    class Away:
        async def publish_fact(self, *_: Any, **__: Any) -> None:
            raise NatsTimeoutError

    announcement = Announcement(Away(), [recipe("some", 40)], clock=utc_now)
    await announcement.start()
    await announcement.stop()
