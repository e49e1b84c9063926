"""Tells that the addresses of somebody's avatar answer something else now."""

from services.upload.addresses import avatar_paths, tell_changed
from services.upload.domain.image import Image
from services.upload.store import Store


async def tell_avatar_changed(store: Store, owner_id: str) -> None:
    """Records with the transaction that another picture is somebody's avatar; of closed addresses there is nothing to tell."""
    tell_changed(store, owner_id, avatar_paths(*(await store.avatar(owner_id)).open_names))


async def tell_if_avatar(store: Store, image: Image) -> None:
    """Records the same of a picture that looks different now, if it is its owner's avatar for everywhere."""
    if await store.chosen("avatar", image.owner_id) == image.id:
        await tell_avatar_changed(store, image.owner_id)
