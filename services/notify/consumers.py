"""What the notify service hears, and whom it tells."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.notify.v1.notify_pb2 import LiveUpdate
from linkarooie.sync.v1 import sync_pb2
from servicekit.consumers import Delivery, Handler, PoisonedMessageError
from servicekit.protobuf import moment
from servicekit.vault import Vault
from services.notify.domain import news as told
from services.notify.domain.letter import Recipient
from services.notify.domain.news import FinishedSync, Outcome, TargetState
from services.notify.domain.security import (
    GREETED_BY_NAME,
    WITH_TOKEN,
    AccountLetter,
    Origin,
    SecurityAction,
    account_letter,
    security_noted,
)
from services.notify.use_cases import Notifier


def handlers(
    notifier: Notifier, platform_names: Mapping[str, str], letter_vault: Vault
) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event. `platform_names` maps platforms to their names for people.

    `letter_vault` opens what the auth service sealed for its letters.

    Open pages are told of the thing first: that needs nothing of ours, and they are waiting.
    """

    def name_of(platform: str) -> str:
        return platform_names.get(platform, platform)

    async def account_registered(delivery: Delivery) -> None:
        event: events.AccountRegistered = delivery.message
        await notifier.take_account(delivery, Recipient(event.user_id, event.email, event.display_name))

    async def account_changed(delivery: Delivery) -> None:
        event: events.AccountChanged = delivery.message
        changed = Recipient(event.user_id, event.email, event.display_name, event.version)
        await notifier.take_change(delivery, changed)

    async def letter_requested(delivery: Delivery) -> None:
        event: events.AccountLetterRequested = delivery.message
        kind = _letter_kind(event.kind)
        token, expires_at = "", None
        if kind in WITH_TOKEN:
            opened = letter_vault.open(event.sealed_token, user=event.letter_id, thing="letter", field="token")
            token, expires_at = opened["token"], moment(event.expire_time)
        content = account_letter(kind, _origin(event), token=token, expires_at=expires_at)
        to = Recipient(delivery.owner_id, event.email, event.display_name if kind in GREETED_BY_NAME else "")
        await notifier.write(delivery, f"account.{kind}", content, letter_id=event.letter_id, to=to)

    async def account_security_noted(delivery: Delivery) -> None:
        event: events.AccountSecurityNoted = delivery.message
        news = security_noted(event.activity_id, _security_action(event.action), _origin(event), detail=event.detail)
        to = Recipient(event.user_id, event.email, event.display_name)
        await notifier.tell(delivery, news, owner_id=event.user_id, to=to)

    async def image_ready(delivery: Delivery) -> None:
        event: events.ImageReady = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "image", event.image_id, "ready"))

    async def image_failed(delivery: Delivery) -> None:
        event: events.ImageFailed = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "image", event.image_id, "failed"))
        news = told.image_failed(event.image_id, event.revision, event.message)
        await notifier.tell(delivery, news, owner_id=event.owner_id)

    async def image_edited(delivery: Delivery) -> None:
        event: events.ImageEdited = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "image", event.image_id, "processing"))

    async def image_left_or_came_back(delivery: Delivery) -> None:
        event: events.ImageDeleted | events.ImageRestored | events.ImagePurged = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "image", event.image_id))

    async def defaults_changed(delivery: Delivery) -> None:
        event: events.DefaultsChanged = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "defaults", event.owner_id))

    async def connection_added(delivery: Delivery) -> None:
        event: events.ConnectionAdded = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id, "healthy"))
        news = told.connection_added(
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
        news = told.connection_revoked(
            event.connection_id,
            moment(event.event_time),
            platform=name_of(event.platform),
            remote_handle=event.remote_handle,
            waiting_targets=event.waiting_targets,
        )
        await notifier.tell(delivery, news, owner_id=event.owner_id)

    async def connection_expiry_noted(delivery: Delivery) -> None:
        event: events.ConnectionExpiryNoted = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id, "healthy"))
        news = told.connection_expiring(
            event.connection_id,
            moment(event.event_time),
            platform=name_of(event.platform),
            remote_handle=event.remote_handle,
            ends_at=moment(event.expire_time),
        )
        await notifier.tell(delivery, news, owner_id=event.owner_id)

    async def connection_removed(delivery: Delivery) -> None:
        event: events.ConnectionRemoved = delivery.message
        await notifier.show(event.owner_id, _update(delivery, "connection", event.connection_id))

    async def target_changed(delivery: Delivery) -> None:
        event: events.TargetChanged = delivery.message
        update = _update(delivery, "target", event.target_id, _state_name(event.state), parent_id=event.sync_id)
        await notifier.show(event.owner_id, update)

    async def target_reminded(delivery: Delivery) -> None:
        event: events.TargetReminded = delivery.message
        update = _update(delivery, "target", event.target_id, TargetState.NEEDS_YOU, parent_id=event.sync_id)
        await notifier.show(event.owner_id, update)
        news = told.target_reminded(
            event.target_id,
            event.sync_id,
            event.number,
            platform=name_of(event.platform),
            remote_handle=event.remote_handle,
            slot=event.slot,
            link=event.link,
        )
        await notifier.tell(delivery, news, owner_id=event.owner_id)

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
                outcome.reason.code,
            )
            for outcome in event.outcomes
        ]
        puts_back = event.trigger == sync_pb2.SYNC_TRIGGER_ROLL_BACK
        news = told.sync_finished(FinishedSync(event.sync_id, event.slot, event.version, outcomes, puts_back))
        if news is not None:
            await notifier.tell(delivery, news, owner_id=event.owner_id)

    return {
        events.AccountRegistered: account_registered,
        events.AccountChanged: account_changed,
        events.AccountLetterRequested: letter_requested,
        events.AccountSecurityNoted: account_security_noted,
        events.ImageReady: image_ready,
        events.ImageFailed: image_failed,
        events.ImageEdited: image_edited,
        events.ImageDeleted: image_left_or_came_back,
        events.ImageRestored: image_left_or_came_back,
        events.ImagePurged: image_left_or_came_back,
        events.DefaultsChanged: defaults_changed,
        events.ConnectionAdded: connection_added,
        events.ConnectionObserved: connection_observed,
        events.ConnectionRevoked: connection_revoked,
        events.ConnectionExpiryNoted: connection_expiry_noted,
        events.ConnectionRemoved: connection_removed,
        events.TargetChanged: target_changed,
        events.TargetReminded: target_reminded,
        events.SyncFinished: sync_finished,
    }


