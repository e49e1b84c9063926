"""Whether a server may be called now, and what is learnt from calling it: circuits of servers that fail, holds of limits that are reached.

Both are rows that all replicas obey. Who works on a target asks in the transaction that claims it (`admission`); everything else
that calls an account's server does so inside of `Breaker.calling`.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.sync import metrics
from services.sync.domain import outcomes as o
from services.sync.domain.circuit import PROBE_RECHECK, Circuit, after_failure
from services.sync.domain.connection import Connection
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.limits import Spent, noting_limits
from services.sync.store import Store

log = structlog.get_logger()

# As long as a call outside of a turn may take, renewals and downloads included; a probe that dies is replaced after it.
CALL_LEASE = timedelta(seconds=60)


def server_holds(connection: Connection) -> tuple[str, str]:
    """Returns what every call for an account must wait for: its server as a whole, and the account."""
    return connection.server, f"{connection.platform}/{connection.id}"


def place_key(connection: Connection, slot: str) -> str:
    """Returns what sends to a place must wait for beside that."""
    return f"{connection.platform}/{connection.id}/{slot}"


@dataclass(frozen=True)
class Admission:
    """Whether to call: `waits` says why not now, `sends_wait_until` when a send to the place may follow.

    `circuit` is there when the server has failed lately.
    """

    circuit: Circuit | None = None
    waits: o.RateLimited | o.Outage | None = None
    sends_wait_until: datetime | None = None


async def admission(
    store: Store, connection: Connection, slot: str = "", *, now: datetime, until: datetime
) -> Admission:
    """Asks for a call that ends by `until`. Of a server whose circuit is half open, one may call: the one who gets this."""
    place = place_key(connection, slot)
    circuit, held = await store.left_alone(connection.server, (*server_holds(connection), place), now)
    waits_until = None if circuit is None else circuit.waits_until(now)
    if waits_until is not None:
        return Admission(circuit, o.Outage(waits_until))
    sends_wait_until = held.pop(place, None)
    if held:
        return Admission(circuit, o.RateLimited(max(held.values()), "account"))
    if (
        circuit is not None
        and circuit.wants_probe
        and not await store.take_probe(connection.server, now=now, until=until)
    ):
        return Admission(circuit, o.Outage(now + PROBE_RECHECK))
    return Admission(circuit, sends_wait_until=sends_wait_until)


@dataclass(frozen=True)
class Breaker:
    """Learns from calls."""

    stores: OpenStore[Store]
    clock: Clock

    async def learn(
        self, connection: Connection, circuit: Circuit | None, problem: o.Problem | None, *, began: datetime
    ) -> None:
        """Notes how a call went that began then. A success where nothing has failed lately costs nothing."""
        if isinstance(problem, o.Transient | o.OutcomeUnknown) and problem.no_answer:
            await self._failed(connection, began)
        elif isinstance(problem, o.Transient) and problem.is_ours:
            return
        elif circuit is not None and circuit.is_refuted_by(began):
            await self._answered(connection, circuit, began)

    async def _failed(self, connection: Connection, began: datetime) -> None:
        server, now = connection.server, self.clock()
        async with self.stores() as store:
            # Of many that fail at once, those that come after the last straw need not wait for each other.
            circuit = await store.circuit(server)
            if circuit is None or after_failure(circuit, server, connection.id, began=began, now=now) != circuit:
                circuit = await store.circuit(server, lock=True)
                failed = after_failure(circuit, server, connection.id, began=began, now=now)
                if failed != circuit:
                    await store.save_circuit(failed)
                await store.commit()
                if failed.openings != (0 if circuit is None else circuit.openings):
                    metrics.CIRCUITS_OPENED.labels(connection.platform).inc()
                    log.warning("circuit_opened", server=server, until=str(failed.open_until), openings=failed.openings)

    async def _answered(self, connection: Connection, circuit: Circuit, began: datetime) -> None:
        async with self.stores() as store:
            removed = await store.remove_circuit(connection.server, answered=began)
            await store.commit()
        if removed and circuit.wants_probe:
            log.info("circuit_closed", server=connection.server, openings=circuit.openings)

    async def hold_spent(self, connection: Connection, slot: str, spent: Iterable[Spent]) -> None:
        """Holds back what would only be refused, because an answer said that nothing is left."""
        server, account = server_holds(connection)
        until: dict[str, datetime] = {}
        for limit in spent:
            if limit.scope == "app":
                key = server
            elif limit.scope == "call" and limit.writes:
                # Looks have a limit of their own, and prove what was sent.
                key = place_key(connection, slot)
            else:
                key = account
            until[key] = max(limit.until, until.get(key, limit.until))
        if not until:
            return
        async with self.stores() as store:
            for key in sorted(until):
                await store.hold(key, until[key])
            await store.commit()

    @asynccontextmanager
    async def calling(self, connection: Connection, slot: str = "") -> AsyncIterator[None]:
        """Lets calls go that belong to no target. Raises `PlatformError` without a call while the server is left alone."""
        began = self.clock()
        async with self.stores() as store:
            admitted = await admission(store, connection, now=began, until=began + CALL_LEASE)
            await store.commit()
        if admitted.waits is not None:
            raise PlatformError(admitted.waits)
        with noting_limits() as spent:
            try:
                yield
            except PlatformError as error:
                await self.learn(connection, admitted.circuit, error.problem, began=began)
                if isinstance(error.problem, o.RateLimited):
                    spent.append(Spent(error.problem.until, error.problem.scope))
                await self.hold_spent(connection, slot, spent)
                raise
        await self.learn(connection, admitted.circuit, None, began=began)
        await self.hold_spent(connection, slot, spent)
