"""Disconnecting an account after pictures from before are put back there."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from servicekit.database import OpenStore
from servicekit.errors import NotFoundError, PreconditionError
from servicekit.ids import Clock
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.use_cases.connections import Connections, existing_connection
from services.sync.use_cases.wishes import ShownSync

# However long a platform takes: who wants to leave is not held for its sake.
LONGEST_LEAVING = timedelta(minutes=10)
LEAVE_AT_ONCE = 20


class PutBack(Protocol):
    """Puts back what the places of a connection showed first, in a sync of its own, and notes with it that the connection leaves.

    None where there is nothing to put back.
    """

    def __call__(self, connection_id: str, *, owner_id: str) -> Awaitable[ShownSync | None]: ...


@dataclass(frozen=True)
class Leaving:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    platforms: Platforms
    connections: Connections
    put_back: PutBack
    clock: Clock

    async def begin(self, connection_id: str, *, owner_id: str) -> str:
        """Puts back what was there first, and has the account disconnected when that is done. Returns the id of the sync that does it.

        Empty where there is nothing to put back: the account is disconnected then. Raises `NotFoundError`, and `PreconditionError`
        (CONNECTION_LEAVING, CONNECTION_NEEDS_RECONNECT).
        """
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id)
        name = self.platforms.name(connection.platform)
        if connection.leaving_since is not None:
            raise leaving(name, connection.id)
        if not connection.works:
            raise PreconditionError(
                f"{name} has ended our access to this account, so nothing can be put back there. Connect it again first, or disconnect it "
                "and leave the pictures as they are.",
                reason="CONNECTION_NEEDS_RECONNECT",
            )
        sync = await self.put_back(connection.id, owner_id=owner_id)
        if sync is None:
            await self.connections.remove(connection.id, owner_id=owner_id)
            return ""
        return sync.id

    async def finish_due(self) -> None:
        """Disconnects accounts where all is put back that can be. Two replicas that do so at once do no harm."""
        async with self.stores() as store:
            overdue_since = self.clock() - LONGEST_LEAVING
            due = await store.done_leaving(overdue_since=overdue_since, limit=LEAVE_AT_ONCE)
        for connection_id, owner_id in due:
            try:
                await self.connections.remove(connection_id, owner_id=owner_id)
            except NotFoundError:
                continue


def leaving(platform_name: str, connection_id: str) -> PreconditionError:
    return PreconditionError(
        f"{platform_name} is being disconnected: the pictures from before are put back there first. Connect it again to keep it.",
        reason="CONNECTION_LEAVING",
        metadata={"connection_id": connection_id},
    )
