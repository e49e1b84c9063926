"""Queries about when places are looked at unasked, what follows, and which defaults were heard of last."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import distinct_on, insert

from servicekit.database import Statement, UnitOfWork
from services.sync.domain.connection import Connection
from services.sync.domain.defaults import Chosen, Defaults
from services.sync.domain.schedule import CheckEvery, OnDifference
from services.sync.domain.target import FOUND_BY_CHECK, Target, TargetState
from services.sync.store.tables import connections, followed_defaults, places, targets
from services.sync.store.targets import newer_of_place

_TARGET = TypeAdapter(Target)
_CHOICES = TypeAdapter(tuple[Chosen, ...])
# Descriptions are needed once, when a picture is sent.
_NOT_KEPT = {"__all__": {"alt_text"}}
_NO_WISH = (TargetState.CANCELLED, TargetState.SUPERSEDED, TargetState.FAILED)
# See `Target.is_watched`.
_WATCHED = sa.or_(
    targets.c.state == TargetState.VERIFIED,
    (targets.c.state == TargetState.DIFFERS) & targets.c.reason["code"].astext.in_(FOUND_BY_CHECK),
)


class ScheduleQueries(UnitOfWork):
    # Checks

    async def set_schedule(self, connection: Connection) -> None:
        """Stores when a connection is looked after."""
        change = sa.update(connections).where(connections.c.id == connection.id)
        await self.session.execute(
            change.values(
                follows_defaults=connection.follows_defaults,
                check_every=connection.check_every,
                time_zone=connection.time_zone,
            )
        )

    async def schedule_of(self, connection_id: str) -> tuple[CheckEvery, str]:
        """Returns how often a connection is looked at, and by the clocks of which zone. Who changes that waits for the end of this."""
        rows = await self.run(_SCHEDULE, connection_id=connection_id)
        return (CheckEvery(rows[0]["check_every"]), rows[0]["time_zone"]) if rows else (CheckEvery.NEVER, "UTC")

    async def set_policies(self, connection_id: str, policies: Mapping[str, OnDifference]) -> None:
        """Stores what follows from differences, by slot."""
        for slot, policy in policies.items():
            change = sa.update(places).where(places.c.connection_id == connection_id, places.c.slot == slot)
            await self.session.execute(change.values(on_difference=policy))

    async def plan_checks(self, connection_id: str, slots: Collection[str], at: datetime | None) -> None:
        """Has what was verified in some slots of a connection looked at then; never with None.

        Whoever looks at one just now has an old copy after it, and stores nothing that was planned by the old schedule.
        """
        checked = (
            sa.select(targets.c.id)
            .where(
                targets.c.connection_id == connection_id, targets.c.slot.in_(list(slots)), _WATCHED, ~newer_of_place()
            )
            .order_by(targets.c.id)
            .with_for_update(of=targets)
        )
        change = sa.update(targets).where(targets.c.id.in_(checked))
        await self.session.execute(change.values(next_attempt_at=at, ring_at=at, version=targets.c.version + 1))

    async def next_checks(self, connection_ids: Collection[str]) -> dict[str, datetime]:
        """Returns when each of some connections is looked at next; of none that is not."""
        query = (
            sa.select(targets.c.connection_id, sa.func.min(targets.c.next_attempt_at).label("at"))
            .where(targets.c.connection_id.in_(list(connection_ids)), _WATCHED, targets.c.next_attempt_at.is_not(None))
            .group_by(targets.c.connection_id)
        )
        rows = await self.session.execute(query) if connection_ids else ()
        return {row.connection_id: row.at for row in rows}

    # Defaults

    async def take_defaults(self, owner_id: str, told: Defaults) -> Defaults | None:
        """Keeps what was chosen, and returns what was before. None where something newer, or the same, is known already.

        Of several who take those of one owner at once, each sees what the one before has kept.
        """
        known = followed_defaults
        first = insert(known).values(owner_id=owner_id, version=0, choices=[]).on_conflict_do_nothing()
        await self.session.execute(first)
        query = sa.select(known.c.version, known.c.choices).where(known.c.owner_id == owner_id).with_for_update()
        row = (await self.session.execute(query)).one()
        if row.version >= told.version:
            return None
        kept = _CHOICES.dump_python(told.choices, mode="json", exclude=_NOT_KEPT)
        change = sa.update(known).where(known.c.owner_id == owner_id)
        await self.session.execute(change.values(version=told.version, choices=kept))
        return Defaults(row.version, _CHOICES.validate_python(row.choices))

    async def newest_wishes(self, connection_ids: Collection[str]) -> dict[tuple[str, str], Target]:
        """Returns the newest target of each place of some connections that is done or on its way, by connection and slot."""
        query: sa.Select[Any] = (  # of whole rows
            sa.select(targets)
            .ext(distinct_on(targets.c.connection_id, targets.c.slot))
            .where(targets.c.connection_id.in_(list(connection_ids)), targets.c.state.not_in(_NO_WISH))
            .order_by(targets.c.connection_id, targets.c.slot, targets.c.id.desc())
        )
        rows = await self.session.execute(query) if connection_ids else ()
        return {(row.connection_id, row.slot): _TARGET.validate_python(dict(row._mapping)) for row in rows}


_SCHEDULE = Statement(
    sa.select(connections.c.check_every, connections.c.time_zone)
    .where(connections.c.id == sa.bindparam("connection_id"))
    .with_for_update(read=True)
)
