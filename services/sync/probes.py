"""Sees to connections without being asked: whether their access still works, that it is renewed in time, and that its end is told.

Any number of replicas may do this at once: rows are taken with SKIP LOCKED, and come again should a process die with them.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.ids import Clock
from servicekit.protobuf import timestamp
from services.sync.breaker import Breaker
from services.sync.domain import outcomes as o
from services.sync.domain.care import PROBE_AGAIN_AFTER_FAILURE, expiry_notes_due, next_probe
from services.sync.domain.connection import Connection, RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.retry import Jitter
from services.sync.lifecycle import park_connection
from services.sync.places import Platforms
from services.sync.platforms.base import Adapter, Session
from services.sync.store import Store
from services.sync.tokens import Tokens

log = structlog.get_logger()

SERVERS_AT_ONCE = 8
# One that is slow, or has very many accounts, takes no more than its share.
PROBES_OF_SERVER = 2
MOST_ROUNDS = 10
# Longer than a probe takes with all its repetitions; of a process that dies another takes over after it.
PROBE_LEASE = timedelta(minutes=5)


async def identified(connection: Connection, adapter: Adapter, tokens: Tokens) -> tuple[Session, RemoteAccount]:
    """Asks the platform whose access this is, as it is called there now. One wrong answer disconnects nobody.

    An access that has expired is renewed, once; one that is said to be ended is tried again. Raises `PlatformError`, with `AuthRevoked`
    also where it has become another account's.
    """
    session = await tokens.session(connection, adapter)
    try:
        return session, await _owner(connection, adapter, session)
    except PlatformError as error:
        match error.problem:
            case o.AuthExpired():
                session = await tokens.renewed(connection, adapter)
            case o.AuthRevoked():
                pass
            case _:
                raise
    return session, await _owner(connection, adapter, session)


async def _owner(connection: Connection, adapter: Adapter, session: Session) -> RemoteAccount:
    account = await adapter.whoami(session)
    if account.remote_id != connection.account.remote_id:
        raise PlatformError(o.AuthRevoked("the access is another account's"))
    return account


def is_no_answer(problem: o.Problem) -> bool:
    """Tells whether a problem means that the platform cannot be reached: no refusal, and no trouble of ours."""
    if isinstance(problem, o.Transient):
        return not problem.is_ours
    return isinstance(problem, o.Outage | o.OutcomeUnknown)


@dataclass(frozen=True)
class Probes:
    """Dependencies of what is done here."""

    stores: OpenStore[Store]
    platforms: Platforms
    tokens: Tokens
    clock: Clock
    jitter: Jitter = random.uniform

    async def probe_due(self) -> None:
        """Probes what is due."""
        for _ in range(MOST_ROUNDS):
            now = self.clock()
            async with self.stores() as store:
                due = await store.claim_probes(
                    now=now, again_at=now + PROBE_LEASE, servers=SERVERS_AT_ONCE, of_server=PROBES_OF_SERVER
                )
                await store.commit()
            await asyncio.gather(*map(self._probe, due))
            if not due:
                return

    async def _probe(self, connection_id: str) -> None:
        async with self.stores() as store:
            connection = await store.connection(connection_id)
        if connection is None:
            return
        adapter = self.platforms.adapters.get(connection.platform)
        again_at: datetime | None = None
        if connection.works:
            await self._tell_of_end(connection)
            again_at = next_probe(connection, self.clock(), self.jitter)
        if connection.works and adapter is not None:
            try:
                async with Breaker(self.stores, self.clock).calling(connection):
                    _, account = await identified(connection, adapter, self.tokens)
            except PlatformError as error:
                log.info("probe_failed", connection_id=connection_id, problem=str(error))
                again_at = await self._after_failure(connection, error.problem)
            else:
                again_at = await self._after_answer(connection, account)
        async with self.stores() as store:
            await store.plan_probe(connection_id, again_at)
            await store.commit()

    async def _after_answer(self, connection: Connection, account: RemoteAccount) -> datetime | None:
        now = self.clock()
        async with self.stores() as store:
            await store.change_account(connection.id, account, now)
            # With the access as it is now: it may have been renewed.
            current = await store.connection(connection.id)
            await store.commit()
        return next_probe(current, now, self.jitter) if current is not None and current.works else None

    async def _after_failure(self, connection: Connection, problem: o.Problem) -> datetime | None:
        """Returns when to probe again; None when that has to wait for a reconnect."""
        now = self.clock()
        async with self.stores() as store:
            if isinstance(problem, o.AuthRevoked):
                rules = self.platforms.rules(connection.platform, "avatar")
                parked = await park_connection(store, connection, rules=rules, now=now)
                await store.commit()
                # Connected again while the old access was asked about: the new one is seen to soon.
                return None if parked else now + PROBE_AGAIN_AFTER_FAILURE
            if is_no_answer(problem):
                await store.note_unreachable(connection.id, now)
                await store.commit()
        waits_until = problem.until if isinstance(problem, o.RateLimited | o.Outage) else now
        return max(waits_until, now + PROBE_AGAIN_AFTER_FAILURE * self.jitter(0.8, 1.2))

    async def _tell_of_end(self, connection: Connection) -> None:
        """Tells the owner that the access ends soon and cannot be renewed: twice, and no more often."""
        now = self.clock()
        due = expiry_notes_due(connection, now)
        if due <= connection.expiry_notes:
            return
        async with self.stores() as store:
            if await store.note_expiry_told(connection.id, grant_version=connection.grant_version, notes=due):
                noted = events.ConnectionExpiryNoted(
                    connection_id=connection.id,
                    owner_id=connection.owner_id,
                    platform=connection.platform,
                    remote_handle=connection.account.handle,
                    expire_time=timestamp(connection.ends_at),
                    event_time=timestamp(now),
                )
                store.record(noted, owner_id=connection.owner_id)
            await store.commit()
