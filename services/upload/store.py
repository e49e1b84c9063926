"""Tables and queries of the upload service."""

from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from servicekit.database import UnitOfWork, inbox_table, outbox_table
from servicekit.pages import PageRequest
from services.upload.domain import Image, ImageState, Variant

metadata = sa.MetaData()

images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("alt_text", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("failure_reason", sa.Text, nullable=False),
    sa.Column("failure_message", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("ready_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("owner_id", "idempotency_key", name="images_idempotency_key"),
    sa.Index("images_of_owner", "owner_id", "id"),
)

variants = sa.Table(
    "variants",
    metadata,
    sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("perceptual_hash", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("recipe_version", sa.Text, nullable=False),
    sa.Column("notes", postgresql.JSONB, nullable=False),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)


class Store(UnitOfWork):
    """The unit of work of the upload service."""

    outbox = outbox
    inbox = inbox

    async def image(self, image_id: str, *, owner_id: str | None = None, lock: bool = False) -> Image | None:
        """Returns a picture; with `owner_id` only if it is that owner's; with `lock` nobody else changes it meanwhile."""
        query = sa.select(images).where(images.c.id == image_id)
        if owner_id is not None:
            query = query.where(images.c.owner_id == owner_id)
        if lock:
            query = query.with_for_update()
        row = (await self.session.execute(query)).first()
        return None if row is None else _image(row)

    async def image_by_idempotency_key(self, owner_id: str, key: str) -> Image | None:
        """Returns the picture that an upload with this key made."""
        query = sa.select(images).where(images.c.owner_id == owner_id, images.c.idempotency_key == key)
        row = (await self.session.execute(query)).first()
        return None if row is None else _image(row)

    async def images_of(self, owner_id: str, page: PageRequest) -> list[Image]:
        """Returns somebody's pictures, newest first: one more than the page holds, if there are that many."""
        query = sa.select(images).where(images.c.owner_id == owner_id).order_by(images.c.id.desc()).limit(page.size + 1)
        if page.after is not None:
            query = query.where(images.c.id < page.after)
        return [_image(row) for row in await self.session.execute(query)]

    async def add_image(self, image: Image) -> None:
        await self.session.execute(sa.insert(images).values(**asdict(image)))

    async def change_image(self, image_id: str, **values: Any) -> None:  # columns of `images`
        await self.session.execute(sa.update(images).where(images.c.id == image_id).values(**values))

    async def remove_image(self, image_id: str) -> None:
        """Removes a picture and its variants."""
        await self.session.execute(sa.delete(images).where(images.c.id == image_id))

    async def add_variants(self, added: list[Variant]) -> None:
        if added:
            await self.session.execute(sa.insert(variants), [asdict(variant) for variant in added])

    async def variants_of(self, image: Image) -> list[Variant]:
        """Returns the variants of a picture's present revision, sorted by key."""
        query = sa.select(variants).where(variants.c.image_id == image.id, variants.c.revision == image.revision)
        return [_variant(row) for row in await self.session.execute(query.order_by(variants.c.key))]

    async def thumbnails_of(self, shown: list[Image]) -> dict[str, list[Variant]]:
        """Returns our own pictures of several images in one query, by image, smallest first."""
        present = sa.tuple_(variants.c.image_id, variants.c.revision).in_([(i.id, i.revision) for i in shown])
        query = sa.select(variants).where(present, variants.c.platform == "").order_by(variants.c.width)
        found: dict[str, list[Variant]] = {image.id: [] for image in shown}
        if shown:
            for row in await self.session.execute(query):
                found[row.image_id].append(_variant(row))
        return found


def _image(row: sa.Row[Any]) -> Image:  # a row of `images`
    values = dict(row._mapping)
    return Image(**{**values, "state": ImageState(values["state"])})


def _variant(row: sa.Row[Any]) -> Variant:  # a row of `variants`
    values = {field.name: row._mapping[field.name] for field in fields(Variant)}
    return Variant(**{**values, "notes": tuple((code, text) for code, text in values["notes"])})
