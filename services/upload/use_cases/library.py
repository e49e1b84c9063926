"""The library: finding pictures, and what is said about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.pages import Page, PageRequest, page_of
from servicekit.protobuf import timestamp
from servicekit.subjects import RENDER_INTERACTIVE
from services.upload.domain.image import Image, Variant, check_alt_text
from services.upload.jobs import ask
from services.upload.store import Store
from services.upload.use_cases.shown import ShownImage, existing_image


@dataclass(frozen=True)
class Library:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    clock: Clock

    async def get(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Returns one of the owner's pictures. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id)
            return ShownImage(image, (await store.thumbnails_of([image]))[image.id])

    async def page(self, page: PageRequest, *, owner_id: str) -> Page[ShownImage]:
        """Returns a page of the owner's pictures, newest first."""
        async with self.stores() as store:
            images = await store.images_of(owner_id, page)
            thumbnails = await store.thumbnails_of(images)
        return page_of(page, [ShownImage(image, thumbnails[image.id]) for image in images])

    async def describe(self, image_id: str, alt_text: str, *, owner_id: str) -> ShownImage:
        """Sets what a picture shows, in words. Raises `NotFoundError`, and `InvalidInputError` for a text too long."""
        alt_text = check_alt_text(alt_text)
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id, lock=True)
            described = replace(image, alt_text=alt_text)
            await store.save_image(described)
            thumbnails = (await store.thumbnails_of([image]))[image.id]
            await store.commit()
        return ShownImage(described, thumbnails)

    async def retry(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Tries a failed picture again. Raises `NotFoundError`, and `PreconditionError` (IMAGE_NOT_FAILED)."""
        async with self.stores() as store:
            image = (await existing_image(store, image_id, owner_id, lock=True)).tried_again(self.clock())
            await store.save_image(image)
            await ask(store, [image], subject=RENDER_INTERACTIVE)
            await store.commit()
        return ShownImage(image)

    async def delete(self, image_id: str, *, owner_id: str) -> None:
        """Takes a picture out of the library. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id, lock=True)
            await store.remove_image(image.id)
            gone = events.ImageDeleted(image_id=image.id, owner_id=owner_id, event_time=timestamp(self.clock()))
            store.record(gone, owner_id=owner_id)
            await store.commit()

    async def variants(self, image_id: str, *, owner_id: str) -> tuple[Image, Sequence[Variant]]:
        """Returns a picture and the variants of its present revision. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id)
            return image, await store.variants_of(image)
