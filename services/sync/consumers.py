"""What the sync service hears of pictures, and of which are chosen."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery, Handler
from servicekit.protobuf import moment
from services.sync.domain.defaults import Chosen, Defaults
from services.sync.store.renditions import Rendition
from services.sync.use_cases.following import Following
from services.sync.use_cases.renditions import Renditions


def handlers(renditions: Renditions, following: Following) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def variants_ready(delivery: Delivery) -> None:
        event: events.VariantsReady = delivery.message
        made = [
            Rendition(
                image_id=event.image_id,
                revision=event.revision,
                key=variant.key,
                object_key=variant.object_key,
                content_type=variant.content_type,
                bytes=variant.bytes,
                sha256=variant.sha256,
                perceptual_hash=variant.perceptual_hash,
            )
            for variant in event.variants
            if variant.platform
        ]
        await renditions.take_renditions(
            delivery,
            made,
            image_id=event.image_id,
            revision=event.revision,
            owner_id=event.owner_id,
            slot_failures={failed.key: failed.message for failed in event.failures},
            told_at=moment(event.event_time),
        )

    async def variants_failed(delivery: Delivery) -> None:
        event: events.VariantsFailed = delivery.message
        await renditions.take_failure(
            delivery,
            image_id=event.image_id,
            revision=event.revision,
            owner_id=event.owner_id,
            message=event.message,
            told_at=moment(event.event_time),
        )

    async def image_deleted(delivery: Delivery) -> None:
        event: events.ImageDeleted = delivery.message
        await renditions.forget_image(delivery, image_id=event.image_id, deleted_at=moment(event.event_time))

    async def defaults_changed(delivery: Delivery) -> None:
        event: events.DefaultsChanged = delivery.message
        choices = tuple(
            Chosen(
                slot=choice.slot,
                image_id=choice.image_id,
                revision=choice.revision,
                platform=choice.platform,
                connection_id=choice.connection_id,
                alt_text=choice.alt_text,
            )
            for choice in event.choices
        )
        await following.take_defaults(
            delivery,
            Defaults(event.version, choices),
            owner_id=event.owner_id,
            chosen_at=moment(event.event_time),
        )

    return {
        events.VariantsReady: variants_ready,
        events.VariantsFailed: variants_failed,
        events.ImageDeleted: image_deleted,
        events.DefaultsChanged: defaults_changed,
    }
