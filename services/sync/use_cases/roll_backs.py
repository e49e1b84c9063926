"""Putting back what places showed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError, NotFoundError, PreconditionError
from servicekit.idempotency import check_key
from servicekit.ids import Clock, is_id, new_id
from servicekit.pages import Page, PageRequest, page_of
from services.sync.domain import reasons
from services.sync.domain.connection import Connection, Place
from services.sync.domain.reasons import Reason
from services.sync.domain.schedule import Trigger
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import Target
from services.sync.places import Platforms
from services.sync.putting_back import cannot_put_back
from services.sync.store import Store
from services.sync.store.connections import Snapshot
from services.sync.store.snapshots import Found, SnapshotKey
from services.sync.store.targets import Sync
from services.sync.use_cases.connections import existing_connection
from services.sync.use_cases.syncs import SLOTS, existing_sync, existing_target
from services.sync.use_cases.wishes import ShownSync, earlier_sync, hash_of, store_wish, why_not_served


@dataclass(frozen=True)
class Kept:
    """A snapshot, and why it cannot be put back; None where it can."""

    found: Found
    trouble: Reason | None

    @property
    def id(self) -> str:
        return self.found.id


@dataclass(frozen=True)
class Behind:
    """What a target puts back, and what its place showed before it sent something; None where there is no such thing."""

    put_back: Kept | None
    before: Kept | None


@dataclass(frozen=True)
class _Return:
    """One place, and what was there; None where we have not seen it."""

    connection: Connection
    slot: str
    snapshot: Snapshot | None


@dataclass(frozen=True)
class _Request:
    owner_id: str
    key: str
    hash: str


@dataclass(frozen=True)
class RollBacks:
    """Dependencies of the use cases.

    Those that put back raise `PreconditionError` (NO_SNAPSHOT, SNAPSHOT_UNREADABLE, SLOT_NOT_WRITABLE, PLATFORM_NOT_CONFIGURED) where nothing
    can be put back. Of several places, those that cannot say so as targets of their own, beside the others.
    """

    stores: OpenStore[Store]
    platforms: Platforms
    clock: Clock

    async def snapshots(self, connection_id: str, slot: str, page: PageRequest, *, owner_id: str) -> Page[Kept]:
        """Returns a page of what was found in a place, newest first; in all places without `slot`. Raises `NotFoundError`."""
        if slot:
            _check_slot(slot)
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id)
            terms = (await store.terms_of([connection.id])).get(connection.id)
            found = await store.snapshots_of_place(connection.id, slot, page)
        troubles = {kind: self._place_trouble(connection, kind, terms) for kind in SLOTS}
        name = self.platforms.name(connection.platform)
        kept = [
            Kept(each, troubles[each.snapshot.slot] or cannot_put_back(each.snapshot, platform=name)) for each in found
        ]
        return page_of(page, kept)

    def _place_trouble(self, connection: Connection, slot: str, terms: ServerTerms | None) -> Reason | None:
        refusal = why_not_served(self.platforms, connection, slot, terms)
        return None if refusal is None else reasons.not_served(*refusal)

    async def behind(self, targets: Sequence[Target]) -> Mapping[str, Behind]:
        """Returns the snapshots that targets are about, by target."""
        async with self.stores() as store:
            before = await _shown_before(store, targets)
            put_back = {target.snapshot_id for target in targets if target.snapshot_id}
            found = await store.found(put_back | {snapshot.id for snapshot in before.values()})

        def kept(target: Target, snapshot_id: str | None) -> Kept | None:
            each = found.get(snapshot_id or "")
            name = self.platforms.name(target.platform)
            return None if each is None else Kept(each, cannot_put_back(each.snapshot, platform=name))

        return {
            target.id: Behind(
                put_back=kept(target, target.snapshot_id),
                before=kept(target, before[target.id].id) if target.id in before else None,
            )
            for target in targets
        }

    async def place(
        self, connection_id: str, slot: str, snapshot_id: str = "", *, owner_id: str, idempotency_key: str = ""
    ) -> ShownSync:
        """Puts back a snapshot of a place; without one, what was there before Linkarooie came.

        Raises `NotFoundError`, `InvalidInputError`, and `AlreadyExistsError` when the key came before with another request.
        """
        _check_slot(slot)
        request = _request(owner_id, idempotency_key, place=[connection_id, slot], snapshot=snapshot_id)
        async with self.stores() as store:
            earlier = await earlier_sync(store, owner_id, request.key, request.hash)
            if earlier is not None:
                return earlier
            connection = await existing_connection(store, connection_id, owner_id)
            if snapshot_id:
                snapshot: Snapshot | None = await _existing_snapshot(store, snapshot_id, connection, slot)
            else:
                snapshot = (await store.first_snapshots(connection.id)).get(slot)
            return await self._put_back(store, [_Return(connection, slot, snapshot)], request)

    async def target(
        self, target_id: str, snapshot_id: str = "", *, owner_id: str, idempotency_key: str = ""
    ) -> ShownSync:
        """Puts back a snapshot of a target's place; without one, what was there before its picture was sent. Raises as `place`."""
        request = _request(owner_id, idempotency_key, target=target_id, snapshot=snapshot_id)
        async with self.stores() as store:
            earlier = await earlier_sync(store, owner_id, request.key, request.hash)
            if earlier is not None:
                return earlier
            target = await existing_target(store, target_id, owner_id, lock=False)
            connection = await existing_connection(store, target.connection_id, owner_id)
            if snapshot_id:
                snapshot: Snapshot | None = await _existing_snapshot(store, snapshot_id, connection, target.slot)
            else:
                snapshot = (await _shown_before(store, [target])).get(target.id)
            return await self._put_back(store, [_Return(connection, target.slot, snapshot)], request)

    async def sync(self, sync_id: str, *, owner_id: str, idempotency_key: str = "") -> ShownSync:
        """Puts back what all places of a sync showed before, where it has sent something. Accounts that were disconnected since are left out.

        Raises as `place`.
        """
        request = _request(owner_id, idempotency_key, sync=sync_id)
        async with self.stores() as store:
            earlier = await earlier_sync(store, owner_id, request.key, request.hash)
            if earlier is not None:
                return earlier
            sync = await existing_sync(store, sync_id, owner_id)
            sent = [target for target in (await store.targets_of_syncs([sync.id]))[sync.id] if target.is_out]
            before = await _shown_before(store, sent)
            connections = {connection.id: connection for connection in await store.all_connections_of(owner_id)}
            returns = [
                _Return(connections[target.connection_id], target.slot, before.get(target.id))
                for target in sent
                if target.connection_id in connections
            ]
            return await self._put_back(store, returns, request)

    async def before_leaving(self, connection_id: str, *, owner_id: str) -> ShownSync | None:
        """Puts back what was there before Linkarooie came, in all places that show a picture of ours as far as we know.

        The connection takes nothing new from then on, and is disconnected when that is done. Returns None where there is no such place, and
        raises for none that cannot be put back. Raises `NotFoundError`.
        """
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id)
            first = await store.first_snapshots(connection.id)
            returns = [
                _Return(connection, place.slot, first.get(place.slot))
                for place in (await store.places_of([connection.id]))[connection.id]
                if _shows_ours(place, first.get(place.slot))
            ]
            served = [each for each, refusal in await self._refusals(store, returns) if refusal is None]
            if not served:
                return None
            await store.set_leaving(connection.id, self.clock())
            return await self._store(store, served, _Request(owner_id, "", ""))

    async def _put_back(self, store: Store, returns: Sequence[_Return], request: _Request) -> ShownSync:
        judged = await self._refusals(store, returns)
        served = [each for each, refusal in judged if refusal is None]
        if not served:
            nothing = (
                "NO_SNAPSHOT",
                "It has sent nothing to an account that is connected, so there is nothing to put back.",
            )
            reason, message = next((refusal for _, refusal in judged if refusal is not None), nothing)
            raise PreconditionError(message, reason=reason)
        troubles = [
            cannot_put_back(each.snapshot, platform=self.platforms.name(each.connection.platform)) for each in served
        ]
        if troubles[0] is not None and all(troubles):
            raise PreconditionError(troubles[0].message, reason=troubles[0].code)
        return await self._store(store, served, request)

    async def _refusals(self, store: Store, returns: Sequence[_Return]) -> list[tuple[_Return, tuple[str, str] | None]]:
        """Returns with each place, reason and sentence why nothing can be set there; None where it can."""
        terms = await store.terms_of([each.connection.id for each in returns])
        return [
            (each, why_not_served(self.platforms, each.connection, each.slot, terms.get(each.connection.id)))
            for each in returns
        ]

    async def _store(self, store: Store, returns: Sequence[_Return], request: _Request) -> ShownSync:
        slots = {each.slot for each in returns}
        sync = Sync(
            id=new_id(),
            owner_id=request.owner_id,
            image_id=None,
            slot=slots.pop() if len(slots) == 1 else "",
            created_at=self.clock(),
            request_hash=request.hash,
            idempotency_key=request.key or None,
            trigger=Trigger.ROLL_BACK,
        )
        made = await store_wish(store, sync, [_target(sync, each) for each in returns])
        await store.commit()
        return made


