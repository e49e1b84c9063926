"""Verified places that are looked at again: what is found, and what follows from it."""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
from sync_world import Person, World, photograph

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now
from services.sync.platforms.base import Adapter, Picture, Session
from services.sync.reconciler import Reconciler

BY_POLICY = {
    sync_pb2.ON_DIFFERENCE_ASK: "CHANGED_THERE",
    sync_pb2.ON_DIFFERENCE_LEAVE: "LEFT_THERE",
}


@dataclass
class Watched:
    """A verified avatar of an account that is looked at every day."""

    world: World
    person: Person
    connection: sync_pb2.Connection
    sync: sync_pb2.Sync

    async def is_changed_there(self, seed: int) -> None:
        """Somebody sets another picture at the platform."""
        file = io.BytesIO()
        photograph(seed).save(file, "JPEG", quality=90)
        content = file.getvalue()
        picture = Picture(content, "image/jpeg", hashlib.sha256(content).hexdigest())
        await self._and_shows(lambda adapter, session: adapter.submit(session, "avatar", picture))

    async def is_taken_away_there(self) -> None:
        await self._and_shows(lambda adapter, session: adapter.remove(session, "avatar"))

    async def _and_shows(self, change: Callable[[Adapter, Session], Awaitable[object]]) -> None:
        session = await self.world.session(self.connection.id)
        adapter = self.world.inside.platforms.adapters[self.connection.platform]
        before = await adapter.observe(session, "avatar")
        await change(adapter, session)

        async def shows() -> bool:
            return (await adapter.observe(session, "avatar")).tag != before.tag

        await self.world.eventually(shows)

    async def is_due(self) -> None:
        """Brings the next check forward to now."""
        async with self.world.inside.stores() as store:
            await store.plan_checks(self.connection.id, ["avatar"], utc_now())
            await store.commit()

    async def is_checked(self) -> sync_pb2.Target:
        """Brings the check forward and waits until it is done: the target rests, and has its next check before it."""
        await self.is_due()

        async def done() -> sync_pb2.Target | None:
            target = await self.person.target(self.sync)
            due = target.next_check_time.ToDatetime() if target.HasField("next_check_time") else None
            return target if due is None or due.timestamp() > utc_now().timestamp() + 60 else None

        return await self.world.eventually(done)  # type: ignore[no-any-return]

    async def changes(self) -> int:
        return await self.world.control.changes(self.connection.platform)


async def watched(
    world: World,
    platform: str,
    seed: int,
    policy: sync_pb2.OnDifference.ValueType = sync_pb2.ON_DIFFERENCE_ASK,
) -> Watched:
    person = world.person()
    connection = await person.connect(platform)
    update = sync_pb2.UpdateConnectionRequest(
        id=connection.id,
        check_every=sync_pb2.CHECK_EVERY_DAY,
        time_zone="Europe/Berlin",
        on_difference={"avatar": policy},
    )
    await person.call("UpdateConnection", update)
    sync = await person.sync(await person.upload(seed), connection.id)
    await person.reaches(sync, "VERIFIED")
    return Watched(world, person, connection, sync)


@pytest.mark.parametrize("platform", ["bluesky", "x"])
async def test_what_is_still_there_is_seen_and_no_news(world: World, platform: str) -> None:
    place = await watched(world, platform, 910)
    before, steps = (
        await place.person.target(place.sync),
        await place.person.history((await place.person.target(place.sync)).id),
    )
    after = await place.is_checked()
    assert after.state == sync_pb2.TARGET_STATE_VERIFIED
    assert after.observed.observe_time.ToDatetime() > before.observed.observe_time.ToDatetime()
    assert await place.person.history(after.id) == steps
    assert await place.changes() == 1


