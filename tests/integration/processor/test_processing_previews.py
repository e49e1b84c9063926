"""Previews over gRPC: the very file that a job makes, for its owner alone, of what is there."""

import asyncio
import io
import math
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture
from processor_client import Running, ask, photo, put_original, recipe, results

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from servicekit.bus import Bus
from servicekit.errors import (
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from servicekit.grpc_client import open_channel, remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id
from servicekit.object_store import ObjectMissingError, ObjectStore
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.workers import PictureWorkers
from servicekit.settings import GrpcSettings
from services.processor.originals import Originals
from services.processor.pipeline import Edit, Point
from services.processor.use_cases import previews
from services.processor.use_cases.previews import Preview, Previews

SERVICE = processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"]
NAN_CROP = processor_pb2.Rectangle(left=0, top=math.nan, right=1, bottom=1)
NAN_FOCUS = processor_pb2.Point(x=math.nan, y=0.5)


@pytest.fixture(scope="module")
async def stub(processor: Running) -> AsyncIterator[Any]:
    async with open_channel(processor.address, SERVICE, GrpcSettings()) as channel:
        yield processor_pb2_grpc.ProcessorServiceStub(channel)


@pytest.fixture
def signed_in(issue_token: Callable[[str], str]) -> Callable[[str], Any]:
    @contextmanager
    def enter(user_id: str) -> Iterator[None]:
        with acting_for(Caller(user_id, "session", issue_token(user_id))), remote_errors():
            yield

    return enter


def wanted(original: events.ImageUploaded, key: str = "x.avatar", **edit: Any) -> processor_pb2.PreviewVariantRequest:
    return processor_pb2.PreviewVariantRequest(sha256=original.sha256, key=key, edit=processor_pb2.Edit(**edit))


async def test_a_preview_is_the_file_that_the_job_makes_and_is_kept_nowhere(
    processor: Running,
    stub: Any,
    bus: Bus,
    objects: ObjectStore,
    original: events.ImageUploaded,
    signed_in: Callable[[str], Any],
) -> None:
    edit = {"quarter_turns": 3, "crop": processor_pb2.Rectangle(left=0.1, top=0.2, right=0.9, bottom=0.7)}
    keys = ("x.avatar", "x.banner", "avatar.1024", "thumbnail.320.avif")
    with signed_in(original.owner_id):
        answers = [await stub.PreviewVariant(wanted(original, key, **edit)) for key in keys]

    with pytest.raises(ObjectMissingError):
        await objects.get_file(f"variants/{original.owner_id}/{original.sha256}/plain/list", Path(os.devnull))
    await ask(bus, original, **edit)
    [ready] = await results(bus, original)
    made = {variant.key: variant for variant in ready.variants}
    for key, answer in zip(keys, answers, strict=True):
        assert not answer.variant.object_key
        answer.variant.object_key = made[key].object_key
        assert answer.variant == made[key]
        assert answer.file == b"".join([chunk async for chunk in objects.read(made[key].object_key)])


@pytest.mark.parametrize(
    ("change", "error", "reason", "words"),
    [
        ({"sha256": "../" + "0" * 61}, InvalidInputError, "INVALID_INPUT", "64 characters"),
        ({"sha256": "A" * 64}, InvalidInputError, "INVALID_INPUT", "lower-case"),
        ({"sha256": "0" * 64}, NotFoundError, "ORIGINAL_MISSING", "Upload it again"),
        ({"key": "no.such"}, InvalidInputError, "SLOT_UNKNOWN", "'no.such'"),
        ({"key": ""}, InvalidInputError, "SLOT_UNKNOWN", "such as `x.avatar`"),
        ({"edit": processor_pb2.Edit(crop=NAN_CROP)}, InvalidInputError, "EDIT_INVALID", "not a rectangle"),
        ({"edit": processor_pb2.Edit(focus=NAN_FOCUS)}, InvalidInputError, "EDIT_INVALID", "not a point"),
        ({"edit": processor_pb2.Edit(quarter_turns=4)}, InvalidInputError, "EDIT_INVALID", "from 0 to 3"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_what_is_wrong(
    stub: Any,
    original: events.ImageUploaded,
    signed_in: Callable[[str], Any],
    change: dict[str, Any],
    error: type[ServiceError],
    reason: str,
    words: str,
) -> None:
    asked = {"sha256": original.sha256, "key": "x.avatar", **change}
    with pytest.raises(error) as caught, signed_in(original.owner_id):
        await stub.PreviewVariant(processor_pb2.PreviewVariantRequest(**asked))
    assert caught.value.reason == reason
    assert words in caught.value.message


async def test_nobody_previews_anothers_original(
    stub: Any, original: events.ImageUploaded, signed_in: Callable[[str], Any]
) -> None:
    with signed_in(original.owner_id):
        await stub.PreviewVariant(wanted(original))
    with pytest.raises(NotFoundError) as caught, signed_in(new_id()):
        await stub.PreviewVariant(wanted(original))
    assert caught.value.reason == "ORIGINAL_MISSING"
    with pytest.raises(UnauthenticatedError), remote_errors():
        await stub.PreviewVariant(wanted(original))


async def test_an_original_that_is_deleted_meanwhile_is_missing_as_soon_as_it_is_not_at_hand_any_more(
    processor: Running,
    stub: Any,
    objects: ObjectStore,
    original: events.ImageUploaded,
    signed_in: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with signed_in(original.owner_id):
        first = await stub.PreviewVariant(wanted(original))
        await objects.remove(original.object_key)
        assert await stub.PreviewVariant(wanted(original)) == first
    monkeypatch.setattr("services.processor.originals.IDLE_SECONDS", -1)
    await processor.originals.remove_idle()
    with pytest.raises(NotFoundError) as caught, signed_in(original.owner_id):
        await stub.PreviewVariant(wanted(original))
    assert caught.value.reason == "ORIGINAL_MISSING"


async def test_a_file_that_cannot_be_made_is_refused_with_the_reason(
    stub: Any,
    objects: ObjectStore,
    original: events.ImageUploaded,
    signed_in: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = photo()
    broken = await put_original(objects, content[: len(content) // 2], tmp_path)
    with pytest.raises(PreconditionError) as caught, signed_in(broken.owner_id):
        await stub.PreviewVariant(wanted(broken))
    assert caught.value.reason == "BROKEN"

    noise = io.BytesIO()
    Picture.frombytes("RGB", (600, 600), os.urandom(600 * 600 * 3)).save(noise, "PNG")
    grainy = await put_original(objects, noise.getvalue(), tmp_path)
    monkeypatch.setattr(previews, "MOST_BYTES", 1000)
    with pytest.raises(PreconditionError) as caught, signed_in(grainy.owner_id):
        await stub.PreviewVariant(wanted(grainy))
    assert caught.value.reason == "PREVIEW_TOO_LARGE"
    assert int(caught.value.metadata["bytes"]) > int(caught.value.metadata["max_bytes"]) == 1000


async def test_a_worker_that_dies_is_no_fault_of_the_picture(
    processor: Running,
    stub: Any,
    original: events.ImageUploaded,
    signed_in: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = processor.workers.run

    async def die(*_: Any, **named: Any) -> Any:
        return await run(os.abort, **named)

    with monkeypatch.context() as patch:
        patch.setattr(processor.workers, "run", die)
        with pytest.raises(UnavailableError) as caught, signed_in(original.owner_id):
            await stub.PreviewVariant(wanted(original))
    assert caught.value.reason == "PROCESSING_CRASHED"
    with signed_in(original.owner_id):
        assert (await stub.PreviewVariant(wanted(original))).file


async def test_who_calls_off_one_preview_after_the_other_ends_no_worker(
    objects: ObjectStore,
    workers: PictureWorkers,
    original: events.ImageUploaded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, at_work, go_on, calls = workers.run, asyncio.Event(), asyncio.Event(), 0

    async def held(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        at_work.set()
        await go_on.wait()
        return await run(*arguments, **named)

    worker = await run(os.getpid, timeout_seconds=30)
    originals = Originals(objects)
    await originals.start()
    room = Previews(originals, workers, [recipe("small", 40)], PictureLimits())
    monkeypatch.setattr(workers, "run", held)

    def preview(x: float) -> Coroutine[Any, Any, Preview]:
        return room.make(original.owner_id, original.sha256, "small.avatar", Edit(focus=Point(x, 0.5)))

    dragged = [asyncio.create_task(preview(0.1 * n)) for n in range(8)]
    await at_work.wait()
    for each in dragged:
        each.cancel()
    called_off = await asyncio.gather(*dragged, return_exceptions=True)
    go_on.set()
    last = await preview(0.9)
    await originals.stop()

    assert all(isinstance(each, asyncio.CancelledError) for each in called_off)
    assert last.file
    # The first was at work already; what waited for its turn was not begun.
    assert calls == 2
    assert await run(os.getpid, timeout_seconds=30) == worker
