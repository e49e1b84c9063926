"""An account in one column of the table, and what the cases do with it and ask of it."""

from dataclasses import dataclass, replace
from typing import Any

from conformance_table import Column
from sync_world import Person, World

from linkarooie.sync.v1 import sync_pb2
from services.sync.platforms.base import Adapter, Kind, Session

WE, YOU, THEY = (
    sync_pb2.ACTION_CLASS_WE_ARE_ON_IT,
    sync_pb2.ACTION_CLASS_YOU_CAN_FIX_THIS,
    sync_pb2.ACTION_CLASS_PLATFORM_DOES_NOT_ALLOW_IT,
)
SLOTS: tuple[Kind, ...] = ("avatar", "banner")
# What a platform takes to show a picture, unless a case says otherwise.
SLOW_SECONDS = 0.1


@dataclass(frozen=True)
class Place:
    """Somebody's account on a platform, connected."""

    world: World
    column: Column
    person: Person
    connection: sync_pb2.Connection

    async def switch(self, **switches: Any) -> None:
        await switch(self.world, self.column, **switches)

    async def changes(self, slot: str = "avatar") -> int:
        """Returns how often the platform has changed the picture: the writes that it saw."""
        return await self.world.control.changes(self.column.sandbox, slot, self.column.ada)

    async def sync(self, seed: int, slot: str = "avatar") -> sync_pb2.Sync:
        return await self.person.sync(await self.person.upload(seed, slot), self.connection.id, slot=slot)

    async def reaches(
        self, sync: sync_pb2.Sync, state: str, *, reason: str | None = None, within_seconds: float = 25
    ) -> sync_pb2.Target:
        """Waits for a state, and until no worker holds the target any more."""
        target = await self.person.reaches(sync, state, reason=reason, within_seconds=within_seconds)

        async def is_free() -> bool:
            async with self.world.inside.stores() as store:
                return (await store.lease_of(target.id))[0] is None

        # Sooner than the lease of a worker that forgot it would end.
        await self.world.eventually(is_free, within_seconds=5)
        return target

    async def reasons(self, target: sync_pb2.Target) -> list[str]:
        """Returns the codes of what a person has been told of a target, one after the other."""
        found = await self.person.call("ListTargetSteps", sync_pb2.ListTargetStepsRequest(target_id=target.id))
        return [step.reason.code for step in found.steps]

    async def goes_on(self, sync: sync_pb2.Sync) -> sync_pb2.Target:
        """Waits until a sync is as far as it goes by itself: sent and seen, or given to the person to set by hand."""
        if self.column.mode == "write":
            return await self.reaches(sync, "VERIFIED")
        return await self.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")

    async def is_connected(self) -> bool:
        found = await self.person.connection(self.connection.id)
        return bool(found.state == sync_pb2.CONNECTION_STATE_HEALTHY)

    async def retry(self, target: sync_pb2.Target) -> None:
        await self.person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=target.id))

    async def adapter(self) -> tuple[Adapter, Session]:
        """Returns the adapter, and the access that the service would hand to it for a write."""
        adapter = self.world.inside.platforms.adapters[self.column.platform]
        session = await self.world.session(self.connection.id)
        return adapter, replace(session, terms=await adapter.server_terms(session))


async def switch(world: World, column: Column, **switches: Any) -> None:
    """Turns switches of a column's sandbox, which stays the kind of server that it is."""
    await world.control.switch(column.sandbox, **{"slow_seconds": SLOW_SECONDS, **column.switches, **switches})


async def connected(world: World, column: Column, person: Person | None = None, account: str = "ada") -> Place:
    """Connects an account, and waits until its server has told what it is, and until what it shows is kept."""
    await switch(world, column)
    person = person or world.person()
    connection = await person.connect(column.platform, account)

    async def known() -> sync_pb2.Connection | None:
        found = await person.connection(connection.id)
        slots = {slot.slot: slot for slot in found.slots}
        is_kept = all(slots[name].observed.object_key for name in column.slots)
        return found if is_kept and found.server_software == column.software else None

    return Place(world, column, person, await world.eventually(known))


async def history(world: World, column: Column) -> list[Any]:
    """Returns all that has ever changed on Ada's account."""
    found: list[Any] = (await world.control.account(column.sandbox, column.ada))["history"]
    return found


async def listed(person: Person) -> list[str]:
    """Returns the ids of somebody's connections, the newest first."""
    found = await person.call("ListConnections", sync_pb2.ListConnectionsRequest())
    return [connection.id for connection in found.connections]
