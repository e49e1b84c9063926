"""Writes the audit trail, and says what its owner should hear of."""

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from servicekit.identity import current_client
from servicekit.ids import new_id
from servicekit.protobuf import timestamp
from services.auth.domain.account import User
from services.auth.domain.activity import TOLD_BY_LETTER, Action, Activity, Actor
from services.auth.domain.devices import device_name
from services.auth.metrics import ACTIVITIES
from services.auth.store import Store


async def note(
    store: Store,
    user: User,
    action: Action,
    *,
    actor: Actor = Actor.OWNER,
    detail: str = "",
    actor_id: str | None = None,
    email: str | None = None,
) -> None:
    """Adds a line to the trail of an account, with where the present call comes from; part of the caller's transaction.

    What is worth a letter is said in `account.security_noted`, to `email` where that is not the account's address of now.
    """
    line = _line(store, user.id, action, actor=actor, detail=detail, actor_id=actor_id)
    await store.add_activity(line)
    ACTIVITIES.labels(action.value).inc()
    if action in TOLD_BY_LETTER:
        shown = line.as_owner_sees_it()
        noted = events.AccountSecurityNoted(
            activity_id=line.id,
            user_id=user.id,
            action=action_value(action),
            detail=detail,
            email=email or user.email,
            display_name=user.display_name,
            device=shown.device,
            address=shown.address,
            event_time=timestamp(line.at),
        )
        store.record(noted, owner_id=user.id)


async def note_if_known(store: Store, user: User | None, action: Action) -> None:
    """Adds a line on what somebody unknown did to an account; for none it does the same work and adds nothing."""
    await store.add_activity_if(
        user is not None, _line(store, user.id if user else new_id(), action, actor=Actor.UNKNOWN)
    )
    ACTIVITIES.labels(action.value).inc()


def _line(
    store: Store, user_id: str, action: Action, *, actor: Actor, detail: str = "", actor_id: str | None = None
) -> Activity:
    client = current_client()
    return Activity(
        id=new_id(),
        user_id=user_id,
        action=action,
        actor=actor,
        at=store.clock(),
        device=device_name(client.agent),
        address=client.address,
        detail=detail,
        actor_id=actor_id,
    )


def action_value(action: Action) -> auth_pb2.ActivityAction.ValueType:
    """Returns an action as the contract writes it."""
    return auth_pb2.ActivityAction.Value(f"ACTIVITY_ACTION_{action.name}")
