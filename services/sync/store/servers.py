"""Queries about what servers say of themselves."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork
from services.sync.domain.server import KnownServer, ServerTerms
from services.sync.store.tables import connections, servers

_TERMS = TypeAdapter(ServerTerms | None)


class ServerQueries(UnitOfWork):
    async def server(self, platform: str, instance: str) -> KnownServer | None:
        """Returns what is known of a server; None before it was asked."""
        query = sa.select(servers.c.terms, servers.c.read_again_at).where(
            servers.c.platform == platform, servers.c.instance == instance
        )
        row = (await self.session.execute(query)).first()
        return None if row is None else KnownServer(_TERMS.validate_python(row.terms), row.read_again_at)

    async def set_server(self, platform: str, instance: str, known: KnownServer) -> None:
        values = {"terms": _TERMS.dump_python(known.terms, mode="json"), "read_again_at": known.read_again_at}
        statement = insert(servers).values(platform=platform, instance=instance, **values)
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["platform", "instance"], set_=values)
        )

    async def ask_server_again(self, platform: str, instance: str, now: datetime) -> None:
        """Has a server asked anew at the next occasion: somebody has connected an account there."""
        change = sa.update(servers).where(servers.c.platform == platform, servers.c.instance == instance)
        await self.session.execute(change.values(read_again_at=now))

    async def terms_of(self, connection_ids: Collection[str]) -> dict[str, ServerTerms]:
        """Returns the terms of the servers of some connections in one query, by connection; of none where nothing is known."""
        if not connection_ids:
            return {}
        of_server = (servers.c.platform == connections.c.platform) & (servers.c.instance == connections.c.instance)
        query = sa.select(connections.c.id, servers.c.terms).join(servers, of_server)
        rows = await self.session.execute(query.where(connections.c.id.in_(list(connection_ids))))
        found = {row.id: _TERMS.validate_python(row.terms) for row in rows}
        return {connection_id: terms for connection_id, terms in found.items() if terms is not None}
