"""What the processor hears: that a picture was uploaded, and that one should be made (again)."""

from collections.abc import Mapping
from dataclasses import replace

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.consumers import Delivery, Handler, PoisonedMessageError
from servicekit.pictures.lanes import Lane
from services.processor.domain import Job
from services.processor.messages import edit_of, overrides_of
from services.processor.pipeline import Edit
from services.processor.use_cases.variants import Darkroom


def handlers(darkroom: Darkroom, lane: Lane) -> Mapping[type[Message], Handler]:
    """Returns the handler of each message, for work that is done in this lane."""

    async def image_uploaded(delivery: Delivery) -> None:
        await darkroom.make_variants(_job(delivery.message, lane, attempt=1), delivery=delivery.attempt)

    async def render_image(delivery: Delivery) -> None:
        message: processor_pb2.RenderImage = delivery.message
        # 0 is what a sender leaves that does not count.
        attempt = message.attempt or 1
        job = _job(message, lane, attempt=attempt)
        try:
            edit, overrides = edit_of(message.edit), overrides_of(message)
        except ValueError as error:
            await darkroom.refuse_edit(job, str(error))
        await darkroom.make_variants(replace(job, edit=edit, overrides=overrides), delivery=delivery.attempt)

    return {events.ImageUploaded: image_uploaded, processor_pb2.RenderImage: render_image}


def _job(message: events.ImageUploaded | processor_pb2.RenderImage, lane: Lane, *, attempt: int) -> Job:
    """Reads a job without its edits. Raises `PoisonedMessageError` for one that does not say what to make, from what, for whom."""
    wanted = ("image_id", "owner_id", "object_key", "sha256")
    if missing := [name for name in wanted if not getattr(message, name)]:
        raise PoisonedMessageError(f"{message.DESCRIPTOR.name} lacks {', '.join(missing)}")
    return Job(
        image_id=message.image_id,
        owner_id=message.owner_id,
        object_key=message.object_key,
        sha256=message.sha256,
        revision=message.revision,
        attempt=attempt,
        edit=Edit(),
        lane=lane,
    )
