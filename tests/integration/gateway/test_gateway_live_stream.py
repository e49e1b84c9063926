"""An open page hears of changes at once, over real NATS, and of nobody else's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from gateway_people import Person, RunGateway, browser_of

from gateway.live import QUEUE_EVENTS, LiveHub, token_end
from linkarooie.notify.v1 import notify_pb2
from servicekit.bus import Bus
from servicekit.identity import Caller
from servicekit.ids import new_id, utc_now
from servicekit.subjects import live


def update(kind: str = "image", thing: str = "i1", state: str = "ready", parent: str = "") -> bytes:
    return notify_pb2.LiveUpdate(kind=kind, id=thing, state=state, parent_id=parent).SerializeToString()


class Stream:
    """One open page."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def block(self) -> list[str]:
        """Returns the next event or comment, as lines."""
        lines: list[str] = []
        async with asyncio.timeout(10):
            async for line in self._lines:
                if not line:
                    return lines
                lines.append(line)
        raise EOFError

    async def event(self) -> tuple[str, dict[str, Any]]:
        """Returns the next event: its name and its data."""
        while True:
            lines = await self.block()
            if lines[0].startswith("event: "):
                return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


@asynccontextmanager
async def opened(url: str, person: Person) -> AsyncIterator[Stream]:
    async with (
        httpx2.AsyncClient(base_url=url, headers=person.headers, timeout=20) as client,
        client.stream("GET", "/v1/events/stream") as answer,
    ):
        stream = Stream(answer)
        assert await stream.block() == ["retry: 2000", ": welcome"]
        yield stream


async def test_each_open_page_of_a_person_hears_of_a_change(gateway: str, person: Person, bus: Bus) -> None:
    async with opened(gateway, person) as first, opened(gateway, person) as second:
        await bus.client.publish(live(person.id), update("target", "t1", "verified", "s1"))

        heard = [await stream.event() for stream in (first, second)]

    said = ("target", {"kind": "target", "id": "t1", "state": "verified", "parent_id": "s1"})
    assert heard == [said, said]
    assert first.answer.headers["content-type"].startswith("text/event-stream")
    assert first.answer.headers["cache-control"] == "no-store"


async def test_nobody_hears_of_another_person_s_things(
    gateway: str, person: Person, bus: Bus, sign_up: Callable[[], Any]
) -> None:
    other: Person = await sign_up()

    async with opened(gateway, person) as stream:
        await bus.client.publish(live(other.id), update(thing="theirs"))
        await bus.client.publish(live(person.id), update(thing="mine"))

        _, data = await stream.event()

    assert data["id"] == "mine"


async def test_what_cannot_be_read_is_passed_over(gateway: str, person: Person, bus: Bus) -> None:
    async with opened(gateway, person) as stream:
        await bus.client.publish(live(person.id), b"\xff\xff")
        await bus.client.publish(live(person.id), update(kind="something new"))
        await bus.client.publish(live(person.id), update(thing="mine"))

        _, data = await stream.event()

    assert data["id"] == "mine"


