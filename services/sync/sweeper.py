"""What goes on without being asked: doorbells that nobody heard, places to be looked at, old rows.

Any number of replicas may do this at once: rows are taken with SKIP LOCKED.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.sync import metrics
from services.sync.breaker import Breaker
from services.sync.domain import outcomes as o
from services.sync.domain.connection import ATTEMPT_KEPT_FOR, Connection
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.target import TargetState
from services.sync.lifecycle import MOST_OF_OWNER, RING_AGAIN_AFTER, park_connection, ring
from services.sync.looks import Looker
from services.sync.places import Platforms
from services.sync.servers import Servers
from services.sync.store import Store
from services.sync.tokens import Tokens

log = structlog.get_logger()

# Of one platform in one transaction, and how many of those in a row before other rounds have their turn.
RINGS_AT_ONCE = 200
MOST_ROUNDS = 10
LOOKS_AT_ONCE = 8
# A look that did not succeed is taken again after so many seconds, then twice as many, and then not any more: the next sync looks anyway.
FIRST_LOOK_AGAIN_SECONDS = 10
MOST_LOOKS = 6


# A server that nobody has asked for as long may be back.
CIRCUITS_KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Sweeper:
    """Dependencies of what is done here."""

    stores: OpenStore[Store]
    platforms: Platforms
    tokens: Tokens
    looker: Looker
    clock: Clock

    async def ring_for_due(self) -> None:
        """Rings for targets that are due and that nobody holds, those of killed workers among them."""
        for _ in range(MOST_ROUNDS):
            now = self.clock()
            again_at = now + RING_AGAIN_AFTER
            async with self.stores() as store:
                # Of a platform that is not served any more nobody would hear.
                served = self.platforms.adapters
                due = await store.claim_rings(served, now=now, again_at=again_at, limit=RINGS_AT_ONCE)
                for target_id, owner_id, platform in due:
                    ring(store, target_id, owner_id, platform)
                await store.commit()
            if len(due) < RINGS_AT_ONCE:
                return

    async def ring_for_deferred(self) -> None:
        """Rings for targets that let those of other people pass, as far as there is room for them now."""
        now = self.clock()
        async with self.stores() as store:
            released = await store.release_deferred(
                self.platforms.adapters, now=now, again_at=now + RING_AGAIN_AFTER, most_of_owner=MOST_OF_OWNER
            )
            for target_id, owner_id, platform in released:
                ring(store, target_id, owner_id, platform)
            await store.commit()

    async def look_around(self) -> None:
        """Looks at places whose turn has come: after connecting, what is there is found and kept."""
        now = self.clock()
        async with self.stores() as store:
            due = await store.claim_looks(
                now=now, again_at=now + timedelta(seconds=FIRST_LOOK_AGAIN_SECONDS), limit=LOOKS_AT_ONCE
            )
            await store.commit()
        await asyncio.gather(*(self._look(*place) for place in due))

    async def _look(self, connection_id: str, slot: str, looks: int) -> None:
        async with self.stores() as store:
            connection = await store.connection(connection_id)
        if connection is None:
            return
        adapter = self.platforms.adapters.get(connection.platform)
        again_at: datetime | None = None
        if adapter is not None and connection.works and looks <= MOST_LOOKS:
            try:
                async with Breaker(self.stores, self.clock).calling(connection, slot):
                    session = await self.tokens.session(connection, adapter)
                    await Servers(self.stores, self.clock).terms(connection.platform, adapter, session)
                    await self.looker.look(connection, adapter, session, slot)
                return
            except PlatformError as error:
                log.info("look_failed", connection_id=connection_id, slot=slot, problem=str(error))
                again_at = await self._after_failed_look(connection, slot, looks, error.problem)
        async with self.stores() as store:
            await store.plan_look(connection_id, slot, again_at)
            await store.commit()

    async def _after_failed_look(
        self, connection: Connection, slot: str, looks: int, problem: o.Problem
    ) -> datetime | None:
        """Returns when to look again; None when that has to wait for a reconnect."""
        now = self.clock()
        if isinstance(problem, o.RateLimited | o.Outage):
            return problem.until
        if isinstance(problem, o.AuthRevoked):
            async with self.stores() as store:
                await park_connection(store, connection, rules=self.platforms.rules(connection.platform, slot), now=now)
                await store.commit()
            return None
        return now + timedelta(seconds=FIRST_LOOK_AGAIN_SECONDS * 2.0 ** (looks - 1))

    async def count(self) -> None:
        """Tells the metrics how many targets are under way."""
        async with self.stores() as store:
            counts = await store.count_live_by_state()
        for state in TargetState:
            if not state.rests:
                metrics.LIVE_TARGETS.labels(state).set(counts.get(state, 0))

    async def purge(self) -> None:
        """Removes what is past its time."""
        now = self.clock()
        async with self.stores() as store:
            await store.empty_attempts(now)
            await store.purge_attempts(now - ATTEMPT_KEPT_FOR)
            await store.purge_holds(now)
            await store.purge_circuits(now - CIRCUITS_KEPT_FOR)
            await store.commit()
