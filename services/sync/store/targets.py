"""Queries about syncs and their targets: leases, fences, doorbells."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from servicekit.database import Statement, UnitOfWork
from servicekit.ids import new_id
from servicekit.pages import PageRequest
from services.sync.domain.connection import Connection, Place
from services.sync.domain.reasons import Reason
from services.sync.domain.schedule import Trigger
from services.sync.domain.target import Answer, Target, TargetState
from services.sync.store.connections import PLACE, connection_of
from services.sync.store.renditions import ImageRevision, Rendition
from services.sync.store.tables import (
    connections,
    image_revisions,
    places,
    renditions,
    syncs,
    target_steps,
    targets,
)

_TARGET = TypeAdapter(Target)
_REASON = TypeAdapter(Reason | None)
# Made once: a claim is made for every doorbell, and an alias copies every column.
_OTHER, _HELD, _DEFERRED = (targets.alias(name) for name in ("other", "held", "deferred"))
_JSON_COLUMNS = {"reason", "submission", "seen"}
_NO_WISH = (TargetState.CANCELLED, TargetState.SUPERSEDED)
_LIVE = [state for state in TargetState if not state.rests]


class StaleTargetError(Exception):
    """The target was changed by somebody else meanwhile: what was decided on the old copy does not count."""


@dataclass(frozen=True)
class Sync:
    """A request to show a picture in some places; without a picture, to put back what was there.

    `finish_version` counts how often its targets all came to rest.
    """

    id: str
    owner_id: str
    image_id: str | None
    slot: str
    created_at: datetime
    request_hash: str
    idempotency_key: str | None = None
    trigger: Trigger = Trigger.BY_HAND
    finished_at: datetime | None = None
    finish_version: int = 0


@dataclass(frozen=True)
class TargetStep:
    id: str
    at: datetime
    state: TargetState
    reason: Reason | None


_STEP = TypeAdapter(TargetStep)


@dataclass(frozen=True)
class Around:
    """What a target depends on, as far as it is there."""

    connection: Connection | None
    place: Place | None
    image: ImageRevision | None
    rendition: Rendition | None


class TargetQueries(UnitOfWork):
    # Syncs

    async def add_sync(self, sync: Sync) -> None:
        await self.session.execute(
            sa.insert(syncs).values({name: getattr(sync, name) for name in Sync.__dataclass_fields__})
        )

    async def sync(self, sync_id: str, *, owner_id: str | None = None, lock: bool = False) -> Sync | None:
        query = sa.select(syncs).where(syncs.c.id == sync_id)
        if owner_id is not None:
            query = query.where(syncs.c.owner_id == owner_id)
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else Sync(**row._mapping)

    async def sync_at_rest(self, sync_id: str) -> Sync | None:
        """Locks a sync; returns it if all of its targets rest. Of two that come to rest at once, the second sees the first."""
        rows = await self.run(_LOCK_SYNC, sync_id=sync_id)
        return Sync(**rows[0]) if rows and not await self.run(_LIVE_TARGET, sync_id=sync_id) else None

    async def sync_by_idempotency_key(self, owner_id: str, key: str) -> Sync | None:
        query = sa.select(syncs).where(syncs.c.owner_id == owner_id, syncs.c.idempotency_key == key)
        row = (await self.session.execute(query)).first()
        return None if row is None else Sync(**row._mapping)

    async def syncs_of(self, owner_id: str, page: PageRequest) -> list[Sync]:
        """Returns somebody's syncs, newest first: one more than the page holds, if there are that many."""
        query = sa.select(syncs).where(syncs.c.owner_id == owner_id).order_by(syncs.c.id.desc()).limit(page.size + 1)
        if page.after is not None:
            query = query.where(syncs.c.id < page.after)
        return [Sync(**row._mapping) for row in await self.session.execute(query)]

    async def finish_sync(self, sync_id: str, *, finished_at: datetime | None, finish_version: int) -> None:
        change = sa.update(syncs).where(syncs.c.id == sync_id)
        await self.session.execute(change.values(finished_at=finished_at, finish_version=finish_version))

    # Targets

    async def add_target(self, target: Target, *, ring_at: datetime | None) -> None:
        await self.session.execute(sa.insert(targets).values(**_values(target), ring_at=ring_at))

    async def target(self, target_id: str, *, owner_id: str | None = None, lock: bool = False) -> Target | None:
        query = sa.select(targets).where(targets.c.id == target_id)
        if owner_id is not None:
            query = query.where(targets.c.owner_id == owner_id)
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else _target(row)

    async def targets_of_syncs(self, sync_ids: Collection[str], *, lock: bool = False) -> dict[str, list[Target]]:
        """Returns the targets of several syncs in one query, sorted by platform and handle."""
        found: dict[str, list[Target]] = {sync_id: [] for sync_id in sync_ids}
        if not sync_ids:
            return found
        query = sa.select(targets).where(targets.c.sync_id.in_(list(sync_ids))).order_by(targets.c.id)
        rows = await self.session.execute(query.with_for_update() if lock else query)
        for target in sorted(map(_target, rows), key=lambda each: (each.platform, each.remote_handle, each.id)):
            found[target.sync_id].append(target)
        return found

    async def targets_of_places(
        self, connection_ids: Collection[str], slot: str, states: Collection[TargetState]
    ) -> list[Target]:
        """Returns and locks the targets of some places that are in some states."""
        query = targets.c.connection_id.in_(list(connection_ids)) & (targets.c.slot == slot)
        return await self._locked(query & targets.c.state.in_(list(states)))

    async def targets_of_connection(self, connection_id: str, states: Collection[TargetState]) -> list[Target]:
        """Returns and locks the targets of a connection that are in some states."""
        return await self._locked((targets.c.connection_id == connection_id) & targets.c.state.in_(list(states)))

    async def targets_of_image(self, image_id: str, states: Collection[TargetState]) -> list[Target]:
        """Returns and locks the targets that want a picture and are in some states."""
        return await self._locked((targets.c.image_id == image_id) & targets.c.state.in_(list(states)))

    async def places_of_image(self, owner_id: str, image_id: str, *, limit: int) -> list[Target]:
        """Returns the newest target of each place that still wants a picture: of those connected, and not asked to show another one since.

        What was called off or taken over is no wish any more. What failed with nothing sent has not changed what the place shows, so
        it does not stand in the way of an earlier wish either.
        """
        newer = targets.alias("newer")
        nothing_sent = sa.func.coalesce(newer.c.submission["answer"].astext, Answer.REFUSED) == Answer.REFUSED
        overruled = sa.exists().where(
            newer.c.connection_id == targets.c.connection_id,
            newer.c.slot == targets.c.slot,
            newer.c.id > targets.c.id,
            newer.c.image_id.is_distinct_from(image_id),
            newer.c.state.not_in(_NO_WISH),
            ~sa.and_(newer.c.state == TargetState.FAILED, nothing_sent),
        )
        query = (
            sa.select(targets)
            .ext(distinct_on(targets.c.connection_id, targets.c.slot))
            .join(connections, connections.c.id == targets.c.connection_id)
            .where(
                targets.c.image_id == image_id,
                targets.c.owner_id == owner_id,
                targets.c.state.not_in(_NO_WISH),
                ~overruled,
            )
            .order_by(targets.c.connection_id, targets.c.slot, targets.c.id.desc())
            .limit(limit)
        )
        return [_target(row) for row in await self.session.execute(query)]

    async def _locked(self, condition: sa.ColumnElement[bool]) -> list[Target]:
        # Always in the same order, so that two who lock several never wait for each other.
        query = sa.select(targets).where(condition).order_by(targets.c.id).with_for_update()
        return [_target(row) for row in await self.session.execute(query)]

    async def has_newer_target(self, target: Target) -> bool:
        """Tells whether a newer wish for the same place exists that was not called off, or to leave what is there."""
        query = sa.select(targets.c.id).where(targets.c.id == target.id, newer_of_place())
        return (await self.session.execute(query)).first() is not None

    async def claim(
        self, target_id: str, *, lease: str, now: datetime, until: datetime, most_of_owner: int
    ) -> Target | None:
        """Takes a target to work on it until `until`. None when somebody has it, or another target of the same place, or as many
        of its owner's targets on the platform as may be under way.

        The new version fences out whoever had it before.
        """
        rows = await self.run(
            _CLAIM, target_id=target_id, lease=lease, now=now, until=until, most_of_owner=most_of_owner
        )
        return _TARGET.validate_python(rows[0]) if rows else None

    async def around(self, target: Target) -> Around:
        """Reads what a target depends on."""
        key = f"{target.platform}.{target.slot}"
        row = (await self.run(_AROUND, target_id=target.id, rendition_key=key))[0]

        def part(table: sa.Table) -> dict[str, Any] | None:  # its columns, unless there is no row
            columns = {column.key: row[f"{table.name}.{column.key}"] for column in table.c}
            return None if any(columns[column.key] is None for column in table.primary_key) else columns

        found, place, image, rendition = map(part, _AROUND_TARGET)
        return Around(
            connection=None if found is None else connection_of(found),
            place=None if place is None else PLACE.validate_python(place),
            image=None if image is None else ImageRevision(image["failure"], image["slot_failures"]),
            rendition=None if rendition is None else Rendition(**rendition),
        )

    async def defer(self, target_id: str, *, now: datetime, again_at: datetime, most_of_owner: int) -> bool:
        """Lets a target wait until fewer of its owner's are under way on the platform. False where that is not what it waits for."""
        values = {"target_id": target_id, "now": now, "again_at": again_at, "most_of_owner": most_of_owner}
        return bool(await self.run(_DEFER, **values))

    async def release_deferred(
        self, platforms: Collection[str], *, now: datetime, again_at: datetime, most_of_owner: int
    ) -> list[tuple[str, str, str]]:
        """Takes as many deferred targets as there is room for now, of each owner those that have waited longest.

        Returns id, owner and platform.
        """
        waiting = (
            sa.select(targets.c.owner_id, targets.c.platform)
            .where(targets.c.deferred_at.is_not(None), targets.c.platform.in_(list(platforms)))
            .distinct()
            .cte("waiting")
        )
        under_way = (
            sa.select(sa.func.count())
            .where(
                _HELD.c.owner_id == waiting.c.owner_id,
                _HELD.c.platform == waiting.c.platform,
                _HELD.c.leased_until > now,
            )
            .correlate(waiting)
            .scalar_subquery()
        )
        room = (
            sa.select(_DEFERRED.c.id)
            .where(
                _DEFERRED.c.owner_id == waiting.c.owner_id,
                _DEFERRED.c.platform == waiting.c.platform,
                _DEFERRED.c.deferred_at.is_not(None),
            )
            .order_by(_DEFERRED.c.deferred_at)
            .limit(sa.func.greatest(most_of_owner - under_way, 0))
            .with_for_update(skip_locked=True)
            .lateral("room")
        )
        chosen = sa.select(room.c.id).select_from(waiting.join(room, sa.true())).cte("chosen")
        claim = (
            sa.update(targets)
            .where(targets.c.id == chosen.c.id)
            .values(deferred_at=None, ring_at=again_at)
            .returning(targets.c.id, targets.c.owner_id, targets.c.platform)
        )
        return [(row.id, row.owner_id, row.platform) for row in await self.session.execute(claim)]

    async def save(
        self,
        target: Target,
        *,
        lease: str | None,
        until: datetime | None,
        ring_at: datetime | None,
        is_step: bool = True,
    ) -> Target:
        """Writes a target, and unless it is no step its history, and returns it with its new version.

        With `lease` it stays taken until `until`.

        Raises `StaleTargetError` when it was changed since it was read.
        """
        values = {**_values(target), "lease": lease, "leased_until": until, "ring_at": ring_at}
        if not await self.run(_SAVE, **values, old_version=target.version, step_id=new_id(), is_step=is_step):
            raise StaleTargetError(target.id)
        return replace(target, version=target.version + 1)

    async def lease_of(self, target_id: str) -> tuple[str | None, datetime | None]:
        """Returns who has a target, and until when."""
        query = sa.select(targets.c.lease, targets.c.leased_until).where(targets.c.id == target_id)
        row = (await self.session.execute(query)).one()
        return row.lease, row.leased_until

    async def release(self, lease: str, *, now: datetime) -> None:
        """Gives back what a worker could not finish because somebody changed it, and rings for whoever waits for the place."""
        change = sa.update(targets).where(targets.c.lease == lease).values(lease=None, leased_until=None)
        row = (await self.session.execute(change.returning(targets.c.connection_id, targets.c.slot))).first()
        if row is not None:
            waiting = (
                (targets.c.connection_id == row.connection_id)
                & (targets.c.slot == row.slot)
                & targets.c.state.in_([TargetState.QUEUED, TargetState.WAITING])
            )
            await self.session.execute(sa.update(targets).where(waiting, targets.c.ring_at > now).values(ring_at=now))

    async def ring_when_free(self, target_id: str, *, now: datetime) -> None:
        """Plans a doorbell for a target whose place another one holds: for when that one's lease ends."""
        freed_at = sa.select(sa.func.max(_OTHER.c.leased_until)).where(_others_of_place(now)).scalar_subquery()
        waits = (targets.c.id == target_id) & (targets.c.ring_at > freed_at)
        await self.session.execute(sa.update(targets).where(waits).values(ring_at=freed_at))

    async def claim_rings(
        self, platforms: Collection[str], *, now: datetime, again_at: datetime, limit: int
    ) -> list[tuple[str, str, str]]:
        """Takes targets that are due and that nobody holds, up to `limit` of each platform. Each comes again at `again_at`.

        Returns id, owner and platform.
        """
        due = due_targets(platforms, now=now, limit=limit).cte("chosen")
        claim = (
            sa.update(targets)
            .where(targets.c.id == due.c.id)
            .values(ring_at=again_at)
            .returning(targets.c.id, targets.c.owner_id, targets.c.platform)
        )
        return [(row.id, row.owner_id, row.platform) for row in await self.session.execute(claim)]

    async def count_live_by_state(self) -> dict[str, int]:
        """Counts the targets that do not rest, by state, for the metrics."""
        query = sa.select(targets.c.state, sa.func.count()).where(targets.c.state.in_(_LIVE))
        return {row[0]: row[1] for row in await self.session.execute(query.group_by(targets.c.state))}

    # Steps

    async def add_step(self, target: Target) -> None:
        reason = _REASON.dump_python(target.reason, mode="json")
        await self.run(
            _ADD_STEP, id=new_id(), target_id=target.id, at=target.updated_at, state=target.state, reason=reason
        )

    async def steps_of(self, target_id: str, page: PageRequest) -> Sequence[TargetStep]:
        """Returns the steps of a target, oldest first: one more than the page holds, if there are that many."""
        query = sa.select(target_steps).where(target_steps.c.target_id == target_id)
        query = query.order_by(target_steps.c.id).limit(page.size + 1)
        if page.after is not None:
            query = query.where(target_steps.c.id > page.after)
        return [_STEP.validate_python(dict(row._mapping)) for row in await self.session.execute(query)]


