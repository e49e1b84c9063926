"""Queries about which picture is shown where."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.upload.domain.defaults import Defaults, Place, Scope
from services.upload.store.tables import defaults, images, libraries


@dataclass(frozen=True)
class ChosenPicture:
    """A picture that is chosen for somewhere, as it is now."""

    image_id: str
    revision: int
    alt_text: str


class DefaultQueries(UnitOfWork):
    async def defaults_of(self, owner_id: str) -> Defaults:
        """Returns what an owner has chosen. Who changes it holds the library first."""
        version = sa.select(libraries.c.defaults_version).where(libraries.c.owner_id == owner_id)
        query = (
            sa.select(defaults, images.c.deleted_at)
            .join(images, images.c.id == defaults.c.image_id)
            .where(defaults.c.owner_id == owner_id)
        )
        found: tuple[dict[Place, str], dict[Place, str]] = ({}, {})
        for row in await self.session.execute(query):
            found[row.deleted_at is not None][Place(row.slot, Scope(row.scope), row.scope_id)] = row.image_id
        return Defaults(await self.session.scalar(version) or 0, *found)

    async def chosen(self, slot: str, owner_id: str) -> str | None:
        """Returns the picture that an owner has chosen for everywhere; None for none, or one that is deleted."""
        query = (
            sa.select(defaults.c.image_id)
            .join(images, images.c.id == defaults.c.image_id)
            .where(
                defaults.c.owner_id == owner_id,
                defaults.c.slot == slot,
                defaults.c.scope == Scope.EVERYWHERE,
                defaults.c.scope_id == "",
                images.c.deleted_at.is_(None),
            )
        )
        found: str | None = await self.session.scalar(query)
        return found

    async def chosen_pictures(self, owner_id: str) -> dict[Place, ChosenPicture]:
        """Returns the pictures that an owner has chosen, by where they are shown; none that are deleted."""
        query = (
            sa.select(defaults, images.c.revision, images.c.alt_text)
            .join(images, images.c.id == defaults.c.image_id)
            .where(defaults.c.owner_id == owner_id, images.c.deleted_at.is_(None))
            .order_by(defaults.c.slot, defaults.c.scope, defaults.c.scope_id)
        )
        return {
            Place(row.slot, Scope(row.scope), row.scope_id): ChosenPicture(row.image_id, row.revision, row.alt_text)
            for row in await self.session.execute(query)
        }

    async def replace_defaults(self, owner_id: str, before: Defaults, after: Defaults) -> None:
        """Writes the next version of what was read while the library was held."""
        gone = [place for place in before.choices if place not in after.choices]
        chosen = [place for place, image_id in after.choices.items() if before.choices.get(place) != image_id]
        if gone:
            place = sa.tuple_(defaults.c.slot, defaults.c.scope, defaults.c.scope_id)
            named = [(one.slot, one.scope.value, one.scope_id) for one in gone]
            await self.session.execute(sa.delete(defaults).where(defaults.c.owner_id == owner_id, place.in_(named)))
        if chosen:
            statement = insert(defaults).values(
                [
                    {
                        "owner_id": owner_id,
                        "slot": one.slot,
                        "scope": one.scope.value,
                        "scope_id": one.scope_id,
                        "image_id": after.choices[one],
                    }
                    for one in chosen
                ]
            )
            another = {"image_id": statement.excluded.image_id}
            await self.session.execute(
                statement.on_conflict_do_update(index_elements=list(defaults.primary_key), set_=another)
            )
        await self._save_version(owner_id, after.version)

    async def drop_connection(self, owner_id: str, connection_id: str) -> int | None:
        """Forgets what was chosen for a connection, while the library is held. Returns the next version; None where nothing was."""
        dropped = (
            sa.delete(defaults)
            .where(
                defaults.c.owner_id == owner_id,
                defaults.c.scope == Scope.CONNECTION,
                defaults.c.scope_id == connection_id,
            )
            .returning(defaults.c.slot)
        )
        if not (await self.session.execute(dropped)).all():
            return None
        version = (await self.defaults_of(owner_id)).version + 1
        await self._save_version(owner_id, version)
        return version

    async def pictures_among(self, image_ids: Collection[str], owner_id: str) -> dict[str, bool]:
        """Returns those that are an owner's, and whether they are deleted."""
        query = sa.select(images.c.id, images.c.deleted_at).where(
            images.c.owner_id == owner_id, images.c.id.in_(image_ids)
        )
        rows = await self.session.execute(query) if image_ids else ()
        return {row.id: row.deleted_at is not None for row in rows}

    async def _save_version(self, owner_id: str, version: int) -> None:
        await self.session.execute(
            sa.update(libraries).where(libraries.c.owner_id == owner_id).values(defaults_version=version)
        )
