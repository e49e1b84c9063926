"""What goes on without being asked: pictures whose job may be lost, whose recipes have changed, or whose time is over.

The rows are the truth and a job is only a doorbell, so a doorbell that nobody answers is rung again. Doing a job twice is free.
Any number of replicas may do this at once: rows are taken with SKIP LOCKED.
"""

import itertools
from dataclasses import dataclass
from datetime import timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.subjects import RENDER_BULK
from services.upload.domain.image import Image
from services.upload.jobs import ask
from services.upload.store import Store
from services.upload.use_cases.purging import forget

log = structlog.get_logger()

ASKED_AT_ONCE = 200
# A picture that was asked for by new recipes is left alone for so long: many may be in front of it.
REFRESH_PATIENCE = timedelta(hours=24)


@dataclass(frozen=True)
class Sweeper:
    """Dependencies of what is done here. A picture is asked for again after `patience`, and each time it has passed again.

    A deleted picture is purged when it cannot be restored any more, after `restorable`.
    """

    stores: OpenStore[Store]
    patience: timedelta
    restorable: timedelta
    clock: Clock

    async def ask_again(self) -> None:
        """Asks the processor again for pictures that have been processing for too long: the same attempt, where nobody is held up."""
        while await self._ask_some() == ASKED_AT_ONCE:
            pass

    async def _ask_some(self) -> int:
        now = self.clock()
        async with self.stores() as store:
            overdue = await store.claim_overdue(before=now - self.patience, now=now, limit=ASKED_AT_ONCE)
            await ask(store, overdue, subject=RENDER_BULK)
            for image in overdue:
                log.warning("picture_overdue", image_id=image.id, owner_id=image.owner_id, attempt=image.attempt)
            await store.commit()
        return len(overdue)

    async def refresh(self) -> None:
        """Has some pictures made by the recipes in force that follow others. Each replica asks for so many a round: nobody waits."""
        now = self.clock()
        async with self.stores() as store:
            outdated = await store.claim_outdated(asked_before=now - REFRESH_PATIENCE, now=now, limit=ASKED_AT_ONCE)
            await ask(store, outdated, subject=RENDER_BULK)
            await store.commit()
        if outdated:
            log.info("pictures_outdated", asked=len(outdated))

    async def purge(self) -> None:
        """Forgets deleted pictures that cannot be restored any more, and gives their room back. Their files go with the next clean-up."""
        while await self._purge_some() == ASKED_AT_ONCE:
            pass

    async def _purge_some(self) -> int:
        async with self.stores() as store:
            over = await store.claim_deleted(before=self.clock() - self.restorable, limit=ASKED_AT_ONCE)
            # In an order that all replicas follow: each library is held until the commit.
            for _, its in itertools.groupby(sorted(over, key=_owner), _owner):
                await forget(store, list(its), clock=self.clock)
            await store.commit()
        return len(over)


def _owner(image: Image) -> str:
    return image.owner_id
