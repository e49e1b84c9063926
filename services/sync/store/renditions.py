"""Queries about the files that the processor has made, as far as its events have told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.sync.store.tables import image_revisions, renditions


@dataclass(frozen=True)
class Rendition:
    """One finished file: a picture's revision as one slot (`key`, such as `x.avatar`) wants it."""

    image_id: str
    revision: int
    key: str
    object_key: str
    content_type: str
    bytes: int
    sha256: str
    perceptual_hash: str


@dataclass(frozen=True)
class ImageRevision:
    """What is known of a revision: it is ready, or has failed for good (with what people read about it).

    `slot_failures` says the same of single slots, by their keys, where all others could be made.
    """

    failure: str | None
    slot_failures: Mapping[str, str]

    def failure_of(self, key: str) -> str | None:
        """Returns why there is no file for a slot; None when nothing was said about it."""
        return self.failure or self.slot_failures.get(key)


class RenditionQueries(UnitOfWork):
    async def add_renditions(
        self,
        image_id: str,
        revision: int,
        owner_id: str,
        made: list[Rendition],
        slot_failures: Mapping[str, str],
        *,
        told_at: datetime,
    ) -> None:
        """Notes that a revision is ready, but for some slots. It replaces a failure, and what was told before `told_at`."""
        statement = insert(image_revisions).values(
            image_id=image_id,
            revision=revision,
            owner_id=owner_id,
            failure=None,
            slot_failures=slot_failures,
            told_at=told_at,
        )
        known, told = image_revisions.c, statement.excluded
        news = statement.on_conflict_do_update(
            index_elements=[known.image_id, known.revision],
            set_={"failure": None, "slot_failures": told.slot_failures, "told_at": told.told_at},
            where=known.failure.is_not(None) | (known.told_at < told.told_at),
        ).returning(known.revision)
        if (await self.session.execute(news)).first() is None:
            return
        await self.session.execute(
            sa.delete(renditions).where(renditions.c.image_id == image_id, renditions.c.revision == revision)
        )
        if made:
            await self.session.execute(insert(renditions).values([asdict(rendition) for rendition in made]))

    async def add_image_failure(
        self, image_id: str, revision: int, owner_id: str, message: str, *, told_at: datetime
    ) -> None:
        """Notes that no renditions of a revision can be made. Renditions that were made stay good."""
        statement = insert(image_revisions).values(
            image_id=image_id, revision=revision, owner_id=owner_id, failure=message, slot_failures={}, told_at=told_at
        )
        known, told = image_revisions.c, statement.excluded
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=[known.image_id, known.revision],
                set_={"failure": told.failure, "told_at": told.told_at},
                where=known.failure.is_not(None) & (known.told_at < told.told_at),
            )
        )

    async def image_revision(self, image_id: str | None, revision: int) -> ImageRevision | None:
        """Returns what is known of a revision; None before anything was heard of it."""
        query = sa.select(image_revisions.c.failure, image_revisions.c.slot_failures).where(
            image_revisions.c.image_id == image_id, image_revisions.c.revision == revision
        )
        row = (await self.session.execute(query)).first()
        return None if row is None else ImageRevision(row.failure, row.slot_failures)

    async def rendition(self, image_id: str | None, revision: int, key: str) -> Rendition | None:
        query = sa.select(renditions).where(
            renditions.c.image_id == image_id, renditions.c.revision == revision, renditions.c.key == key
        )
        row = (await self.session.execute(query)).first()
        return None if row is None else Rendition(**row._mapping)

    async def forget_image(self, image_id: str, *, told_before: datetime) -> None:
        """Forgets the files of a picture that left the library; what was told since, it is back for."""
        known = image_revisions.c
        gone = sa.delete(image_revisions).where(known.image_id == image_id, known.told_at < told_before)
        for revision in await self.session.scalars(gone.returning(known.revision)):
            await self.session.execute(
                sa.delete(renditions).where(renditions.c.image_id == image_id, renditions.c.revision == revision)
            )
