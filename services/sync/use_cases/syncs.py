"""Asking for pictures to be shown in places, and what an owner can do about that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError, NotFoundError, PreconditionError
from servicekit.idempotency import check_key
from servicekit.ids import Clock, is_id, new_id
from servicekit.pages import Page, PageRequest, page_of
from services.sync.domain import reasons
from services.sync.domain import target as steps
from services.sync.domain.connection import Connection
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import RETRYABLE, Target, TargetState
from services.sync.library import Library, LibraryImage
from services.sync.lifecycle import save_step
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.store.targets import Sync, TargetStep
from services.sync.use_cases.connections import no_connection
from services.sync.use_cases.plans import Plan, known_for
from services.sync.use_cases.wishes import (
    ShownSync,
    earlier_sync,
    hash_of,
    in_order,
    shown,
    store_wish,
    terms_for,
    why_not_served,
)

SLOTS = ("avatar", "banner")
_NOT_SENT = (TargetState.QUEUED, TargetState.PAUSED, TargetState.NEEDS_YOU)


@dataclass(frozen=True)
class Syncs:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    platforms: Platforms
    library: Library
    clock: Clock

    async def create(
        self,
        image_id: str,
        slot: str,
        connection_ids: Sequence[str],
        *,
        owner_id: str,
        dry_run: bool = False,
        idempotency_key: str = "",
    ) -> ShownSync:
        """Says that a picture shall be shown: a target for each place, each going its own way.

        What was wished for the same places before and is not done yet is superseded. Raises `NotFoundError`, `InvalidInputError`,
        `PreconditionError` (NO_CONNECTIONS, IMAGE_FAILED, SLOT_NOT_WRITABLE, PLATFORM_NOT_CONFIGURED), and `AlreadyExistsError` when the
        key came before with another request. A dry run stores nothing, and has places that cannot be filled among its targets instead
        of being refused for them.
        """
        _check_request(slot, idempotency_key)
        request_hash = _request_hash(image_id, slot, connection_ids)
        if idempotency_key and not dry_run:
            async with self.stores() as store:
                earlier = await earlier_sync(store, owner_id, idempotency_key, request_hash)
            if earlier is not None:
                return earlier
        image = await self._usable_image(image_id)
        async with self.stores() as store:
            found = await self._asked_for(store, connection_ids, owner_id)
            terms = await store.terms_of([connection.id for connection in found])
            now = self.clock()
            sync = Sync(new_id(), owner_id, image.id, slot, now, request_hash, idempotency_key or None)
            if dry_run:
                known = await known_for(
                    store, found, terms, image_id=image.id, revision=image.revision, slot=slot, now=now
                )
                plan = Plan(self.platforms, known, now)
                foreseen = [plan.foreseen(self._target(sync, image, connection)) for connection in found]
                return ShownSync(sync, in_order(foreseen), dry_run=True, terms=terms)
            chosen = self._served(found, slot, terms, is_named=bool(connection_ids))
            made = await store_wish(store, sync, [self._target(sync, image, connection) for connection in chosen])
            await store.commit()
        return made

    async def _usable_image(self, image_id: str) -> LibraryImage:
        image = await self.library.image(image_id)
        if image.failure:
            raise PreconditionError(
                f"This picture could not be prepared, so it cannot be sent. {image.failure}", reason="IMAGE_FAILED"
            )
        return image

    async def _asked_for(self, store: Store, connection_ids: Sequence[str], owner_id: str) -> list[Connection]:
        """Returns the connections that were named, or all of them."""
        if not connection_ids:
            found = await store.all_connections_of(owner_id)
            if not found:
                raise PreconditionError(
                    "You have not connected any account yet. Connect one first.", reason="NO_CONNECTIONS"
                )
            return found
        named = set(connection_ids)
        found = await store.connections_among(named, owner_id) if all(map(is_id, named)) else []
        if len(found) < len(named):
            raise no_connection()
        return found

    def _served(
        self, found: Sequence[Connection], slot: str, terms: Mapping[str, ServerTerms], *, is_named: bool
    ) -> list[Connection]:
        """Returns the connections whose slot can be filled. Of those named each must do."""
        served = []
        for connection in found:
            why_not = why_not_served(self.platforms, connection, slot, terms.get(connection.id))
            if why_not is None:
                served.append(connection)
            elif is_named:
                raise PreconditionError(
                    why_not[1], reason=why_not[0], metadata={"connection_id": connection.id, "slot": slot}
                )
        if not served:
            raise PreconditionError(
                f"None of your connected accounts has a place for {slot}s that Linkarooie can fill. Connect one first.",
                reason="NO_CONNECTIONS",
            )
        return served

    def _target(self, sync: Sync, image: LibraryImage, connection: Connection) -> Target:
        return Target(
            id=new_id(),
            sync_id=sync.id,
            owner_id=sync.owner_id,
            connection_id=connection.id,
            platform=connection.platform,
            slot=sync.slot,
            remote_handle=connection.account.handle,
            image_id=image.id,
            revision=image.revision,
            requested_at=sync.created_at,
            updated_at=sync.created_at,
            alt_text=image.alt_text,
        )

    async def get(self, sync_id: str, *, owner_id: str) -> ShownSync:
        """Returns one of the owner's syncs. Raises `NotFoundError`."""
        async with self.stores() as store:
            sync = await existing_sync(store, sync_id, owner_id)
            return await shown(store, sync)

    async def page(self, page: PageRequest, *, owner_id: str) -> Page[ShownSync]:
        """Returns a page of the owner's syncs, newest first."""
        async with self.stores() as store:
            found = await store.syncs_of(owner_id, page)
            targets = await store.targets_of_syncs([sync.id for sync in found])
            terms = await terms_for(store, [target for each in targets.values() for target in each])
        return page_of(page, [ShownSync(sync, targets[sync.id], terms=terms) for sync in found])

    async def cancel(self, sync_id: str, *, owner_id: str) -> ShownSync:
        """Calls off what has not been sent. What is out is looked for to the end and said. Raises `NotFoundError`."""
        now = self.clock()
        async with self.stores() as store:
            sync = await existing_sync(store, sync_id, owner_id)
            for target in (await store.targets_of_syncs([sync.id], lock=True))[sync.id]:
                if target.state in _NOT_SENT and not target.is_out:
                    reason = reasons.cancelled_by_owner()
                    await save_step(store, target, steps.stopped(target, TargetState.CANCELLED, reason, now=now))
            await store.commit()
        return await self.get(sync_id, owner_id=owner_id)

    async def retry(self, target_id: str, *, owner_id: str) -> Target:
        """Tries a target again. Raises `NotFoundError`, and `PreconditionError` (TARGET_NOT_RETRYABLE)."""
        now = self.clock()
        async with self.stores() as store:
            target = await existing_target(store, target_id, owner_id)
            if target.state not in RETRYABLE:
                raise PreconditionError(
                    "This one is under way or done, so there is nothing to try again.", reason="TARGET_NOT_RETRYABLE"
                )
            if await store.has_newer_target(target):
                raise PreconditionError(
                    "You have chosen a newer picture for this place. Start a new sync to bring this one back.",
                    reason="TARGET_NOT_RETRYABLE",
                )
            after = steps.resumed(target, now=now, send_anew=True)
            saved = await save_step(store, target, after, rings=True)
            await store.commit()
        return saved

    async def confirm(self, target_id: str, *, owner_id: str) -> Target:
        """Takes the owner's word that a picture was set by hand, and looks where that is possible.

        Raises `NotFoundError`, and `PreconditionError` (TARGET_NOT_ASSISTED).
        """
        now = self.clock()
        async with self.stores() as store:
            target = await existing_target(store, target_id, owner_id)
            if not target.waits_for_hand:
                raise PreconditionError("This picture does not wait to be set by hand.", reason="TARGET_NOT_ASSISTED")
            after = steps.confirmed(target, self.platforms.rules(target.platform, target.slot), now=now)
            saved = await save_step(store, target, after, rings=after.next_attempt_at is not None)
            await store.commit()
        return saved

    async def leave(self, target_id: str, *, owner_id: str) -> Target:
        """Leaves what the platform shows instead of a target's picture: nobody looks there again by this wish.

        Raises `NotFoundError`, and `PreconditionError` (TARGET_NOT_DIFFERENT).
        """
        async with self.stores() as store:
            target = await existing_target(store, target_id, owner_id)
            if target.state is not TargetState.DIFFERS:
                raise PreconditionError(
                    "As far as we know this place shows nothing else, so there is nothing to leave.",
                    reason="TARGET_NOT_DIFFERENT",
                )
            reason = reasons.kept_there(self.platforms.name(target.platform))
            after = steps.stopped(target, TargetState.CANCELLED, reason, now=self.clock())
            saved = await save_step(store, target, after)
            await store.commit()
        return saved

    async def history(self, target_id: str, page: PageRequest, *, owner_id: str) -> Page[TargetStep]:
        """Returns a page of a target's steps, oldest first. Raises `NotFoundError`."""
        async with self.stores() as store:
            target = await existing_target(store, target_id, owner_id)
            return page_of(page, await store.steps_of(target.id, page))


def _check_request(slot: str, idempotency_key: str) -> None:
    if slot not in SLOTS:
        raise InvalidInputError.of_field("slot", "A slot is `avatar` or `banner`.")
    check_key(idempotency_key)


def _request_hash(image_id: str, slot: str, connection_ids: Sequence[str]) -> str:
    return hash_of({"image": image_id, "slot": slot, "connections": sorted(set(connection_ids))})


async def existing_sync(store: Store, sync_id: str, owner_id: str) -> Sync:
    """Returns one of the owner's syncs. Raises `NotFoundError`."""
    sync = await store.sync(sync_id, owner_id=owner_id) if is_id(sync_id) else None
    if sync is None:
        raise NotFoundError("There is no such sync.", reason="SYNC_NOT_FOUND")
    return sync


async def existing_target(store: Store, target_id: str, owner_id: str, *, lock: bool = True) -> Target:
    """Returns one of the owner's targets, locked unless told otherwise. Raises `NotFoundError`."""
    target = await store.target(target_id, owner_id=owner_id, lock=lock) if is_id(target_id) else None
    if target is None:
        raise NotFoundError("There is no such target.", reason="TARGET_NOT_FOUND")
    return target
