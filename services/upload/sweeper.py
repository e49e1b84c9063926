"""What goes on without being asked: pictures whose job may be lost.

The rows are the truth and a job is only a doorbell, so a doorbell that nobody answers is rung again. Doing a job twice is free.
Any number of replicas may do this at once: rows are taken with SKIP LOCKED.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.subjects import RENDER_BULK
from services.upload.jobs import ask
from services.upload.store import Store

log = structlog.get_logger()

ASKED_AT_ONCE = 200


@dataclass(frozen=True)
class Sweeper:
    """Dependencies of what is done here. A picture is asked for again after `patience`, and each time it has passed again."""

    stores: OpenStore[Store]
    patience: timedelta
    clock: Clock

    async def ask_again(self) -> None:
        """Asks the processor again for pictures that have been processing for too long: the same attempt, where nobody is held up."""
        while await self._ask_some() == ASKED_AT_ONCE:
            pass

    async def _ask_some(self) -> int:
        now = self.clock()
        async with self.stores() as store:
            overdue = await store.claim_overdue(before=now - self.patience, now=now, limit=ASKED_AT_ONCE)
            for image in overdue:
                ask(store, image, subject=RENDER_BULK)
                log.warning("picture_overdue", image_id=image.id, owner_id=image.owner_id, attempt=image.attempt)
            await store.commit()
        return len(overdue)
