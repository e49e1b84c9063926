"""What the upload service hears: that variants exist, or that none can be made; of accounts, and of connections that are gone."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery, Handler
from servicekit.protobuf import moment
from services.upload.domain.image import Variant
from services.upload.looks import read_frame, read_look
from services.upload.use_cases.avatars import Avatars
from services.upload.use_cases.defaults import Choosing
from services.upload.use_cases.recipes import Recipes
from services.upload.use_cases.results import Results


def handlers(
    results: Results, recipes: Recipes, avatars: Avatars, choosing: Choosing
) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def variants_ready(delivery: Delivery) -> None:
        event: events.VariantsReady = delivery.message
        variants = [
            Variant(
                image_id=event.image_id,
                revision=event.revision,
                key=made.key,
                platform=made.platform,
                slot=made.slot,
                content_type=made.content_type,
                width=made.width,
                height=made.height,
                bytes=made.bytes,
                sha256=made.sha256,
                perceptual_hash=made.perceptual_hash,
                object_key=made.object_key,
                recipe_version=made.recipe_version,
                notes=tuple((note.code, note.text) for note in made.notes),
                frame=read_frame(made),
            )
            for made in event.variants
        ]
        await results.take_variants(
            delivery,
            variants,
            read_look(event.look),
            image_id=event.image_id,
            revision=event.revision,
            made_at=moment(event.event_time),
            # Empty from processors that do not tell: then the picture is made anew by those in force.
            recipes=event.recipes,
        )

    async def variants_failed(delivery: Delivery) -> None:
        event: events.VariantsFailed = delivery.message
        await results.take_failure(
            delivery,
            image_id=event.image_id,
            revision=event.revision,
            # Messages from before there were attempts name none.
            attempt=event.attempt or 1,
            reason=event.reason,
            message=event.message,
        )

    async def recipes_published(delivery: Delivery) -> None:
        event: events.RecipesPublished = delivery.message
        await recipes.take(delivery, fingerprint=event.fingerprint, told_at=moment(event.event_time))

    async def account_registered(delivery: Delivery) -> None:
        event: events.AccountRegistered = delivery.message
        # Has no version, and is older than every change.
        await avatars.take_email(delivery, user_id=event.user_id, email=event.email, version=0)

    async def account_changed(delivery: Delivery) -> None:
        event: events.AccountChanged = delivery.message
        await avatars.take_email(delivery, user_id=event.user_id, email=event.email, version=event.version)

    async def profile_updated(delivery: Delivery) -> None:
        event: events.ProfileUpdated = delivery.message
        await avatars.take_handle(delivery, user_id=event.user_id, handle=event.handle, version=event.version)

    async def connection_removed(delivery: Delivery) -> None:
        event: events.ConnectionRemoved = delivery.message
        await choosing.forget_connection(delivery, connection_id=event.connection_id, owner_id=event.owner_id)

    return {
        events.VariantsReady: variants_ready,
        events.VariantsFailed: variants_failed,
        events.RecipesPublished: recipes_published,
        events.AccountRegistered: account_registered,
        events.AccountChanged: account_changed,
        events.ProfileUpdated: profile_updated,
        events.ConnectionRemoved: connection_removed,
    }
