"""What is done to a picture: reading it, changing it, and its revisions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import ConflictError, NotFoundError
from servicekit.ids import Clock
from servicekit.pages import Page, PageRequest, page_of
from servicekit.protobuf import timestamp
from servicekit.subjects import RENDER_INTERACTIVE
from services.upload.domain.edits import Edit, Revision, checked_edits, revised
from services.upload.domain.image import Image
from services.upload.jobs import ask
from services.upload.store import Store
from services.upload.use_cases.shown import ShownImage, existing_image, show


@dataclass(frozen=True)
class Editing:
    """Dependencies of the use cases. `slots` are the keys of those that take a picture.

    What was done for a slot that has left the catalogue since is not told, so that all that is told can be sent back.
    """

    stores: OpenStore[Store]
    slots: Collection[str]
    clock: Clock

    async def get(self, image_id: str, revision: int, *, owner_id: str) -> Revision:
        """Returns what is done to a picture, at present (0) or in an earlier revision. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id)
            return await self._existing_revision(store, image, revision or image.revision)

    async def page(self, image_id: str, page: PageRequest, *, owner_id: str) -> Page[Revision]:
        """Returns a page of a picture's revisions, newest first. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id)
            return page_of(page, [self._told(revision) for revision in await store.revisions_of(image, page)])

    async def update(
        self, image_id: str, base: Edit, overrides: Sequence[tuple[str, Edit]], *, revision: int, owner_id: str
    ) -> tuple[Revision, ShownImage]:
        """Does something else to a picture from now on, and has its variants made; what changes nothing is no revision.

        Raises `NotFoundError`, `InvalidInputError` that names each value that makes no sense, and `ConflictError` when the present
        revision is not the one that was read; 0 stands for any.
        """
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id, lock=True)
            if revision not in (0, image.revision):
                raise ConflictError(
                    f"The picture's edits have changed since they were read: revision {image.revision} is the present one."
                    " Load it again and repeat the change.",
                    reason="ETAG_MISMATCH",
                    metadata={"revision": str(image.revision)},
                )
            edits = checked_edits(base, overrides, width=image.width, height=image.height, slots=self.slots)
            present = await self._existing_revision(store, image, image.revision)
            if edits == present.edits:
                return present, (await show(store, [image]))[0]
            now = self.clock()
            image = revised(image, edits, now)
            await store.save_image(image)
            await store.add_revision(Revision(image.revision, edits, now), of=image)
            edited = events.ImageEdited(
                image_id=image.id, owner_id=owner_id, revision=image.revision, event_time=timestamp(now)
            )
            store.record(edited, owner_id=owner_id)
            await ask(store, [image], subject=RENDER_INTERACTIVE)
            [shown] = await show(store, [image])
            await store.commit()
        return Revision(image.revision, edits, now), shown

    async def _existing_revision(self, store: Store, image: Image, number: int) -> Revision:
        revision = await store.revision(image, number)
        if revision is None:
            raise NotFoundError(
                f"The picture has no revision {number}, or not any more; the present one is {image.revision}.",
                reason="REVISION_NOT_FOUND",
                metadata={"revision": str(image.revision)},
            )
        return self._told(revision)

    def _told(self, revision: Revision) -> Revision:
        return replace(revision, edits=revision.edits.only(self.slots))
