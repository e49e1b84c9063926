"""What the servers of platforms with many of them say about themselves: asked now and then, kept for all replicas."""

import asyncio
from dataclasses import dataclass

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.server import ASKED_AGAIN_AFTER, TERMS_KEPT_FOR, KnownServer, ServerTerms
from services.sync.platforms.base import Adapter, Session
from services.sync.store import Store

log = structlog.get_logger()

# A person waits for it when connecting, and a picture when it is sent: who takes longer goes by the catalogue.
ASK_SECONDS = 5.0


@dataclass(frozen=True)
class Servers:
    """Dependencies of what is done here."""

    stores: OpenStore[Store]
    clock: Clock

    async def terms(
        self, platform: str, adapter: Adapter, session: Session, *, anew: bool = False
    ) -> ServerTerms | None:
        """Returns the terms of an account's server, asked for now if they are old or `anew`. Never fails.

        None where there are no servers, or nothing is known: the catalogue alone counts then. Two replicas that ask at once do no harm.
        """
        instance = session.account.instance
        if not instance or not adapter.has_terms:
            return None
        async with self.stores() as store:
            known = await store.server(platform, instance)
        now = self.clock()
        if known is not None and known.read_again_at > now and not anew:
            return known.terms
        try:
            async with asyncio.timeout(ASK_SECONDS):
                asked = await adapter.server_terms(session)
            news = KnownServer(asked, now + TERMS_KEPT_FOR)
        except (PlatformError, TimeoutError) as error:
            log.info("server_terms_not_told", platform=platform, instance=instance, problem=str(error) or "too slow")
            news = KnownServer(None if known is None else known.terms, now + ASKED_AGAIN_AFTER)
        async with self.stores() as store:
            await store.set_server(platform, instance, news)
            await store.commit()
        return news.terms