def _origin(event: events.AccountLetterRequested | events.AccountSecurityNoted) -> Origin:
    return Origin(moment(event.event_time), event.device, event.address)


# A kind or action of a newer release is laid aside, to be sent when this service knows words for it.
def _letter_kind(kind: events.AccountLetterKind.ValueType) -> AccountLetter:
    try:
        return AccountLetter(events.AccountLetterKind.Name(kind).removeprefix("ACCOUNT_LETTER_KIND_").lower())
    except ValueError as error:
        raise PoisonedMessageError(f"there is no letter of the kind {kind}") from error


def _security_action(action: auth_pb2.ActivityAction.ValueType) -> SecurityAction:
    try:
        return SecurityAction(auth_pb2.ActivityAction.Name(action).removeprefix("ACTIVITY_ACTION_").lower())
    except ValueError as error:
        raise PoisonedMessageError(f"there is no letter for the action {action}") from error


def _update(delivery: Delivery, kind: str, thing_id: str, state: str = "", *, parent_id: str = "") -> LiveUpdate:
    return LiveUpdate(kind=kind, id=thing_id, state=state, event_id=delivery.message_id, parent_id=parent_id)


def _state_name(state: sync_pb2.TargetState.ValueType) -> str:
    return sync_pb2.TargetState.Name(state).removeprefix("TARGET_STATE_").lower()
