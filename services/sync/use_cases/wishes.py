"""What all wishes for places have in common, whatever they wish for: keys, taking over, and being stored."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from linkarooie.events.v1 import events_pb2 as events
from servicekit.errors import AlreadyExistsError
from servicekit.protobuf import timestamp
from services.sync.domain import reasons
from services.sync.domain import target as steps
from services.sync.domain.connection import Connection
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import SUPERSEDABLE, Target, TargetState
from services.sync.lifecycle import add_target, save_step, trigger_message
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.store.targets import Sync


@dataclass(frozen=True)
class ShownSync:
    """A sync with its targets, sorted by platform and handle."""

    sync: Sync
    targets: Sequence[Target]
    dry_run: bool = False
    terms: Mapping[str, ServerTerms] = field(default_factory=dict)  # of the servers, by connection

    @property
    def id(self) -> str:
        return self.sync.id


async def earlier_sync(store: Store, owner_id: str, key: str, request_hash: str) -> ShownSync | None:
    """Returns what the same key has made before. Raises `AlreadyExistsError` when that was another request."""
    sync = await store.sync_by_idempotency_key(owner_id, key) if key else None
    if sync is None:
        return None
    if sync.request_hash != request_hash:
        raise AlreadyExistsError(
            "This Idempotency-Key was used before with another request. Use a new key for a new sync.",
            reason="IDEMPOTENCY_KEY_REUSED",
        )
    return await shown(store, sync)


async def store_wish(store: Store, sync: Sync, targets: Sequence[Target]) -> ShownSync:
    """Stores a sync with its targets, which take over from what was wished for the same places; returns it as it is then.

    The caller commits. Where the same key has come twice at once, the first answer is ours, too. Raises `AlreadyExistsError`.
    """
    try:
        async with store.session.begin_nested():
            await store.add_sync(sync)
    except sa.exc.IntegrityError:
        earlier = await earlier_sync(store, sync.owner_id, sync.idempotency_key or "", sync.request_hash)
        if earlier is None:
            raise
        return earlier
    # Of two wishes for the same place at once, the second sees the first.
    await store.lock_connections({target.connection_id for target in targets})
    for slot in sorted({target.slot for target in targets}):
        connection_ids = {target.connection_id for target in targets if target.slot == slot}
        await supersede(store, connection_ids, slot, now=sync.created_at)
    requested = events.SyncRequested(
        sync_id=sync.id,
        owner_id=sync.owner_id,
        image_id=sync.image_id or "",
        slot=sync.slot,
        target_count=len(targets),
        trigger=trigger_message(sync.trigger),
        event_time=timestamp(sync.created_at),
    )
    store.record(requested, owner_id=sync.owner_id)
    for target in targets:
        await add_target(store, target)
    return ShownSync(sync, in_order(targets), terms=await terms_for(store, targets))


async def supersede(store: Store, connection_ids: Collection[str], slot: str, *, now: datetime) -> None:
    """A newer wish for a place takes over from what was wished there and is not done."""
    for old in await store.targets_of_places(connection_ids, slot, SUPERSEDABLE):
        # What is being sent keeps its place until the call has ended, so that the new picture comes after it.
        lease, until = await store.lease_of(old.id) if old.state is TargetState.SENDING else (None, None)
        after = steps.stopped(old, TargetState.SUPERSEDED, reasons.superseded(), now=now)
        await save_step(store, old, after, lease=lease, until=until)


async def shown(store: Store, sync: Sync) -> ShownSync:
    """Returns a sync as it is now."""
    targets = (await store.targets_of_syncs([sync.id]))[sync.id]
    return ShownSync(sync, targets, terms=await terms_for(store, targets))


async def terms_for(store: Store, targets: Sequence[Target]) -> Mapping[str, ServerTerms]:
    """Returns the terms of the servers, by connection, as far as descriptions make them worth knowing."""
    return await store.terms_of({target.connection_id for target in targets if target.alt_text})


def why_not_served(
    platforms: Platforms, connection: Connection, slot: str, terms: ServerTerms | None
) -> tuple[str, str] | None:
    """Returns reason and sentence why a slot of a connection cannot be filled; None where it can."""
    name = platforms.name(connection.platform)
    known = platforms.slot(connection.platform, slot)
    if known is None or not known.wants_picture:
        return "SLOT_NOT_WRITABLE", f"{name} has no {slot} that Linkarooie could set."
    at_server = platforms.slot(connection.platform, slot, terms)
    if at_server is None or not at_server.wants_picture:
        return "SLOT_NOT_WRITABLE", f"{connection.account.instance} has no {slot} that Linkarooie could set."
    if connection.platform not in platforms.adapters:
        return "PLATFORM_NOT_CONFIGURED", platforms.why_not(connection.platform)
    if connection.leaving_since is not None:
        return (
            "CONNECTION_LEAVING",
            f"{connection.account.handle} on {name} is being disconnected, so nothing new is sent there.",
        )
    return None


def hash_of(request: Mapping[str, object]) -> str:
    """Returns what tells a request from others with the same key."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def in_order(targets: Sequence[Target]) -> list[Target]:
    return sorted(targets, key=lambda target: (target.platform, target.remote_handle, target.id))
