"""Queries about what is left alone for a while: circuits of servers that fail, and holds for limits that are reached."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from servicekit.database import Statement, UnitOfWork
from services.sync.domain.circuit import Circuit
from services.sync.store.tables import circuits, holds


class CircuitQueries(UnitOfWork):
    # Circuits

    async def circuit(self, server: str, *, lock: bool = False) -> Circuit | None:
        """Returns what is known of a server that failed lately; None for one that works."""
        query = sa.select(circuits).where(circuits.c.server == server)
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else _circuit(dict(row._mapping))

    async def left_alone(
        self, server: str, keys: Collection[str], now: datetime
    ) -> tuple[Circuit | None, dict[str, datetime]]:
        """Returns what is known of a server that failed lately, and until when each of some holds lasts, of those that there are."""
        rows = await self.run(_LEFT_ALONE, server_=server, keys=list(keys), now=now)
        circuit = _circuit({name: rows[0][name] for name in _OF_CIRCUIT}) if rows[0]["server"] else None
        return circuit, {row["key"]: row["until"] for row in rows if row["key"]}

    async def save_circuit(self, circuit: Circuit) -> None:
        values = {**asdict(circuit), "accounts": list(circuit.accounts)}
        statement = insert(circuits).values(values)
        await self.session.execute(statement.on_conflict_do_update(index_elements=["server"], set_=values))

    async def take_probe(self, server: str, *, now: datetime, until: datetime) -> bool:
        """Takes the right to ask a server whose circuit is open, alone. False when somebody else has it."""
        probed = circuits.c.probed_until
        free = (circuits.c.server == server) & (circuits.c.open_until <= now) & sa.or_(probed.is_(None), probed <= now)
        change = sa.update(circuits).where(free).values(probed_until=until).returning(circuits.c.server)
        return (await self.session.execute(change)).first() is not None

    async def remove_circuit(self, server: str, *, answered: datetime) -> bool:
        """Forgets the failures of a server that has answered a call that began then; unless it failed later."""
        refuted = (
            (circuits.c.server == server)
            & (circuits.c.failed_at <= answered)
            & sa.or_(circuits.c.open_until.is_(None), circuits.c.open_until <= answered)
        )
        removed = await self.session.execute(sa.delete(circuits).where(refuted).returning(circuits.c.server))
        return removed.first() is not None

    async def purge_circuits(self, before: datetime) -> None:
        """Forgets servers that nobody has asked for long."""
        await self.session.execute(sa.delete(circuits).where(circuits.c.failed_at < before))

    # Holds

    async def hold(self, key: str, until: datetime) -> None:
        """Leaves something alone until then; an earlier hold that lasts longer stays."""
        statement = insert(holds).values(key=key, until=until)
        later = sa.func.greatest(holds.c.until, statement.excluded.until)
        await self.session.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"until": later}))

    async def purge_holds(self, before: datetime) -> None:
        await self.session.execute(sa.delete(holds).where(holds.c.until < before))


def _circuit(row: dict[str, Any]) -> Circuit:  # a row of `circuits`
    return Circuit(**{**row, "accounts": tuple(row["accounts"])})


_OF_CIRCUIT = tuple(circuits.c.keys())


def _left_alone() -> sa.Select[Any]:  # one row for each hold, at least one
    one = sa.select(sa.literal(1)).subquery("one")
    keys = sa.bindparam("keys", type_=ARRAY(sa.Text))
    holding = (holds.c.key == sa.any_(keys)) & (holds.c.until > sa.bindparam("now"))
    return sa.select(circuits, holds).select_from(
        one.outerjoin(circuits, circuits.c.server == sa.bindparam("server_")).outerjoin(holds, holding)
    )


_LEFT_ALONE = Statement(_left_alone())
