"""Forgetting deleted pictures for good: because their owner wants so, or because their time is over. Their files go with a later clean-up.

Pictures are locked first and the library after them, here and wherever pictures are purged, so that nobody waits in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import PreconditionError
from servicekit.ids import Clock, is_id
from servicekit.protobuf import timestamp
from services.upload.domain.image import Image
from services.upload.store import Store
from services.upload.use_cases.shown import not_found

log = structlog.get_logger()

# A transaction of so many takes a fraction of a second: the library is held meanwhile, and others may want to add to it.
PURGED_AT_ONCE = 200


@dataclass(frozen=True)
class Purged:
    """How many pictures are gone, and how many bytes came back."""

    images: int
    freed_bytes: int


@dataclass(frozen=True)
class Purging:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    clock: Clock

    async def purge(self, image_id: str, *, owner_id: str) -> Purged:
        """Removes a deleted picture for good. Raises `NotFoundError`, and `PreconditionError` (IMAGE_NOT_DELETED) for one of the library."""
        async with self.stores() as store:
            image = await store.image_to_purge(image_id, owner_id) if is_id(image_id) else None
            if image is None:
                raise not_found()
            if image.deleted_at is None:
                raise PreconditionError(
                    "This picture is in your library. Delete it first: then it can be deleted for good.",
                    reason="IMAGE_NOT_DELETED",
                )
            freed = await forget(store, [image], clock=self.clock)
            await store.commit()
        return Purged(1, freed)

    async def purge_deleted(self, *, owner_id: str) -> Purged:
        """Removes all pictures for good that the owner had deleted when this was called.

        Some at a time: whoever is interrupted has removed a part, and the next call goes on.
        """
        until = self.clock()
        gone = freed = 0
        while True:
            async with self.stores() as store:
                some = await store.deleted_to_purge(owner_id, until=until, limit=PURGED_AT_ONCE)
                if not some:
                    return Purged(gone, freed)
                freed += await forget(store, some, clock=self.clock)
                await store.commit()
            gone += len(some)


async def forget(store: Store, deleted: Sequence[Image], *, clock: Clock) -> int:
    """Removes pictures of one owner that are locked, gives their room back, and says so in `image.purged`, all with the transaction.

    Returns how many bytes came back. The library is held until the commit.
    """
    owner_id = deleted[0].owner_id
    # Before the rows go: whoever chooses defaults holds it, and a picture takes with it the defaults that waited for it.
    await store.hold_library(owner_id)
    await store.remove_images([image.id for image in deleted])
    freed = await store.release_files(owner_id, deleted)
    for image in deleted:
        purged = events.ImagePurged(image_id=image.id, owner_id=owner_id, event_time=timestamp(clock()))
        store.record(purged, owner_id=owner_id)
        log.info("picture_purged", image_id=image.id, owner_id=owner_id)
    return freed
