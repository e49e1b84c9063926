"""What the processor's tests share: pictures to make, how to ask for them, and what is told of them."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image as Picture
from system import photograph

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.dead_letters import DeadLetter, DeadLetters
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore
from servicekit.pictures.lanes import Lane
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.workers import PictureWorkers
from servicekit.subjects import RENDER_INTERACTIVE, envelope, subject_of
from services.processor.domain import Job, Recipe
from services.processor.originals import Originals
from services.processor.pipeline import Edit, RenditionSpec
from services.processor.use_cases.variants import Darkroom


@dataclass(frozen=True)
class Running:
    """A processor at work, and the parts that a test may disturb."""

    address: str
    workers: PictureWorkers
    objects: ObjectStore
    originals: Originals


def photo() -> bytes:
    """A real photograph, with the place it was taken in its metadata."""
    exif = Picture.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    file = io.BytesIO()
    with Picture.open(io.BytesIO(photograph())) as picture:
        picture.save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


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


async def ask(
    bus: Bus,
    original: events.ImageUploaded,
    *,
    subject: str = RENDER_INTERACTIVE,
    attempt: int = 1,
    overrides: Mapping[str, processor_pb2.Edit] | None = None,
    **edit: Any,
) -> None:
    """Asks for a picture as the upload service does when somebody wants another try, or an edit."""
    message = processor_pb2.RenderImage(
        image_id=original.image_id,
        owner_id=original.owner_id,
        object_key=original.object_key,
        sha256=original.sha256,
        revision=original.revision,
        attempt=attempt,
        edit=processor_pb2.Edit(**edit) if edit else None,
        overrides=[processor_pb2.SlotEdit(key=key, edit=one) for key, one in (overrides or {}).items()],
    )
    headers = envelope(new_id(), type(message), source="upload", time=utc_now(), owner_id=original.owner_id)
    await bus.jetstream.publish(subject, message.SerializeToString(), headers=headers)


async def results(bus: Bus, *originals: events.ImageUploaded, count: int = 1) -> list[Any]:
    """Waits for the first results for these pictures and returns them in the order in which they were told."""
    found: list[Any] = []
    subscription = await bus.jetstream.subscribe("evt.variants.*.v1", ordered_consumer=True)
    kinds = {subject_of(kind): kind for kind in (events.VariantsReady, events.VariantsFailed)}
    try:
        while len(found) < count:
            raw = await subscription.next_msg(timeout=30)
            message = kinds[raw.subject].FromString(raw.data)
            if message.image_id in {original.image_id for original in originals}:
                found.append(message)
    finally:
        await subscription.unsubscribe()
    return found


async def dead_letters(bus: Bus, original: events.ImageUploaded) -> list[DeadLetter]:
    return [letter for letter in await DeadLetters(bus).all() if letter.owner_id == original.owner_id]


def recipe(name: str, side: int, **details: Any) -> Recipe:
    spec = RenditionSpec(key=f"{name}.avatar", width=side, height=side, formats=("image/jpeg",), **details)
    return Recipe(spec.key, name, "avatar", spec)


def darkroom(bus: Bus, objects: ObjectStore, workers: PictureWorkers, recipes: Sequence[Recipe]) -> Darkroom:
    return Darkroom(
        bus=bus,
        objects=objects,
        workers=workers,
        recipes=recipes,
        limits=PictureLimits(),
        render_timeout_seconds=30,
        clock=utc_now,
    )


def job(
    original: events.ImageUploaded,
    *,
    attempt: int = 1,
    edit: Edit | None = None,
    overrides: Mapping[str, Edit] | None = None,
) -> Job:
    return Job(
        image_id=original.image_id,
        owner_id=original.owner_id,
        object_key=original.object_key,
        sha256=original.sha256,
        revision=original.revision,
        attempt=attempt,
        edit=edit or Edit(),
        lane=Lane.INTERACTIVE,
        overrides=overrides or {},
    )