def due_targets(platforms: Collection[str], *, now: datetime, limit: int) -> sa.Select[tuple[str]]:
    """Selects and locks the targets that have been due longest: what waits for one platform is not searched for the others."""
    served = sa.select(sa.func.unnest(sa.cast(list(platforms), ARRAY(sa.Text))).label("platform")).subquery("served")
    due = (
        sa.select(targets.c.id)
        .where(targets.c.platform == served.c.platform, targets.c.ring_at <= now)
        .order_by(targets.c.ring_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .lateral("due")
    )
    return sa.select(due.c.id).select_from(served.join(due, sa.true()))


def _others_of_place(now: datetime | sa.BindParameter[datetime]) -> sa.ColumnElement[bool]:
    """Matches the other targets of the same place that somebody works on."""
    same = (_OTHER.c.connection_id == targets.c.connection_id) & (_OTHER.c.slot == targets.c.slot)
    return same & (_OTHER.c.id != targets.c.id) & (_OTHER.c.leased_until > now)


def newer_of_place() -> sa.Exists:
    """Matches targets for whose place there is a newer wish that was not called off, or that to leave what is there."""
    kept = _OTHER.c.reason["code"].astext == "KEPT_THERE"
    return sa.exists().where(
        _OTHER.c.connection_id == targets.c.connection_id,
        _OTHER.c.slot == targets.c.slot,
        _OTHER.c.id > targets.c.id,
        sa.or_(_OTHER.c.state != TargetState.CANCELLED, kept),
    )


def _held_of_owner(now: sa.BindParameter[datetime], most: sa.BindParameter[int]) -> sa.ScalarSelect[int]:
    """Counts the targets of the same owner and platform that somebody works on, as far as `most`."""
    found = (
        sa.select(sa.literal(1))
        .where(
            _HELD.c.owner_id == targets.c.owner_id, _HELD.c.platform == targets.c.platform, _HELD.c.leased_until > now
        )
        .limit(most)
        .correlate(targets)
        .subquery("found")
    )
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _values(target: Target) -> dict[str, Any]:  # columns of `targets`
    plain = _TARGET.dump_python(target)
    json = _TARGET.dump_python(target, mode="json", include=_JSON_COLUMNS)
    return {**plain, **json}


def _target(row: sa.Row[Any]) -> Target:  # a row of `targets`
    return _TARGET.validate_python(dict(row._mapping))


# What a worker asks for with every doorbell and writes with every step.


def _claim() -> sa.UpdateBase:
    now, until = sa.bindparam("now", type_=_TIME), sa.bindparam("until", type_=_TIME)
    most = sa.bindparam("most_of_owner", type_=sa.Integer)
    free = (
        sa.select(targets.c.id)
        .where(
            targets.c.id == sa.bindparam("target_id"),
            sa.or_(targets.c.leased_until.is_(None), targets.c.leased_until <= now),
            ~sa.exists().where(_others_of_place(now)),
            _held_of_owner(now, most) < most,
        )
        .with_for_update(of=targets, skip_locked=True)
        .cte("free")
    )
    return (
        sa.update(targets)
        .where(targets.c.id == free.c.id)
        .values(
            lease=sa.bindparam("lease"),
            leased_until=until,
            ring_at=until,
            deferred_at=None,
            version=targets.c.version + 1,
        )
        .returning(*_OF_TARGET)
    )


def _defer() -> sa.UpdateBase:
    now, most = sa.bindparam("now", type_=_TIME), sa.bindparam("most_of_owner", type_=sa.Integer)
    full = (targets.c.id == sa.bindparam("target_id")) & (_held_of_owner(now, most) >= most)
    free = sa.or_(targets.c.leased_until.is_(None), targets.c.leased_until <= now)
    since = sa.func.coalesce(targets.c.deferred_at, now)
    change = sa.update(targets).where(full, free, targets.c.ring_at.is_not(None))
    return change.values(deferred_at=since, ring_at=sa.bindparam("again_at")).returning(targets.c.id)


def _save() -> sa.Select[Any]:
    saved: dict[str, Any] = {
        name: sa.bindparam(name) for name in Target.__dataclass_fields__ if name not in ("id", "version")
    }
    held: dict[str, Any] = {name: sa.bindparam(name) for name in ("lease", "leased_until", "ring_at")}
    change = (
        sa.update(targets)
        .where(targets.c.id == sa.bindparam("id"), targets.c.version == sa.bindparam("old_version"))
        .values(**saved, **held, deferred_at=None, version=targets.c.version + 1)
        .returning(targets.c.id, targets.c.updated_at, targets.c.state, targets.c.reason)
        .cte("saved")
    )
    step = (
        sa.insert(target_steps)
        .from_select(
            ["id", "target_id", "at", "state", "reason"],
            sa.select(sa.bindparam("step_id", type_=sa.Uuid(as_uuid=False)), *change.c).where(
                sa.bindparam("is_step", type_=sa.Boolean)
            ),
        )
        .cte("step")
    )
    return sa.select(change.c.id).add_cte(step)


def _around() -> sa.Select[Any]:
    wanted, place, made = targets.c, places.c, renditions.c
    of_revision = (image_revisions.c.image_id == wanted.image_id) & (image_revisions.c.revision == wanted.revision)
    of_slot = (made.image_id == wanted.image_id) & (made.revision == wanted.revision)
    return (
        sa.select(*(column.label(f"{table.name}.{column.key}") for table in _AROUND_TARGET for column in table.c))
        .select_from(
            targets.outerjoin(connections, connections.c.id == wanted.connection_id)
            .outerjoin(places, (place.connection_id == wanted.connection_id) & (place.slot == wanted.slot))
            .outerjoin(image_revisions, of_revision)
            .outerjoin(renditions, of_slot & (made.key == sa.bindparam("rendition_key")))
        )
        .where(wanted.id == sa.bindparam("target_id"))
    )


_AROUND_TARGET = (connections, places, image_revisions, renditions)
_AROUND = Statement(_around())
_TIME = sa.DateTime(timezone=True)
_OF_TARGET = [targets.c[name] for name in Target.__dataclass_fields__]
_CLAIM, _DEFER, _SAVE = Statement(_claim()), Statement(_defer()), Statement(_save())
_ADD_STEP = Statement(
    sa.insert(target_steps).values({column.name: sa.bindparam(column.name) for column in target_steps.c})
)
_LOCK_SYNC = Statement(sa.select(syncs).where(syncs.c.id == sa.bindparam("sync_id")).with_for_update())
_LIVE_TARGET = Statement(
    sa.select(targets.c.id)
    .where(targets.c.sync_id == sa.bindparam("sync_id"), targets.c.state == sa.any_(sa.literal(_LIVE, ARRAY(sa.Text))))
    .limit(1)
)
