"""The library: finding pictures, what is said about them, and taking them out and back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import NotFoundError
from servicekit.ids import Clock
from servicekit.pages import Page, PageRequest, page_of
from servicekit.pictures.perceptual import SAME_PICTURE_DISTANCE, PerceptualHash, distance
from servicekit.protobuf import timestamp
from servicekit.subjects import RENDER_INTERACTIVE
from services.upload.addresses import media_path, tell_changed
from services.upload.domain.image import Change, Image, ImageFilter, Variant, check_alt_text, check_title
from services.upload.domain.quota import Quota
from services.upload.jobs import ask
from services.upload.store import Store
from services.upload.store.libraries import Counts
from services.upload.use_cases.avatar_news import tell_avatar_changed, tell_if_avatar
from services.upload.use_cases.shown import ShownImage, existing_image, known_image, not_found, show

# Of 64 bits: encoders change up to 5 (see `servicekit.pictures.perceptual`), other pictures differ in more than twice as many.
ALIKE_BITS = 6
SIMILAR_AT_MOST = 20
# Flat pictures all have one shape: among so many, colours decide.
CANDIDATES = 200
# An event has room for 1 MB; a path has up to 300 bytes.
ADDRESSES_AT_ONCE = 500


@dataclass(frozen=True)
class Fullness:
    """How full a library is, and what is in it."""

    used_bytes: int
    quota: Quota
    counts: Counts


@dataclass(frozen=True)
class Library:
    """Dependencies of the use cases. A deleted picture can be restored for `restorable`."""

    stores: OpenStore[Store]
    quota: Quota
    restorable: timedelta
    clock: Clock

    async def get(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Returns one of the owner's pictures. Raises `NotFoundError`."""
        async with self.stores() as store:
            [shown] = await show(store, [await existing_image(store, image_id, owner_id)])
            return shown

    async def page(self, page: PageRequest, wanted: ImageFilter, *, owner_id: str) -> Page[ShownImage]:
        """Returns a page of the owner's pictures, newest first. Raises `InvalidInputError` for what cannot be looked for."""
        wanted = wanted.checked()
        async with self.stores() as store:
            images = await store.images_of(owner_id, page, wanted, deleted_since=self.clock() - self.restorable)
            shown = [self._until(one) for one in await show(store, images)]
        return page_of(page, shown)

    async def similar(self, image_id: str, *, owner_id: str) -> tuple[list[ShownImage], list[ShownImage]]:
        """Returns other pictures from the very same file, newest first, and others that look alike, most alike first.

        Until a picture was ready once, nothing is known to look like it. Raises `NotFoundError`.
        """
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id)
            same = await store.images_of_file(image, limit=SIMILAR_AT_MOST)
            alike = []
            if image.look_bits is not None:
                candidates = await store.images_alike(image, bits=ALIKE_BITS, limit=CANDIDATES)
                apart = [(_distance(image, other), other) for other in candidates]
                near = [pair for pair in apart if pair[0] <= SAME_PICTURE_DISTANCE]
                near.sort(key=lambda pair: pair[0])  # keeps the store's order among equals
                alike = [other for _, other in near[:SIMILAR_AT_MOST]]
            shown = await show(store, [*same, *alike])
        return shown[: len(same)], shown[len(same) :]

    async def fullness(self, *, owner_id: str) -> Fullness:
        """Returns how full the owner's library is, and what is in it."""
        async with self.stores() as store:
            counts = await store.counts(owner_id, deleted_since=self.clock() - self.restorable)
            return Fullness(await store.used_bytes(owner_id), self.quota, counts)

    async def change(self, image_id: str, change: Change, *, etag: str, owner_id: str) -> ShownImage:
        """Changes what is said about a picture, unless it has changed since it had this etag; an empty one fits any.

        Raises `NotFoundError`, `ConflictError` (ETAG_MISMATCH), and `InvalidInputError` for a text too long.
        """
        change = replace(
            change,
            alt_text=None if change.alt_text is None else check_alt_text(change.alt_text),
            title=None if change.title is None else check_title(change.title),
        )
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id, lock=True)
            image.expect_etag(etag)
            changed = image.changed(change)
            if changed is not image:
                await store.save_image(changed)
            if image.published and not changed.published:
                await _tell_ended(store, image)
            [shown] = await show(store, [changed])
            await store.commit()
        return shown

    async def retry(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Tries a failed picture again. Raises `NotFoundError`, and `PreconditionError` (IMAGE_NOT_FAILED)."""
        async with self.stores() as store:
            image = (await existing_image(store, image_id, owner_id, lock=True)).tried_again(self.clock())
            await store.save_image(image)
            await ask(store, [image], subject=RENDER_INTERACTIVE)
            [shown] = await show(store, [image])
            await store.commit()
        return shown

    async def delete(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Takes a picture out of the library, until it is restored or its time is over. Raises `NotFoundError`."""
        now = self.clock()
        async with self.stores() as store:
            image = (await existing_image(store, image_id, owner_id, lock=True)).deleted(now)
            was_avatar = await store.chosen("avatar", owner_id) == image.id
            await store.save_image(image)
            if was_avatar:
                await tell_avatar_changed(store, owner_id)
            gone = events.ImageDeleted(image_id=image.id, owner_id=owner_id, event_time=timestamp(now))
            store.record(gone, owner_id=owner_id)
            if image.published:
                await _tell_ended(store, image)
            [shown] = await show(store, [image])
            await store.commit()
        return self._until(shown)

    async def restore(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Takes a deleted picture back into the library, and has everybody told of its variants who has forgotten them since.

        Of one that is not deleted nothing changes. Raises `NotFoundError`, also when its time is over.
        """
        now = self.clock()
        async with self.stores() as store:
            image = await known_image(store, image_id, owner_id, lock=True)
            until = image.restorable_until(self.restorable)
            if until is not None:
                if until <= now:
                    raise not_found()
                image = image.restored(now)
                await store.save_image(image)
                back = events.ImageRestored(
                    image_id=image.id, owner_id=owner_id, revision=image.revision, event_time=timestamp(now)
                )
                store.record(back, owner_id=owner_id)
                await tell_if_avatar(store, image)
                await ask(store, [image], subject=RENDER_INTERACTIVE)
            [shown] = await show(store, [image])
            await store.commit()
        return shown

    async def variants(self, image_id: str, *, owner_id: str) -> tuple[Image, Sequence[Variant]]:
        """Returns a picture and the variants of its present revision. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await existing_image(store, image_id, owner_id)
            return image, await store.variants_of(image)

    async def expect_published(self, object_key: str) -> None:
        """Returns if the owner of a stored file shows it to everybody. Raises `NotFoundError` for all others, alike."""
        # No key of ours has a NUL, and Postgres knows none.
        if "\0" not in object_key:
            async with self.stores() as store:
                if await store.is_published(object_key):
                    return
        raise NotFoundError("There is no such file, or it is not public.", reason="FILE_NOT_PUBLISHED")

    def _until(self, shown: ShownImage) -> ShownImage:
        return replace(shown, restorable_until=shown.image.restorable_until(self.restorable))


async def _tell_ended(store: Store, image: Image) -> None:
    """Tells that the addresses of a picture's files have ended: those of all revisions, for all of them could be looked at."""
    paths = [media_path(key) for key in await store.object_keys_of(image.id)]
    for start in range(0, len(paths), ADDRESSES_AT_ONCE):
        tell_changed(store, image.owner_id, paths[start : start + ADDRESSES_AT_ONCE])


def _distance(one: Image, other: Image) -> int:
    """Tells how different two pictures look: 0 the same, 64 nothing in common. Both have been looked at."""
    return distance(*(PerceptualHash(image.look_bits or 0, image.look_colours) for image in (one, other)))
