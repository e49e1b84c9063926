"""Taking pictures in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, InvalidInputError, ServiceError, UnavailableError
from servicekit.ids import Clock, new_id
from servicekit.object_store import ObjectStore
from servicekit.pictures.model import PictureInfo, PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from servicekit.protobuf import timestamp
from services.upload.domain.image import (
    Image,
    ImageState,
    check_alt_text,
    check_title,
    original_key,
    tidy_file_name,
    title_of,
)
from services.upload.domain.quota import Quota
from services.upload.staging import StagedFile
from services.upload.store import Store
from services.upload.use_cases.shown import ShownImage, show
from services.upload.use_cases.storage import expect_room

log = structlog.get_logger()

Along = Callable[[Store, Image], Awaitable[None]]
"""What becomes true together with a new picture, in its transaction; what it raises undoes both."""


@dataclass(frozen=True)
class Intake:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    objects: ObjectStore
    limits: PictureLimits
    quota: Quota
    clock: Clock

    async def upload(
        self,
        file: StagedFile,
        *,
        owner_id: str,
        alt_text: str,
        file_name: str,
        title: str = "",
        idempotency_key: str | None,
        along: Along | None = None,
    ) -> ShownImage:
        """Takes a received file into the library and says so in `image.uploaded`. Without a title it is called after its file.

        The original is stored before the row: a crash between the two leaves an object that the same upload finds again, or else
        the clean-up. Raises `InvalidInputError` with the reason of the refusal, `PreconditionError` (QUOTA_EXCEEDED) with nothing kept,
        and `AlreadyExistsError` when the key came before with another file.
        """
        alt_text, file_name, title = check_alt_text(alt_text), tidy_file_name(file_name), check_title(title)
        async with self.stores() as store:
            earlier = await self._earlier_upload(store, owner_id, idempotency_key, file)
        if earlier is not None:
            return earlier
        info = await self._probe(file)
        key = original_key(owner_id, file.sha256)
        async with self.stores() as store:
            # Once more when it is added. Here so that what does not fit is seldom stored.
            await expect_room(store, self.quota, owner_id=owner_id, bytes=file.bytes, sha256=file.sha256)
            # The clean-up may have found the very file of an earlier picture that is purged. It begins to count anew.
            await store.unmark([key])
            await store.commit()
        await self.objects.put_file(key, file.path, content_type=info.content_type)
        now = self.clock()
        image = Image(
            id=new_id(),
            owner_id=owner_id,
            state=ImageState.PROCESSING,
            object_key=key,
            content_type=info.content_type,
            width=info.width,
            height=info.height,
            bytes=file.bytes,
            sha256=file.sha256,
            created_at=now,
            alt_text=alt_text,
            file_name=file_name,
            title=title or title_of(file_name),
            idempotency_key=idempotency_key,
        )
        try:
            return await self._add(image, file, along)
        except UnavailableError:
            raise  # it may have been added: nobody knows
        except ServiceError:
            await self._give_back(image)
            raise

    async def _add(self, image: Image, file: StagedFile, along: Along | None) -> ShownImage:
        async with self.stores() as store:
            # One owner's pictures are added one after the other, so that two of them do not take the same room, or the same key.
            await store.hold_library(image.owner_id)
            earlier = await self._earlier_upload(store, image.owner_id, image.idempotency_key, file)
            if earlier is not None:
                return earlier
            more = await expect_room(store, self.quota, owner_id=image.owner_id, bytes=image.bytes, sha256=image.sha256)
            if more and not await self.objects.exists(image.object_key):
                # Another upload of the same file was refused meanwhile, and took it away again.
                await self.objects.put_file(image.object_key, file.path, content_type=image.content_type)
            await store.add_used(image.owner_id, more)
            await store.add_image(image)
            if along is not None:
                await along(store, image)
            store.record(_uploaded(image), owner_id=image.owner_id)
            await store.commit()
        return ShownImage(image)

    async def _give_back(self, image: Image) -> None:
        """Removes an original that was stored for nothing, unless another picture of the owner has the same."""
        try:
            async with self.stores() as store:
                # Held until it is removed: whoever adds a picture of the same file meanwhile waits, and then looks for it.
                await store.hold_library(image.owner_id)
                if not await store.has_file(image.owner_id, image.sha256):
                    await self.objects.remove(image.object_key)
        except UnavailableError:
            # It goes with the next clean-up.
            log.warning("original_left_behind", object_key=image.object_key, owner_id=image.owner_id)

    async def _earlier_upload(
        self, store: Store, owner_id: str, key: str | None, file: StagedFile
    ) -> ShownImage | None:
        """Returns what an upload with the same key came to; None where there was none."""
        image = None if key is None else await store.image_by_idempotency_key(owner_id, key)
        if image is None:
            return None
        if image.sha256 != file.sha256:
            raise AlreadyExistsError(
                "This Idempotency-Key was used before with another file. Use a new key for a new upload.",
                reason="IDEMPOTENCY_KEY_REUSED",
            )
        [shown] = await show(store, [image])
        return shown

    async def _probe(self, file: StagedFile) -> PictureInfo:
        try:
            return await asyncio.to_thread(probe, file.path, self.limits)
        except PictureRefused as refusal:
            raise InvalidInputError(refusal.message, reason=refusal.reason, metadata=refusal.metadata) from refusal


def _uploaded(image: Image) -> events.ImageUploaded:
    return events.ImageUploaded(
        image_id=image.id,
        owner_id=image.owner_id,
        object_key=image.object_key,
        content_type=image.content_type,
        width=image.width,
        height=image.height,
        bytes=image.bytes,
        sha256=image.sha256,
        revision=image.revision,
        event_time=timestamp(image.created_at),
    )
