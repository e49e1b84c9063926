"""Queries about what is sealed, wherever it is kept: by which key, and sealing it anew."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from services.sync.store.tables import connect_attempts, connections, registrations

SEALED = {"connections": connections, "registrations": registrations, "connect_attempts": connect_attempts}


@dataclass(frozen=True)
class Sealed:
    """A sealed value and where it is: the key of its row, and what tells what it is bound to."""

    key: tuple[str, ...]
    sealed: bytes = field(repr=False)
    owner_id: str = ""
    state_hash: str = ""


class SealedQueries(UnitOfWork):
    async def sealed_otherwise(
        self, name: str, key_id: str, *, after: tuple[str, ...] | None, limit: int
    ) -> list[Sealed]:
        """Returns values of a table that another key than this has sealed, by the keys of their rows."""
        table = SEALED[name]
        keys = list(table.primary_key.columns)
        more = [table.c[column] for column in ("owner_id", "state_hash") if column in table.c]
        query = sa.select(*keys, table.c.sealed, *more).where(_other_key(table, key_id)).order_by(*keys).limit(limit)
        if after is not None:
            query = query.where(
                sa.tuple_(*keys)
                > sa.tuple_(*(sa.literal(part, key.type) for part, key in zip(after, keys, strict=True)))
            )
        return [
            Sealed(tuple(row[: len(keys)]), row.sealed, getattr(row, "owner_id", ""), getattr(row, "state_hash", ""))
            for row in await self.session.execute(query)
        ]

    async def replace_sealed(self, name: str, old: Sealed, anew: bytes) -> bool:
        """Puts a value in the place of an old one. False when something else stands there meanwhile, such as renewed access."""
        table = SEALED[name]
        is_it = [column == part for column, part in zip(table.primary_key.columns, old.key, strict=True)]
        change = sa.update(table).where(*is_it, table.c.sealed == old.sealed).values(sealed=anew)
        changed = await self.session.execute(change.returning(*table.primary_key.columns))
        return changed.first() is not None

    async def count_sealed_otherwise(self, key_id: str) -> dict[str, int]:
        """Counts the values that other keys than this have sealed, by the id of the key."""
        counts: dict[str, int] = {}
        for table in SEALED.values():
            sealed_by = _key_id(table).label("key_id")
            query = sa.select(sealed_by, sa.func.count()).where(_other_key(table, key_id)).group_by(sealed_by)
            for found, count in await self.session.execute(query):
                counts[found] = counts.get(found, 0) + count
        return counts


def _key_id(table: sa.Table) -> sa.ColumnElement[Any]:  # text
    """Reads the key's id off a sealed value, as `servicekit.vault` writes it."""
    first = sa.func.get_byte(table.c.sealed, 0)
    return sa.func.encode(sa.func.substring(table.c.sealed, 2, first), "escape")


def _other_key(table: sa.Table, key_id: str) -> sa.ColumnElement[bool]:
    # What is empty was sealed by nobody. CASE, since an empty value has no first byte to read.
    return sa.case((sa.func.length(table.c.sealed) == 0, sa.false()), else_=_key_id(table) != key_id)
