"""The processor on real NATS and S3: an original goes in as an event, variants come out."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture
from processor_client import Running, ask, darkroom, dead_letters, job, photo, put_original, recipe, results, tell

from catalog import load_catalogue
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from servicekit.bus import Bus
from servicekit.grpc_client import Channels
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id
from servicekit.object_store import ObjectStore
from servicekit.pictures.workers import PictureWorkers
from servicekit.settings import GrpcSettings
from servicekit.subjects import RENDER_BULK, RENDER_INTERACTIVE

SERVICE = processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"]


async def test_every_slot_of_the_catalogue_gets_its_file(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)
    assert ready.attempt == 1
    assert ready.look.placeholder
    made = {variant.key: variant for variant in ready.variants}
    wanted = {slot.key: slot for slot in load_catalogue().slots() if slot.wants_picture}
    assert set(wanted) < set(made)
    assert set(made) - set(wanted) == {
        "avatar.1024",
        "thumbnail.320.webp",
        "thumbnail.320.avif",
        "thumbnail.640.webp",
        "thumbnail.640.avif",
        "thumbnail.640.jpeg",
        "thumbnail.1280.webp",
    }
    for key, slot in wanted.items():
        await objects.get_file(made[key].object_key, tmp_path / "made")
        content = (tmp_path / "made").read_bytes()
        with Picture.open(io.BytesIO(content)) as picture:
            assert picture.size == (slot.width, slot.height)
            assert Picture.MIME[str(picture.format)] == made[key].content_type
            assert not picture.getexif()
        assert len(content) == made[key].bytes <= slot.max_bytes
        assert hashlib.sha256(content).hexdigest() == made[key].sha256
        assert (made[key].platform, made[key].slot) == (slot.platform, slot.kind)
        assert made[key].frame.reason != processor_pb2.FRAME_REASON_UNSPECIFIED


async def test_a_file_that_was_uploaded_again_is_answered_without_rendering_again(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)
    [first] = await results(bus, original)

    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(processor.workers, "run", refuse)
    same_file_again = events.ImageUploaded()
    same_file_again.CopyFrom(original)
    same_file_again.image_id = new_id()
    await tell(bus, same_file_again)
    [again] = await results(bus, same_file_again)

    assert again.variants == first.variants
    assert again.look == first.look


@pytest.mark.parametrize("subject", [RENDER_INTERACTIVE, RENDER_BULK])
async def test_a_picture_is_made_as_the_job_asks(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, subject: str
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    left_half = processor_pb2.Rectangle(left=0, top=0, right=0.5, bottom=1)
    await ask(bus, original, subject=subject, attempt=3, quarter_turns=1, crop=left_half)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)
    assert ready.attempt == 3
    [whole] = [variant for variant in ready.variants if variant.key == "thumbnail.1280.webp"]
    with Picture.open(io.BytesIO(photo())) as picture:
        width, height = picture.size
    # Turned by a quarter it is as wide as it was high; of that, half.
    assert (whole.width, whole.height) == (round(height / 2), width)


async def test_each_attempt_is_told_apart_and_a_repetition_is_not(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path
) -> None:
    original, last = [await put_original(objects, photo(), tmp_path) for _ in range(2)]
    for attempt in (1, 1, 2, 2, 2):
        await ask(bus, original, attempt=attempt)
    # Each consumer hands out in order, and two at once: when as many have followed, all of those before are done.
    for attempt in (1, 2, 3):
        await ask(bus, last, attempt=attempt)
    told = await results(bus, original, last, count=5)

    assert sorted((result.image_id == original.image_id, result.attempt) for result in told) == [
        *((False, attempt) for attempt in (1, 2, 3)),
        *((True, attempt) for attempt in (1, 2)),
    ]


async def test_a_slot_that_cannot_be_made_is_told_beside_those_that_can(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, tmp_path: Path
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    room = darkroom(bus, objects, workers, [recipe("possible", 400), recipe("tiny", 400, max_bytes=300)])

    for image in (original, events.ImageUploaded(image_id=new_id())):
        # The second is the same file again: what could not be made is known, too.
        image.MergeFrom(events.ImageUploaded(**{name: getattr(original, name) for name in ("owner_id", "object_key")}))
        image.sha256, image.revision = original.sha256, 1
        await room.make_variants(job(image), delivery=1)
        [ready] = await results(bus, image)

        assert [variant.key for variant in ready.variants] == ["possible.avatar"]
        assert [(failed.key, failed.reason) for failed in ready.failures] == [("tiny.avatar", "BYTE_LIMIT_UNREACHABLE")]
        assert ready.failures[0].message


async def test_an_edit_that_makes_no_sense_is_told_and_laid_aside_with_its_reason(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, eventually: Any
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    await ask(bus, original, attempt=2, quarter_turns=7)

    [failed] = await results(bus, original)
    [letter] = await eventually(lambda: dead_letters(bus, original))

    assert (failed.reason, failed.attempt) == ("EDIT_INVALID", 2)
    assert "Undo them" in failed.message
    assert letter.reason == "EDIT_INVALID: quarter_turns is 7; it goes from 0 to 3"
    assert letter.consumer == "process-interactive"


async def test_a_job_that_names_no_original_is_laid_aside(processor: Running, bus: Bus, eventually: Any) -> None:
    nobody = events.ImageUploaded(owner_id=new_id(), image_id=new_id(), sha256="00")
    await ask(bus, nobody)

    [letter] = await eventually(lambda: dead_letters(bus, nobody))

    assert letter.reason == "RenderImage lacks object_key"


async def test_the_recipes_are_told(processor: Running, issue_token: Callable[[str], str]) -> None:
    channels = Channels(GrpcSettings())
    user_id = new_id()
    with acting_for(Caller(user_id, "session", issue_token(user_id))):
        stub = processor_pb2_grpc.ProcessorServiceStub(channels.to(processor.address, SERVICE))
        answer = await stub.ListRecipes(processor_pb2.ListRecipesRequest())
    await channels.stop()

    avatar = next(recipe for recipe in answer.recipes if recipe.key == "x.avatar")
    assert (avatar.width, avatar.height, avatar.max_bytes) == (400, 400, 700_000)
