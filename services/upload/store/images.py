"""Queries about pictures and their variants."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from servicekit.pages import PageRequest
from services.upload.domain.image import Frame, FrameReason, Image, ImageState, Look, Rectangle, Variant
from services.upload.store.tables import images, variants


class ImageQueries(UnitOfWork):
    async def image(self, image_id: str, *, owner_id: str | None = None, lock: bool = False) -> Image | None:
        """Returns a picture; with `owner_id` only if it is that owner's; with `lock` nobody else changes it meanwhile."""
        query = sa.select(images).where(images.c.id == image_id)
        if owner_id is not None:
            query = query.where(images.c.owner_id == owner_id)
        if lock:
            query = query.with_for_update()
        row = (await self.session.execute(query)).first()
        return None if row is None else read_image(row)

    async def image_by_idempotency_key(self, owner_id: str, key: str) -> Image | None:
        """Returns the picture that an upload with this key made."""
        query = sa.select(images).where(images.c.owner_id == owner_id, images.c.idempotency_key == key)
        row = (await self.session.execute(query)).first()
        return None if row is None else read_image(row)

    async def images_of(self, owner_id: str, page: PageRequest) -> list[Image]:
        """Returns somebody's pictures, newest first: one more than the page holds, if there are that many."""
        query = sa.select(images).where(images.c.owner_id == owner_id).order_by(images.c.id.desc()).limit(page.size + 1)
        if page.after is not None:
            query = query.where(images.c.id < page.after)
        return [read_image(row) for row in await self.session.execute(query)]

    async def add_image(self, image: Image) -> None:
        await self.session.execute(sa.insert(images).values(**_columns(image)))

    async def save_image(self, image: Image) -> None:
        """Writes a picture that was read with `lock`."""
        await self.session.execute(sa.update(images).where(images.c.id == image.id).values(**_columns(image)))

    async def claim_overdue(self, *, before: datetime, now: datetime, limit: int) -> list[Image]:
        """Returns pictures whose variants were last asked for before a moment and are not there, noting that they are asked for now.

        What another replica claims at the same time is left to it.
        """
        last_asked = sa.func.coalesce(images.c.asked_at, images.c.created_at)
        overdue = (
            sa.select(images.c.id)
            .where(images.c.state == ImageState.PROCESSING, last_asked < before)
            .order_by(images.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("overdue")
        )
        claim = sa.update(images).where(images.c.id == overdue.c.id).values(asked_at=now).returning(images)
        return [read_image(row) for row in await self.session.execute(claim)]

    async def images_in(
        self, states: Sequence[ImageState], *, owner_id: str | None, after: str | None, limit: int
    ) -> list[Image]:
        """Returns pictures in some states, of everybody or of one owner, oldest first, beginning after an id."""
        query = sa.select(images).where(images.c.state.in_(states)).order_by(images.c.id).limit(limit)
        if owner_id is not None:
            query = query.where(images.c.owner_id == owner_id)
        if after is not None:
            query = query.where(images.c.id > after)
        return [read_image(row) for row in await self.session.execute(query)]

    async def remove_image(self, image_id: str) -> None:
        """Removes a picture and its variants."""
        await self.session.execute(sa.delete(images).where(images.c.id == image_id))

    async def put_variants(self, image: Image, made: list[Variant]) -> None:
        """Puts the variants of a picture's present revision in the place of those that are there, if any."""
        of_revision = sa.and_(variants.c.image_id == image.id, variants.c.revision == image.revision)
        await self.session.execute(sa.delete(variants).where(of_revision))
        if made:
            await self.session.execute(sa.insert(variants), [asdict(variant) for variant in made])

    async def variants_of(self, image: Image) -> list[Variant]:
        """Returns the variants of a picture's present revision, sorted by key."""
        query = sa.select(variants).where(variants.c.image_id == image.id, variants.c.revision == image.revision)
        return [_variant(row) for row in await self.session.execute(query.order_by(variants.c.key))]

    async def thumbnails_of(self, shown: list[Image]) -> dict[str, list[Variant]]:
        """Returns our own pictures of several images in one query, by image, smallest first."""
        present = sa.tuple_(variants.c.image_id, variants.c.revision).in_([(i.id, i.revision) for i in shown])
        query = (
            sa.select(variants)
            .where(present, variants.c.platform == "")
            .order_by(sa.func.greatest(variants.c.width, variants.c.height), variants.c.key)
        )
        found: dict[str, list[Variant]] = {image.id: [] for image in shown}
        if shown:
            for row in await self.session.execute(query):
                found[row.image_id].append(_variant(row))
        return found


def _columns(image: Image) -> dict[str, Any]:  # columns of `images`
    values = asdict(image)
    look = values.pop("look")
    return {**values, **look}


def read_image(row: sa.Row[Any]) -> Image:  # a row of `images`
    """Returns the picture of a row of `images`."""
    values = dict(row._mapping)
    del values["words"]
    faces, placeholder = values.pop("faces"), values.pop("placeholder")
    look = Look(tuple(Rectangle(**face) for face in faces), bytes(placeholder))
    return Image(**{**values, "state": ImageState(values["state"]), "look": look})


def _variant(row: sa.Row[Any]) -> Variant:  # a row of `variants`
    values = {field.name: row._mapping[field.name] for field in fields(Variant)}
    frame = values["frame"] and Frame(Rectangle(**values["frame"]["box"]), FrameReason(values["frame"]["reason"]))
    return Variant(**{**values, "notes": tuple((code, text) for code, text in values["notes"]), "frame": frame})
