"""Queries about what goes on without being asked: recipes that change, pictures whose time is over, files that nobody refers to."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.upload.domain.image import Image, ImageState
from services.upload.store.images import read_image
from services.upload.store.tables import NEWEST_FIRST, images, recipes, unreferenced, uploads, variants

Owned = tuple[str, str]
"""An owner's id, and the hash of a file of theirs."""


class UpkeepQueries(UnitOfWork):
    async def set_recipes(self, fingerprint: str, told_at: datetime) -> None:
        """Notes which recipes are in force. What was told later counts."""
        statement = insert(recipes).values(single=True, fingerprint=fingerprint, told_at=told_at)
        told = statement.excluded
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=[recipes.c.single],
                set_={"fingerprint": told.fingerprint, "told_at": told.told_at},
                where=recipes.c.told_at < told.told_at,
            )
        )

    async def claim_outdated(self, *, asked_before: datetime, now: datetime, limit: int) -> list[Image]:
        """Returns pictures whose variants follow other recipes than those in force, noting that they are asked for now.

        Left out are those that were asked for since `asked_before`, and what another replica claims at the same time.
        """
        in_force = sa.select(recipes.c.fingerprint).scalar_subquery()
        # Two ranges of the index rather than `<>`, which would walk through all that is up to date.
        differs = sa.or_(images.c.recipes < in_force, images.c.recipes > in_force)
        outdated = (
            sa.select(images.c.id)
            .where(
                differs,
                images.c.state == ImageState.READY,
                images.c.deleted_at.is_(None),
                sa.or_(images.c.refresh_asked_at.is_(None), images.c.refresh_asked_at < asked_before),
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("outdated")
        )
        claim = sa.update(images).where(images.c.id == outdated.c.id).values(refresh_asked_at=now).returning(images)
        return [read_image(row) for row in await self.session.execute(claim)]

    async def claim_deleted(self, *, before: datetime, limit: int) -> list[Image]:
        """Returns pictures that were deleted before a moment, locked; what another replica claims is left to it."""
        query = (
            sa.select(images)
            .where(images.c.deleted_at < before)
            .order_by(images.c.deleted_at)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return [read_image(row) for row in await self.session.execute(query)]

    async def image_to_purge(self, image_id: str, owner_id: str) -> Image | None:
        """Returns a picture of an owner, locked against all changes; see `deleted_to_purge`."""
        query = sa.select(images).where(images.c.id == image_id, images.c.owner_id == owner_id)
        row = (await self.session.execute(query.with_for_update(key_share=True))).first()
        return None if row is None else read_image(row)

    async def deleted_to_purge(self, owner_id: str, *, until: datetime, limit: int) -> list[Image]:
        """Returns pictures that an owner has deleted up to a moment, locked against all changes, in the order of every such call.

        Not against being referred to: who chooses a default has the library already, which whoever purges has yet to wait for.
        """
        query = (
            sa.select(images)
            .where(images.c.owner_id == owner_id, images.c.deleted_at.is_not(None), images.c.deleted_at <= until)
            .order_by(NEWEST_FIRST)
            .limit(limit)
            .with_for_update(key_share=True)
        )
        return [read_image(row) for row in await self.session.execute(query)]

    async def kept_originals(self, files: Collection[Owned]) -> set[Owned]:
        """Returns those files that are the original of a picture, also of a deleted one."""
        owned = sa.tuple_(images.c.owner_id, images.c.sha256)
        query = sa.select(images.c.owner_id, images.c.sha256).where(owned.in_(files)).distinct()
        return {(row.owner_id, row.sha256) for row in await self.session.execute(query)}

    async def files_in_work(self, files: Collection[Owned]) -> set[Owned]:
        """Returns those files of which variants are being made."""
        owned = sa.tuple_(images.c.owner_id, images.c.sha256)
        query = sa.select(images.c.owner_id, images.c.sha256).where(
            owned.in_(files), images.c.state == ImageState.PROCESSING
        )
        return {(row.owner_id, row.sha256) for row in await self.session.execute(query)}

    async def kept_variants(self, object_keys: Collection[str]) -> set[str]:
        """Returns those objects that are a variant of some revision of a picture."""
        query = sa.select(variants.c.object_key).where(variants.c.object_key.in_(object_keys)).distinct()
        return set(await self.session.scalars(query))

    async def pending_uploads(self, object_keys: Collection[str]) -> set[str]:
        """Returns those objects that an upload waits for."""
        query = sa.select(uploads.c.object_key).where(
            uploads.c.object_key.in_(object_keys), uploads.c.state == "pending"
        )
        return set(await self.session.scalars(query))

    async def mark_unreferenced(self, folder: str, now: datetime) -> datetime:
        """Notes that nobody refers to a folder, and returns since when that is known. Nobody else marks it until the commit."""
        found = insert(unreferenced).values(folder=folder, found_at=now)
        kept = found.on_conflict_do_update(
            index_elements=[unreferenced.c.folder], set_={"found_at": unreferenced.c.found_at}
        )
        since: datetime = (await self.session.execute(kept.returning(unreferenced.c.found_at))).scalar_one()
        return since

    async def mark_again(self, folder: str, now: datetime) -> None:
        """Notes that the time of a marked folder begins anew."""
        await self.session.execute(sa.update(unreferenced).where(unreferenced.c.folder == folder).values(found_at=now))

    async def unmark(self, folders: Sequence[str]) -> None:
        """Forgets that nobody refers to some folders: somebody does, or they are gone."""
        await self.session.execute(sa.delete(unreferenced).where(unreferenced.c.folder.in_(folders)))
