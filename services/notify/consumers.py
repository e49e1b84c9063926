"""What the notify service hears, and whom it tells."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.notify.v1.notify_pb2 import LiveUpdate
from linkarooie.sync.v1 import sync_pb2
from servicekit.consumers import Delivery, Handler
from servicekit.protobuf import moment
from services.notify import domain
from services.notify.domain import FinishedSync, Outcome, Recipient, TargetState
from services.notify.use_cases import Notifier


def handlers(notifier: Notifier, platform_names: Mapping[str, str]) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event. `platform_names` maps platforms to their names for people.

    Open pages are told of the thing first: that needs nothing of ours, and they are waiting.
    """

    def name_of(platform: str) -> str:
        return platform_names.get(platform, platform)

    async def account_registered(delivery: Delivery) -> None:
        event: events.AccountRegistered = delivery.message
        await notifier.take_account(delivery, Recipient(event.user_id, event.email, event.display_name))

    async def image_ready(delivery: Delivery) -> None:
        event: events.ImageReady = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "image", event.image_id, "ready"))

    async def image_failed(delivery: Delivery) -> None:
        event: events.ImageFailed = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "image", event.image_id, "failed"))
        news = domain.image_failed(event.image_id, event.revision, event.message)
        await notifier.tell(delivery, news, owner_id=event.owner_id)

    async def connection_added(delivery: Delivery) -> None:
        event: events.ConnectionAdded = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id, "healthy"))
        news = domain.connection_added(
            event.connection_id,
            moment(event.event_time),
            platform=name_of(event.platform),
            remote_handle=event.remote_handle,
            reconnected=event.reconnected,
        )
        await notifier.tell(delivery, news, owner_id=event.owner_id)

    async def connection_observed(delivery: Delivery) -> None:
        event: events.ConnectionObserved = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id))

    async def connection_revoked(delivery: Delivery) -> None:
        event: events.ConnectionRevoked = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id, "needs_reconnect"))
        news = domain.connection_revoked(
            event.connection_id,
            moment(event.event_time),
            platform=name_of(event.platform),
            remote_handle=event.remote_handle,
            waiting_targets=event.waiting_targets,
        )
        await notifier.tell(delivery, news, owner_id=event.owner_id)

    async def connection_removed(delivery: Delivery) -> None:
        event: events.ConnectionRemoved = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id))

    async def target_changed(delivery: Delivery) -> None:
        event: events.TargetChanged = delivery.message
        update = _update(delivery, "target", event.target_id, _state_name(event.state), parent_id=event.sync_id)
        await notifier.show(event.owner_id, update)

    async def sync_finished(delivery: Delivery) -> None:
        event: events.SyncFinished = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "sync", event.sync_id, "finished"))
        outcomes = [
            Outcome(
                name_of(outcome.platform),
                outcome.remote_handle,
                TargetState(_state_name(outcome.state)),
                outcome.reason.message,
                outcome.reason.link,
            )
            for outcome in event.outcomes
        ]
        news = domain.sync_finished(FinishedSync(event.sync_id, event.slot, event.version, outcomes))
        if news is not None:
            await notifier.tell(delivery, news, owner_id=event.owner_id)

    return {
        events.AccountRegistered: account_registered,
        events.ImageReady: image_ready,
        events.ImageFailed: image_failed,
        events.ConnectionAdded: connection_added,
        events.ConnectionObserved: connection_observed,
        events.ConnectionRevoked: connection_revoked,
        events.ConnectionRemoved: connection_removed,
        events.TargetChanged: target_changed,
        events.SyncFinished: sync_finished,
    }


def _update(delivery: Delivery, kind: str, thing_id: str, state: str = "", *, parent_id: str = "") -> LiveUpdate:
    return LiveUpdate(kind=kind, id=thing_id, state=state, event_id=delivery.message_id, parent_id=parent_id)


def _state_name(state: sync_pb2.TargetState.ValueType) -> str:
    return sync_pb2.TargetState.Name(state).removeprefix("TARGET_STATE_").lower()
