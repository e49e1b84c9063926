"""Queries about the other ways in: uploads that go directly to the store, and imports that may come twice."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.upload.domain.direct_uploads import Declaration, DirectUpload, UploadState
from services.upload.store.tables import imports, uploads

_DECLARED = [field.name for field in fields(Declaration)]


class UploadQueries(UnitOfWork):
    async def upload(self, upload_id: str, *, owner_id: str, lock: bool = False) -> DirectUpload | None:
        """Returns an upload if it is that owner's; with `lock` nobody else changes it meanwhile."""
        query = sa.select(uploads).where(uploads.c.id == upload_id, uploads.c.owner_id == owner_id)
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else _upload(row)

    async def upload_by_idempotency_key(self, owner_id: str, key: str) -> DirectUpload | None:
        query = sa.select(uploads).where(uploads.c.owner_id == owner_id, uploads.c.idempotency_key == key)
        row = (await self.session.execute(query)).first()
        return None if row is None else _upload(row)

    async def pending_bytes(self, owner_id: str) -> int:
        """Returns how many bytes somebody's uploads may still bring."""
        query = sa.select(sa.func.coalesce(sa.func.sum(uploads.c.bytes), 0))
        pending = uploads.c.state == UploadState.PENDING
        return int((await self.session.execute(query.where(uploads.c.owner_id == owner_id, pending))).scalar_one())

    async def add_upload(self, upload: DirectUpload) -> None:
        await self.session.execute(sa.insert(uploads).values(**_columns(upload)))

    async def save_upload(self, upload: DirectUpload) -> None:
        """Writes an upload that was read with `lock`."""
        await self.session.execute(sa.update(uploads).where(uploads.c.id == upload.id).values(**_columns(upload)))

    async def expire_uploads(self, *, before: datetime, limit: int) -> list[DirectUpload]:
        """Ends uploads whose address ended before a moment and returns them; what another replica ends is left to it."""
        over = (
            sa.select(uploads.c.id)
            .where(uploads.c.state == UploadState.PENDING, uploads.c.expires_at < before)
            .order_by(uploads.c.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("over")
        )
        end = sa.update(uploads).where(uploads.c.id == over.c.id).values(state=UploadState.EXPIRED).returning(uploads)
        return [_upload(row) for row in await self.session.execute(end)]

    async def forget_uploads(self, *, before: datetime, limit: int) -> int:
        """Removes rows of uploads that are over and whose address ended before a moment. Returns how many those were."""
        old = (
            sa.select(uploads.c.id)
            .where(uploads.c.state != UploadState.PENDING, uploads.c.expires_at < before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        removed = await self.session.execute(sa.delete(uploads).where(uploads.c.id.in_(old)).returning(uploads.c.id))
        return len(removed.all())

    async def import_by_key(self, owner_id: str, key: str) -> tuple[str, str] | None:
        """Returns the hash of the address that an import with this key was for, and the id of the picture that it made."""
        query = sa.select(imports.c.url_sha256, imports.c.image_id).where(
            imports.c.owner_id == owner_id, imports.c.idempotency_key == key
        )
        row = (await self.session.execute(query)).first()
        return None if row is None else (row.url_sha256, row.image_id)

    async def add_import(self, owner_id: str, key: str, *, url_sha256: str, image_id: str) -> bool:
        """Notes what an import made. False when the same key came before, also when that one is just being committed."""
        statement = insert(imports).values(
            owner_id=owner_id, idempotency_key=key, url_sha256=url_sha256, image_id=image_id
        )
        added = await self.session.execute(statement.on_conflict_do_nothing().returning(imports.c.image_id))
        return added.first() is not None


def _columns(upload: DirectUpload) -> dict[str, Any]:  # columns of `uploads`
    values = asdict(upload)
    declared = values.pop("declared")
    return {**values, **declared}


def _upload(row: sa.Row[Any]) -> DirectUpload:  # a row of `uploads`
    values = dict(row._mapping)
    declared = Declaration(**{name: values.pop(name) for name in _DECLARED})
    return DirectUpload(**{**values, "state": UploadState(values["state"]), "declared": declared})
