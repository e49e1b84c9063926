"""Which picture is shown where: reading it, choosing, and forgetting what was chosen for a connection that is gone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.errors import ConflictError
from servicekit.ids import Clock
from servicekit.protobuf import timestamp
from services.upload.domain.defaults import (
    AVATAR_EVERYWHERE,
    Defaults,
    Scope,
    SlotChoices,
    checked_choices,
    named_pictures,
)
from services.upload.store import Store
from services.upload.use_cases.avatar_news import tell_avatar_changed

# What the bus carries in one message, with room to spare: hundreds of the longest descriptions are more.
TOLD_MAX_BYTES = 800_000


@dataclass(frozen=True)
class Choosing:
    """Dependencies of the use cases. `platforms` are the kinds of slot that take a picture, by platform."""

    stores: OpenStore[Store]
    platforms: Mapping[str, Collection[str]]
    clock: Clock

    async def get(self, *, owner_id: str) -> Defaults:
        """Returns what the owner has chosen."""
        async with self.stores() as store:
            return await store.defaults_of(owner_id)

    async def update(self, sent: Sequence[SlotChoices], *, etag: str, owner_id: str) -> Defaults:
        """Replaces what the owner has chosen and says so in `defaults.changed`; what changes nothing is no change.

        Choices of deleted pictures wait for them to be restored, but where something else is chosen. Raises `ConflictError` when
        it is not what `etag` was read from (empty fits any), and `InvalidInputError` that names each choice that cannot be.
        """
        named = named_pictures(sent)
        async with self.stores() as store:
            await store.hold_library(owner_id)
            before = await store.defaults_of(owner_id)
            if etag not in ("", before.etag):
                raise ConflictError(
                    "Another picture was chosen somewhere since this was read. Load it again and repeat the change.",
                    reason="ETAG_MISMATCH",
                    metadata={"etag": before.etag},
                )
            pictures = await store.pictures_among(named, owner_id)
            choices = checked_choices(sent, pictures=pictures, platforms=self.platforms)
            if choices == before.choices:
                return before
            after = before.replaced_by(choices)
            await store.replace_defaults(owner_id, before, after)
            await self._tell(store, owner_id, after.version)
            if before.choices.get(AVATAR_EVERYWHERE) != choices.get(AVATAR_EVERYWHERE):
                await tell_avatar_changed(store, owner_id)
            await store.commit()
        return after

    async def forget_connection(self, delivery: Delivery, *, connection_id: str, owner_id: str) -> None:
        """Forgets what was chosen for a connection that its owner has removed."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            await store.hold_library(owner_id)
            version = await store.drop_connection(owner_id, connection_id)
            if version is not None:
                await self._tell(store, owner_id, version)
            await store.commit()

    async def _tell(self, store: Store, owner_id: str, version: int) -> None:
        choices = [
            events.ChosenDefault(
                slot=place.slot,
                platform=place.scope_id if place.scope is Scope.PLATFORM else "",
                connection_id=place.scope_id if place.scope is Scope.CONNECTION else "",
                image_id=chosen.image_id,
                revision=chosen.revision,
                alt_text=chosen.alt_text,
            )
            for place, chosen in (await store.chosen_pictures(owner_id)).items()
        ]
        changed = events.DefaultsChanged(
            owner_id=owner_id, version=version, event_time=timestamp(self.clock()), choices=choices
        )
        if changed.ByteSize() > TOLD_MAX_BYTES:
            # Better pictures without descriptions than no news at all.
            for choice in changed.choices:
                choice.ClearField("alt_text")
        store.record(changed, owner_id=owner_id)
