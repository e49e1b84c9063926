"""Queries about looking after connections without being asked: probes, the end of an access, leaving."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from services.sync.domain.connection import ConnectionState
from services.sync.domain.target import TargetState
from services.sync.store.tables import connect_attempts, connections, targets

# Where choices stand among what was begun: no platform's state has such a hash.
CHOICE_PREFIX = "choice/"

_LIVE = [state for state in TargetState if not state.rests]


class CareQueries(UnitOfWork):
    async def claim_probes(self, *, now: datetime, again_at: datetime, servers: int, of_server: int) -> list[str]:
        """Takes connections whose access is to be seen to, of the servers that have waited longest; of each the same number at most.

        Each comes again at `again_at`. Returns their ids.
        """
        is_due = connections.c.probe_at <= now
        waiting = (
            sa.select(connections.c.platform, connections.c.instance)
            .where(is_due)
            .group_by(connections.c.platform, connections.c.instance)
            .order_by(sa.func.min(connections.c.probe_at))
            .limit(servers)
            .subquery("waiting")
        )
        there = connections.alias("there")
        due = (
            sa.select(there.c.id)
            .where(
                there.c.platform == waiting.c.platform,
                there.c.instance == waiting.c.instance,
                there.c.probe_at <= now,
            )
            .order_by(there.c.probe_at)
            .limit(of_server)
            .with_for_update(skip_locked=True)
            .lateral("due")
        )
        chosen = sa.select(due.c.id).select_from(waiting.join(due, sa.true())).cte("chosen")
        claim = (
            sa.update(connections)
            .where(connections.c.id == chosen.c.id)
            .values(probe_at=again_at)
            .returning(connections.c.id)
        )
        return list((await self.session.execute(claim)).scalars())

    async def plan_probe(self, connection_id: str, probe_at: datetime | None) -> None:
        change = sa.update(connections).where(connections.c.id == connection_id)
        await self.session.execute(change.values(probe_at=probe_at))

    async def note_unreachable(self, connection_id: str, now: datetime) -> None:
        """Notes that the account's server does not answer, unless that is known."""
        change = sa.update(connections).where(
            connections.c.id == connection_id, connections.c.unreachable_since.is_(None)
        )
        await self.session.execute(change.values(unreachable_since=now))

    async def note_answer(self, connection_id: str, now: datetime) -> None:
        """Notes that the account's server answers again."""
        change = sa.update(connections).where(connections.c.id == connection_id)
        await self.session.execute(change.values(unreachable_since=None, checked_at=now))

    async def note_expiry_told(self, connection_id: str, *, grant_version: int, notes: int) -> bool:
        """Notes that the owner is told for so many times that this access ends. False when somebody else tells it, or it is another."""
        change = sa.update(connections).where(
            connections.c.id == connection_id,
            connections.c.grant_version == grant_version,
            connections.c.expiry_notes < notes,
        )
        changed = await self.session.execute(change.values(expiry_notes=notes).returning(connections.c.id))
        return changed.first() is not None

    async def set_leaving(self, connection_id: str, since: datetime | None) -> None:
        change = sa.update(connections).where(connections.c.id == connection_id)
        await self.session.execute(change.values(leaving_since=since))

    async def done_leaving(self, *, overdue_since: datetime, limit: int) -> list[tuple[str, str]]:
        """Returns ids and owners of connections that can leave now: nothing is under way there, or can be, or it has taken too long."""
        busy = sa.exists().where(targets.c.connection_id == connections.c.id, targets.c.state.in_(_LIVE))
        query = (
            sa.select(connections.c.id, connections.c.owner_id)
            .where(
                connections.c.leaving_since.is_not(None),
                sa.or_(
                    ~busy,
                    connections.c.state != ConnectionState.HEALTHY,
                    connections.c.leaving_since <= overdue_since,
                ),
            )
            .order_by(connections.c.leaving_since)
            .limit(limit)
        )
        return [(row.id, row.owner_id) for row in await self.session.execute(query)]

    async def count_waiting(self, connection_ids: Collection[str], reasons: Collection[str]) -> dict[str, int]:
        """Counts the targets of several connections that wait for one of some reasons, in one query."""
        if not connection_ids:
            return {}
        query = sa.select(targets.c.connection_id, sa.func.count()).where(
            targets.c.connection_id.in_(list(connection_ids)),
            targets.c.state.in_([TargetState.PAUSED, TargetState.NEEDS_YOU]),
            targets.c.reason["code"].astext.in_(list(reasons)),
        )
        return {row[0]: row[1] for row in await self.session.execute(query.group_by(targets.c.connection_id))}

    async def note_attempt_ended(self, attempt_id: str, sealed: bytes) -> None:
        """Keeps what became of a beginning, in place of what it needed."""
        change = sa.update(connect_attempts).where(connect_attempts.c.id == attempt_id)
        await self.session.execute(change.values(sealed=sealed))

    async def end_choices(self, owner_id: str, platform: str, now: datetime) -> None:
        """Forgets what somebody can still choose from on a platform: there may be access among it that is to be forgotten."""
        change = sa.update(connect_attempts).where(
            connect_attempts.c.owner_id == owner_id,
            connect_attempts.c.platform == platform,
            connect_attempts.c.used_at.is_(None),
            connect_attempts.c.state_hash.startswith(CHOICE_PREFIX),
        )
        await self.session.execute(change.values(used_at=now, sealed=b""))
