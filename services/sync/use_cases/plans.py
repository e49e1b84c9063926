"""What would become of wishes, as far as that can be told without asking a platform: for dry runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.sync.breaker import place_key, server_holds
from services.sync.compare import Wanted, compared
from services.sync.domain import outcomes as o
from services.sync.domain import reasons
from services.sync.domain import target as steps
from services.sync.domain.circuit import Circuit
from services.sync.domain.connection import Connection, Place
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import Seen, Target, TargetState
from services.sync.fitting import misfit
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.store.renditions import ImageRevision, Rendition
from services.sync.use_cases.wishes import why_not_served

_ON_ITS_WAY = (TargetState.QUEUED, TargetState.SENDING, TargetState.WAITING)


@dataclass(frozen=True)
class Known:
    """What is known of all places of a plan, read at once."""

    connections: Mapping[str, Connection]
    terms: Mapping[str, ServerTerms]
    places: Mapping[str, Sequence[Place]]
    image: ImageRevision | None
    renditions: Mapping[str, Rendition]
    wishes: Mapping[tuple[str, str], Target]
    circuits: Mapping[str, Circuit]
    holds: Mapping[str, datetime]


async def known_for(
    store: Store,
    connections: Collection[Connection],
    terms: Mapping[str, ServerTerms],
    *,
    image_id: str,
    revision: int,
    slot: str,
    now: datetime,
) -> Known:
    """Reads what a plan for some connections depends on: as many queries for many as for one."""
    ids = [connection.id for connection in connections]
    keys = {key for each in connections for key in (*server_holds(each), place_key(each, slot))}
    return Known(
        connections={connection.id: connection for connection in connections},
        terms=terms,
        places=await store.places_of(ids),
        image=await store.image_revision(image_id, revision),
        renditions=await store.renditions_of(image_id, revision),
        wishes=await store.newest_wishes(ids),
        circuits=await store.circuits_among({connection.server for connection in connections}),
        holds=await store.holds_among(keys, now),
    )


@dataclass(frozen=True)
class Plan:
    """Foresees what becomes of targets."""

    platforms: Platforms
    known: Known
    now: datetime

    def foreseen(self, target: Target) -> Target:
        """Returns a target as it would be at first; as `queued` without a reason where its picture would be sent at once."""
        known, rules = self.known, self.platforms.rules(target.platform, target.slot)
        connection, terms = known.connections[target.connection_id], known.terms.get(target.connection_id)
        why_not = why_not_served(self.platforms, connection, target.slot, terms)
        if why_not is not None:
            return steps.stopped(target, TargetState.FAILED, reasons.not_served(*why_not), now=self.now)
        key = f"{target.platform}.{target.slot}"
        rendition = known.renditions.get(key)
        if rendition is None and known.image is not None:
            failure = known.image.failure_of(key)
            missing = reasons.rendition_missing(rules.platform_name)
            reason = missing if failure is None else reasons.image_failed(failure)
            return steps.stopped(target, TargetState.FAILED, reason, now=self.now)
        if not connection.works:
            return steps.parked(target, rules, now=self.now)
        wish = known.wishes.get((target.connection_id, target.slot))
        seen = self._seen(target, rendition)
        target = replace(target, seen=seen)
        if wish is not None and wish.state in _ON_ITS_WAY and wish.picture == target.picture:
            reason = reasons.on_its_way(rules.platform_name)
            return replace(target, state=wish.state, reason=reason, next_attempt_at=wish.next_attempt_at)
        # What is out may have changed the place since it was seen.
        is_settled = wish is None or wish.state.rests or not wish.is_out
        if seen is not None and seen.is_wanted and is_settled:
            return steps.verified(target, seen, rules, now=self.now)
        if rules.mode == "assisted":
            return replace(steps.needs_hand(target, rules, now=self.now), next_attempt_at=None)
        if rendition is None:
            return steps.awaiting_rendition(target, rules, now=self.now)
        problem = self._misfit(target, rendition) or self._wait(connection, target.slot)
        # The earliest moment: what waits is spread a little after it.
        return target if problem is None else steps.refused(target, problem, rules, now=self.now, jitter=min)

    def _seen(self, target: Target, rendition: Rendition | None) -> Seen | None:
        """Returns what the place showed at the last look, compared with the file that would be sent."""
        places = self.known.places[target.connection_id]
        place = next((place for place in places if place.slot == target.slot), None)
        slot = self.platforms.slot(target.platform, target.slot)
        if place is None or place.seen is None or slot is None:
            return None
        # The verdict of that look was on another wish.
        seen = replace(place.seen, distance=None, is_wanted=False)
        if rendition is None:
            return seen
        content_id = self.platforms.adapters[target.platform].content_id(rendition.sha256)
        wanted = Wanted(rendition.sha256, rendition.perceptual_hash, content_id)
        return compared(seen, wanted, slot=slot, place=place, sent=None)

    def _misfit(self, target: Target, rendition: Rendition) -> o.Problem | None:
        connection = self.known.connections[target.connection_id]
        slot = self.platforms.slot(target.platform, target.slot, self.known.terms.get(connection.id))
        if slot is None:
            return None
        server = connection.account.instance or self.platforms.name(target.platform)
        return misfit(rendition.content_type, rendition.bytes, slot, server=server)

    def _wait(self, connection: Connection, slot: str) -> o.Problem | None:
        """Returns what would keep a picture from being sent now."""
        circuit, held = self.known.circuits.get(connection.server), self.known.holds
        down_until = None if circuit is None else circuit.waits_until(self.now)
        if down_until is not None:
            return o.Outage(down_until)
        limits = [held[key] for key in server_holds(connection) if key in held]
        if limits:
            return o.RateLimited(max(limits), "account")
        cooling_until = held.get(place_key(connection, slot))
        return None if cooling_until is None else o.Cooldown(cooling_until)
