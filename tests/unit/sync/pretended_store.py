"""The sync service's tables in memory, with transactions as Postgres has them as far as the reconciler relies on them.

Who writes or locks waits for who did before and sees what it has committed; who only reads sees what is committed now. Between any two
statements others may go on, and the process may die: before a commit, or after it and before anybody hears of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

from google.protobuf.message import Message

from services.sync.domain.circuit import Circuit
from services.sync.domain.connection import Connection, Grant, Place, refresh_time
from services.sync.domain.schedule import CheckEvery
from services.sync.domain.target import TRANSITIONS, Seen, Target, TargetState
from services.sync.store import StaleTargetError, Store
from services.sync.store.connections import Snapshot
from services.sync.store.renditions import ImageRevision, Rendition
from services.sync.store.targets import Around, Sync

Place_ = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """A target with what is beside it in its table."""

    target: Target
    lease: str | None = None
    leased_until: datetime | None = None
    ring_at: datetime | None = None

    def is_held(self, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now


@dataclass
class Tables:
    targets: dict[str, Row] = field(default_factory=dict)
    syncs: dict[str, tuple[Sync, datetime | None, int]] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    refresh_leases: dict[str, datetime | None] = field(default_factory=dict)
    places: dict[Place_, Place] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    holds: dict[str, datetime] = field(default_factory=dict)
    renditions: dict[tuple[str, int, str], Rendition] = field(default_factory=dict)
    images: dict[tuple[str, int], ImageRevision] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    inbox: frozenset[str] = frozenset()

    def copy(self) -> "Tables":
        return Tables(**{name: value if name == "inbox" else dict(value) for name, value in vars(self).items()})


@dataclass
class Memory:
    """What is committed. `told` are the events of all commits, `steps` the history."""

    pause: Callable[[], Awaitable[None]]
    tables: Tables = field(default_factory=Tables)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    told: list[Message] = field(default_factory=list)
    steps: list[Target] = field(default_factory=list)

    def stores(self) -> Store:
        return cast("Store", MemoryStore(self))


class MemoryStore:
    """One transaction. Has the statements that the tests' use of the service needs; the names are those of the real one."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._own: Tables | None = None
        self._told: list[Message] = []
        self._steps: list[Target] = []

    async def __aenter__(self) -> Self:
        await self._memory.pause()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._own is not None:
            self._own = None
            self._memory.lock.release()

    @property
    def _seen(self) -> Tables:
        return self._memory.tables if self._own is None else self._own

    async def _writing(self) -> Tables:
        if self._own is None:
            await self._memory.lock.acquire()
            self._own = self._memory.tables.copy()
        return self._own

    async def commit(self) -> None:
        await self._memory.pause()
        if self._own is not None:
            self._memory.tables = self._own
        self._memory.told += self._told
        self._memory.steps += self._steps
        self._told, self._steps = [], []
        self._end()
        await self._memory.pause()

    def record(self, event: Message, *, owner_id: str, subject: str | None = None) -> None:
        self._told.append(event)

    async def first_delivery(self, consumer: str, message_id: str) -> bool:
        tables = await self._writing()
        is_first = message_id not in tables.inbox
        tables.inbox |= {message_id}
        return is_first

    # Connections

    async def connection(
        self, connection_id: str, *, owner_id: str | None = None, lock: bool = False
    ) -> Connection | None:
        if lock:
            await self._writing()
        return self._seen.connections.get(connection_id)

    async def schedule_of(self, connection_id: str) -> tuple[CheckEvery, str]:
        await self._writing()
        connection = self._seen.connections.get(connection_id)
        return (CheckEvery.NEVER, "UTC") if connection is None else (connection.check_every, connection.time_zone)

    async def lock_connections(self, ids: Collection[str]) -> None:
        await self._writing()

    async def add_connection(self, connection: Connection, slots: Collection[str], *, look_at: datetime) -> None:
        (await self._writing()).connections[connection.id] = connection
        await self.ensure_places(connection.id, slots, look_at=look_at)

    async def ensure_places(self, connection_id: str, slots: Collection[str], *, look_at: datetime) -> None:
        tables = await self._writing()
        for slot in slots:
            tables.places.setdefault((connection_id, slot), Place(connection_id, slot))

    async def set_health(self, connection_id: str, state: Any, reason: Any, *, now: datetime) -> None:
        await self._change_connection(connection_id, state=state, reason=reason, checked_at=now)

    async def _change_connection(self, connection_id: str, **changes: Any) -> None:
        tables = await self._writing()
        tables.connections[connection_id] = replace(tables.connections[connection_id], **changes)

    async def set_grant(self, connection: Connection, sealed: bytes, grant: Grant, now: datetime) -> bool:
        tables = await self._writing()
        if tables.connections[connection.id].grant_version != connection.grant_version:
            return False
        version, at = connection.grant_version + 1, refresh_time(grant, now)
        await self._change_connection(
            connection.id, sealed=sealed, expires_at=grant.expires_at, refresh_at=at, grant_version=version
        )
        tables.refresh_leases[connection.id] = None
        return True

    async def lease_refresh(self, connection: Connection, *, now: datetime, until: datetime) -> bool:
        tables = await self._writing()
        leased = tables.refresh_leases.get(connection.id)
        current = tables.connections[connection.id].grant_version == connection.grant_version
        if not current or (leased is not None and leased > now):
            return False
        tables.refresh_leases[connection.id] = until
        return True

    async def end_refresh(self, connection: Connection) -> None:
        tables = await self._writing()
        if tables.connections[connection.id].grant_version == connection.grant_version:
            tables.refresh_leases[connection.id] = None

    async def place(self, connection_id: str, slot: str) -> Place | None:
        return self._seen.places.get((connection_id, slot))

    async def places_of(self, connection_ids: Collection[str]) -> dict[str, list[Place]]:
        places = self._seen.places.values()
        return {one: [place for place in places if place.connection_id == one] for one in connection_ids}

    async def set_seen(self, connection_id: str, slot: str, seen: Seen) -> None:
        tables = await self._writing()
        tables.places[connection_id, slot] = replace(tables.places[connection_id, slot], seen=seen)

    async def terms_of(self, connection_ids: Collection[str]) -> dict[str, Any]:  # no server says anything
        return {}

    async def set_ours(self, connection_id: str, slot: str, *, tag: str, sha256: str) -> None:
        tables = await self._writing()
        place = tables.places[connection_id, slot]
        tables.places[connection_id, slot] = replace(place, ours_tag=tag, ours_sha256=sha256)

    async def snapshot_by_id(self, snapshot_id: str) -> Snapshot | None:
        return self._seen.snapshots.get(snapshot_id)

    # Renditions

    async def add_renditions(
        self,
        image_id: str,
        revision: int,
        owner_id: str,
        made: list[Rendition],
        slot_failures: Mapping[str, str],
        *,
        told_at: datetime,
    ) -> None:
        tables = await self._writing()
        tables.images[image_id, revision] = ImageRevision(None, slot_failures)
        tables.renditions |= {(image_id, revision, each.key): each for each in made}

    async def image_revision(self, image_id: str, revision: int) -> ImageRevision | None:
        return self._seen.images.get((image_id, revision))

    async def rendition(self, image_id: str, revision: int, key: str) -> Rendition | None:
        return self._seen.renditions.get((image_id, revision, key))

    # Syncs and targets

    async def add_sync(self, sync: Sync) -> None:
        (await self._writing()).syncs[sync.id] = (sync, None, 0)

    async def sync(self, sync_id: str, *, owner_id: str | None = None, lock: bool = False) -> Any:
        if lock:
            await self._writing()
        sync, finished_at, version = self._seen.syncs[sync_id]
        return replace(sync, finished_at=finished_at, finish_version=version)

    async def finish_sync(self, sync_id: str, *, finished_at: datetime | None, finish_version: int) -> None:
        tables = await self._writing()
        tables.syncs[sync_id] = (tables.syncs[sync_id][0], finished_at, finish_version)

    async def sync_at_rest(self, sync_id: str) -> Sync | None:
        sync: Sync = await self.sync(sync_id, lock=True)
        rests = all(row.target.state.rests for row in self._rows() if row.target.sync_id == sync_id)
        return sync if rests else None

    async def add_target(self, target: Target, *, ring_at: datetime | None) -> None:
        (await self._writing()).targets[target.id] = Row(target, ring_at=ring_at)

    async def target(self, target_id: str, *, owner_id: str | None = None, lock: bool = False) -> Target | None:
        if lock:
            await self._writing()
        row = self._seen.targets.get(target_id)
        return None if row is None else row.target

    def _rows(self) -> list[Row]:
        return [row for _, row in sorted(self._seen.targets.items())]

    async def targets_of_syncs(self, sync_ids: Collection[str], *, lock: bool = False) -> dict[str, list[Target]]:
        if lock:
            await self._writing()
        targets = [row.target for row in self._rows()]
        return {one: [target for target in targets if target.sync_id == one] for one in sync_ids}

    async def targets_of_places(
        self, connection_ids: Collection[str], slot: str, states: Collection[TargetState]
    ) -> list[Target]:
        await self._writing()
        found = (row.target for row in self._rows())
        return [t for t in found if t.connection_id in connection_ids and t.slot == slot and t.state in states]

    async def targets_of_connection(self, connection_id: str, states: Collection[TargetState]) -> list[Target]:
        await self._writing()
        found = (row.target for row in self._rows())
        return [target for target in found if target.connection_id == connection_id and target.state in states]

    async def targets_of_image(self, image_id: str, states: Collection[TargetState]) -> list[Target]:
        await self._writing()
        found = (row.target for row in self._rows())
        return [target for target in found if target.image_id == image_id and target.state in states]

    async def has_newer_target(self, target: Target) -> bool:
        return any(
            other.id > target.id and _place(other) == _place(target) and other.state is not TargetState.CANCELLED
            for other in (row.target for row in self._rows())
        )

    async def claim(
        self, target_id: str, *, lease: str, now: datetime, until: datetime, most_of_owner: int
    ) -> Target | None:
        tables = await self._writing()
        row = tables.targets.get(target_id)
        if row is None or row.is_held(now) or self._others_held(row.target, now):
            return None
        target = replace(row.target, version=row.target.version + 1)
        tables.targets[target_id] = Row(target, lease, until, until)
        return target

    async def around(self, target: Target) -> Around:
        return Around(
            connection=self._seen.connections.get(target.connection_id),
            place=self._seen.places.get((target.connection_id, target.slot)),
            image=self._seen.images.get((str(target.image_id), target.revision)),
            rendition=self._seen.renditions.get(
                (str(target.image_id), target.revision, f"{target.platform}.{target.slot}")
            ),
        )

    async def defer(self, target_id: str, *, now: datetime, again_at: datetime, most_of_owner: int) -> bool:
        # One place alone is never too many.
        return False

    def _others_held(self, target: Target, now: datetime) -> list[datetime]:
        return [
            row.leased_until
            for row in self._rows()
            if row.target.id != target.id
            and _place(row.target) == _place(target)
            and row.leased_until is not None
            and row.leased_until > now
        ]

    async def save(
        self,
        target: Target,
        *,
        lease: str | None,
        until: datetime | None,
        ring_at: datetime | None,
        is_step: bool = True,
    ) -> Target:
        tables = await self._writing()
        before = tables.targets[target.id].target
        if before.version != target.version:
            raise StaleTargetError(target.id)
        assert target.state is before.state or target.state in TRANSITIONS[before.state]
        saved = replace(target, version=target.version + 1)
        tables.targets[target.id] = Row(saved, lease, until, ring_at)
        if is_step:
            self._steps.append(saved)
        return saved

    async def lease_of(self, target_id: str) -> tuple[str | None, datetime | None]:
        row = self._seen.targets[target_id]
        return row.lease, row.leased_until

    async def release(self, lease: str, *, now: datetime) -> None:
        tables = await self._writing()
        mine = next((row for row in tables.targets.values() if row.lease == lease), None)
        if mine is None:
            return
        tables.targets[mine.target.id] = replace(mine, lease=None, leased_until=None)
        for row in list(tables.targets.values()):
            is_waiting = row.target.state in (TargetState.QUEUED, TargetState.WAITING)
            if is_waiting and _place(row.target) == _place(mine.target) and row.ring_at and row.ring_at > now:
                tables.targets[row.target.id] = replace(row, ring_at=now)

    async def ring_when_free(self, target_id: str, *, now: datetime) -> None:
        tables = await self._writing()
        row = tables.targets[target_id]
        held = self._others_held(row.target, now)
        if held and row.ring_at is not None and row.ring_at > max(held):
            tables.targets[target_id] = replace(row, ring_at=max(held))

    async def claim_rings(
        self, platforms: Collection[str], *, now: datetime, again_at: datetime, limit: int
    ) -> list[tuple[str, str, str]]:
        tables = await self._writing()
        due = [row for row in self._rows() if row.ring_at is not None and row.ring_at <= now]
        for row in due:
            tables.targets[row.target.id] = replace(row, ring_at=again_at)
        return [(row.target.id, row.target.owner_id, row.target.platform) for row in due]

    async def add_step(self, target: Target) -> None:
        self._steps.append(target)

    # Circuits and holds

    async def circuit(self, server: str, *, lock: bool = False) -> Circuit | None:
        if lock:
            await self._writing()
        return self._seen.circuits.get(server)

    async def save_circuit(self, circuit: Circuit) -> None:
        (await self._writing()).circuits[circuit.server] = circuit

    async def take_probe(self, server: str, *, now: datetime, until: datetime) -> bool:
        tables = await self._writing()
        circuit = tables.circuits.get(server)
        if circuit is None or circuit.waits_until(now) is not None:
            return False
        tables.circuits[server] = replace(circuit, probed_until=until)
        return True

    async def remove_circuit(self, server: str, *, answered: datetime) -> bool:
        tables = await self._writing()
        circuit = tables.circuits.get(server)
        if circuit is None or not circuit.is_refuted_by(answered):
            return False
        del tables.circuits[server]
        return True

    async def hold(self, key: str, until: datetime) -> None:
        tables = await self._writing()
        tables.holds[key] = max(until, tables.holds.get(key, until))

    async def left_alone(
        self, server: str, keys: Collection[str], now: datetime
    ) -> tuple[Circuit | None, dict[str, datetime]]:
        held = {key: until for key, until in self._seen.holds.items() if key in keys and until > now}
        return self._seen.circuits.get(server), held


def _place(target: Target) -> Place_:
    return target.connection_id, target.slot
