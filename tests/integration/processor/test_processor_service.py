"""The processor on real NATS and S3: an original goes in as an event, variants come out."""

import hashlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from catalog import load_catalogue
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from servicekit.bus import Bus
from servicekit.grpc_client import Channels
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from servicekit.settings import GrpcSettings
from servicekit.subjects import subject_of
from services.processor.app import build
from services.processor.domain import Recipe
from services.processor.pipeline import RenditionSpec
from services.processor.settings import ProcessorSettings
from services.processor.use_cases import Darkroom

SERVICE = processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"]


@pytest.fixture(scope="module")
async def processor(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[str]:
    """The address of the running service."""
    app = build(service_settings(ProcessorSettings, picture_workers=1))
    async with run_app(app):
        assert app.grpc is not None
        yield app.grpc.address


@pytest.fixture
async def objects(service_settings: Callable[..., Any]) -> AsyncIterator[ObjectStore]:
    store = ObjectStore(service_settings(ProcessorSettings))
    yield store
    await store.stop()


async def put_original(objects: ObjectStore, content: bytes, directory: Path) -> events.ImageUploaded:
    owner_id, sha256 = new_id(), hashlib.sha256(content).hexdigest()
    original = events.ImageUploaded(
        image_id=new_id(),
        owner_id=owner_id,
        object_key=f"originals/{owner_id}/{sha256}",
        content_type="image/jpeg",
        sha256=sha256,
        revision=1,
    )
    path = directory / sha256
    path.write_bytes(content)
    await objects.put_file(original.object_key, path, content_type="image/jpeg")
    return original


async def tell(bus: Bus, original: events.ImageUploaded) -> None:
    await bus.publish_fact(original, event_id=new_id(), source="upload", owner_id=original.owner_id)


async def results(bus: Bus, original: events.ImageUploaded, *, count: int = 1) -> list[Any]:
    """Returns the first results for a picture."""
    found: list[Any] = []
    subscription = await bus.jetstream.subscribe("evt.variants.*.v1", ordered_consumer=True)
    kinds = {subject_of(kind): kind for kind in (events.VariantsReady, events.VariantsFailed)}
    try:
        while len(found) < count:
            raw = await subscription.next_msg(timeout=30)
            message = kinds[raw.subject].FromString(raw.data)
            if message.image_id == original.image_id:
                found.append(message)
    finally:
        await subscription.unsubscribe()
    return found


def photo() -> bytes:
    """A real photograph, with the place it was taken in its metadata."""
    from sklearn.datasets import load_sample_images

    picture = Picture.fromarray(load_sample_images().images[0])
    exif = Picture.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


async def test_every_slot_of_the_catalogue_gets_its_file(
    processor: str, bus: Bus, objects: ObjectStore, tmp_path: Path
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)
    made = {variant.key: variant for variant in ready.variants}
    wanted = {slot.key: slot for slot in load_catalogue().slots() if slot.wants_picture}
    assert set(wanted) < set(made)
    assert set(made) - set(wanted) == {
        "thumbnail.320.webp",
        "thumbnail.320.avif",
        "thumbnail.640.webp",
        "thumbnail.640.avif",
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


async def test_a_repeated_message_is_answered_without_rendering_again(
    processor: str, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)
    await results(bus, original)

    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(PictureWorkers, "run", refuse)
    same_file_again = events.ImageUploaded()
    same_file_again.CopyFrom(original)
    same_file_again.image_id = new_id()
    await tell(bus, same_file_again)
    [again] = await results(bus, same_file_again)

    assert isinstance(again, events.VariantsReady)


async def test_a_broken_original_is_told_with_its_reason(
    processor: str, bus: Bus, objects: ObjectStore, tmp_path: Path
) -> None:
    content = photo()
    original = await put_original(objects, content[: len(content) // 2], tmp_path)
    await tell(bus, original)

    [failed] = await results(bus, original)

    assert isinstance(failed, events.VariantsFailed)
    assert failed.reason == "BROKEN"
    assert failed.message


async def test_a_slot_that_cannot_be_made_is_told_beside_those_that_can(
    bus: Bus, objects: ObjectStore, tmp_path: Path
) -> None:
    possible = RenditionSpec(key="possible.avatar", width=400, height=400, formats=("image/jpeg",))
    tiny = RenditionSpec(key="tiny.avatar", width=400, height=400, formats=("image/jpeg",), max_bytes=300)
    original = await put_original(objects, photo(), tmp_path)
    async with PictureWorkers(1) as workers:
        darkroom = Darkroom(
            bus=bus,
            objects=objects,
            workers=workers,
            recipes=[Recipe(spec.key, spec.key.split(".")[0], "avatar", spec) for spec in (possible, tiny)],
            limits=PictureLimits(),
            render_timeout_seconds=30,
            clock=utc_now,
        )
        await darkroom.make_variants(original, attempt=1)

    [ready] = await results(bus, original)

    assert [variant.key for variant in ready.variants] == ["possible.avatar"]
    assert [(failed.key, failed.reason) for failed in ready.failures] == [("tiny.avatar", "BYTE_LIMIT_UNREACHABLE")]
    assert ready.failures[0].message


async def test_a_worker_that_dies_is_given_another_chance(
    processor: str, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = PictureWorkers.run, 0

    async def die_once(self: PictureWorkers, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise PictureWorkerError("CRASHED", "the worker is gone")
        return await run(self, *arguments, **named)

    monkeypatch.setattr(PictureWorkers, "run", die_once)
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)


async def test_a_picture_that_kills_every_worker_is_given_up_in_words(
    processor: str, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from servicekit import consumers

    async def die(*_: Any, **__: Any) -> None:
        raise PictureWorkerError("TIMEOUT", "the worker was too slow")

    monkeypatch.setattr(consumers, "retry_delay_seconds", lambda _attempt: 0.05)
    monkeypatch.setattr(PictureWorkers, "run", die)
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)

    [failed] = await results(bus, original)

    assert failed.reason == "PROCESSING_TIMEOUT"
    assert "too long or too much memory" in failed.message


async def test_the_recipes_are_told(processor: str, issue_token: Callable[[str], str]) -> None:
    channels = Channels(GrpcSettings())
    user_id = new_id()
    with acting_for(Caller(user_id, "session", issue_token(user_id))):
        stub = processor_pb2_grpc.ProcessorServiceStub(channels.to(processor, SERVICE))
        answer = await stub.ListRecipes(processor_pb2.ListRecipesRequest())
    await channels.stop()

    avatar = next(recipe for recipe in answer.recipes if recipe.key == "x.avatar")
    assert (avatar.width, avatar.height, avatar.max_bytes) == (400, 400, 700_000)
