"""A picture with what is needed to show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit.errors import NotFoundError
from servicekit.ids import is_id
from services.upload.domain.image import Image, Variant
from services.upload.store import Store


@dataclass(frozen=True)
class ShownImage:
    """A picture with what is needed to show it."""

    image: Image
    thumbnails: Sequence[Variant] = ()

    @property
    def id(self) -> str:
        return self.image.id


async def existing_image(store: Store, image_id: str, owner_id: str, *, lock: bool = False) -> Image:
    image = await store.image(image_id, owner_id=owner_id, lock=lock) if is_id(image_id) else None
    if image is None:
        raise NotFoundError("There is no such picture in your library.", reason="IMAGE_NOT_FOUND")
    return image
