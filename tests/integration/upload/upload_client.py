"""Calls the upload service as the gateway does, and speaks to it as the processor does."""

import io
from collections.abc import AsyncIterator
from typing import Any

from PIL import Image as Picture

from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.grpc_client import remote_errors
from servicekit.ids import new_id
from servicekit.subjects import subject_of


def jpeg(width: int = 640, height: int = 480, colour: str = "teal") -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (width, height), colour).save(file, "JPEG")
    return file.getvalue()


async def send(upload: Any, content: bytes, **header: str) -> upload_pb2.Image:
    async def pieces() -> AsyncIterator[upload_pb2.UploadImageRequest]:
        yield upload_pb2.UploadImageRequest(header=upload_pb2.UploadImageHeader(**header))
        for start in range(0, len(content), 256 * 1024):
            yield upload_pb2.UploadImageRequest(chunk=content[start : start + 256 * 1024])

    with remote_errors():
        answer = await upload.UploadImage(pieces(), timeout=30)
    image: upload_pb2.Image = answer.image
    return image


async def get(upload: Any, image_id: str) -> upload_pb2.Image:
    with remote_errors():
        answer = await upload.GetImage(upload_pb2.GetImageRequest(id=image_id))
    image: upload_pb2.Image = answer.image
    return image


async def hear(bus: Bus, message: type, owner_id: str) -> Any:
    """Returns the first event of a kind about somebody."""
    subscription = await bus.jetstream.subscribe(subject_of(message), ordered_consumer=True)
    try:
        while True:
            raw = await subscription.next_msg(timeout=10)
            if (raw.headers or {}).get("ce-subject") == owner_id:
                return message.FromString(raw.data)  # type: ignore[attr-defined]
    finally:
        await subscription.unsubscribe()


def variant(key: str, platform: str = "", slot: str = "") -> processor_pb2.Variant:
    return processor_pb2.Variant(
        key=key,
        platform=platform,
        slot=slot,
        content_type="image/jpeg",
        width=320,
        height=320,
        bytes=10,
        sha256="a" * 64,
        perceptual_hash="0" * 16,
        object_key=f"variants/{key}",
        recipe_version="1",
        notes=[processor_pb2.VariantNote(code="METADATA_REMOVED", text="The place was removed.")],
    )


async def publish(bus: Bus, event: Any, owner_id: str) -> None:
    await bus.publish_fact(event, event_id=new_id(), source="processor", owner_id=owner_id)
