"""Pictures that are tried again: by their owner, by the sweeper, by the operator; and results that come late or twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from upload_client import get, jpeg, publish, send, variant

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import InvalidInputError, NotFoundError, PreconditionError
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import timestamp
from servicekit.subjects import RENDER_BULK, RENDER_INTERACTIVE, subject_of
from services.upload import operator, store
from services.upload.operator import Operator, OperatorSettings, operator_of
from services.upload.settings import UploadSettings
from services.upload.store import Store
from services.upload.sweeper import Sweeper

PROCESSING, READY, FAILED = (
    upload_pb2.IMAGE_STATE_PROCESSING,
    upload_pb2.IMAGE_STATE_READY,
    upload_pb2.IMAGE_STATE_FAILED,
)
PATIENCE = timedelta(minutes=10)


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(UploadSettings), schema="upload")
    yield opened
    await opened.stop()


async def recorded(database: Database, subject: str, owner_id: str) -> list[bytes]:
    """Returns what the service has decided to say about somebody on a subject, oldest first."""
    outbox = store.outbox
    query = sa.select(outbox.c.payload).where(
        outbox.c.subject == subject, outbox.c.headers["ce-subject"].astext == owner_id
    )
    async with database.sessions() as session:
        return [bytes(payload) for payload in await session.scalars(query.order_by(outbox.c.id))]


async def jobs(database: Database, subject: str, owner_id: str) -> list[tuple[str, int, int]]:
    """Returns the jobs about somebody's pictures as picture, revision and attempt."""
    found = [processor_pb2.RenderImage.FromString(payload) for payload in await recorded(database, subject, owner_id)]
    return [(job.image_id, job.revision, job.attempt) for job in found]


async def retry(upload: Any, image_id: str) -> upload_pb2.Image:
    with remote_errors():
        answer = await upload.RetryImage(upload_pb2.RetryImageRequest(id=image_id))
    image: upload_pb2.Image = answer.image
    return image


class Said:
    """Says what the processor would, and waits until it is taken."""

    def __init__(self, upload: Any, bus: Bus, eventually: Callable[..., Any], owner_id: str) -> None:
        self._upload, self._bus, self._eventually, self._owner_id = upload, bus, eventually, owner_id

    async def ready(self, image_id: str, *, attempt: int = 0, made_at: datetime | None = None, **more: Any) -> None:
        variants = more.pop("variants", [variant("thumbnail.320.webp")])
        await publish(
            self._bus,
            events.VariantsReady(
                image_id=image_id,
                owner_id=self._owner_id,
                revision=1,
                attempt=attempt,
                variants=variants,
                event_time=timestamp(made_at or utc_now()),
                **more,
            ),
            self._owner_id,
        )

    async def failed(self, image_id: str, *, attempt: int = 0, reason: str = "BROKEN") -> None:
        said = events.VariantsFailed(
            image_id=image_id,
            owner_id=self._owner_id,
            revision=1,
            attempt=attempt,
            reason=reason,
            message="The file ends too early.",
        )
        await publish(self._bus, said, self._owner_id)

    async def comes_to(self, image_id: str, state: upload_pb2.ImageState) -> upload_pb2.Image:
        async def found() -> upload_pb2.Image | None:
            image = await get(self._upload, image_id)
            return image if image.state == state else None

        image: upload_pb2.Image = await self._eventually(found)
        return image

    async def all_taken(self) -> None:
        """Returns when everything said so far has been taken: a picture of its own, told of last, has come to its end."""
        marker = await send(self._upload, jpeg(64, 64), file_name="last.jpg")
        await self.failed(marker.id)
        await self.comes_to(marker.id, FAILED)


@pytest.fixture
def processor(upload: Any, bus: Bus, eventually: Callable[..., Any], owner: str) -> Said:
    return Said(upload, bus, eventually, owner)


async def a_failed_picture(upload: Any, processor: Said) -> str:
    image = await send(upload, jpeg())
    await processor.failed(image.id)
    await processor.comes_to(image.id, FAILED)
    return image.id


# By its owner


