"""Queries about what is done to pictures."""

from collections.abc import Sequence

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from servicekit.pages import PageRequest
from services.upload.domain.edits import REVISIONS_KEPT, Edits, Revision, edits_json, edits_of_json
from services.upload.domain.image import Image
from services.upload.store.tables import revisions, variants


class RevisionQueries(UnitOfWork):
    """The first revision has no row: it is the picture as it was uploaded."""

    async def edits_of(self, pictures: Sequence[Image]) -> dict[str, Edits]:
        """Returns what the present revisions of several pictures do, by picture, in one query."""
        found = {image.id: Edits() for image in pictures}
        present = [(image.id, image.revision) for image in pictures if image.revision > 1]
        if present:
            of_these = sa.tuple_(revisions.c.image_id, revisions.c.number).in_(present)
            for row in await self.session.execute(sa.select(revisions).where(of_these)):
                found[row.image_id] = edits_of_json(row.edits)
        return found

    async def revision(self, image: Image, number: int) -> Revision | None:
        """Returns one revision of a picture; None if there is none, or not any more."""
        if number == 1:
            return _first(image)
        if number > image.revision:
            return None
        query = sa.select(revisions).where(revisions.c.image_id == image.id, revisions.c.number == number)
        row = (await self.session.execute(query)).first()
        return None if row is None else Revision(row.number, edits_of_json(row.edits), row.created_at)

    async def revisions_of(self, image: Image, page: PageRequest) -> list[Revision]:
        """Returns revisions of a picture, newest first: one more than the page holds, if there are that many."""
        query = sa.select(revisions).where(revisions.c.image_id == image.id).order_by(revisions.c.number.desc())
        if page.after is not None:
            query = query.where(revisions.c.number < int(page.after))
        rows = await self.session.execute(query.limit(page.size + 1))
        found = [Revision(row.number, edits_of_json(row.edits), row.created_at) for row in rows]
        if len(found) <= page.size and (page.after is None or int(page.after) > 1):
            found.append(_first(image))
        return found

    async def add_revision(self, revision: Revision, *, of: Image) -> None:
        """Notes what the present revision of a picture does, which was read with lock. Revisions long past go, and their variants.

        The first one stays for ever, and so do the newest variants that there are: they are shown until those of the present
        revision come.
        """
        await self.session.execute(
            sa.insert(revisions).values(
                image_id=of.id,
                number=revision.number,
                edits=edits_json(revision.edits),
                created_at=revision.created_at,
            )
        )
        last_gone = revision.number - REVISIONS_KEPT
        if last_gone < 1:
            return
        await self.session.execute(
            sa.delete(revisions).where(revisions.c.image_id == of.id, revisions.c.number <= last_gone)
        )
        of_image = variants.c.image_id == of.id
        newest = sa.select(sa.func.max(variants.c.revision)).where(of_image).scalar_subquery()
        await self.session.execute(
            sa.delete(variants).where(of_image, variants.c.revision <= last_gone, variants.c.revision < newest)
        )


def _first(image: Image) -> Revision:
    return Revision(1, Edits(), image.created_at)
