"""What servers say of themselves is asked once a day, shared by all replicas, and not forgotten when a server keeps silent."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from services.sync.domain.connection import RemoteAccount
from services.sync.domain.outcomes import PlatformError, Transient
from services.sync.domain.server import ASKED_AGAIN_AFTER, TERMS_KEPT_FOR, ServerTerms, SlotTerms
from services.sync.platforms.base import Adapter, Session
from services.sync.servers import Servers
from services.sync.turn import Worker

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TERMS = ServerTerms("Pixelfed 0.12.3", {"avatar": SlotTerms(max_bytes=5)}, {"method": "POST"})


@dataclass
class Asked:
    """Stands for an adapter: counts how often its servers are asked."""

    answer: ServerTerms | None = TERMS
    has_terms: bool = True
    times: int = 0

    async def server_terms(self, session: Session) -> ServerTerms:
        self.times += 1
        if self.answer is None:
            raise PlatformError(Transient("it keeps silent"))
        return self.answer


async def test_terms_are_read_once_a_day_and_outlive_a_silence(worker: Worker) -> None:
    asked, session = Asked(), Session(RemoteAccount("1", "@ada", "", "kept.example"), {})

    async def after(time: timedelta, *, anew: bool = False) -> ServerTerms | None:
        servers = Servers(worker.stores, lambda: NOW + time)
        return await servers.terms("mastodon", cast("Adapter", asked), session, anew=anew)

    assert await after(timedelta(0)) == TERMS
    assert await after(TERMS_KEPT_FOR - timedelta(seconds=1)) == TERMS
    assert asked.times == 1

    asked.answer = None
    assert await after(TERMS_KEPT_FOR) == TERMS
    assert await after(TERMS_KEPT_FOR + timedelta(seconds=1)) == TERMS
    assert asked.times == 2
    asked.answer = ServerTerms("Pixelfed 0.13.0")
    assert await after(TERMS_KEPT_FOR + ASKED_AGAIN_AFTER) == asked.answer
    asked.answer = ServerTerms("Pixelfed 0.14.0")
    assert await after(TERMS_KEPT_FOR + ASKED_AGAIN_AFTER, anew=True) == asked.answer
    assert asked.times == 4


async def test_a_server_that_never_told_leaves_the_catalogue_alone(worker: Worker) -> None:
    asked, session = Asked(None), Session(RemoteAccount("1", "@ada", "", "silent.example"), {})
    servers = Servers(worker.stores, lambda: NOW)
    assert await servers.terms("mastodon", cast("Adapter", asked), session) is None
    assert await servers.terms("mastodon", cast("Adapter", asked), session) is None
    assert asked.times == 1