async def test_a_failed_picture_is_tried_again_ahead_of_what_nobody_waits_for(
    upload: Any, owner: str, processor: Said, database: Database
) -> None:
    image_id = await a_failed_picture(upload, processor)

    again = await retry(upload, image_id)

    assert (again.state, again.failure_reason, again.failure_message) == (PROCESSING, "", "")
    assert await jobs(database, RENDER_INTERACTIVE, owner) == [(image_id, 1, 2)]
    [job] = map(processor_pb2.RenderImage.FromString, await recorded(database, RENDER_INTERACTIVE, owner))
    assert job.sha256 == again.sha256
    assert job.object_key.endswith(again.sha256)


async def test_a_picture_that_fails_again_says_so_and_can_be_tried_once_more(
    upload: Any, owner: str, processor: Said, database: Database
) -> None:
    image_id = await a_failed_picture(upload, processor)
    await retry(upload, image_id)

    await processor.failed(image_id, attempt=2, reason="PROCESSING_TIMEOUT")

    assert (await processor.comes_to(image_id, FAILED)).failure_reason == "PROCESSING_TIMEOUT"
    await retry(upload, image_id)
    assert [attempt for _, _, attempt in await jobs(database, RENDER_INTERACTIVE, owner)] == [2, 3]


async def test_a_picture_tried_again_becomes_ready(upload: Any, owner: str, processor: Said) -> None:
    image_id = await a_failed_picture(upload, processor)
    await retry(upload, image_id)

    await processor.ready(image_id, attempt=2)

    assert (await processor.comes_to(image_id, READY)).failure_reason == ""


async def test_what_has_not_failed_is_not_tried_again(
    upload: Any, owner: str, processor: Said, database: Database
) -> None:
    image = await send(upload, jpeg())

    with pytest.raises(PreconditionError) as while_processing:
        await retry(upload, image.id)
    await processor.ready(image.id)
    await processor.comes_to(image.id, READY)
    with pytest.raises(PreconditionError, match="nothing to try again") as when_ready:
        await retry(upload, image.id)

    assert (while_processing.value.reason, when_ready.value.reason) == ("IMAGE_NOT_FAILED", "IMAGE_NOT_FAILED")
    assert await jobs(database, RENDER_INTERACTIVE, owner) == []


async def test_pressing_twice_at_once_tries_once(upload: Any, owner: str, processor: Said, database: Database) -> None:
    image_id = await a_failed_picture(upload, processor)

    answers = await asyncio.gather(*(retry(upload, image_id) for _ in range(4)), return_exceptions=True)

    assert sum(isinstance(answer, PreconditionError) for answer in answers) == 3
    assert await jobs(database, RENDER_INTERACTIVE, owner) == [(image_id, 1, 2)]


async def test_a_stranger_tries_nothing_again(upload: Any, owner: str, stranger: Caller, processor: Said) -> None:
    image_id = await a_failed_picture(upload, processor)

    with acting_for(stranger), pytest.raises(NotFoundError):
        await retry(upload, image_id)

    assert (await get(upload, image_id)).state == FAILED


# Late and repeated results


async def test_the_late_failure_of_an_earlier_attempt_does_not_end_the_one_under_way(
    upload: Any, owner: str, processor: Said
) -> None:
    image_id = await a_failed_picture(upload, processor)
    await retry(upload, image_id)

    await processor.failed(image_id, attempt=1)
    await processor.all_taken()

    assert (await get(upload, image_id)).state == PROCESSING


async def test_a_failure_that_names_no_attempt_is_that_of_the_upload(upload: Any, owner: str, processor: Said) -> None:
    image_id = await a_failed_picture(upload, processor)
    await retry(upload, image_id)

    await processor.failed(image_id, attempt=0)
    await processor.all_taken()

    assert (await get(upload, image_id)).state == PROCESSING


