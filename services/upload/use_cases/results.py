"""What the processor made of a picture, or could not."""

from dataclasses import dataclass, replace
from datetime import datetime

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.protobuf import timestamp
from services.upload.domain.image import ImageState, Look, Variant
from services.upload.looks import hash_of
from services.upload.store import Store
from services.upload.use_cases.avatar_news import tell_if_avatar


@dataclass(frozen=True)
class Results:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    clock: Clock

    async def take_variants(
        self,
        delivery: Delivery,
        variants: list[Variant],
        look: Look,
        *,
        image_id: str,
        revision: int,
        made_at: datetime,
        recipes: str,
    ) -> None:
        """Records what the processor made, and by which recipes: the picture is ready. Whoever waits for it is told.

        Of a rendering anew nobody is told, and what was made of an earlier revision comes too late to matter.
        """
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            image = await store.image(image_id, lock=True)
            if image is not None and image.takes_variants(revision, made_at):
                now = self.clock()
                if not image.edited and (seen := hash_of(variants)) is not None:
                    image = replace(image, look_bits=seen.shape, look_colours=seen.colours)
                await store.put_variants(image, variants)
                await store.save_image(
                    replace(
                        image,
                        state=ImageState.READY,
                        failure_reason="",
                        failure_message="",
                        ready_at=image.ready_at or now,
                        made_at=made_at,
                        look=look,
                        recipes=recipes,
                    )
                )
                await tell_if_avatar(store, image)
                # Of a deleted picture nobody wants to hear. Restored, it is ready.
                if image.state is not ImageState.READY and image.deleted_at is None:
                    ready = events.ImageReady(
                        image_id=image.id, owner_id=image.owner_id, revision=revision, event_time=timestamp(now)
                    )
                    store.record(ready, owner_id=image.owner_id)
            await store.commit()

    async def take_failure(
        self, delivery: Delivery, *, image_id: str, revision: int, attempt: int, reason: str, message: str
    ) -> None:
        """Records that no variants can be made, and why."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            image = await store.image(image_id, lock=True)
            if image is not None and image.takes_failure(revision, attempt):
                await store.save_image(
                    replace(image, state=ImageState.FAILED, failure_reason=reason, failure_message=message)
                )
                failed = events.ImageFailed(
                    image_id=image.id,
                    owner_id=image.owner_id,
                    revision=revision,
                    reason=reason,
                    message=message,
                    event_time=timestamp(self.clock()),
                )
                if image.deleted_at is None:
                    store.record(failed, owner_id=image.owner_id)
            await store.commit()