def _target(sync: Sync, wanted: _Return) -> Target:
    return Target(
        id=new_id(),
        sync_id=sync.id,
        owner_id=sync.owner_id,
        connection_id=wanted.connection.id,
        platform=wanted.connection.platform,
        slot=wanted.slot,
        remote_handle=wanted.connection.account.handle,
        image_id=None,
        revision=0,
        requested_at=sync.created_at,
        updated_at=sync.created_at,
        snapshot_id=None if wanted.snapshot is None else wanted.snapshot.id,
    )


def _shows_ours(place: Place, first: Snapshot | None) -> bool:
    """Tells whether a place showed a picture of ours when it was last looked at, and not one that was put back to what was there first."""
    shows_it = bool(place.ours_tag) and place.seen is not None and place.seen.tag == place.ours_tag
    return shows_it and (first is None or place.ours_sha256 != first.sha256)


async def _shown_before(store: Store, targets: Sequence[Target]) -> Mapping[str, Snapshot]:
    """Returns what places showed before targets sent something there, by target, as far as we have seen it."""
    keys: dict[str, SnapshotKey] = {}
    for target in targets:
        sent = target.submission
        # Who sets a picture by hand may do so before we have looked: then an empty tag says nothing.
        if sent is not None and sent.may_be_out and (sent.before_tag or not sent.by_hand):
            keys[target.id] = (target.connection_id, target.slot, sent.before_tag)
    found = await store.snapshots_by_tag(set(keys.values()))
    return {target_id: found[key] for target_id, key in keys.items() if key in found}


async def _existing_snapshot(store: Store, snapshot_id: str, connection: Connection, slot: str) -> Snapshot:
    """Returns a snapshot of a place. Raises `NotFoundError`."""
    snapshot = await store.snapshot_by_id(snapshot_id) if is_id(snapshot_id) else None
    if snapshot is None or (snapshot.connection_id, snapshot.slot) != (connection.id, slot):
        raise NotFoundError("There is no such picture among those that were found there.", reason="SNAPSHOT_NOT_FOUND")
    return snapshot


def _request(owner_id: str, key: str, **wanted: object) -> _Request:
    check_key(key)
    return _Request(owner_id, key, hash_of({"roll_back": wanted}))


def _check_slot(slot: str) -> None:
    if slot not in SLOTS:
        raise InvalidInputError.of_field("slot", "A slot is `avatar` or `banner`.")
