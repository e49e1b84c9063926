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
from services.sync.use_cases.connections import existing_connection
from services.sync.use_cases.wishes import (
    ShownSync,
    earlier_sync,
    hash_of,
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
        key came before with another request.
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
            chosen, terms = await self._chosen(store, slot, connection_ids, owner_id)
            now = self.clock()
            sync = Sync(new_id(), owner_id, image.id, slot, now, request_hash, idempotency_key or None)
            targets = [self._target(sync, image, connection) for connection in chosen]
            if dry_run:
                foreseen = [await self._foreseen(store, target) for target in targets]
                return ShownSync(sync, foreseen, dry_run=True, terms=terms)
            made = await store_wish(store, sync, targets)
            await store.commit()
        return made

    async def _usable_image(self, image_id: str) -> LibraryImage:
        image = await self.library.image(image_id)
        if image.failure:
            raise PreconditionError(
                f"This picture could not be prepared, so it cannot be sent. {image.failure}", reason="IMAGE_FAILED"
            )
        return image

    async def _chosen(
        self, store: Store, slot: str, connection_ids: Sequence[str], owner_id: str
    ) -> tuple[list[Connection], Mapping[str, ServerTerms]]:
        """Returns the connections to sync: those named, each of which must do, or all that have the slot. Also their servers' terms."""
        if connection_ids:
            named = [
                await existing_connection(store, connection_id, owner_id)
                for connection_id in dict.fromkeys(connection_ids)
            ]
            terms = await store.terms_of([connection.id for connection in named])
            for connection in named:
                self._check_serves(connection, slot, terms.get(connection.id))
            return named, terms
        found = await store.all_connections_of(owner_id)
        terms = await store.terms_of([connection.id for connection in found])
        chosen = [
            connection
            for connection in found
            if not why_not_served(self.platforms, connection, slot, terms.get(connection.id))
        ]
        if not chosen:
            raise PreconditionError(
                f"None of your connected accounts has a place for {slot}s that Linkarooie can fill. Connect one first.",
                reason="NO_CONNECTIONS",
            )
        return chosen, terms

    def _check_serves(self, connection: Connection, slot: str, terms: ServerTerms | None) -> None:
        why_not = why_not_served(self.platforms, connection, slot, terms)
        if why_not:
            raise PreconditionError(
                why_not[1], reason=why_not[0], metadata={"connection_id": connection.id, "slot": slot}
            )

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

    async def _foreseen(self, store: Store, target: Target) -> Target:
        """Returns a target as it would be at first, as far as that can be told without asking the platform."""
        now, rules = self.clock(), self.platforms.rules(target.platform, target.slot)
        connection = await store.connection(target.connection_id)
        place = await store.place(target.connection_id, target.slot)
        rendition = await store.rendition(target.image_id, target.revision, f"{target.platform}.{target.slot}")
        if connection is not None and not connection.works:
            return steps.parked(target, rules, now=now)
        if rules.mode == "assisted":
            return steps.needs_hand(target, rules, now=now)
        if rendition is None:
            return steps.awaiting_rendition(target, rules, now=now)
        if place is not None and place.seen is not None and place.ours_sha256 == rendition.sha256:
            shows_it = place.seen.tag == place.ours_tag
            return steps.verified(target, place.seen, rules, now=now) if shows_it else target
        return target

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
