"""Uploads that go directly to the store: declared, sent there by their owner, and then taken in as strictly as any."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError, NotFoundError, PreconditionError, UnavailableError
from servicekit.ids import Clock, is_id, new_id
from servicekit.object_store import ObjectMissingError, ObjectStore, PutAddress
from servicekit.pictures.sniff import HEAD_BYTES, sniff
from services.upload.domain.direct_uploads import (
    KEPT_FOR,
    PATIENCE,
    Declaration,
    DirectUpload,
    UploadState,
    check_declaration,
    not_received,
    staged_key,
)
from services.upload.domain.image import Image
from services.upload.domain.quota import Quota
from services.upload.staging import StagedFile, staged
from services.upload.store import Store
from services.upload.use_cases.intake import Intake
from services.upload.use_cases.shown import ShownImage, existing_image, show
from services.upload.use_cases.storage import expect_room

log = structlog.get_logger()

SWEPT_AT_ONCE = 100
FORGOTTEN_AT_ONCE = 1000


@dataclass(frozen=True)
class ShownUpload:
    """An upload, with where to PUT its bytes while that is possible."""

    upload: DirectUpload
    address: PutAddress | None


class _OverMeanwhileError(Exception):
    """Somebody else completed, refused, cancelled or ended the upload while it was looked at."""


@dataclass(frozen=True)
class DirectUploads:
    """Dependencies of the use cases. An address is good for `address_life`."""

    stores: OpenStore[Store]
    objects: ObjectStore
    intake: Intake
    quota: Quota
    address_life: timedelta
    clock: Clock

    async def create(self, declared: Declaration, *, owner_id: str, idempotency_key: str | None) -> ShownUpload:
        """Begins an upload. What is declared counts against the quota until the upload is over.

        Raises `InvalidInputError` for what would be refused when it comes, `PreconditionError` (QUOTA_EXCEEDED), and `AlreadyExistsError`
        when the key came before with another declaration.
        """
        declared = check_declaration(declared, self.intake.limits)
        now = self.clock()
        upload_id = new_id()
        upload = DirectUpload(
            id=upload_id,
            owner_id=owner_id,
            state=UploadState.PENDING,
            object_key=staged_key(owner_id, upload_id),
            declared=declared,
            idempotency_key=idempotency_key,
            created_at=now,
            expires_at=now + self.address_life,
        )
        async with self.stores() as store:
            # Held first: of two that come at once, the second sees what the first has declared, and its key.
            await store.hold_library(owner_id)
            if idempotency_key is not None:
                earlier = await store.upload_by_idempotency_key(owner_id, idempotency_key)
                if earlier is not None:
                    earlier.check_same(declared)
                    return self._shown(earlier)
            promised = await store.pending_bytes(owner_id)
            await expect_room(
                store,
                self.quota,
                owner_id=owner_id,
                bytes=declared.bytes,
                sha256=declared.sha256,
                promised=promised,
            )
            await store.add_upload(upload)
            await store.commit()
        return self._shown(upload)

    async def get(self, upload_id: str, *, owner_id: str) -> ShownUpload:
        """Returns one of the owner's uploads. Raises `NotFoundError`."""
        return self._shown(await self._existing(upload_id, owner_id))

    async def complete(self, upload_id: str, *, owner_id: str) -> ShownImage:
        """Takes what was sent into the library. Any number of times, also at once: there is one picture, and every call gets it.

        What is refused is removed, and never looked at again. Raises `NotFoundError`, `PreconditionError` (UPLOAD_NOT_RECEIVED,
        UPLOAD_REFUSED, UPLOAD_CANCELLED, UPLOAD_EXPIRED), and at the first time the refusal itself.
        """
        upload = await self._existing(upload_id, owner_id)
        if upload.is_pending:
            try:
                return await self._take_in(upload)
            except _OverMeanwhileError:
                upload = await self._existing(upload_id, owner_id)
        if upload.image_id is None:
            raise upload.why_not_completed()
        async with self.stores() as store:
            image = await existing_image(store, upload.image_id, owner_id)
            [shown] = await show(store, [image])
            return shown

    async def cancel(self, upload_id: str, *, owner_id: str) -> None:
        """Gives an upload up; of one that is over without a picture nothing changes.

        Raises `NotFoundError`, and `PreconditionError` (UPLOAD_COMPLETED) for one that is a picture already.
        """
        upload = await self._existing(upload_id, owner_id)
        try:
            await self._settle(upload, state=UploadState.CANCELLED)
        except _OverMeanwhileError:
            if (await self._existing(upload_id, owner_id)).image_id is not None:
                raise PreconditionError(
                    "This upload is a picture of your library already. Delete the picture instead.",
                    reason="UPLOAD_COMPLETED",
                ) from None
        await self._remove_sent(upload)

    async def expire(self) -> None:
        """Ends what was not completed in time, and forgets what was over long ago. Any number of replicas may do this at once."""
        while await self._expire_some() == SWEPT_AT_ONCE:
            pass
        while await self._forget_some() == FORGOTTEN_AT_ONCE:
            pass

    async def _take_in(self, upload: DirectUpload) -> ShownImage:
        try:
            shown = await self._looked_at(upload)
        except ObjectMissingError:
            # Nothing came yet, or another call has just finished with it.
            await self._expect_pending(upload)
            raise not_received() from None
        except UnavailableError:
            # Also what reading ends with when another call removes the object.
            await self._expect_pending(upload)
            raise
        except (InvalidInputError, PreconditionError) as refusal:
            await self._settle(
                upload,
                state=UploadState.REFUSED,
                failure_reason=refusal.reason,
                failure_message=refusal.message,
            )
            await self._remove_sent(upload)
            raise
        await self._remove_sent(upload)
        return shown

    async def _looked_at(self, upload: DirectUpload) -> ShownImage:
        """Fetches what was sent and takes it in from our copy: at its address, other bytes may come at any time."""
        async with self.objects.opened(upload.object_key) as sent:
            upload.check_received(size_bytes=sent.size_bytes, content_type=sent.content_type)
            async with staged(sent.chunks, max_bytes=upload.declared.bytes) as file:
                await self._check_content(upload, file)
                return await self.intake.upload(
                    file,
                    owner_id=upload.owner_id,
                    alt_text=upload.declared.alt_text,
                    file_name=upload.declared.file_name,
                    idempotency_key=None,
                    along=partial(_complete, upload),
                )

    async def _check_content(self, upload: DirectUpload, file: StagedFile) -> None:
        kind = await asyncio.to_thread(_content_type, file.path)
        # What is no picture at all is told so by the intake, in better words.
        declared = upload.declared.content_type
        actual = kind if kind in self.intake.limits.content_types else declared
        upload.check_received(size_bytes=file.bytes, content_type=actual, sha256=file.sha256)

    async def _existing(self, upload_id: str, owner_id: str) -> DirectUpload:
        upload = None
        if is_id(upload_id):
            async with self.stores() as store:
                upload = await store.upload(upload_id, owner_id=owner_id)
        if upload is None:
            raise NotFoundError("There is no such upload.", reason="UPLOAD_NOT_FOUND")
        return upload

    async def _expect_pending(self, upload: DirectUpload) -> None:
        if not (await self._existing(upload.id, upload.owner_id)).is_pending:
            raise _OverMeanwhileError

    async def _settle(
        self, upload: DirectUpload, *, state: UploadState, failure_reason: str = "", failure_message: str = ""
    ) -> None:
        """Ends a pending upload. Raises `_OverMeanwhileError` for one that is over."""
        async with self.stores() as store:
            pending = await _held(store, upload)
            await store.save_upload(
                replace(pending, state=state, failure_reason=failure_reason, failure_message=failure_message)
            )
            await store.commit()

    async def _remove_sent(self, upload: DirectUpload) -> None:
        """Removes what was sent of an upload that is over. What stays because the store is away, or comes late, is cleaned up with the rest."""
        try:
            await self.objects.remove(upload.object_key)
        except UnavailableError:
            log.warning("staged_upload_not_removed", upload_id=upload.id)

    async def _expire_some(self) -> int:
        async with self.stores() as store:
            over = await store.expire_uploads(before=self.clock() - PATIENCE, limit=SWEPT_AT_ONCE)
            await store.commit()
        for upload in over:
            await self._remove_sent(upload)
        return len(over)

    async def _forget_some(self) -> int:
        async with self.stores() as store:
            forgotten = await store.forget_uploads(before=self.clock() - KEPT_FOR, limit=FORGOTTEN_AT_ONCE)
            await store.commit()
        return forgotten

    def _shown(self, upload: DirectUpload) -> ShownUpload:
        if not upload.accepts_bytes(self.clock()):
            return ShownUpload(upload, None)
        return ShownUpload(
            upload,
            self.objects.put_address(
                upload.object_key,
                content_type=upload.declared.content_type,
                size_bytes=upload.declared.bytes,
                signed_at=upload.created_at,
                valid_for=upload.expires_at - upload.created_at,
            ),
        )


async def _complete(upload: DirectUpload, store: Store, image: Image) -> None:
    """Makes an upload completed in the transaction in which its picture comes to be, so that there is never one without the other."""
    pending = await _held(store, upload)
    await store.save_upload(replace(pending, state=UploadState.COMPLETED, image_id=image.id))


async def _held(store: Store, upload: DirectUpload) -> DirectUpload:
    held = await store.upload(upload.id, owner_id=upload.owner_id, lock=True)
    if held is None or not held.is_pending:
        raise _OverMeanwhileError
    return held


def _content_type(path: Path) -> str:
    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES)).content_type
