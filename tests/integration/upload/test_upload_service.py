"""The upload service on real Postgres, NATS and S3, called over gRPC as the gateway calls it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from upload_client import get, hear, jpeg, publish, send, variant

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.errors import AlreadyExistsError, InvalidInputError, NotFoundError, UnavailableError
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.object_store import ObjectMissingError, ObjectStore
from services.upload.app import build
from services.upload.settings import UploadSettings


async def test_an_upload_is_stored_whole_and_told(
    upload: Any, owner: str, bus: Bus, service_settings: Callable[..., Any], tmp_path: Path
) -> None:
    content = jpeg()

    image = await send(upload, content, alt_text=" A teal wall. ", file_name="wall.jpg")

    assert (image.width, image.height, image.bytes) == (640, 480, len(content))
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert image.state == upload_pb2.IMAGE_STATE_PROCESSING
    assert (image.alt_text, image.file_name, image.content_type) == ("A teal wall.", "wall.jpg", "image/jpeg")
    told = await hear(bus, events.ImageUploaded, owner)
    assert (told.image_id, told.revision) == (image.id, 1)
    objects = ObjectStore(service_settings(UploadSettings))
    await objects.get_file(told.object_key, tmp_path / "original")
    assert (tmp_path / "original").read_bytes() == content
    await objects.stop()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EMPTY"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG_REFUSED"),
        (b"%PDF-1.7 not a picture", "UNSUPPORTED_FORMAT"),
        (jpeg(8, 8), "TOO_SMALL"),
        (b"\xff\xd8\xff\xe0 nothing more", "BROKEN"),
    ],
)
async def test_a_file_that_is_no_picture_is_refused_with_its_reason(
    upload: Any, owner: str, content: bytes, reason: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await send(upload, content, file_name="innocent.jpg")

    assert caught.value.reason == reason
    assert len(caught.value.message) > 20


async def test_a_file_too_large_is_refused_with_the_limit(upload: Any, owner: str) -> None:
    with pytest.raises(InvalidInputError, match="25 MB") as caught:
        await send(upload, b"\xff\xd8\xff" + bytes(26_000_000))

    assert caught.value.reason == "TOO_MANY_BYTES"
    assert caught.value.metadata == {"max_bytes": "25000000"}


async def test_an_upload_without_its_header_is_refused(upload: Any, owner: str) -> None:
    async def headless() -> AsyncIterator[upload_pb2.UploadImageRequest]:
        yield upload_pb2.UploadImageRequest(chunk=b"x")

    with pytest.raises(InvalidInputError) as caught, remote_errors():
        await upload.UploadImage(headless(), timeout=10)

    assert caught.value.reason == "HEADER_MISSING"


async def test_the_same_key_again_gets_the_first_answer(upload: Any, owner: str) -> None:
    first = await send(upload, jpeg(), idempotency_key="once")

    again = await send(upload, jpeg(), idempotency_key="once")

    assert again.id == first.id


async def test_the_same_key_twice_at_once_makes_one_picture(upload: Any, owner: str) -> None:
    answers = await asyncio.gather(*(send(upload, jpeg(), idempotency_key="race") for _ in range(5)))

    assert len({image.id for image in answers}) == 1


async def test_the_same_key_with_another_file_is_refused(upload: Any, owner: str) -> None:
    await send(upload, jpeg(), idempotency_key="once")

    with pytest.raises(AlreadyExistsError) as caught:
        await send(upload, jpeg(colour="red"), idempotency_key="once")

    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("key", ["x" * 201, "nul\0"])
async def test_a_key_that_cannot_be_kept_is_refused_by_name(upload: Any, owner: str, key: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await send(upload, jpeg(), idempotency_key=key)

    assert caught.value.violations[0].field == "idempotency_key"


async def test_a_key_belongs_to_its_owner(upload: Any, owner: str, stranger: Caller) -> None:
    mine = await send(upload, jpeg(), idempotency_key="common")

    with acting_for(stranger):
        theirs = await send(upload, jpeg(), idempotency_key="common")

    assert mine.id != theirs.id


async def test_the_library_lists_newest_first_in_pages(upload: Any, owner: str) -> None:
    sent = [(await send(upload, jpeg(colour=colour))).id for colour in ("red", "green", "blue")]

    first = await upload.ListImages(upload_pb2.ListImagesRequest(page_size=2))
    second = await upload.ListImages(upload_pb2.ListImagesRequest(page_size=2, page_token=first.next_page_token))

    assert [image.id for image in (*first.images, *second.images)] == sent[::-1]
    assert second.next_page_token == ""


async def test_a_picture_becomes_ready_with_its_variants(upload: Any, owner: str, bus: Bus, eventually: Any) -> None:
    image = await send(upload, jpeg())
    made = [variant("thumbnail.320.webp"), variant("x.avatar", "x", "avatar")]
    await publish(bus, events.VariantsReady(image_id=image.id, owner_id=owner, revision=1, variants=made), owner)

    async def ready() -> bool:
        return (await get(upload, image.id)).state == upload_pb2.IMAGE_STATE_READY

    await eventually(ready)
    listed = await upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image.id))
    assert list(listed.variants) == made
    assert [each.key for each in (await get(upload, image.id)).thumbnails] == ["thumbnail.320.webp"]
    told = await hear(bus, events.ImageReady, owner)
    assert (told.image_id, told.revision) == (image.id, 1)


async def test_a_result_that_comes_twice_is_taken_once(upload: Any, owner: str, bus: Bus, eventually: Any) -> None:
    image = await send(upload, jpeg())
    event = events.VariantsReady(
        image_id=image.id, owner_id=owner, revision=1, variants=[variant("thumbnail.320.webp")]
    )
    await publish(bus, event, owner)
    await publish(bus, event, owner)
    later = await send(upload, jpeg(colour="red"))
    failed = events.VariantsFailed(
        image_id=later.id, owner_id=owner, revision=1, reason="BROKEN", message="It is broken."
    )
    await publish(bus, failed, owner)

    async def later_failed() -> bool:
        return (await get(upload, later.id)).state == upload_pb2.IMAGE_STATE_FAILED

    await eventually(later_failed)

    listed = await upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image.id))
    assert [each.key for each in listed.variants] == ["thumbnail.320.webp"]


async def test_a_picture_that_cannot_be_made_says_why(upload: Any, owner: str, bus: Bus, eventually: Any) -> None:
    image = await send(upload, jpeg())
    failed = events.VariantsFailed(
        image_id=image.id, owner_id=owner, revision=1, reason="BROKEN", message="The file ends too early."
    )
    await publish(bus, failed, owner)

    async def state() -> Any:
        now = await get(upload, image.id)
        return now if now.state == upload_pb2.IMAGE_STATE_FAILED else None

    found = await eventually(state)

    assert (found.failure_reason, found.failure_message) == ("BROKEN", "The file ends too early.")


async def test_alt_text_can_be_changed(upload: Any, owner: str) -> None:
    image = await send(upload, jpeg())

    await upload.UpdateImage(upload_pb2.UpdateImageRequest(id=image.id, alt_text="A wall."))

    assert (await get(upload, image.id)).alt_text == "A wall."


async def test_a_deleted_picture_is_gone_and_told(upload: Any, owner: str, bus: Bus) -> None:
    image = await send(upload, jpeg())

    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=image.id))

    with pytest.raises(NotFoundError):
        await get(upload, image.id)
    assert (await hear(bus, events.ImageDeleted, owner)).image_id == image.id


async def test_a_stranger_sees_nothing(upload: Any, owner: str, stranger: Caller) -> None:
    image = await send(upload, jpeg())
    calls = [
        lambda: upload.GetImage(upload_pb2.GetImageRequest(id=image.id)),
        lambda: upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image.id)),
        lambda: upload.UpdateImage(upload_pb2.UpdateImageRequest(id=image.id, alt_text="mine")),
        lambda: upload.DeleteImage(upload_pb2.DeleteImageRequest(id=image.id)),
    ]

    with acting_for(stranger):
        for call in calls:
            with pytest.raises(NotFoundError), remote_errors():
                await call()
        assert not (await upload.ListImages(upload_pb2.ListImagesRequest())).images

    assert (await get(upload, image.id)).alt_text == ""


@pytest.mark.parametrize("image_id", ["", "1", "../x", "00000000-0000-0000-0000-00000000000g", "a" * 5000])
async def test_an_id_that_is_none_is_not_found(upload: Any, owner: str, image_id: str) -> None:
    with pytest.raises(NotFoundError):
        await get(upload, image_id)


async def test_an_object_that_is_not_there_is_said_to_be_missing(
    service_settings: Callable[..., Any], tmp_path: Path
) -> None:
    objects = ObjectStore(service_settings(UploadSettings))
    with pytest.raises(ObjectMissingError):
        await objects.get_file("nowhere", tmp_path / "file")
    assert await objects.exists("nowhere") is False
    await objects.stop()


async def test_a_store_that_is_away_is_said_to_be_unavailable(
    service_settings: Callable[..., Any], tmp_path: Path
) -> None:
    objects = ObjectStore(service_settings(UploadSettings, s3_endpoint="http://127.0.0.1:9"))
    with pytest.raises(UnavailableError, match="picture store does not answer"):
        await objects.get_file("anything", tmp_path / "file")
    await objects.stop()


async def test_the_service_says_that_it_is_healthy(
    upload: Any, service_settings: Callable[..., Any], run_app: Any
) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    app = build(service_settings(UploadSettings))
    async with run_app(app):
        assert app.grpc is not None
        async with grpc.aio.insecure_channel(app.grpc.address) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
