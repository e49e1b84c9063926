"""What the installation's staff may see and do of somebody's account. Each look leaves a line in the owner's trail."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from email_validator import EmailNotValidError

from servicekit.database import OpenStore
from servicekit.errors import NotFoundError, PreconditionError
from servicekit.identity import Caller, Role
from servicekit.ids import Clock, is_id
from servicekit.pages import Page, PageRequest, page_of
from services.auth.domain.account import User, email_key
from services.auth.domain.activity import Action, Activity, Actor
from services.auth.domain.session import EndReason
from services.auth.store import Store
from services.auth.use_cases.sessions import LISTED_AT_MOST
from services.auth.use_cases.trail import note


@dataclass(frozen=True)
class AccountView:
    """What staff see of an account: nothing that would let them act as its owner."""

    user: User
    provider_labels: tuple[str, ...]
    open_sessions: int
    api_keys: int
    last_sign_in_at: datetime | None


@dataclass(frozen=True)
class Staff:
    """Dependencies of the use cases. `provider_label` tells the name of a provider for people."""

    stores: OpenStore[Store]
    provider_label: Callable[[str], str]
    clock: Clock

    async def look_up(self, staff: Caller, *, user_id: str = "", email: str = "") -> AccountView:
        """Returns the account of that id or address. Raises `NotFoundError`."""
        async with self.stores() as store:
            user = await _find(store, user_id=user_id, email=email)
            view = await self._view(store, user)
            await note(store, user, Action.LOOKED_UP, actor=Actor.STAFF, actor_id=staff.user_id)
            await store.commit()
        return view

    async def _view(self, store: Store, user: User) -> AccountView:
        figures = await store.figures_of(user.id)
        sessions = await store.open_sessions(user.id, now=self.clock(), limit=LISTED_AT_MOST)
        return AccountView(
            user=user,
            provider_labels=tuple(self.provider_label(provider) for provider in figures.providers),
            open_sessions=len(sessions),
            api_keys=figures.api_keys,
            last_sign_in_at=figures.last_sign_in_at,
        )

    async def activities(self, staff: Caller, user_id: str, page: PageRequest) -> Page[Activity]:
        """Returns a page of somebody's trail, newest first. Raises `NotFoundError`."""
        async with self.stores() as store:
            user = await _find(store, user_id=user_id)
            found = page_of(page, await store.activities(user.id, page))
            await note(store, user, Action.LOOKED_UP, actor=Actor.STAFF, actor_id=staff.user_id)
            await store.commit()
        return found

    async def set_role(self, user_id: str, role: Role, *, by: Caller | None) -> User:
        """Gives an account a role and ends its sessions, so that no token carries the old one. `by` is None for the operator.

        Raises `NotFoundError`, and `PreconditionError` when nobody would be left to undo it.
        """
        actor = Actor.OPERATOR if by is None else Actor.STAFF
        async with self.stores() as store:
            admins = await store.lock_admins()
            user = await store.lock_user(user_id) if is_id(user_id) else None
            if user is None:
                raise _not_found()
            if user.role is role:
                return user
            if admins == {user.id}:
                raise PreconditionError(
                    "This is the only admin. Make somebody else an admin first.", reason="LAST_ADMIN"
                )
            user = replace(user, role=role)
            await store.change_user(user)
            await store.end_sessions(user.id, reason=EndReason.ROLE_CHANGED)
            await note(
                store, user, Action.ROLE_CHANGED, actor=actor, actor_id=by.user_id if by else None, detail=role.value
            )
            await store.commit()
        return user


async def _find(store: Store, *, user_id: str = "", email: str = "") -> User:
    if email:
        try:
            user = await store.user_by_email(email_key(email))
        except EmailNotValidError:
            user = None
    else:
        user = await store.user(user_id) if is_id(user_id) else None
    if user is None:
        raise _not_found()
    return user


def _not_found() -> NotFoundError:
    return NotFoundError("There is no such account.", reason="ACCOUNT_NOT_FOUND")
