"""What the calls of the sync service have in common: domain objects as messages."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from linkarooie.sync.v1 import sync_pb2
from servicekit.identity import current_caller
from servicekit.protobuf import timestamp
from services.sync.domain import reasons
from services.sync.domain.connection import ConnectionState, Place
from services.sync.domain.reasons import Reason
from services.sync.domain.schedule import CheckEvery, OnDifference
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import OFF, TOO_LARGE, Seen, Target
from services.sync.fitting import notes_on
from services.sync.lifecycle import reason_message, state_message, trigger_message
from services.sync.places import Platforms
from services.sync.store.targets import TargetStep
from services.sync.use_cases.choices import Offer, picture_type
from services.sync.use_cases.connections import ShownConnection
from services.sync.use_cases.roll_backs import Behind, Kept, RollBacks
from services.sync.use_cases.wishes import ShownSync

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

CONNECTION_STATES = {
    ConnectionState.HEALTHY: sync_pb2.CONNECTION_STATE_HEALTHY,
    ConnectionState.NEEDS_RECONNECT: sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT,
}
CHECKS = {each: sync_pb2.CheckEvery.Value(f"CHECK_EVERY_{each.upper()}") for each in CheckEvery}
POLICIES = {each: sync_pb2.OnDifference.Value(f"ON_DIFFERENCE_{each.upper()}") for each in OnDifference}


class Messages:
    """Translations that need the catalogue."""

    _platforms: Platforms
    _roll_backs: RollBacks

    def _connection(self, shown: ShownConnection) -> sync_pb2.Connection:
        connection, account = shown.connection, shown.connection.account
        return sync_pb2.Connection(
            id=connection.id,
            platform=connection.platform,
            instance=account.instance,
            remote_id=account.remote_id,
            remote_handle=account.handle,
            remote_url=account.url,
            state=CONNECTION_STATES[connection.state],
            reason=reason_message(connection.reason),
            slots=[self._slot(connection.platform, place, shown.terms) for place in shown.places],
            create_time=timestamp(connection.created_at),
            check_time=timestamp(connection.checked_at),
            server_software="" if shown.terms is None else shown.terms.software,
            schedule=sync_pb2.Schedule(
                follow_defaults=connection.follows_defaults,
                check_every=CHECKS[connection.check_every],
                time_zone=connection.time_zone,
                next_check_time=timestamp(shown.next_check_at),
            ),
            expire_time=timestamp(connection.ends_at),
            unreachable_since=timestamp(connection.unreachable_since),
            leaving=connection.leaving_since is not None,
            waiting_targets=shown.waiting,
        )

    def _slot(self, platform: str, place: Place, terms: ServerTerms | None) -> sync_pb2.ConnectionSlot:
        observed, notice = _observed(place.seen), reason_message(self._notice(platform, place.seen))
        on_difference = POLICIES[place.on_difference]
        slot = self._platforms.slot(platform, place.slot, terms)
        if slot is None:
            return sync_pb2.ConnectionSlot(
                slot=place.slot, mode="none", observed=observed, notice=notice, on_difference=on_difference
            )
        return sync_pb2.ConnectionSlot(
            slot=place.slot,
            mode=slot.mode,
            observed=observed,
            notice=notice,
            max_bytes=slot.max_bytes,
            formats=slot.formats,
            alt_text_max=slot.alt_text_max or 0,
            on_difference=on_difference,
        )

    def _notice(self, platform: str, seen: Seen | None) -> Reason | None:
        """Returns what is odd about the picture that is there, if anything is."""
        if seen is None or not seen.trouble:
            return None
        name = self._platforms.name(platform)
        return reasons.picture_too_large(name) if seen.trouble == TOO_LARGE else reasons.picture_not_kept(name)

    async def _sync_now(self, shown: ShownSync) -> sync_pb2.Sync:
        """Returns a sync with what its targets put back, and what was there before them."""
        return self._sync(shown, await self._roll_backs.behind(shown.targets))

    async def _target_now(self, target: Target) -> sync_pb2.Target:
        """Returns a target with what it puts back, and what was there before it."""
        return self._target(target, behind=await self._roll_backs.behind([target]))

    def _sync(self, shown: ShownSync, behind: Mapping[str, Behind] | None = None) -> sync_pb2.Sync:
        sync = shown.sync
        return sync_pb2.Sync(
            # A plan is no thing that could be asked for later.
            id="" if shown.dry_run else sync.id,
            image_id=sync.image_id or "",
            slot=sync.slot,
            targets=[self._target(target, shown.terms, behind, planned=shown.dry_run) for target in shown.targets],
            create_time=timestamp(sync.created_at),
            finish_time=timestamp(sync.finished_at),
            dry_run=shown.dry_run,
            trigger=trigger_message(sync.trigger),
        )

    def _target(
        self,
        target: Target,
        terms: Mapping[str, ServerTerms] | None = None,
        behind: Mapping[str, Behind] | None = None,
        *,
        planned: bool = False,
    ) -> sync_pb2.Target:
        pictures = (behind or {}).get(target.id, Behind(None, None))
        put_back, before = pictures.put_back, pictures.before
        # They are about setting a picture.
        has_steps = target.waits_for_hand and not (put_back and put_back.found.snapshot.shows_nothing)
        by_hand = self._platforms.instructions(target.platform, target.slot) if has_steps else ()
        return sync_pb2.Target(
            id="" if planned else target.id,
            sync_id="" if planned else target.sync_id,
            connection_id=target.connection_id,
            platform=target.platform,
            slot=target.slot,
            remote_handle=target.remote_handle,
            state=state_message(target.state),
            reason=reason_message(target.reason),
            attempts=target.attempts,
            next_attempt_time=timestamp(None if target.is_watched else target.next_attempt_at),
            next_check_time=timestamp(target.next_attempt_at if target.is_watched else None),
            observed=_observed(target.seen),
            update_time=timestamp(target.updated_at),
            version=target.version,
            instructions=by_hand,
            alt_text=target.alt_text,
            notes=filter(None, map(reason_message, self._notes(target, terms or {}))),
            snapshot=None if put_back is None else snapshot_message(put_back),
            before=None if before is None else snapshot_message(before),
        )

    def _notes(self, target: Target, terms: Mapping[str, ServerTerms]) -> Sequence[Reason]:
        """Returns what a target's owner should know although all goes well. `terms` are those of servers, by connection."""
        slot = self._platforms.slot(target.platform, target.slot, terms.get(target.connection_id))
        # With what is called off goes no description either.
        if slot is None or target.state in OFF:
            return ()
        return notes_on(target.alt_text, slot, place=self._platforms.name(target.platform))


