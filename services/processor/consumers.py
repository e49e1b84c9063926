"""What the processor hears: that a picture was uploaded, and that one should be made (again)."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.consumers import Delivery, Handler, PoisonedMessageError
from servicekit.pictures.lanes import Lane
from services.processor.domain import Job
from services.processor.pipeline import Edit, Point, Rectangle
from services.processor.use_cases import Darkroom


def handlers(darkroom: Darkroom, lane: Lane) -> Mapping[type[Message], Handler]:
    """Returns the handler of each message, for work that is done in this lane."""

    async def image_uploaded(delivery: Delivery) -> None:
        await darkroom.make_variants(_job(delivery.message, lane, attempt=1), delivery=delivery.attempt)

    async def render_image(delivery: Delivery) -> None:
        message: processor_pb2.RenderImage = delivery.message
        # 0 is what a sender leaves that does not count.
        attempt = message.attempt or 1
        try:
            edit = edit_of(message.edit)
        except ValueError as error:
            await darkroom.refuse_edit(_job(message, lane, attempt=attempt), str(error))
        await darkroom.make_variants(_job(message, lane, attempt=attempt, edit=edit), delivery=delivery.attempt)

    return {events.ImageUploaded: image_uploaded, processor_pb2.RenderImage: render_image}


def edit_of(message: processor_pb2.Edit) -> Edit:
    """Reads an edit. Raises ValueError that says which part makes no sense."""
    if message.background > 0xFFFFFF:
        raise ValueError(f"background is {message.background:#x}; a colour is 0xRRGGBB, at most 0xffffff")
    white = Edit().background
    red, green, blue = message.background.to_bytes(3)
    crop, focus = message.crop, message.focus
    return Edit(
        quarter_turns=message.quarter_turns,
        mirrored=message.mirrored,
        crop=Rectangle(crop.left, crop.top, crop.right, crop.bottom) if message.HasField("crop") else None,
        focus=Point(focus.x, focus.y) if message.HasField("focus") else None,
        background=(red, green, blue) if message.HasField("background") else white,
    )


def _job(
    message: events.ImageUploaded | processor_pb2.RenderImage, lane: Lane, *, attempt: int, edit: Edit | None = None
) -> Job:
    """Raises `PoisonedMessageError` for a message that does not say what to make, from what, for whom."""
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
        edit=edit or Edit(),
        lane=lane,
    )
