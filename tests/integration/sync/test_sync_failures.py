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


@pytest.mark.parametrize("failure", ["500", "hang", "drop"])
async def test_a_send_that_failed_without_a_clear_no_is_looked_for_before_it_is_repeated(
    world: World, failure: str
) -> None:
    async def on(platform: str, person: Person) -> None:
        connection = await person.connect(platform)
        image = await person.upload(5)
        # Bluesky's write is two calls, of which only the second changes anything: both are to fail.
        await world.control.switch(
            platform, fail=failure, only="write", times=2 if platform == "bluesky" else 1, slow_seconds=1
        )
        sync = await person.sync(image, connection.id)
        target = await person.reaches(sync, "VERIFIED", within_seconds=45)
        assert target.attempts >= 2
        assert await world.control.changes(platform) == 1

    await asyncio.gather(*(on(platform, world.person()) for platform in PLATFORMS))


async def test_a_picture_that_is_swallowed_is_said_to_differ_and_can_be_sent_again(world: World) -> None:
    async def on(platform: str, person: Person) -> None:
        connection = await person.connect(platform)
        image = await person.upload(7)
        await world.control.switch(platform, silent_reject=True)
        sync = await person.sync(image, connection.id)
        differing = await person.reaches(sync, "DIFFERS", reason="NOT_TAKEN_OVER")
        assert differing.next_attempt_time.seconds > 0
        assert await world.control.changes(platform) == 0

        await world.control.switch(platform)
        await person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=differing.id))
        assert (await person.reaches(sync, "VERIFIED")).attempts == 2
        assert await world.control.changes(platform) == 1

    await asyncio.gather(*(on(platform, world.person()) for platform in PLATFORMS))


async def test_a_platform_that_is_down_does_not_disturb_the_others(world: World) -> None:
    person = world.person()
    for platform in PLATFORMS:
        await person.connect(platform)
    image = await person.upload(10)
    await world.control.switch("x", fail="500")

    sync = await person.sync(image)

    async def others_are_done() -> bool:
        states = {target.platform: target.state for target in await person.targets(sync.id)}
        return all(states[name] == sync_pb2.TARGET_STATE_VERIFIED for name in ("bluesky", "mastodon"))

    await world.eventually(others_are_done)
    waiting = next(target for target in await person.targets(sync.id) if target.platform == "x")
    assert waiting.reason.code == "PLATFORM_UNAVAILABLE"

    await world.control.switch("x")

    async def finished() -> bool:
        return (await person.call("GetSync", sync_pb2.GetSyncRequest(id=sync.id))).sync.HasField("finish_time")

    await world.eventually(finished, within_seconds=30)


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


async def test_a_cool_down_holds_sends_alone(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await hold(world.inside, f"mastodon/{connection.id}/avatar", 3)

    sync = await person.sync(await person.upload(16), connection.id)
    paused = await person.reaches(sync, "PAUSED", reason="COOLDOWN")
    assert paused.attempts == 0
    assert (await person.reaches(sync, "VERIFIED")).attempts == 1