def caller() -> str:
    """Returns the id of who calls."""
    return current_caller().user_id


def offered_message(offer: Offer) -> sync_pb2.OfferedAccount:
    account, picture = offer.opened.account, offer.picture_bytes
    return sync_pb2.OfferedAccount(
        remote_id=account.remote_id,
        remote_handle=account.handle,
        remote_url=account.url,
        picture=picture,
        picture_type=picture_type(picture),
        connection_id=offer.connection_id,
    )


def _observed(seen: Seen | None) -> sync_pb2.ObservedPicture | None:
    if seen is None:
        return None
    return sync_pb2.ObservedPicture(
        observe_time=timestamp(seen.at),
        url=seen.url,
        perceptual_hash=seen.perceptual_hash,
        distance=seen.distance,
        object_key=seen.object_key,
    )


def snapshot_message(kept: Kept) -> sync_pb2.Snapshot:
    found, snapshot = kept.found, kept.found.snapshot
    return sync_pb2.Snapshot(
        id=snapshot.id,
        connection_id=snapshot.connection_id,
        slot=snapshot.slot,
        found_time=timestamp(snapshot.taken_at),
        object_key=snapshot.object_key,
        content_type=snapshot.content_type,
        shown_now=found.shown_now,
        is_first=found.is_first,
        cannot_restore=reason_message(kept.trouble),
    )


def step_message(step: TargetStep) -> sync_pb2.TargetStep:
    return sync_pb2.TargetStep(
        step_time=timestamp(step.at), state=state_message(step.state), reason=reason_message(step.reason)
    )


def struct_message(values: Mapping[str, Any]) -> Struct:  # JSON
    return json_format.ParseDict(dict(values), Struct())
