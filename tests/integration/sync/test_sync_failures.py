"""What fails on the way: found out, repeated where that is safe, and the picture changes once. All platforms at the same time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
import sqlalchemy as sa
from sync_world import PLATFORMS, Person, World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now
from services.sync.domain.outcomes import Accepted
from services.sync.platforms.base import Adapter, Kind, Picture, Session
from services.sync.reconciler import Reconciler
from services.sync.store.tables import holds
from services.sync.turn import Worker

# A killed worker: the process ends between two lines, and everything that it held in memory is gone.


class KilledError(BaseException):
    """Ends a worker as SIGKILL does: nothing of ours runs after it."""


class DyingAdapter:
    """An adapter whose process dies in the middle of a send: before the platform has heard of it, or after."""

    def __init__(self, real: Adapter, *, after: bool) -> None:
        self._real = real
        self._after = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> Accepted:
        if self._after:
            await self._real.submit(session, slot, picture)
        raise KilledError


def dying(worker: Worker, platform: str, *, after: bool) -> Reconciler:
    """Returns a worker that is killed in its next send to a platform."""
    adapters = {**worker.platforms.adapters}
    adapters[platform] = cast("Adapter", DyingAdapter(adapters[platform], after=after))
    return Reconciler(replace(worker, platforms=replace(worker.platforms, adapters=adapters)))


async def take_from_service(worker: Worker, target_id: str) -> None:
    """Makes a held target due without a doorbell: the running service does not hear of it before a lease ends."""
    async with worker.stores() as store:
        target = await store.target(target_id, lock=True)
        assert target is not None
        await store.session.execute(sa.delete(holds).where(holds.c.key == f"{target.platform}/{target.connection_id}"))
        await store.save(replace(target, next_attempt_at=None), lease=None, until=None, ring_at=None)
        await store.commit()


async def hold(worker: Worker, key: str, seconds: float) -> None:
    async with worker.stores() as store:
        await store.hold(key, utc_now() + timedelta(seconds=seconds))
        await store.commit()


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
async def test_a_worker_killed_while_sending_is_replaced_and_the_picture_changes_once(
    world: World, after: bool
) -> None:
    async def on(platform: str, person: Person) -> None:
        connection = await person.connect(platform)
        await hold(world.inside, f"{platform}/{connection.id}", 3600)
        sync = await person.sync(await person.upload(11), connection.id)
        target = await person.reaches(sync, "PAUSED")
        await take_from_service(world.inside, target.id)

        with pytest.raises(KilledError):
            await dying(world.inside, platform, after=after).work(target.id)
        assert (await person.target(sync)).state == sync_pb2.TARGET_STATE_SENDING
        done = await person.reaches(sync, "VERIFIED", within_seconds=60)

        assert done.attempts == (1 if after else 2)
        assert await world.control.changes(platform) == 1

    await asyncio.gather(*(on(platform, world.person()) for platform in PLATFORMS))


async def test_two_workers_do_not_hold_the_same_target(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await hold(world.inside, f"mastodon/{connection.id}", 3600)
    target = await person.reaches(await person.sync(await person.upload(14), connection.id), "PAUSED")
    await take_from_service(world.inside, target.id)

    await asyncio.gather(*(Reconciler(world.inside).work(target.id) for _ in range(5)))

    assert await world.control.changes("mastodon") == 1


async def test_who_was_overtaken_writes_nothing(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await person.first_looks_at(connection)
    await hold(world.inside, f"mastodon/{connection.id}", 3600)
    sync = await person.sync(await person.upload(15), connection.id)
    target = await person.reaches(sync, "PAUSED")
    await take_from_service(world.inside, target.id)
    await world.control.switch("mastodon", fail="hang", only="read", times=1)

    working = asyncio.create_task(Reconciler(world.inside).work(target.id))
    await world.eventually(lambda: is_held(world.inside, target.id))
    await person.call("CancelSync", sync_pb2.CancelSyncRequest(id=sync.id))
    await working

    assert (await person.target(sync)).state == sync_pb2.TARGET_STATE_CANCELLED
    assert await world.control.changes("mastodon") == 0


async def is_held(worker: Worker, target_id: str) -> bool:
    async with worker.stores() as store:
        return (await store.lease_of(target_id))[0] is not None


async def test_a_rate_limit_is_obeyed_by_every_worker(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    await hold(world.inside, f"x/{connection.id}", 3)
    began = utc_now()

    sync = await person.sync(await person.upload(12), connection.id)
    paused = await person.reaches(sync, "PAUSED", reason="RATE_LIMITED")
    assert paused.attempts == 0
    await person.reaches(sync, "VERIFIED")
    assert utc_now() - began > timedelta(seconds=3)
