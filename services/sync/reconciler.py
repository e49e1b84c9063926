"""Takes targets that are due, one worker at a time for each place on a platform.

A worker holds a target by a lease that ends by itself. Nothing is written without it: every write names the version that
was read, and whoever changes a target meanwhile makes it another. Calls to platforms are made outside of any transaction. The
intent to send is stored before the call, with a lease that outlives it, so what a killed process leaves behind is a target in
state `sending` that nobody holds; whoever finds it looks before it may be sent again.

Times of several machines are compared: their clocks may differ by no more than `MARGIN`.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from servicekit.consumers import Delivery
from servicekit.ids import new_id
from services.sync.breaker import Admission, admission
from services.sync.domain.connection import Connection
from services.sync.domain.target import Move, Target, next_move
from services.sync.lifecycle import DEFERRED_RING_AFTER, MOST_OF_OWNER
from services.sync.store import StaleTargetError, Store
from services.sync.turn import Known, Turn, Worker


@dataclass(frozen=True)
class Reconciler:
    """Takes targets with a worker's means."""

    worker: Worker

    async def answer_doorbell(self, delivery: Delivery) -> None:
        """Works on a target that may be due. Needs no inbox: the row says whether there is anything to do."""
        await self.work(delivery.message.target_id)

    async def work(self, target_id: str) -> None:
        """Takes a target and brings it as far as it goes now. Does nothing when somebody else has it."""
        known = await self._claim(target_id)
        if known is None:
            return
        with structlog.contextvars.bound_contextvars(target_id=target_id, platform=known.target.platform):
            try:
                await Turn(self.worker, known).take()
            except StaleTargetError:
                # Cancelled, superseded or woken meanwhile: nothing of ours counts any more.
                async with self.worker.stores() as store:
                    await store.release(known.lease, now=self.worker.clock())
                    await store.commit()

    async def _claim(self, target_id: str) -> Known | None:
        """Takes a target, and reads in the same transaction what is known of all that it depends on."""
        now, lease = self.worker.clock(), new_id()
        async with self.worker.stores() as store:
            target = await store.claim(
                target_id, lease=lease, now=now, until=now + self.worker.look_lease, most_of_owner=MOST_OF_OWNER
            )
            if target is None:
                again_at = now + DEFERRED_RING_AFTER
                if not await store.defer(target_id, now=now, again_at=again_at, most_of_owner=MOST_OF_OWNER):
                    await store.ring_when_free(target_id, now=now)
                await store.commit()
                return None
            around = await store.around(target)
            known = Known(
                target=target,
                lease=lease,
                connection=around.connection,
                place=around.place,
                image=around.image,
                rendition=around.rendition,
                snapshot=await store.snapshot_by_id(target.snapshot_id) if target.snapshot_id else None,
                admission=await self._admission(store, target, around.connection, now),
                is_overruled=target.state.rests and await store.has_newer_target(target),
            )
            await store.commit()
        return known

    async def _admission(self, store: Store, target: Target, connection: Connection | None, now: datetime) -> Admission:
        if connection is None or not connection.works or next_move(target, now) in (Move.REST, Move.WAIT):
            # Nobody will be called.
            return Admission()
        return await admission(store, connection, target.slot, now=now, until=now + self.worker.look_lease)
