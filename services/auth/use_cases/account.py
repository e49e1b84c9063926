"""The caller's own account: what it is, its name, and what happened to it."""

from dataclasses import dataclass, replace

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import UnauthenticatedError
from servicekit.identity import Caller
from servicekit.ids import Clock
from servicekit.names import display_name_problem
from servicekit.pages import Page, PageRequest, page_of
from servicekit.protobuf import timestamp
from services.auth.domain.account import User, refuse
from services.auth.domain.activity import Action, Activity
from services.auth.store import Store
from services.auth.use_cases.trail import note


@dataclass(frozen=True)
class OwnAccount:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    clock: Clock

    async def get(self, user_id: str) -> User:
        """Returns an account. Raises `UnauthenticatedError` when it is gone, though a token for it is still valid."""
        async with self.stores() as store:
            return there(await store.user(user_id))

    async def rename(self, user_id: str, display_name: str) -> User:
        """Changes the name and says so in `account.changed`. Raises `InvalidInputError` for a name that is refused."""
        name = display_name.strip()
        refuse({"display_name": display_name_problem(name)})
        async with self.stores() as store:
            user = there(await store.lock_user(user_id))
            if user.display_name == name:
                return user
            user = replace(user, display_name=name, version=user.version + 1)
            await store.change_user(user)
            store.record(changed(user, self.clock), owner_id=user.id)
            await note(store, user, Action.NAME_CHANGED)
            await store.commit()
        return user

    async def activities(self, user_id: str, page: PageRequest) -> Page[Activity]:
        """Returns what happened to an account, newest first."""
        async with self.stores() as store:
            lines = await store.activities(user_id, page)
        return page_of(page, [line.as_owner_sees_it() for line in lines])


async def lock_account_of(store: Store, caller: Caller) -> User:
    """Locks the caller's account, before something is added to it that opens it or that outlives the session.

    Raises `UnauthenticatedError` when the account is gone or the session has ended: everybody else may learn of that within
    seconds, but an intruder who was thrown out shall leave nothing behind.
    """
    user = there(await store.lock_user(caller.user_id))
    if not await store.is_open(user.id, caller.session_id):
        raise UnauthenticatedError("This session has ended. Sign in again.", reason="SESSION_ENDED")
    return user


def there(user: User | None) -> User:
    """Returns an account that a token speaks of. Raises `UnauthenticatedError` when it is gone."""
    if user is None:
        raise UnauthenticatedError("This account does not exist any more.", reason="ACCOUNT_GONE")
    return user


def changed(user: User, clock: Clock) -> events.AccountChanged:
    """Returns the event for an account that has another address or name."""
    return events.AccountChanged(
        user_id=user.id,
        email=user.email,
        display_name=user.display_name,
        version=user.version,
        event_time=timestamp(clock()),
    )
