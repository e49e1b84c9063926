"""Bringing pictures to places."""

from typing import Annotated, Literal, cast

from pydantic import Field

from gateway.media import MediaLinks
from gateway.schemas.common import Answer, Question, Slot, Time, time_or_none, word
from gateway.schemas.connections import Observed, Reason
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
        )


class Sync(Answer):
    """A wish to show a picture in some places."""

    id: str
    """Empty in a plan, where nothing is stored."""
    state: SyncState
    """`planned` for a dry run; `finished` once every target rests."""
    image_id: str
    slot: str
    """`avatar` or `banner`."""
    dry_run: bool
    targets: list[Target]
    """Sorted by platform and handle."""
    created_at: Time | None
    finished_at: Time | None

    @classmethod
    def of(cls, sync: sync_pb2.Sync, links: MediaLinks) -> "Sync":
        finished_at = time_or_none(sync.finish_time, present=sync.HasField("finish_time"))
        return cls(
            id=sync.id,
            state="planned" if sync.dry_run else "running" if finished_at is None else "finished",
            image_id=sync.image_id,
            slot=sync.slot,
            dry_run=sync.dry_run,
            targets=[Target.of(target, links) for target in sync.targets],
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
