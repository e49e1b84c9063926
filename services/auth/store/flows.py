"""Queries about sign-ins with providers that were begun."""

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from servicekit.database import UnitOfWork
from servicekit.identity import Caller
from services.auth.domain.identity import NO_BROWSER, Flow
from services.auth.store.tables import flows


class FlowQueries(UnitOfWork):
    async def add_flow(self, flow: Flow) -> None:
        await self.session.execute(sa.insert(flows).values(**asdict(flow)))

    async def use_flow(
        self, state_hash: bytes, *, provider: str, browser_hash: bytes, caller: Caller | None
    ) -> Flow | None:
        """Takes a flow, once: None for whoever comes second, too late, with another browser, or with another session than began it.

        Who comes without the right to it takes nothing, so they cannot spoil it either.
        """
        allowed: sa.ColumnElement[bool] = flows.c.user_id.is_(None)
        if caller is not None:
            allowed |= (flows.c.user_id == caller.user_id) & (flows.c.session_id == caller.session_id)
        return await self._use(
            flows.c.state_hash == state_hash,
            flows.c.provider == provider,
            flows.c.browser_hash == browser_hash,
            allowed,
        )

    async def use_ticket(self, ticket_hash: bytes) -> Flow | None:
        """Takes a ticket, once."""
        return await self._use(flows.c.state_hash == ticket_hash, flows.c.browser_hash == NO_BROWSER)

    async def forget_flows(self, *, now: datetime) -> None:
        """Removes flows and tickets whose time is over."""
        await self.session.execute(sa.delete(flows).where(flows.c.expires_at < now))

    async def _use(self, *conditions: sa.ColumnElement[bool]) -> Flow | None:
        now = self.clock()
        usable = sa.and_(*conditions, flows.c.used_at.is_(None), flows.c.expires_at > now)
        # One statement: of two that race, one waits for the other's row and then finds it used.
        statement = sa.update(flows).where(usable).values(used_at=now).returning(flows)
        row = (await self.session.execute(statement)).first()
        return None if row is None else Flow(**row._mapping)
