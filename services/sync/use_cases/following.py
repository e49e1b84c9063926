"""Bringing pictures to accounts because their owner has chosen them as defaults."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.ids import Clock, new_id
from services.sync.domain.connection import Connection
from services.sync.domain.defaults import Chosen, Defaults
from services.sync.domain.schedule import Trigger
from services.sync.domain.target import SUPERSEDABLE, Target
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.store.targets import Sync
from services.sync.use_cases.syncs import SLOTS
from services.sync.use_cases.wishes import store_wish, why_not_served


@dataclass(frozen=True)
class Following:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    platforms: Platforms
    clock: Clock

    async def take_defaults(self, delivery: Delivery, told: Defaults, *, owner_id: str, chosen_at: datetime) -> None:
        """Brings what was chosen to the connections that follow defaults, where it is another picture than was chosen before.

        A choice that was taken away changes nothing on platforms. Whoever has wished for something else in a place since the choice
        keeps that.
        """
        now = self.clock()
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            before = await store.take_defaults(owner_id, told)
            if before is not None:
                wanted = await self._wanted(store, before, told, owner_id, chosen_at)
                # What is taken over is locked before any sync is, whichever of the new ones it gives way to.
                for (slot, _), places in wanted.items():
                    await store.targets_of_places([place.id for place in places], slot, SUPERSEDABLE)
                for (slot, chosen), places in wanted.items():
                    sync = Sync(
                        new_id(), owner_id, chosen.image_id, slot, now, request_hash="", trigger=Trigger.DEFAULT_CHANGED
                    )
                    await store_wish(store, sync, [_target(sync, chosen, place, chosen_at) for place in places])
            await store.commit()

    async def _wanted(
        self, store: Store, before: Defaults, told: Defaults, owner_id: str, chosen_at: datetime
    ) -> dict[tuple[str, Chosen], list[Connection]]:
        """Returns where pictures are to go. The connections are locked: of two wishes at once, one sees the other."""
        following = [each.id for each in await store.all_connections_of(owner_id) if each.follows_defaults]
        await store.lock_connections(following)
        connections = await store.connections_among(following, owner_id)
        terms = await store.terms_of(following)
        wishes = await store.newest_wishes(following)
        wanted: dict[tuple[str, Chosen], list[Connection]] = defaultdict(list)
        for connection in connections:
            if not connection.follows_defaults:
                continue
            for slot in SLOTS:
                chosen, earlier = told.choice_for(connection, slot), before.choice_for(connection, slot)
                is_news = chosen is not None and (earlier is None or earlier.picture != chosen.picture)
                if chosen is None or not is_news:
                    continue
                wish = wishes.get((connection.id, slot))
                if wish is not None and (wish.picture == chosen.picture or wish.requested_at > chosen_at):
                    continue
                if why_not_served(self.platforms, connection, slot, terms.get(connection.id)) is None:
                    # One sync for a picture, whatever it was chosen for.
                    wanted[slot, Chosen(slot, *chosen.picture, alt_text=chosen.alt_text)].append(connection)
        return wanted


def _target(sync: Sync, chosen: Chosen, connection: Connection, chosen_at: datetime) -> Target:
    return Target(
        id=new_id(),
        sync_id=sync.id,
        owner_id=sync.owner_id,
        connection_id=connection.id,
        platform=connection.platform,
        slot=sync.slot,
        remote_handle=connection.account.handle,
        image_id=chosen.image_id,
        revision=chosen.revision,
        # Its owner asked for it when they chose it, however late that was heard: what was done to the picture since goes on counting.
        requested_at=chosen_at,
        updated_at=sync.created_at,
        alt_text=chosen.alt_text,
    )