async def test_without_a_token_there_is_no_stream(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/events/stream")

    assert (answer.status_code, answer.json()["reason"]) == (401, "UNAUTHENTICATED")


async def test_when_the_process_stops_the_pages_are_told_and_it_stops_at_once(
    run_gateway: RunGateway, person: Person
) -> None:
    running = run_gateway(http_stop_grace_seconds=60)
    url = await running.__aenter__()
    async with opened(url, person) as stream:
        async with asyncio.timeout(20):  # far less than the grace that an open request would get
            stopping = asyncio.create_task(running.__aexit__(None, None, None))
            last = await stream.event()
            await stopping

    assert last == ("end", {"reason": "shutting_down"})


async def never(caller: Caller) -> bool:
    return False


@pytest.fixture
def caller(issue_token: Callable[..., str]) -> Callable[..., Caller]:
    def make(**claims: Any) -> Caller:
        user_id = new_id()
        return Caller(user_id, "session", issue_token(user_id, **claims))

    return make


async def next_text(stream: AsyncIterator[str]) -> str:
    async with asyncio.timeout(10):
        return await anext(stream)


async def test_pages_share_one_subscription_that_ends_with_the_last_of_them(
    bus: Bus, caller: Callable[..., Caller]
) -> None:
    hub, somebody = LiveHub(bus, is_over=never, clock=utc_now), caller()
    before = bus.client._subs.keys() - set()
    pages = [hub.stream(somebody) for _ in range(3)]
    for page in pages:
        await next_text(page)

    during = len(bus.client._subs.keys() - before)
    for page in pages:
        await page.aclose()  # type: ignore[attr-defined]  # an asynchronous generator has it

    assert during == 1
    assert bus.client._subs.keys() == before


async def test_a_quiet_stream_gives_signs_of_life(bus: Bus, caller: Callable[..., Caller]) -> None:
    stream = LiveHub(bus, is_over=never, clock=utc_now, heartbeat_seconds=0.01).stream(caller())
    await next_text(stream)

    assert [await next_text(stream) for _ in range(2)] == [": still here\n\n"] * 2


async def test_the_stream_ends_with_the_token(bus: Bus, caller: Callable[..., Caller]) -> None:
    now = utc_now()
    somebody = caller(exp=int(now.timestamp()) + 60)
    times = iter([now, now + timedelta(seconds=61)])
    stream = LiveHub(bus, is_over=never, clock=lambda: next(times), heartbeat_seconds=0.01).stream(somebody)

    texts = [text async for text in stream]

    assert texts[-1] == 'event: end\ndata: {"reason":"token_expired"}\n\n'
    assert token_end(somebody.token) == datetime.fromtimestamp(int(now.timestamp()) + 60, UTC)


async def test_a_page_that_does_not_keep_up_is_told_to_load_anew(
    bus: Bus, caller: Callable[..., Caller], eventually: Callable[..., Any]
) -> None:
    hub, somebody = LiveHub(bus, is_over=never, clock=utc_now), caller()
    slow, quick = hub.stream(somebody), hub.stream(somebody)
    for stream in (slow, quick):
        await next_text(stream)

    heard = 0
    for _ in range(QUEUE_EVENTS + 1):
        await bus.client.publish(live(somebody.user_id), update())
        assert "event: image" in await next_text(quick)
        heard += 1
    rest = [text async for text in slow]
    await quick.aclose()  # type: ignore[attr-defined]  # an asynchronous generator has it

    assert heard == QUEUE_EVENTS + 1
    assert rest == ['event: end\ndata: {"reason":"too_slow"}\n\n']


async def test_the_stream_ends_with_the_session_also_while_events_come(bus: Bus, caller: Callable[..., Caller]) -> None:
    ended: set[str] = set()

    async def is_over(asked: Caller) -> bool:
        return asked.session_id in ended

    somebody = caller()
    stream = LiveHub(bus, is_over=is_over, clock=utc_now, check_seconds=0.01).stream(somebody)
    await next_text(stream)
    await bus.client.publish(live(somebody.user_id), update())
    before = await next_text(stream)
    ended.add(somebody.session_id)
    await bus.client.publish(live(somebody.user_id), update())
    rest = [text async for text in stream]

    assert "event: image" in before
    assert rest == ['event: end\ndata: {"reason":"session_ended"}\n\n']


async def test_an_open_page_closes_within_seconds_when_its_session_is_ended_elsewhere(
    gateway: str, person: Person
) -> None:
    async with (
        browser_of(gateway, person) as browser,
        browser_of(gateway, person) as other,
        browser.stream("GET", "/v1/events/stream") as answer,
    ):
        page = Stream(answer)
        await page.block()
        ended = await other.delete("/v1/me/sessions")
        last = await page.event()

    assert ended.json()["ended"] >= 1
    assert last == ("end", {"reason": "session_ended"})