@pytest.mark.parametrize("meanwhile", ["nothing", "tried again"])
async def test_a_late_success_makes_a_failed_picture_ready(
    upload: Any, owner: str, processor: Said, database: Database, meanwhile: str
) -> None:
    image_id = await a_failed_picture(upload, processor)
    if meanwhile == "tried again":
        await retry(upload, image_id)

    await processor.ready(image_id, attempt=1)

    image = await processor.comes_to(image_id, READY)
    assert (image.failure_reason, image.failure_message) == ("", "")
    await processor.failed(image_id, attempt=2)
    await processor.all_taken()
    assert (await get(upload, image_id)).state == READY


async def test_what_was_made_anew_takes_the_place_of_what_was_there_and_nobody_is_told_twice(
    upload: Any, owner: str, processor: Said, database: Database
) -> None:
    image = await send(upload, jpeg())
    await processor.ready(image.id, variants=[variant("thumbnail.320"), variant("x.avatar", "x", "avatar")])
    first = await processor.comes_to(image.id, READY)
    anew = variant("thumbnail.320.webp")
    anew.frame.reason = processor_pb2.FRAME_REASON_WHOLE
    anew.frame.box.CopyFrom(processor_pb2.Rectangle(right=1, bottom=1))

    await processor.ready(image.id, variants=[anew])
    await processor.all_taken()

    listed = await upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image.id))
    assert list(listed.variants) == [anew]
    assert (await get(upload, image.id)).ready_time == first.ready_time
    assert len(await recorded(database, subject_of(events.ImageReady), owner)) == 1


async def test_older_variants_that_come_late_do_not_replace_newer_ones(
    upload: Any, owner: str, processor: Said
) -> None:
    image, now = await send(upload, jpeg()), utc_now()
    await processor.ready(image.id, variants=[variant("new.avatar", "x", "avatar")], made_at=now)
    await processor.comes_to(image.id, READY)

    await processor.ready(image.id, variants=[variant("old.avatar", "x", "avatar")], made_at=now - timedelta(seconds=1))
    await processor.all_taken()

    listed = await upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image.id))
    assert [each.key for each in listed.variants] == ["new.avatar"]


async def test_a_rendering_anew_that_fails_leaves_a_ready_picture_as_it_is(
    upload: Any, owner: str, processor: Said, database: Database
) -> None:
    image = await send(upload, jpeg())
    await processor.ready(image.id)
    await processor.comes_to(image.id, READY)

    await processor.failed(image.id, attempt=1)
    await processor.all_taken()

    assert [each.key for each in (await get(upload, image.id)).thumbnails] == ["thumbnail.320.webp"]
    about_it = [
        failed
        for payload in await recorded(database, subject_of(events.ImageFailed), owner)
        if (failed := events.ImageFailed.FromString(payload)).image_id == image.id
    ]
    assert about_it == []


async def test_what_was_seen_in_a_picture_is_told_with_it_once_it_is_ready(
    upload: Any, owner: str, processor: Said
) -> None:
    image = await send(upload, jpeg())
    framed = variant("x.avatar", "x", "avatar")
    framed.frame.CopyFrom(
        processor_pb2.Frame(
            box=processor_pb2.Rectangle(left=0.25, top=0, right=1, bottom=1), reason=processor_pb2.FRAME_REASON_FACES
        )
    )
    from_a_newer_version = variant("z.avatar", "z", "avatar")
    from_a_newer_version.frame.reason = 99  # type: ignore[assignment]  # no reason of this version
    look = processor_pb2.Look(
        faces=[
            processor_pb2.Rectangle(left=0.5, top=0.1, right=0.75, bottom=0.6),
            processor_pb2.Rectangle(left=0.1, top=0.1, right=0.2, bottom=0.3),
        ],
        placeholder=b"\0\x01 a thumb hash",
    )
    assert not image.HasField("look")

    await processor.ready(image.id, variants=[framed, from_a_newer_version], look=look)

    assert (await processor.comes_to(image.id, READY)).look == look
    listed = await upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image.id))
    assert listed.variants[0].frame == framed.frame
    assert not listed.variants[1].HasField("frame")


# By the sweeper


def sweeper(database: Database, *, later: timedelta) -> Sweeper:
    now = utc_now() + later
    return Sweeper(partial(Store, database, clock=lambda: now), PATIENCE, timedelta(days=30), lambda: now)


