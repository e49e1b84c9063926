"""What the profile service does, one function a use case."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, ConflictError, FieldViolation, InvalidInputError, NotFoundError
from servicekit.ids import Clock
from servicekit.names import display_name_problem
from servicekit.protobuf import timestamp
from services.profile.domain import (
    Profile,
    Visibility,
    bio_problem,
    handle_problem,
    proposed_handles,
    tidy_handle,
    tidy_text,
)
from services.profile.store import Store

log = structlog.get_logger()


@dataclass(frozen=True)
class ProfileChange:
    """What an owner wants to be different; None leaves a field as it is."""

    handle: str | None = None
    display_name: str | None = None
    bio: str | None = None
    visibility: Visibility | None = None


@dataclass(frozen=True)
class Profiles:
    """Dependencies of the use cases. `draw(n)` draws a number below `n`."""

    stores: OpenStore[Store]
    clock: Clock
    draw: Callable[[int], int]

    async def create(self, delivery: Delivery, *, user_id: str, display_name: str) -> None:
        """Makes the profile of a new account, with a handle made from its name, and says so in `profile.updated`."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            if await store.profile(user_id) is None:
                await self._add(store, user_id, display_name)
            await store.commit()

    async def _add(self, store: Store, user_id: str, display_name: str) -> None:
        for handle in proposed_handles(display_name, self.draw):
            made = Profile(user_id=user_id, handle=handle, display_name=display_name, updated_at=self.clock())
            if await store.add_profile(made):
                store.record(_updated(made, previous_handle=""), owner_id=user_id)
                log.info("profile_created", user_id=user_id)
                return
        raise RuntimeError("every handle proposed was taken")  # the delivery comes again, with other numbers

    async def get(self, user_id: str) -> Profile:
        """Returns somebody's own profile. Raises `NotFoundError` while the registration has not arrived."""
        async with self.stores() as store:
            return _existing(await store.profile(user_id))

    async def published(self, handle: str) -> Profile:
        """Returns a public profile. Raises `NotFoundError`, the same for one that is absent and one that is private."""
        tidied = tidy_handle(handle)
        profile: Profile | None = None
        if handle_problem(tidied) is None:
            async with self.stores() as store:
                profile = await store.profile_by_handle(tidied)
        if profile is None or profile.visibility is not Visibility.PUBLIC:
            raise NotFoundError("There is no public profile with this handle.", reason="PROFILE_NOT_FOUND")
        return profile

    async def update(self, change: ProfileChange, *, etag: str, user_id: str) -> Profile:
        """Changes somebody's own profile and says so in `profile.updated`; what changes nothing is no change.

        Raises `InvalidInputError` that names each field refused, `AlreadyExistsError` when the handle is somebody else's, and
        `ConflictError` when the profile is not the one that `etag` was read from.
        """
        values = _checked(change)
        async with self.stores() as store:
            before = _existing(await store.profile(user_id, lock=True))
            if etag and etag != before.etag:
                raise ConflictError(
                    "The profile has changed since it was read. Load it again and repeat the change.",
                    reason="ETAG_MISMATCH",
                )
            changed = replace(before, **values)
            if changed == before:
                return before
            after = replace(changed, version=before.version + 1, updated_at=self.clock())
            if not await store.replace_profile(after):
                taken = "This handle is taken. Choose another one."
                raise AlreadyExistsError(taken, reason="HANDLE_TAKEN", violations=(FieldViolation("handle", taken),))
            store.record(_updated(after, previous_handle=before.handle), owner_id=user_id)
            await store.commit()
        return after


def _existing(profile: Profile | None) -> Profile:
    if profile is None:
        raise NotFoundError("Your profile is being made. Try again in a few seconds.", reason="PROFILE_NOT_FOUND")
    return profile


def _updated(profile: Profile, *, previous_handle: str) -> events.ProfileUpdated:
    return events.ProfileUpdated(
        user_id=profile.user_id,
        handle=profile.handle,
        previous_handle=previous_handle,
        version=profile.version,
        event_time=timestamp(profile.updated_at),
    )


def _checked(change: ProfileChange) -> dict[str, Any]:  # fields of a profile
    """Returns what shall be different, tidied. Raises `InvalidInputError` that names every field refused, not just the first."""
    values: dict[str, Any] = {}
    problems: dict[str, str | None] = {}
    if change.handle is not None:
        values["handle"] = tidy_handle(change.handle)
        problems["handle"] = handle_problem(values["handle"])
    if change.display_name is not None:
        values["display_name"] = change.display_name.strip()
        problems["display_name"] = display_name_problem(values["display_name"])
    if change.bio is not None:
        values["bio"] = tidy_text(change.bio)
        problems["bio"] = bio_problem(values["bio"])
    if change.visibility is not None:
        values["visibility"] = change.visibility
    violations = tuple(FieldViolation(name, problem) for name, problem in problems.items() if problem is not None)
    if violations:
        raise InvalidInputError(" ".join(violation.description for violation in violations), violations=violations)
    return values
