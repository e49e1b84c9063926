"""Queries about avatars that every site can pull."""

from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.upload.domain.avatars import Avatar, NameKind, kind_of
from services.upload.store.tables import avatars, defaults, images, variants

# The file that the processor makes for this. Pictures that were processed before there was one have others.
OWN_FILE_KEY = "avatar.1024"

_NAMED_BY = {
    NameKind.HANDLE: (avatars.c.handle, avatars.c.by_handle),
    NameKind.SHA256: (avatars.c.email_sha256, avatars.c.by_email),
    NameKind.MD5: (avatars.c.email_md5, avatars.c.by_email),
}


class AvatarQueries(UnitOfWork):
    async def avatar(self, owner_id: str) -> Avatar:
        """Returns which addresses are open; all closed for somebody of whom nothing was told yet."""
        row = (await self.session.execute(sa.select(avatars).where(avatars.c.owner_id == owner_id))).first()
        return Avatar(owner_id) if row is None else _avatar(row)

    async def held_avatar(self, owner_id: str) -> Avatar:
        """Returns the same, held until the transaction ends; makes the row for whoever comes first."""
        await self.session.execute(insert(avatars).values(owner_id=owner_id).on_conflict_do_nothing())
        query = sa.select(avatars).where(avatars.c.owner_id == owner_id).with_for_update()
        return _avatar((await self.session.execute(query)).one())

    async def save_avatar(self, avatar: Avatar) -> None:
        """Writes what was read with `held_avatar`."""
        change = sa.update(avatars).where(avatars.c.owner_id == avatar.owner_id).values(**asdict(avatar))
        await self.session.execute(change)

    async def avatar_file_of(self, owner_id: str) -> str | None:
        """Returns the key of the file of somebody's default avatar for everywhere; None where none is chosen, or none is ready."""
        return (await self.session.execute(_files().where(defaults.c.owner_id == owner_id))).scalar_one_or_none()

    async def opened_avatar_file(self, name: str) -> str | None:
        """Returns the key of the file that everybody gets under a tidied handle or hash: one query, account or not.

        While the news that a name has gone from one account to another is on its way, two rows have it: then nobody is shown.
        """
        kind = kind_of(name)
        if kind is None:
            return None
        column, opened = _NAMED_BY[kind]
        another = avatars.alias()
        shared = sa.exists().where(another.c[column.name] == name, another.c.owner_id != avatars.c.owner_id)
        query = _files().where(avatars.c.owner_id == defaults.c.owner_id, column == name, opened, ~shared)
        return (await self.session.execute(query)).scalar_one_or_none()


def _files() -> sa.Select[str]:
    """Selects the best file of a default avatar: of the newest revision that has any, so that an edit under way blanks nothing."""
    shorter_side = sa.func.least(variants.c.width, variants.c.height)
    return (
        sa.select(variants.c.object_key)
        .select_from(
            defaults.join(images, images.c.id == defaults.c.image_id).join(variants, variants.c.image_id == images.c.id)
        )
        .where(
            defaults.c.slot == "avatar",
            defaults.c.scope == "everywhere",
            images.c.deleted_at.is_(None),
            variants.c.platform == "",
        )
        .order_by(
            variants.c.revision.desc(),
            (variants.c.key == OWN_FILE_KEY).desc(),
            (variants.c.width == variants.c.height).desc(),
            shorter_side.desc(),
            variants.c.key,
        )
        .limit(1)
    )


def _avatar(row: sa.Row[Any]) -> Avatar:  # a row of `avatars`
    return Avatar(**{field.name: row._mapping[field.name] for field in fields(Avatar)})
