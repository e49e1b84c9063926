"""A picture with what is needed to show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.errors import NotFoundError
from servicekit.ids import is_id
from services.upload.domain.image import Image, ImageState, Variant
from services.upload.store import Store


@dataclass(frozen=True)
class ShownImage:
    """A picture with what is needed to show it."""

    image: Image
    thumbnails: Sequence[Variant] = ()
    # Its variants follow other recipes than those in force.
    outdated: bool = False
    # Until when it can be restored; None for pictures of the library.
    restorable_until: datetime | None = None

    @property
    def id(self) -> str:
        return self.image.id


async def show(store: Store, images: Sequence[Image]) -> list[ShownImage]:
    """Returns pictures with what is needed to show them: two queries, however many they are."""
    thumbnails = await store.thumbnails_of(images)
    in_force = await store.recipes_in_force()
    return [
        ShownImage(
            image,
            thumbnails[image.id],
            outdated=image.state is ImageState.READY and in_force is not None and image.recipes != in_force,
        )
        for image in images
    ]


async def existing_image(store: Store, image_id: str, owner_id: str, *, lock: bool = False) -> Image:
    """Returns a picture of the owner's library. Raises `NotFoundError`: IMAGE_DELETED for one that was deleted, else IMAGE_NOT_FOUND."""
    image = await known_image(store, image_id, owner_id, lock=lock)
    if image.deleted_at is not None:
        raise NotFoundError(
            "You deleted this picture. While it can be restored, it is among the deleted pictures of your library.",
            reason="IMAGE_DELETED",
        )
    return image


async def known_image(store: Store, image_id: str, owner_id: str, *, lock: bool = False) -> Image:
    """Returns a picture of the owner, also a deleted one. Raises `NotFoundError`."""
    image = await store.image(image_id, owner_id=owner_id, lock=lock) if is_id(image_id) else None
    if image is None:
        raise not_found()
    return image


def not_found() -> NotFoundError:
    return NotFoundError("There is no such picture in your library.", reason="IMAGE_NOT_FOUND")
