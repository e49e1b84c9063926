"""Queries about libraries as a whole: how full they are, and what is in them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.upload.domain.image import Image, ImageState
from services.upload.store.tables import images, libraries, recipes


@dataclass(frozen=True)
class Counts:
    """How many pictures of which kind, and how many bytes come back when all deleted ones are purged."""

    images: int
    deleted: int
    outdated: int
    deleted_bytes: int


class LibraryQueries(UnitOfWork):
    async def hold_library(self, owner_id: str) -> int:
        """Returns how many bytes an owner's originals have. Nobody else adds or removes a file of theirs until the commit."""
        begun = insert(libraries).values(owner_id=owner_id).on_conflict_do_nothing().returning(libraries.c.owner_id)
        if (await self.session.execute(begun)).first() is not None:
            # Pictures may be there already: of a replica of the version before, which knows no libraries.
            return await self.count_used_anew(owner_id)
        held = sa.select(libraries.c.used_bytes).where(libraries.c.owner_id == owner_id).with_for_update()
        used: int = (await self.session.execute(held)).scalar_one()
        return used

    async def has_file(self, owner_id: str, sha256: str) -> bool:
        """Tells whether a picture of the owner, or a deleted one, was made from this file."""
        query = sa.select(sa.literal(1)).where(images.c.owner_id == owner_id, images.c.sha256 == sha256).limit(1)
        return (await self.session.execute(query)).first() is not None

    async def add_used(self, owner_id: str, more: int) -> None:
        """Notes that the originals of a held library have so many bytes more, or less."""
        used = sa.func.greatest(libraries.c.used_bytes + more, 0)
        await self.session.execute(sa.update(libraries).where(libraries.c.owner_id == owner_id).values(used_bytes=used))

    async def count_used_anew(self, owner_id: str) -> int:
        """Counts the bytes of a held library from its pictures, notes and returns them."""
        files = (
            sa.select(images.c.sha256, images.c.bytes).where(images.c.owner_id == owner_id).distinct().subquery("files")
        )
        total = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(files.c.bytes), 0), sa.BigInteger)).scalar_subquery()
        counted = (
            sa.update(libraries)
            .where(libraries.c.owner_id == owner_id)
            .values(used_bytes=total)
            .returning(libraries.c.used_bytes)
        )
        used: int = (await self.session.execute(counted)).scalar_one()
        return used

    async def release_files(self, owner_id: str, removed: Collection[Image]) -> int:
        """Gives the room of pictures back that were removed in this transaction, but for files that others have. Returns how many bytes.

        The library is held.
        """
        sizes = {image.sha256: image.bytes for image in removed}
        others = sa.select(images.c.sha256).where(images.c.owner_id == owner_id, images.c.sha256.in_(sizes)).distinct()
        for sha256 in await self.session.scalars(others):
            del sizes[sha256]
        freed = sum(sizes.values())
        if freed:
            await self.add_used(owner_id, -freed)
        return freed

    async def used_bytes(self, owner_id: str) -> int:
        """Returns how many bytes an owner's originals have."""
        query = sa.select(libraries.c.used_bytes).where(libraries.c.owner_id == owner_id)
        return (await self.session.execute(query)).scalar_one_or_none() or 0

    async def counts(self, owner_id: str, *, deleted_since: datetime) -> Counts:
        """Returns how many pictures an owner has, how many were deleted since a moment, and how many follow other recipes than those in force."""
        in_force = sa.select(recipes.c.fingerprint).scalar_subquery()
        its = images.c.owner_id == owner_id
        kept = sa.and_(its, images.c.deleted_at.is_(None))
        # Literally, as the index has it.
        ready = sa.and_(kept, images.c.state == sa.literal_column(f"'{ImageState.READY}'"))
        going, others = images.alias("going"), images.alias("others")
        is_kept = sa.exists().where(
            others.c.owner_id == owner_id, others.c.sha256 == going.c.sha256, others.c.deleted_at.is_(None)
        )
        files = (
            sa.select(going.c.sha256, going.c.bytes)
            .where(going.c.owner_id == owner_id, going.c.deleted_at.is_not(None), ~is_kept)
            .distinct()
            .subquery("files")
        )
        query = sa.select(
            _count(kept).label("images"),
            # Not by the moment in the condition: there is an index of all that anybody has deleted, by moment.
            _count(sa.and_(its, images.c.deleted_at.is_not(None)), images.c.deleted_at > deleted_since).label(
                "deleted"
            ),
            # Two ranges of the index rather than `<>`, which would walk through all that is up to date.
            (
                _count(sa.and_(ready, images.c.recipes < in_force))
                + _count(sa.and_(ready, images.c.recipes > in_force))
            ).label("outdated"),
            sa.select(sa.cast(sa.func.coalesce(sa.func.sum(files.c.bytes), 0), sa.BigInteger))
            .scalar_subquery()
            .label("deleted_bytes"),
        )
        row = (await self.session.execute(query)).one()
        return Counts(*row)


def _count(condition: sa.ColumnElement[bool], which: sa.ColumnElement[bool] | None = None) -> sa.ScalarSelect[int]:
    """Makes a part of a query that counts pictures, or those of them for which something is so."""
    counted = sa.func.count() if which is None else sa.func.count().filter(which)
    return sa.select(counted).select_from(images).where(condition).scalar_subquery()
