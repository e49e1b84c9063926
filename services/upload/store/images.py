"""Queries about pictures and their variants."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from servicekit.database import UnitOfWork
from servicekit.pages import PageRequest
from services.upload.domain.image import (
    THUMBNAILS,
    Frame,
    FrameReason,
    Image,
    ImageFilter,
    ImageState,
    Look,
    Rectangle,
    Variant,
)
from services.upload.store.tables import NEWEST_FIRST, defaults, images, recipes, variants


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

    async def images_of(
        self, owner_id: str, page: PageRequest, wanted: ImageFilter, *, deleted_since: datetime
    ) -> list[Image]:
        """Returns somebody's pictures, newest first: one more than the page holds, if there are that many.

        Deleted ones, where they are wanted, are those that were deleted since a moment.
        """
        query = page_query(owner_id, page, wanted, deleted_since=deleted_since)
        return [read_image(row) for row in await self.session.execute(query)]

    async def images_of_file(self, image: Image, *, limit: int) -> list[Image]:
        """Returns other pictures of the owner's library that were made from the same file, newest first."""
        query = (
            sa.select(images)
            .where(*_others(image), images.c.sha256 == image.sha256)
            .order_by(NEWEST_FIRST)
            .limit(limit)
        )
        return [read_image(row) for row in await self.session.execute(query)]

    async def images_alike(self, image: Image, *, bits: int, limit: int) -> list[Image]:
        """Returns other pictures of the owner's library, from other files, whose shapes differ in at most so many bits, most alike first."""
        differing = images.c.look_bits.bitwise_xor(sa.literal(image.look_bits, sa.BigInteger))
        difference = sa.func.bit_count(sa.cast(differing, postgresql.BIT(64)))
        query = (
            sa.select(images)
            .where(*_others(image), images.c.sha256 != image.sha256, difference <= bits)
            .order_by(difference, NEWEST_FIRST)
            .limit(limit)
        )
        return [read_image(row) for row in await self.session.execute(query)]

    async def recipes_in_force(self) -> str | None:
        """Returns the fingerprint of the recipes in force; None while no processor has told of any."""
        return (await self.session.execute(sa.select(recipes.c.fingerprint))).scalar_one_or_none()

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
            .where(images.c.state == ImageState.PROCESSING, images.c.deleted_at.is_(None), last_asked < before)
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
        """Returns pictures in some states, of everybody or of one owner, oldest first, beginning after an id. Deleted ones are left out."""
        query = (
            sa.select(images)
            .where(images.c.state.in_(states), images.c.deleted_at.is_(None))
            .order_by(images.c.id)
            .limit(limit)
        )
        if owner_id is not None:
            query = query.where(images.c.owner_id == owner_id)
        if after is not None:
            query = query.where(images.c.id > after)
        return [read_image(row) for row in await self.session.execute(query)]

    async def remove_images(self, image_ids: Sequence[str]) -> None:
        """Removes pictures with their variants, revisions and defaults."""
        await self.session.execute(sa.delete(images).where(images.c.id.in_(image_ids)))

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

    async def thumbnails_of(self, shown: Sequence[Image]) -> dict[str, list[Variant]]:
        """Returns the thumbnails of several images in one query, by image, smallest first.

        They are of the newest revision that has any, so that an image whose edit is being made is shown as it was.
        """
        found: dict[str, list[Variant]] = {image.id: [] for image in shown}
        if shown:
            for row in await self.session.execute(thumbnails_query(list(found))):
                found[row.image_id].append(_variant(row))
        return found

    async def object_keys_of(self, image_id: str) -> list[str]:
        """Returns where the variants of all revisions of a picture are stored, each file once."""
        query = sa.select(variants.c.object_key).where(variants.c.image_id == image_id).distinct()
        return list(await self.session.scalars(query))

    async def is_published(self, object_key: str) -> bool:
        """Tells whether a file is a variant of a picture that its owner shows to everybody."""
        query = (
            sa.select(sa.literal(1))
            .select_from(variants.join(images, variants.c.image_id == images.c.id))
            .where(variants.c.object_key == object_key, images.c.published, images.c.deleted_at.is_(None))
            .limit(1)
        )
        return (await self.session.execute(query)).first() is not None


def page_query(owner_id: str, page: PageRequest, wanted: ImageFilter, *, deleted_since: datetime) -> sa.Select[Any]:
    """Makes the query of a page: along an index whose order is that of the list, whichever page it is."""
    query = sa.select(images).where(images.c.owner_id == owner_id)
    if wanted.deleted:
        query = query.where(images.c.deleted_at.is_not(None), images.c.deleted_at > deleted_since)
    else:
        query = query.where(images.c.deleted_at.is_(None))
    if page.after is not None:
        query = query.where(images.c.id < page.after)
    if wanted.state is not None:
        query = query.where(images.c.state == wanted.state)
    if wanted.slot:
        chosen = sa.select(defaults.c.image_id).where(defaults.c.owner_id == owner_id, defaults.c.slot == wanted.slot)
        query = query.where(images.c.id.in_(chosen))
    if wanted.sha256:
        query = query.where(images.c.sha256 == wanted.sha256)
    if wanted.text:
        query = query.where(images.c.words.bool_op("@@")(_all_beginnings(wanted.text)))
    return query.order_by(NEWEST_FIRST).limit(page.size + 1)


def _all_beginnings(text: str) -> sa.ColumnElement[Any]:  # a tsquery
    """Returns what finds all of these words, or words that begin so. A text without any finds nothing.

    The text is cut into words by Postgres, as what is searched was. Only letters and digits are left of it, so that nothing that
    people type is an operator.
    """
    words = sa.func.btrim(sa.func.regexp_replace(text, "[^[:alnum:]]+", " ", "g"))
    # Between two words: the end of the one and the sign for both. After the last one its end alone.
    beginnings = sa.func.regexp_replace(sa.func.regexp_replace(words, " ", ":* & ", "g"), "(.)$", r"\1:*")
    return sa.func.to_tsquery(sa.text("'simple'::regconfig"), beginnings)


def thumbnails_query(image_ids: list[str]) -> sa.Select[Any]:
    """Makes the query for the thumbnails of several images, of each those of the newest revision that has any."""
    listed = sa.cast(postgresql.array(image_ids), postgresql.ARRAY(sa.Uuid(as_uuid=False)))
    wanted = (
        sa.func.unnest(listed).table_valued(sa.column("id", sa.Uuid(as_uuid=False)), name="wanted").render_derived()
    )
    known = variants.alias("known")
    newest = (
        sa.select(known.c.revision)
        .where(known.c.image_id == wanted.c.id, known.c.key.startswith(THUMBNAILS))
        .order_by(known.c.revision.desc())
        .limit(1)
        .lateral("newest")
    )
    its = sa.and_(
        variants.c.image_id == wanted.c.id,
        variants.c.revision == newest.c.revision,
        variants.c.key.startswith(THUMBNAILS),
    )
    return (
        sa.select(variants)
        .select_from(wanted.join(newest, sa.true()).join(variants, its))
        .order_by(sa.func.greatest(variants.c.width, variants.c.height), variants.c.key)
    )


def _others(image: Image) -> tuple[sa.ColumnElement[bool], ...]:
    """Returns the conditions for the other pictures of an owner's library."""
    return images.c.owner_id == image.owner_id, images.c.deleted_at.is_(None), images.c.id != image.id


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