@pytest.mark.parametrize("policy", BY_POLICY, ids=sync_pb2.OnDifference.Name)
async def test_another_picture_is_told_and_left_until_its_owner_decides(
    world: World, policy: sync_pb2.OnDifference.ValueType
) -> None:
    place = await watched(world, "x", 911, policy)
    await place.is_changed_there(912)
    await place.is_due()
    await place.person.reaches(place.sync, "DIFFERS", reason=BY_POLICY[policy])
    again = await place.is_checked()
    assert again.state == sync_pb2.TARGET_STATE_DIFFERS
    assert (await place.person.history(again.id))[-2:] == ["VERIFIED", "DIFFERS"]
    assert await place.changes() == 2


@pytest.mark.parametrize("platform", ["bluesky", "mastodon", "x"])
async def test_another_picture_is_replaced_by_ours_where_its_owner_wants_that(world: World, platform: str) -> None:
    place = await watched(world, platform, 913, sync_pb2.ON_DIFFERENCE_RESTORE)
    await place.is_changed_there(914)
    await place.is_due()

    async def put_back() -> bool:
        return await place.changes() == 3

    await world.eventually(put_back)
    target = await place.person.reaches(place.sync, "VERIFIED")
    history = await place.person.history(target.id)
    assert history[history.index("VERIFIED") :][:4] == ["VERIFIED", "DIFFERS", "QUEUED", "SENDING"]
    assert (await place.is_checked()).state == sync_pb2.TARGET_STATE_VERIFIED
    assert await place.changes() == 3


async def test_a_picture_that_was_taken_away_is_called_gone(world: World) -> None:
    place = await watched(world, "mastodon", 915)
    await place.is_taken_away_there()
    await place.is_due()
    target = await place.person.reaches(place.sync, "DIFFERS", reason="CHANGED_THERE")
    assert "no picture any more" in target.reason.message


async def test_what_its_owner_wants_back_is_sent_again(world: World) -> None:
    place = await watched(world, "x", 916)
    await place.is_changed_there(917)
    await place.is_due()
    target = await place.person.reaches(place.sync, "DIFFERS")
    await place.person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=target.id))
    await place.person.reaches(place.sync, "VERIFIED")
    assert await place.changes() == 3


async def test_a_newer_wish_ends_the_checks_of_the_older_one(world: World) -> None:
    place = await watched(world, "x", 918, sync_pb2.ON_DIFFERENCE_RESTORE)
    newer = await place.person.sync(await place.person.upload(919), place.connection.id)
    await place.person.reaches(newer, "VERIFIED")
    old = await place.person.target(place.sync)
    async with world.inside.stores() as store:
        target = await store.target(old.id)
        assert target is not None
        due = replace(target, next_attempt_at=utc_now())
        await store.save(due, lease=None, until=None, ring_at=utc_now())
        await store.commit()

    async def left_alone() -> bool:
        return not (await place.person.target(place.sync)).HasField("next_check_time")

    await world.eventually(left_alone)
    assert (await place.person.target(place.sync)).state == sync_pb2.TARGET_STATE_VERIFIED
    assert await place.changes() == 2


async def test_a_check_while_the_platform_is_down_changes_nothing_and_is_made_up_for(world: World) -> None:
    place = await watched(world, "x", 920)
    await world.control.switch("x", fail="500")
    target = await place.is_checked()
    assert target.state == sync_pb2.TARGET_STATE_VERIFIED
    soon = target.next_check_time.ToDatetime().timestamp() - utc_now().timestamp()
    assert 0 < soon <= 3600


async def test_two_workers_put_a_picture_back_once(world: World) -> None:
    place = await watched(world, "x", 921, sync_pb2.ON_DIFFERENCE_RESTORE)
    await place.is_changed_there(922)
    await place.is_due()
    target = await place.person.target(place.sync)
    await asyncio.gather(*(Reconciler(world.inside).work(target.id) for _ in range(3)))

    async def put_back() -> bool:
        return await place.changes() == 3

    await world.eventually(put_back)
    await place.person.reaches(place.sync, "VERIFIED")
    assert await place.changes() == 3
