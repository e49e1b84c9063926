"""Taking pictures in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import sqlalchemy as sa

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, InvalidInputError
from servicekit.ids import Clock, new_id
from servicekit.object_store import ObjectStore
from servicekit.pictures.model import PictureInfo, PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from servicekit.protobuf import timestamp
from services.upload.domain.image import Image, ImageState, check_alt_text, original_key, tidy_file_name
from services.upload.staging import StagedFile
from services.upload.store import Store
from services.upload.use_cases.shown import ShownImage

Along = Callable[[Store, Image], Awaitable[None]]
"""What becomes true together with a new picture, in its transaction; what it raises undoes both."""


@dataclass(frozen=True)
class Intake:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    objects: ObjectStore
    limits: PictureLimits
    clock: Clock

    async def upload(
        self,
        file: StagedFile,
        *,
        owner_id: str,
        alt_text: str,
        file_name: str,
        idempotency_key: str | None,
        along: Along | None = None,
    ) -> ShownImage:
        """Takes a received file into the library and says so in `image.uploaded`.

        The original is stored before the row: a crash between the two leaves an object that the same upload finds again.
        Raises `InvalidInputError` with the reason of the refusal, and `AlreadyExistsError` when the key came before with another file.
        """
        alt_text = check_alt_text(alt_text)
        if idempotency_key is not None:
            earlier = await self._earlier_upload(owner_id, idempotency_key, file)
            if earlier is not None:
                return earlier
        info = await self._probe(file)
        key = original_key(owner_id, file.sha256)
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
            file_name=tidy_file_name(file_name),
            idempotency_key=idempotency_key,
        )
        async with self.stores() as store:
            try:
                await store.add_image(image)
            except sa.exc.IntegrityError:
                # The same key came twice at once; the other one was first. Its answer is ours.
                await store.session.rollback()
                earlier = await self._earlier_upload(owner_id, idempotency_key or "", file)
                if earlier is None:
                    raise
                return earlier
            if along is not None:
                await along(store, image)
            store.record(_uploaded(image), owner_id=owner_id)
            await store.commit()
        return ShownImage(image)

    async def _earlier_upload(self, owner_id: str, key: str, file: StagedFile) -> ShownImage | None:
        async with self.stores() as store:
            image = await store.image_by_idempotency_key(owner_id, key)
            if image is None:
                return None
            if image.sha256 != file.sha256:
                raise AlreadyExistsError(
                    "This Idempotency-Key was used before with another file. Use a new key for a new upload.",
                    reason="IDEMPOTENCY_KEY_REUSED",
                )
            return ShownImage(image, (await store.thumbnails_of([image]))[image.id])

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
