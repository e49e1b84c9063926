"""NATS, Postgres, the object store and the upload service go away and come back while people upload: nothing is lost, nothing is doubled."""

import asyncio
import io
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx2
import pytest
from PIL import Image as Picture
from system import Installation, Person, eventually, photograph, told

from linkarooie.events.v1 import events_pb2 as events

PEOPLE = 3
# What somebody takes between two uploads, and before another try.
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Outage:
    """Something that goes away and comes back. `refuses` says whether uploads fail meanwhile."""

    name: str
    begin: Callable[[Installation], Awaitable[None]]
    end: Callable[[Installation], Awaitable[None]]
    refuses: bool


OUTAGES = [
    Outage("nats stops", lambda i: i.stack.stop_nats(), lambda i: i.stack.start_nats(), refuses=False),
    Outage("nats crashes", lambda i: i.stack.stop_nats(kill=True), lambda i: i.stack.start_nats(), refuses=False),
    Outage("postgres stops", lambda i: i.stack.stop_postgres(), lambda i: i.stack.start_postgres(), refuses=True),
    Outage(
        "postgres crashes", lambda i: i.stack.stop_postgres(kill=True), lambda i: i.stack.start_postgres(), refuses=True
    ),
    Outage(
        "object store stops",
        lambda i: i.stack.stop_object_store(),
        lambda i: i.stack.start_object_store(),
        refuses=True,
    ),
    Outage("upload is killed", lambda i: i.kill("upload"), lambda i: i.start("upload"), refuses=True),
]


def part_of_photograph(number: int) -> bytes:
    """Returns a small picture that is like no other."""
    file = io.BytesIO()
    with Picture.open(io.BytesIO(photograph())) as picture:
        left, top = number * 7 % 400, number * 5 % 200
        picture.crop((left, top, left + 200, top + 200)).save(file, "JPEG", comment=str(number).encode())
    return file.getvalue()


@dataclass
class Uploader:
    """Uploads one picture after the other, and each until it is taken."""

    person: Person
    taken: list[str] = field(default_factory=list)
    refused: list[httpx2.Response] = field(default_factory=list)
    last: tuple[bytes, str] = (b"", "")

    async def work(self, stopping: asyncio.Event) -> None:
        for number in itertools.count():
            if stopping.is_set():
                return
            await self._upload(part_of_photograph(number))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _upload(self, content: bytes) -> None:
        key = uuid.uuid4().hex
        while True:
            answer = await self.person.send_picture(content, key=key)
            if answer.status_code == 201:
                self.taken.append(answer.json()["id"])
                self.last = content, key
                return
            self.refused.append(answer)
            await asyncio.sleep(PAUSE_SECONDS)


@pytest.fixture
async def uploaders(installation: Installation) -> AsyncIterator[list[Uploader]]:
    async with AsyncExitStack() as people:
        yield [Uploader(await people.enter_async_context(installation.person())) for _ in range(PEOPLE)]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.name.replace(" ", "_"))
async def test_every_upload_that_was_taken_becomes_ready_once(
    installation: Installation, uploaders: list[Uploader], outage: Outage
) -> None:
    stopping = asyncio.Event()

    def all_have(count: Callable[[Uploader], int]) -> Callable[[], bool]:
        """Returns what tells whether everybody has one more than now."""
        before = [count(uploader) for uploader in uploaders]
        return lambda: all(count(uploader) > then for uploader, then in zip(uploaders, before, strict=True))

    async with asyncio.TaskGroup() as group:
        for uploader in uploaders:
            group.create_task(uploader.work(stopping))
        await eventually(all_have(lambda uploader: len(uploader.taken)))
        await outage.begin(installation)
        # All of them meet the outage, or work on through it.
        await eventually(all_have(lambda uploader: len(uploader.refused if outage.refuses else uploader.taken)))
        await outage.end(installation)
        await eventually(all_have(lambda uploader: len(uploader.taken)))
        stopping.set()

    for uploader in uploaders:
        for answer in uploader.refused:
            problem = told(answer, 503)
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["reason"] == "UNAVAILABLE"
            assert int(answer.headers["retry-after"]) == problem["retry_after"] > 0
        for image_id in uploader.taken:
            await uploader.person.ready(image_id)
        # As somebody does who did not hear the answer.
        content, key = uploader.last
        assert told(await uploader.person.send_picture(content, key=key), 201)["id"] == uploader.taken[-1]
        assert sorted(image["id"] for image in await uploader.person.images()) == sorted(uploader.taken)
        told_ready = await installation.facts(events.ImageReady, uploader.person.id)
        assert sorted(fact.image_id for fact in told_ready) == sorted(uploader.taken)


async def test_an_upload_that_is_cut_off_leaves_nothing_and_costs_nothing(
    installation: Installation, person: Person
) -> None:
    async def half_a_form() -> AsyncIterator[bytes]:
        yield b'--cut\r\ncontent-disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n'
        yield photograph()[:20_000]
        raise ConnectionError("the phone is in a tunnel")

    before = await person.get("/v1/library")
    with pytest.raises(ConnectionError):
        await person.http.post(
            "/v1/images", content=half_a_form(), headers={"content-type": "multipart/form-data; boundary=cut"}
        )

    # Whatever is to come of it has come when the next one is through.
    next_one = await person.upload(photograph())
    assert [image["id"] for image in await person.images()] == [next_one]
    after = await person.get("/v1/library")
    assert after["used_bytes"] - before["used_bytes"] == len(photograph())
    assert [
        left for left in installation.temporary("upload").iterdir() if left.name.startswith("linkarooie-upload-")
    ] == []