async def test_a_picture_whose_job_may_be_lost_is_asked_for_again_now_and_then(
    upload: Any, owner: str, database: Database
) -> None:
    image = await send(upload, jpeg())
    asked_by = []

    for minutes in (5, 11, 12, 20, 22):
        await sweeper(database, later=timedelta(minutes=minutes)).ask_again()
        asked_by.append(len(await jobs(database, RENDER_BULK, owner)))

    assert asked_by == [0, 1, 1, 1, 2]
    assert await jobs(database, RENDER_BULK, owner) == [(image.id, 1, 1)] * 2


async def test_replicas_that_sweep_at_once_ask_once(upload: Any, owner: str, database: Database) -> None:
    image = await send(upload, jpeg())
    sweepers = [sweeper(database, later=timedelta(minutes=11)) for _ in range(4)]

    await asyncio.gather(*(each.ask_again() for each in sweepers))

    assert await jobs(database, RENDER_BULK, owner) == [(image.id, 1, 1)]


async def test_the_sweeper_leaves_alone_what_has_come_to_its_end_or_was_just_tried_again(
    upload: Any, owner: str, processor: Said, database: Database
) -> None:
    ready = await send(upload, jpeg())
    await processor.ready(ready.id)
    await processor.comes_to(ready.id, READY)
    failed = await a_failed_picture(upload, processor)

    await sweeper(database, later=timedelta(minutes=11)).ask_again()
    assert await jobs(database, RENDER_BULK, owner) == []

    await retry(upload, failed)
    await sweeper(database, later=timedelta(minutes=9)).ask_again()
    assert await jobs(database, RENDER_BULK, owner) == []
    await sweeper(database, later=timedelta(minutes=11)).ask_again()
    assert await jobs(database, RENDER_BULK, owner) == [(failed, 1, 2)]


# By the operator


@pytest.fixture
async def the_operator(service_settings: Callable[..., Any]) -> AsyncIterator[Operator]:
    async with operator_of(service_settings(OperatorSettings)) as opened:
        yield opened


async def test_the_operator_has_pictures_made_anew_behind_what_people_wait_for(
    upload: Any, owner: str, processor: Said, database: Database, the_operator: Operator
) -> None:
    ready = await send(upload, jpeg())
    await processor.ready(ready.id)
    await processor.comes_to(ready.id, READY)
    failed = await a_failed_picture(upload, processor)
    await send(upload, jpeg())  # under way already

    only_failed = await the_operator.render_again(only_failed=True, owner_id=owner)
    both = await the_operator.render_again(owner_id=owner)

    assert (only_failed, both) == (1, 2)
    asked = sorted(await jobs(database, RENDER_BULK, owner))
    assert asked == sorted([(failed, 1, 1), (ready.id, 1, 1), (failed, 1, 1)])
    assert (await get(upload, ready.id)).state == READY
    assert (await get(upload, failed)).state == FAILED


async def test_the_operator_asks_for_everybodys_pictures_in_batches(
    upload: Any,
    owner: str,
    processor: Said,
    database: Database,
    the_operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operator, "ASKED_AT_ONCE", 2)
    pictures = [await a_failed_picture(upload, processor) for _ in range(3)]

    asked = await the_operator.render_again(only_failed=True)

    assert asked >= 3
    assert sorted(image_id for image_id, _, _ in await jobs(database, RENDER_BULK, owner)) == sorted(pictures)


async def test_an_account_id_that_is_none_is_refused_before_anything_is_asked(the_operator: Operator) -> None:
    with pytest.raises(InvalidInputError, match="'ada' is no account id"):
        await the_operator.render_again(owner_id="ada")


async def test_an_account_without_pictures_is_no_mistake(the_operator: Operator) -> None:
    assert await the_operator.render_again(owner_id=new_id()) == 0


async def test_a_database_that_is_away_is_said_to_the_operator(service_settings: Callable[..., Any]) -> None:
    away = service_settings(OperatorSettings, database_url="postgresql+psycopg://nobody@127.0.0.1:9/nothing")

    with pytest.raises(OSError, match="database of the upload service cannot be used"):
        async with operator_of(away):
            pass
