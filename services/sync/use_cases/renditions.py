"""What the sync service takes from the processor's and the library's events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.sync.domain import reasons
from services.sync.domain import target as steps
from services.sync.domain.target import TargetState
from services.sync.lifecycle import save_step
from services.sync.store import Store
from services.sync.store.renditions import Rendition

_WAITING_FOR_FILE = (TargetState.QUEUED,)
_NOT_SENT = (TargetState.QUEUED, TargetState.PAUSED, TargetState.NEEDS_YOU)


@dataclass(frozen=True)
class Renditions:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    clock: Clock

    async def take_renditions(
        self,
        delivery: Delivery,
        made: list[Rendition],
        *,
        image_id: str,
        revision: int,
        owner_id: str,
        slot_failures: Mapping[str, str],
        told_at: datetime,
    ) -> None:
        """Notes what the processor made, and why not for some slots, and wakes the targets that wait for it."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            await store.add_renditions(image_id, revision, owner_id, made, slot_failures, told_at=told_at)
            await self._wake(store, image_id, revision)
            await store.commit()

    async def take_failure(
        self, delivery: Delivery, *, image_id: str, revision: int, owner_id: str, message: str, told_at: datetime
    ) -> None:
        """Notes that no renditions can be made; the targets that wait for them hear it when they are woken."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            await store.add_image_failure(image_id, revision, owner_id, message, told_at=told_at)
            await self._wake(store, image_id, revision)
            await store.commit()

    async def _wake(self, store: Store, image_id: str, revision: int) -> None:
        now = self.clock()
        for target in await store.targets_of_image(image_id, _WAITING_FOR_FILE):
            # Also one that a worker has just found without a file: its copy is old now, and it is taken anew.
            untried = target.reason is None or target.reason.code == "RENDERING"
            if target.revision == revision and untried:
                await save_step(store, target, steps.woken(target, now=now), rings=True)

    async def forget_image(self, delivery: Delivery, *, image_id: str, deleted_at: datetime) -> None:
        """Calls off what had not been sent of a picture when it was deleted. It may be back by now."""
        now = self.clock()
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            for target in await store.targets_of_image(image_id, _NOT_SENT):
                if not target.is_out and target.requested_at < deleted_at:
                    after = steps.stopped(target, TargetState.CANCELLED, reasons.image_deleted(), now=now)
                    await save_step(store, target, after)
            await store.forget_image(image_id, told_before=deleted_at)
            await store.commit()
