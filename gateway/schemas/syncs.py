"""Bringing pictures to places."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, cast

from pydantic import Field

from gateway.media import MediaLinks
from gateway.schemas.common import Answer, Question, Slot, Time, time_or_none, word
from gateway.schemas.connections import Observed, Reason, Snapshot
from linkarooie.sync.v1 import sync_pb2
from servicekit.protobuf import moment

TargetState = Literal[
    "queued",
    "sending",
    "waiting_for_platform",
    "verified",
    "differs",
    "needs_you",
    "paused",
    "failed",
    "cancelled",
    "superseded",
]
SyncState = Literal["planned", "running", "finished"]
SyncTrigger = Literal["by_hand", "default_changed", "roll_back"]


def target_state(state: "sync_pb2.TargetState.ValueType") -> TargetState:
    """Returns the word for a target's state."""
    return cast("TargetState", word(sync_pb2.TargetState, state))


class Target(Answer):
    """One place that a picture shall be shown: a slot of a connection."""

    id: str
    """Empty in a plan, where nothing is stored."""
    sync_id: str
    connection_id: str
    platform: str
    slot: str
    """`avatar` or `banner`."""
    remote_handle: str
    state: TargetState
    reason: Reason | None
    attempts: int
    """How often a picture was sent to the platform for it."""
    next_attempt_at: Time | None
    """When it goes on by itself; null when nothing is planned."""
    observed: Observed | None
    """What the platform showed when last looked at."""
    instructions: list[str]
    """What to do by hand, step by step; empty where we do it."""
    alt_text: str
    """The picture's description as it was when the sync was asked for."""
    notes: list[Reason]
    """What to know although all goes well, such as ALT_TEXT_SHORTENED and ALT_TEXT_NOT_TAKEN."""
    updated_at: Time | None
    snapshot: Snapshot | None
    """What it puts back; null where it brings a picture of the library."""
    before: Snapshot | None
    """What the place showed before the target's picture was sent; null where nothing was sent, or it was not kept."""
    next_check_at: Time | None
    """When the place is looked at again by its connection's schedule; null where it is not."""

    @classmethod
    def of(cls, target: sync_pb2.Target, links: MediaLinks) -> "Target":
        return cls(
            id=target.id,
            sync_id=target.sync_id,
            connection_id=target.connection_id,
            platform=target.platform,
            slot=target.slot,
            remote_handle=target.remote_handle,
            state=target_state(target.state),
            reason=Reason.of(target.reason),
            attempts=target.attempts,
            next_attempt_at=time_or_none(target.next_attempt_time, present=target.HasField("next_attempt_time")),
            observed=Observed.of(target.observed, links) if target.HasField("observed") else None,
            instructions=list(target.instructions),
            alt_text=target.alt_text,
            notes=[reason for note in target.notes if (reason := Reason.of(note)) is not None],
            updated_at=time_or_none(target.update_time, present=target.HasField("update_time")),
            snapshot=Snapshot.of(target.snapshot, links) if target.HasField("snapshot") else None,
            before=Snapshot.of(target.before, links) if target.HasField("before") else None,
            next_check_at=time_or_none(target.next_check_time, present=target.HasField("next_check_time")),
        )


class PlanSummary(Answer):
    """What would happen, in places."""

    will_change: int
    """Get the picture by themselves."""
    needs_you: int
    """Wait for their owner to do something there."""
    right: int
    """Show it already."""
    waits: int
    """Would wait first: for a reconnect, or until a limit ends."""
    cannot: int
    """Cannot get it."""

    @classmethod
    def of(cls, targets: Iterable[Target]) -> "PlanSummary":
        counts = Counter(_FORESEEN[target.state] for target in targets if target.state in _FORESEEN)
        return cls(**{name: counts[name] for name in cls.model_fields})


_FORESEEN: dict[TargetState, str] = {
    "queued": "will_change",
    # Is being brought there already, by an earlier wish.
    "sending": "will_change",
    "waiting_for_platform": "will_change",
    "needs_you": "needs_you",
    "verified": "right",
    "paused": "waits",
    "failed": "cannot",
}


class Sync(Answer):
    """A wish to show a picture in some places."""

    id: str
    """Empty in a plan, where nothing is stored."""
    state: SyncState
    """`planned` for a dry run; `finished` once every target rests."""
    trigger: SyncTrigger
    """Why it came to be: by hand, because another picture was chosen as a default, or to put back what was there before."""
    image_id: str | None
    """Null where pictures from before are put back."""
    slot: str | None
    """`avatar` or `banner`; null where both are put back."""
    dry_run: bool
    summary: PlanSummary | None
    """Null unless it is a dry run."""
    targets: list[Target]
    """Sorted by platform and handle."""
    created_at: Time | None
    finished_at: Time | None

    @classmethod
    def of(cls, sync: sync_pb2.Sync, links: MediaLinks) -> "Sync":
        finished_at = time_or_none(sync.finish_time, present=sync.HasField("finish_time"))
        targets = [Target.of(target, links) for target in sync.targets]
        return cls(
            id=sync.id,
            state="planned" if sync.dry_run else "running" if finished_at is None else "finished",
            trigger=cast("SyncTrigger", word(sync_pb2.SyncTrigger, sync.trigger or sync_pb2.SYNC_TRIGGER_BY_HAND)),
            image_id=sync.image_id or None,
            slot=sync.slot or None,
            dry_run=sync.dry_run,
            summary=PlanSummary.of(targets) if sync.dry_run else None,
            targets=targets,
            created_at=time_or_none(sync.create_time, present=sync.HasField("create_time")),
            finished_at=finished_at,
        )


class SyncList(Answer):
    """A page of syncs, newest first."""

    items: list[Sync]
    next_page_token: str
    """Empty on the last page."""


class NewSync(Question):
    """Asks for a picture to be shown."""

    image_id: str = Field(max_length=36)
    slot: Slot
    connection_ids: list[Annotated[str, Field(max_length=36)]] = Field(default_factory=list, max_length=200)
    """Which connections; empty means all that have the slot."""
    dry_run: bool = False
    """Only says what would happen; stores and sends nothing."""


class TargetRollback(Question):
    """Puts back what the place of a target showed."""

    snapshot_id: str = Field(default="", max_length=36)
    """Another snapshot of that place; empty means what was there before the target's picture."""


class Step(Answer):
    """One step in a target's life."""

    at: Time
    state: TargetState
    reason: Reason | None

    @classmethod
    def of(cls, step: sync_pb2.TargetStep) -> "Step":
        return cls(at=moment(step.step_time), state=target_state(step.state), reason=Reason.of(step.reason))


class StepList(Answer):
    """A page of a target's steps, oldest first."""

    items: list[Step]
    next_page_token: str
    """Empty on the last page."""
