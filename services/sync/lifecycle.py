"""Stores steps of targets with all that belongs to one: history, event, doorbell, and whether the sync is finished.

Whoever locks more than one row does so in this order: connection, targets by id, sync.
"""

from datetime import datetime, timedelta

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.protobuf import timestamp
from servicekit.subjects import sync_job
from services.sync.domain import reasons
from services.sync.domain.connection import Connection, ConnectionState
from services.sync.domain.reasons import Reason
from services.sync.domain.schedule import Trigger
from services.sync.domain.target import Rules, Target, TargetState, parked
from services.sync.store import Store

# A doorbell that nobody has answered by then is rung again. Not sooner: behind a slow platform many wait for their turn.
RING_AGAIN_AFTER = timedelta(minutes=2)

# Of one owner so many targets are under way on a platform at once, whoever works on them; the others let those of other people pass.
# More than a person has accounts on one platform, so that whoever sends a picture everywhere does not wait for oneself.
MOST_OF_OWNER = 64
# Who waits for that is rung for as soon as there is room (`sweeper.py`). This is for a bell that nobody heard.
DEFERRED_RING_AFTER = timedelta(seconds=30)

# What a revoked connection parks. What is being sent finds out by itself.
PARKABLE = (TargetState.QUEUED, TargetState.WAITING, TargetState.PAUSED)


async def add_target(store: Store, target: Target) -> None:
    """Stores a new target and rings for it."""
    await store.add_target(target, ring_at=target.requested_at + RING_AGAIN_AFTER)
    await store.add_step(target)
    _tell(store, target)
    ring(store, target.id, target.owner_id, target.platform)


async def save_step(
    store: Store,
    before: Target,
    after: Target,
    *,
    lease: str | None = None,
    until: datetime | None = None,
    rings: bool = False,
) -> Target:
    """Stores what became of a target. With `lease` the worker keeps it until `until`, else it is free for all.

    `rings` lets a worker come at once. Raises `StaleTargetError` when somebody else has changed it.
    """
    if lease is not None:
        # Should this process die, the target is taken up again when the lease ends.
        ring_at = until
    elif rings:
        ring_at = after.updated_at + RING_AGAIN_AFTER
    else:
        ring_at = after.next_attempt_at
    is_step = _looks(before) != _looks(after)
    saved = await store.save(after, lease=lease, until=until, ring_at=ring_at, is_step=is_step)
    if rings:
        ring(store, saved.id, saved.owner_id, saved.platform)
    if is_step:
        _tell(store, saved)
        if saved.state.rests:
            await _finish_if_all_rest(store, saved)
        elif before.state.rests:
            await _reopen(store, saved)
    return saved


def _looks(target: Target) -> tuple[object, ...]:
    """What a person sees of a target; polls in between are no steps."""
    return target.state, target.reason, target.attempts


def _tell(store: Store, target: Target) -> None:
    changed = events.TargetChanged(
        target_id=target.id,
        sync_id=target.sync_id,
        owner_id=target.owner_id,
        connection_id=target.connection_id,
        platform=target.platform,
        remote_handle=target.remote_handle,
        slot=target.slot,
        state=state_message(target.state),
        reason=reason_message(target.reason),
        attempts=target.attempts,
        version=target.version,
        request_time=timestamp(target.requested_at),
        event_time=timestamp(target.updated_at),
    )
    store.record(changed, owner_id=target.owner_id)


async def _finish_if_all_rest(store: Store, target: Target) -> None:
    sync = await store.sync_at_rest(target.sync_id)
    if sync is None:
        return
    version, now = sync.finish_version + 1, target.updated_at
    await store.finish_sync(sync.id, finished_at=now, finish_version=version)
    outcomes = [
        events.TargetOutcome(
            target_id=each.id,
            platform=each.platform,
            remote_handle=each.remote_handle,
            state=state_message(each.state),
            reason=reason_message(each.reason),
        )
        for each in (await store.targets_of_syncs([sync.id]))[sync.id]
    ]
    finished = events.SyncFinished(
        sync_id=sync.id,
        owner_id=sync.owner_id,
        image_id=sync.image_id or "",
        slot=sync.slot,
        outcomes=outcomes,
        version=version,
        request_time=timestamp(sync.created_at),
        trigger=trigger_message(sync.trigger),
        event_time=timestamp(now),
    )
    store.record(finished, owner_id=sync.owner_id)


async def _reopen(store: Store, target: Target) -> None:
    sync = await store.sync(target.sync_id, lock=True)
    if sync is not None:
        await store.finish_sync(sync.id, finished_at=None, finish_version=sync.finish_version)


def ring(store: Store, target_id: str, owner_id: str, platform: str) -> None:
    """Rings the doorbell of a target: with the commit, a worker of its platform hears of it."""
    due = events.TargetDue(target_id=target_id, owner_id=owner_id)
    store.record(due, owner_id=owner_id, subject=sync_job(platform))


async def park_connection(
    store: Store, connection: Connection, *, rules: Rules, now: datetime, holding: Target | None = None
) -> bool:
    """Notes that the platform has ended our access: parks what waits there, and tells the owner once.

    `holding` is the target that the caller holds, and parks itself. False when the access is another meanwhile.
    """
    current = await store.connection(connection.id, lock=True)
    if current is not None and current.grant_version != connection.grant_version:
        return False
    if current is None or not current.works:
        return True
    is_over = connection.ends_at is not None and connection.ends_at <= now
    reason = (reasons.access_over if is_over else reasons.revoked)(rules.platform_name)
    await store.set_health(connection.id, ConnectionState.NEEDS_RECONNECT, reason, now=now)
    waiting = await store.targets_of_connection(connection.id, PARKABLE)
    for target in waiting:
        if holding is None or target.id != holding.id:
            await save_step(store, target, parked(target, rules, now=now))
    revoked = events.ConnectionRevoked(
        connection_id=connection.id,
        owner_id=connection.owner_id,
        platform=connection.platform,
        remote_handle=connection.account.handle,
        waiting_targets=len({target.id for target in waiting} | ({holding.id} if holding else set())),
        event_time=timestamp(now),
    )
    store.record(revoked, owner_id=connection.owner_id)
    return True


def state_message(state: TargetState) -> "sync_pb2.TargetState.ValueType":
    """Returns the state as the contracts name it."""
    return sync_pb2.TargetState.Value(f"TARGET_STATE_{state.upper()}")


def trigger_message(trigger: Trigger) -> "sync_pb2.SyncTrigger.ValueType":
    """Returns why a sync came to be, as the contracts name it."""
    return sync_pb2.SyncTrigger.Value(f"SYNC_TRIGGER_{trigger.upper()}")


def reason_message(reason: Reason | None) -> sync_pb2.Reason | None:
    """Returns a reason as the contracts have it; None stays None, which a message field reads as absent."""
    if reason is None:
        return None
    return sync_pb2.Reason(
        code=reason.code,
        message=reason.message,
        action_class=sync_pb2.ActionClass.Value(f"ACTION_CLASS_{reason.action.upper()}"),
        link=reason.link,
    )
