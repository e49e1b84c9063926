"""When connections are looked after without being asked, and what follows: as their owners choose it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError
from servicekit.ids import Clock
from services.sync.domain.schedule import CheckEvery, OnDifference, is_time_zone, next_check
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.use_cases.connections import existing_connection

# As much of what was sent is repeated in what is said about it.
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Change:
    """What is to be another way. None stays as it is, and so do the slots that `on_difference` does not name."""

    follows_defaults: bool | None = None
    check_every: CheckEvery | None = None
    time_zone: str | None = None
    on_difference: Mapping[str, OnDifference] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedules:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    platforms: Platforms
    clock: Clock

    async def update(self, connection_id: str, change: Change, *, owner_id: str) -> None:
        """Changes when a connection is looked after; looks that are planned move with it.

        Raises `NotFoundError`, and `InvalidInputError` (TIME_ZONE_UNKNOWN, SLOT_UNKNOWN).
        """
        if change.time_zone and not is_time_zone(change.time_zone):
            raise InvalidInputError.of_field(
                "time_zone",
                f"There is no time zone {change.time_zone[:_SHOWN_CHARACTERS]}. Name one of the IANA database, such as Europe/Berlin.",
                reason="TIME_ZONE_UNKNOWN",
            )
        async with self.stores() as store:
            before = await existing_connection(store, connection_id, owner_id, lock=True)
            slots = {place.slot for place in (await store.places_of([before.id]))[before.id]}
            for slot in change.on_difference:
                if slot not in slots:
                    name = self.platforms.name(before.platform)
                    raise InvalidInputError.of_field(
                        f"on_difference.{slot[:_SHOWN_CHARACTERS]}",
                        f"{name} has no {slot[:_SHOWN_CHARACTERS]} that could be looked at. Name one of {', '.join(sorted(slots))}.",
                        reason="SLOT_UNKNOWN",
                    )
            after = replace(
                before,
                follows_defaults=before.follows_defaults
                if change.follows_defaults is None
                else change.follows_defaults,
                check_every=change.check_every or before.check_every,
                time_zone=before.time_zone if change.time_zone is None else change.time_zone or "UTC",
            )
            await store.set_schedule(after)
            await store.set_policies(after.id, change.on_difference)
            if (after.check_every, after.time_zone) != (before.check_every, before.time_zone):
                at = next_check(after.check_every, after.time_zone, after=self.clock(), spread=after.id)
                await store.plan_checks(after.id, slots, at)
            await store.commit()
