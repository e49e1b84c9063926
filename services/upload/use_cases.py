"""What the upload service does, one function a use case."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from servicekit.ids import Clock, is_id, new_id
from servicekit.object_store import ObjectStore
from servicekit.pages import Page, PageRequest, page_of
from servicekit.pictures.model import PictureInfo, PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from servicekit.protobuf import timestamp
from servicekit.subjects import RENDER_INTERACTIVE
from services.upload.domain import Image, ImageState, Look, Variant, check_alt_text, original_key, tidy_file_name
from services.upload.jobs import ask
from services.upload.staging import StagedFile
from services.upload.store import Store


@dataclass(frozen=True)
class ShownImage:
    """A picture with what is needed to show it."""

    image: Image
    thumbnails: Sequence[Variant] = ()

    @property
    def id(self) -> str:
        return self.image.id


@dataclass(frozen=True)
class Library:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    objects: ObjectStore
    limits: PictureLimits
    clock: Clock

    async def upload(
        self, file: StagedFile, *, owner_id: str, alt_text: str, file_name: str, idempotency_key: str | None
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

    async def get(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Returns one of the owner's pictures. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await _existing(store, image_id, owner_id)
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
            image = await _existing(store, image_id, owner_id, lock=True)
            described = replace(image, alt_text=alt_text)
            await store.save_image(described)
            thumbnails = (await store.thumbnails_of([image]))[image.id]
            await store.commit()
        return ShownImage(described, thumbnails)

    async def retry(self, image_id: str, *, owner_id: str) -> ShownImage:
        """Tries a failed picture again. Raises `NotFoundError`, and `PreconditionError` (IMAGE_NOT_FAILED)."""
        async with self.stores() as store:
            image = (await _existing(store, image_id, owner_id, lock=True)).tried_again(self.clock())
            await store.save_image(image)
            ask(store, image, subject=RENDER_INTERACTIVE)
            await store.commit()
        return ShownImage(image)

    async def delete(self, image_id: str, *, owner_id: str) -> None:
        """Takes a picture out of the library. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await _existing(store, image_id, owner_id, lock=True)
            await store.remove_image(image.id)
            gone = events.ImageDeleted(image_id=image.id, owner_id=owner_id, event_time=timestamp(self.clock()))
            store.record(gone, owner_id=owner_id)
            await store.commit()

    async def variants(self, image_id: str, *, owner_id: str) -> tuple[Image, Sequence[Variant]]:
        """Returns a picture and the variants of its present revision. Raises `NotFoundError`."""
        async with self.stores() as store:
            image = await _existing(store, image_id, owner_id)
            return image, await store.variants_of(image)

    async def take_variants(
        self,
        delivery: Delivery,
        variants: list[Variant],
        look: Look,
        *,
        image_id: str,
        revision: int,
        made_at: datetime,
    ) -> None:
        """Records what the processor made: the picture is ready. Whoever waits for it is told; of a rendering anew nobody is."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            image = await store.image(image_id, lock=True)
            if image is not None and image.takes_variants(revision, made_at):
                now = self.clock()
                await store.put_variants(image, variants)
                await store.save_image(
                    replace(
                        image,
                        state=ImageState.READY,
                        failure_reason="",
                        failure_message="",
                        ready_at=image.ready_at or now,
                        made_at=made_at,
                        look=look,
                    )
                )
                if image.state is not ImageState.READY:
                    ready = events.ImageReady(
                        image_id=image.id, owner_id=image.owner_id, revision=revision, event_time=timestamp(now)
                    )
                    store.record(ready, owner_id=image.owner_id)
            await store.commit()

    async def take_failure(
        self, delivery: Delivery, *, image_id: str, revision: int, attempt: int, reason: str, message: str
    ) -> None:
        """Records that no variants can be made, and why."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            image = await store.image(image_id, lock=True)
            if image is not None and image.takes_failure(revision, attempt):
                await store.save_image(
                    replace(image, state=ImageState.FAILED, failure_reason=reason, failure_message=message)
                )
                failed = events.ImageFailed(
                    image_id=image.id,
                    owner_id=image.owner_id,
                    revision=revision,
                    reason=reason,
                    message=message,
                    event_time=timestamp(self.clock()),
                )
                store.record(failed, owner_id=image.owner_id)
            await store.commit()


async def _existing(store: Store, image_id: str, owner_id: str, *, lock: bool = False) -> Image:
    image = await store.image(image_id, owner_id=owner_id, lock=lock) if is_id(image_id) else None
    if image is None:
        raise NotFoundError("There is no such picture in your library.", reason="IMAGE_NOT_FOUND")
    return image


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
