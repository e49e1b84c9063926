"""What the processor hears: that a picture was uploaded."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery, Handler
from services.processor.use_cases import Darkroom


def handlers(darkroom: Darkroom) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def image_uploaded(delivery: Delivery) -> None:
        await darkroom.make_variants(delivery.message, attempt=delivery.attempt)

    return {events.ImageUploaded: image_uploaded}
