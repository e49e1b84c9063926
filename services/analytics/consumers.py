"""What the analytics service hears: everything. Each event is kept raw, without what names a person."""

from collections.abc import Mapping

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.consumers import Delivery, Handler, PoisonedMessageError
from servicekit.ids import is_id
from servicekit.protobuf import moment
from servicekit.subjects import SUBJECTS
from services.analytics.domain import RESTING, Ending, Fact
from services.analytics.use_cases import Figures

# Figures need to know neither who somebody is nor where files are.
LEFT_OUT = {
    events.AccountRegistered: ("email", "display_name"),
    events.AccountChanged: ("email", "display_name"),
    events.AccountLetterRequested: ("email", "display_name", "sealed_token", "device", "address"),
    events.AccountSecurityNoted: ("email", "display_name", "detail", "device", "address"),
    events.ProfileUpdated: ("handle", "previous_handle"),
    events.ImageUploaded: ("object_key",),
    events.VariantsReady: ("variants",),
    events.AddressesChanged: ("paths",),  # of avatars they hold handles and hashes of e-mail addresses
    events.ConnectionAdded: ("remote_handle",),
    events.ConnectionRevoked: ("remote_handle",),
    events.ConnectionExpiryNoted: ("remote_handle",),
    events.ConnectionRemoved: ("remote_handle",),
    events.TargetChanged: ("remote_handle", "reason"),
    events.TargetReminded: ("remote_handle", "link"),
    events.SyncFinished: ("outcomes",),  # each of them is a `target.changed` of its own
}
# Tells of the installation, not of anybody's account: there is nobody to show it to.
OF_NOBODY = frozenset({events.RecipesPublished})


def handlers(figures: Figures) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def keep(delivery: Delivery) -> None:
        await figures.take(fact_of(delivery))

    async def keep_step(delivery: Delivery) -> None:
        await figures.take(fact_of(delivery), ending_of(delivery.message))

    return {
        message: keep_step if message is events.TargetChanged else keep
        for message in SUBJECTS
        if message not in OF_NOBODY
    }


def fact_of(delivery: Delivery) -> Fact:
    """Reads what is kept of an event. Raises `PoisonedMessageError` when it does not tell its owner or its time."""
    event = delivery.message
    if not is_id(delivery.owner_id):
        raise PoisonedMessageError("the ce-subject header names no owner")
    if not event.HasField("event_time"):
        raise PoisonedMessageError("the event has no event_time")
    kept = type(event)()
    kept.CopyFrom(event)
    for name in LEFT_OUT.get(type(event), ()):
        kept.ClearField(name)
    return Fact(
        at=moment(event.event_time),
        id=delivery.message_id,
        owner_id=delivery.owner_id,
        kind=delivery.subject.removeprefix("evt.").rpartition(".")[0],
        payload=MessageToDict(kept, preserving_proto_field_name=True),
    )


def ending_of(event: events.TargetChanged) -> Ending | None:
    """Reads how a target ended; None for a step on its way."""
    state = sync_pb2.TargetState.Name(event.state).removeprefix("TARGET_STATE_").lower()
    if state not in RESTING:
        return None
    return Ending(
        target_id=event.target_id,
        owner_id=event.owner_id,
        platform=event.platform,
        version=event.version,
        result=state,
        requested_at=moment(event.request_time) if event.HasField("request_time") else None,
        rested_at=moment(event.event_time),
    )
