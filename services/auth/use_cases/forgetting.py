"""Removing what nobody needs any more."""

from dataclasses import dataclass

from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.auth.domain.session import Lifetimes
from services.auth.store import Store


@dataclass(frozen=True)
class Forgetting:
    """Dependencies of the use case."""

    stores: OpenStore[Store]
    lifetimes: Lifetimes
    clock: Clock

    async def forget_what_is_over(self) -> None:
        """Removes tokens, sessions, links, counters and devices whose time is over; called now and then."""
        now = self.clock()
        async with self.stores() as store:
            await store.forget_sessions(now=now, grace=self.lifetimes.reuse_grace)
            await store.forget_challenges(now=now)
            await store.forget_failures(now=now)
            await store.forget_devices(now=now)
            await store.forget_flows(now=now)
            await store.commit()
