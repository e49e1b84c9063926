"""Tables and queries of the sync service; `Store` is its unit of work."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from servicekit.database import Database
from servicekit.ids import Clock
from services.sync.store.care import CareQueries
from services.sync.store.circuits import CircuitQueries
from services.sync.store.connections import ConnectionQueries
from services.sync.store.plans import PlanQueries
from services.sync.store.renditions import RenditionQueries
from services.sync.store.schedules import ScheduleQueries
from services.sync.store.sealed import SealedQueries
from services.sync.store.servers import ServerQueries
from services.sync.store.snapshots import SnapshotQueries
from services.sync.store.tables import inbox, metadata, outbox
from services.sync.store.targets import StaleTargetError, TargetQueries

__all__ = ["QueuedStore", "StaleTargetError", "Store", "inbox", "metadata", "outbox"]


class Store(
    CareQueries,
    CircuitQueries,
    ConnectionQueries,
    PlanQueries,
    RenditionQueries,
    ScheduleQueries,
    SealedQueries,
    ServerQueries,
    SnapshotQueries,
    TargetQueries,
):
    """The unit of work of the sync service."""

    outbox = outbox
    inbox = inbox


class QueuedStore(Store):
    """A unit of work that waits for its turn: for workers, which may be thousands. Never open one inside of another.

    Whoever asks the pool for a connection is turned away after some seconds, which is right for calls that somebody waits for. A worker
    waits as long as it takes, and leaves the pool's other connections to those calls.
    """

    def __init__(
        self, database: Database, queue: asyncio.Semaphore, *, clock: Clock, committed: Callable[[], None]
    ) -> None:
        super().__init__(database, clock=clock, committed=committed)
        self._queue = queue

    async def __aenter__(self) -> Self:
        await self._queue.acquire()
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            self._queue.release()
