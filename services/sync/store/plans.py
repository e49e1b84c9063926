"""Queries that tell about many places at once what a worker would find about each, for plans."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from services.sync.domain.circuit import Circuit
from services.sync.domain.connection import Connection
from services.sync.store.connections import connection_of
from services.sync.store.renditions import Rendition
from services.sync.store.tables import circuits, connections, holds, renditions


class PlanQueries(UnitOfWork):
    async def connections_among(self, ids: Collection[str], owner_id: str) -> list[Connection]:
        """Returns those connections that are an owner's, oldest first."""
        query = sa.select(connections).where(connections.c.owner_id == owner_id, connections.c.id.in_(list(ids)))
        rows = await self.session.execute(query.order_by(connections.c.id)) if ids else ()
        return [connection_of(dict(row._mapping)) for row in rows]

    async def renditions_of(self, image_id: str, revision: int) -> dict[str, Rendition]:
        """Returns the files of a picture's revision, by their keys."""
        query = sa.select(renditions).where(renditions.c.image_id == image_id, renditions.c.revision == revision)
        return {row.key: Rendition(**row._mapping) for row in await self.session.execute(query)}

    async def circuits_among(self, servers: Collection[str]) -> dict[str, Circuit]:
        """Returns what is known of those servers that have failed lately."""
        query = sa.select(circuits).where(circuits.c.server.in_(list(servers)))
        return {
            row.server: Circuit(**{**row._mapping, "accounts": tuple(row.accounts)})
            for row in await self.session.execute(query)
        }

    async def holds_among(self, keys: Collection[str], now: datetime) -> dict[str, datetime]:
        """Returns until when each of some holds lasts, of those that there are."""
        query = sa.select(holds).where(holds.c.key.in_(list(keys)), holds.c.until > now)
        return {row.key: row.until for row in await self.session.execute(query)}
