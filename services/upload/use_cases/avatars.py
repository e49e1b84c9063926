"""Which addresses give somebody's avatar to everybody: the owner's word, and what other services tell of accounts."""

from dataclasses import dataclass, replace

from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from services.upload.addresses import avatar_paths, tell_changed
from services.upload.domain.avatars import Avatar
from services.upload.store import Store


@dataclass(frozen=True)
class ShownAvatar:
    """The settings, and whether there is a picture that the addresses give."""

    avatar: Avatar
    has_picture: bool


@dataclass(frozen=True)
class Avatars:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]

    async def settings(self, owner_id: str) -> ShownAvatar:
        """Returns which addresses are open."""
        async with self.stores() as store:
            return await _shown(store, await store.avatar(owner_id))

    async def change(self, owner_id: str, *, by_handle: bool, by_email: bool) -> ShownAvatar:
        """Opens or closes the addresses. What nobody has told yet is open as soon as it is told."""
        async with self.stores() as store:
            before = await store.held_avatar(owner_id)
            after = replace(before, by_handle=by_handle, by_email=by_email)
            await _save(store, before, after)
            shown = await _shown(store, after)
            await store.commit()
        return shown

    async def take_handle(self, delivery: Delivery, *, user_id: str, handle: str, version: int) -> None:
        """Records a handle that the profile service tells of."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            before = await store.held_avatar(user_id)
            await _save(store, before, before.with_handle(handle, version))
            await store.commit()

    async def take_email(self, delivery: Delivery, *, user_id: str, email: str, version: int) -> None:
        """Records the hashes of an address that the auth service tells of: it is confirmed, and kept nowhere here."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            before = await store.held_avatar(user_id)
            await _save(store, before, before.with_email(email, version))
            await store.commit()


async def _shown(store: Store, avatar: Avatar) -> ShownAvatar:
    return ShownAvatar(avatar, await store.avatar_file_of(avatar.owner_id) is not None)


async def _save(store: Store, before: Avatar, after: Avatar) -> None:
    if after != before:
        await store.save_avatar(after)
        tell_changed(store, after.owner_id, avatar_paths(*(before.open_names ^ after.open_names)))
