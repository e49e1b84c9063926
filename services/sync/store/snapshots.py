"""Queries about what can be put back. Looks write it, see `connections.py`."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from servicekit.pages import PageRequest
from services.sync.store.connections import Snapshot
from services.sync.store.tables import places, snapshots

# Connection, slot and tag.
SnapshotKey: TypeAlias = tuple[str, str, str]

_EARLIER = snapshots.alias("earlier")


@dataclass(frozen=True)
class Found:
    """A snapshot among the others of its place: whether it is what is shown now, as far as we know, and what was there first."""

    snapshot: Snapshot
    shown_now: bool
    is_first: bool

    @property
    def id(self) -> str:
        return self.snapshot.id


class SnapshotQueries(UnitOfWork):
    async def found(self, snapshot_ids: Collection[str]) -> dict[str, Found]:
        """Returns snapshots by their ids; whose they are is known to the caller."""
        if not snapshot_ids:
            return {}
        rows = await self.session.execute(_found().where(snapshots.c.id.in_(list(snapshot_ids))))
        return {row.id: _of(row) for row in rows}

    async def snapshots_of_place(self, connection_id: str, slot: str, page: PageRequest) -> list[Found]:
        """Returns what was found in a place, newest first, in all places of the connection without `slot`.

        One more than the page holds, if there are that many.
        """
        query = _found().where(snapshots.c.connection_id == connection_id)
        if slot:
            query = query.where(snapshots.c.slot == slot)
        if page.after is not None:
            query = query.where(snapshots.c.id < page.after)
        rows = await self.session.execute(query.order_by(snapshots.c.id.desc()).limit(page.size + 1))
        return [_of(row) for row in rows]

    async def snapshot_by_id(self, snapshot_id: str) -> Snapshot | None:
        row = (await self.session.execute(sa.select(snapshots).where(snapshots.c.id == snapshot_id))).first()
        return None if row is None else Snapshot(**row._mapping)

    async def snapshots_by_tag(self, keys: Collection[SnapshotKey]) -> dict[SnapshotKey, Snapshot]:
        """Returns what was found in places under some tags, as far as it was."""
        of_place = (snapshots.c.connection_id, snapshots.c.slot, snapshots.c.tag)
        query = sa.select(snapshots).where(sa.tuple_(*of_place).in_(list(keys)))
        rows = [Snapshot(**row._mapping) for row in await self.session.execute(query)]
        return {(row.connection_id, row.slot, row.tag): row for row in rows}

    async def first_snapshots(self, connection_id: str) -> dict[str, Snapshot]:
        """Returns what was found first in the places of a connection, by slot."""
        query = sa.select(snapshots).where(snapshots.c.connection_id == connection_id, ~_has_earlier())
        return {row.slot: Snapshot(**row._mapping) for row in await self.session.execute(query)}


def _has_earlier() -> sa.Exists:
    # Ids grow with time.
    return sa.exists().where(
        _EARLIER.c.connection_id == snapshots.c.connection_id,
        _EARLIER.c.slot == snapshots.c.slot,
        _EARLIER.c.id < snapshots.c.id,
    )


def _found() -> sa.Select[tuple[object, ...]]:
    of_place = (places.c.connection_id == snapshots.c.connection_id) & (places.c.slot == snapshots.c.slot)
    shown_now = sa.func.coalesce(places.c.seen["tag"].astext == snapshots.c.tag, sa.false())
    return sa.select(snapshots, shown_now.label("shown_now"), (~_has_earlier()).label("is_first")).outerjoin(
        places, of_place
    )


def _of(row: sa.Row[tuple[object, ...]]) -> Found:
    values = dict(row._mapping)
    shown_now, is_first = values.pop("shown_now"), values.pop("is_first")
    return Found(Snapshot(**values), shown_now, is_first)
