"""When accounts are looked after without being asked, what follows from what is found, and who decides that."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sync_world import Person, World, photograph

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import new_id, utc_now
from services.sync.domain.schedule import CheckEvery, next_check
from services.sync.platforms.base import Adapter, Kind, Observation, Picture, Session
from services.sync.reconciler import Reconciler
from services.sync.store import StaleTargetError
from services.sync.store.tables import holds, targets

DAY, WEEK, NEVER = sync_pb2.CHECK_EVERY_DAY, sync_pb2.CHECK_EVERY_WEEK, sync_pb2.CHECK_EVERY_NEVER


async def update(person: Person, connection_id: str, **changes: Any) -> sync_pb2.Connection:
    request = sync_pb2.UpdateConnectionRequest(id=connection_id, **changes)
    return (await person.call("UpdateConnection", request)).connection  # type: ignore[no-any-return]


async def leave(person: Person, target_id: str) -> sync_pb2.Target:
    return (await person.call("LeaveTarget", sync_pb2.LeaveTargetRequest(id=target_id))).target  # type: ignore[no-any-return]


async def shown(world: World, person: Person, seed: int, **changes: Any) -> tuple[sync_pb2.Connection, sync_pb2.Sync]:
    """Connects an account, says how it is looked after, and brings a picture there."""
    connection = await person.connect("mastodon")
    await person.first_looks_at(connection)
    await update(person, connection.id, **changes)
    sync = await person.sync(await person.upload(seed), connection.id)
    await person.reaches(sync, "VERIFIED")
    return await person.connection(connection.id), sync


async def change_there(world: World, connection_id: str, seed: int) -> None:
    """Changes a picture on the platform, as somebody else does; it shows at once."""
    await world.control.switch("mastodon", slow_seconds=0)
    out = io.BytesIO()
    photograph(seed).save(out, "JPEG", quality=90)
    picture = Picture(out.getvalue(), "image/jpeg", hashlib.sha256(out.getvalue()).hexdigest())
    session = await world.session(connection_id)
    await world.inside.platforms.adapters["mastodon"].submit(session, "avatar", picture)


async def is_due(world: World, *target_ids: str) -> None:
    """Lets the time of planned looks come."""
    async with world.inside.stores() as store:
        planned = targets.c.id.in_(target_ids) & targets.c.next_attempt_at.is_not(None)
        now = utc_now()
        await store.session.execute(sa.update(targets).where(planned).values(next_attempt_at=now, ring_at=now))
        await store.commit()


def planned(connection: sync_pb2.Connection, every: CheckEvery) -> datetime | None:
    return next_check(every, connection.schedule.time_zone, after=utc_now(), spread=connection.id)


async def test_an_account_is_looked_after_as_its_owner_chose_and_what_is_not_named_stays(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    assert connection.schedule == sync_pb2.Schedule(check_every=NEVER, time_zone="UTC")
    assert [slot.on_difference for slot in connection.slots] == [sync_pb2.ON_DIFFERENCE_ASK] * 2

    await update(
        person,
        connection.id,
        check_every=WEEK,
        time_zone="Europe/Berlin",
        on_difference={"avatar": sync_pb2.ON_DIFFERENCE_RESTORE},
    )
    after = await update(person, connection.id, follow_defaults=True)

    assert after.schedule == sync_pb2.Schedule(follow_defaults=True, check_every=WEEK, time_zone="Europe/Berlin")
    policies = {slot.slot: slot.on_difference for slot in after.slots}
    assert policies == {"avatar": sync_pb2.ON_DIFFERENCE_RESTORE, "banner": sync_pb2.ON_DIFFERENCE_ASK}
    back = await update(
        person,
        connection.id,
        check_every=sync_pb2.CHECK_EVERY_UNSPECIFIED,
        time_zone="",
        on_difference={"avatar": sync_pb2.ON_DIFFERENCE_UNSPECIFIED},
    )
    assert back.schedule == sync_pb2.Schedule(follow_defaults=True, check_every=NEVER, time_zone="UTC")
    assert [slot.on_difference for slot in back.slots] == [sync_pb2.ON_DIFFERENCE_ASK] * 2


async def test_what_cannot_be_chosen_is_named_and_changes_nothing(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    restore = sync_pb2.ON_DIFFERENCE_RESTORE
    for reason, changes in (
        ("TIME_ZONE_UNKNOWN", {"check_every": DAY, "time_zone": "Mars/Olympus"}),
        ("TIME_ZONE_UNKNOWN", {"check_every": DAY, "time_zone": "../../etc/localtime"}),
        ("SLOT_UNKNOWN", {"check_every": DAY, "on_difference": {"avatar": restore, "door": restore}}),
        ("INVALID_INPUT", {"check_every": 77}),
        ("INVALID_INPUT", {"check_every": DAY, "on_difference": {"avatar": 77}}),
    ):
        assert await person.reason_of(update(person, connection.id, **changes)) == reason
    after = await person.connection(connection.id)
    assert after.schedule == connection.schedule
    assert {slot.on_difference for slot in after.slots} == {sync_pb2.ON_DIFFERENCE_ASK}
    for nobodys in (new_id(), "no id"):
        assert await person.reason_of(update(person, nobodys, check_every=DAY)) == "CONNECTION_NOT_FOUND"
    stranger = world.person()
    assert await stranger.reason_of(update(stranger, connection.id, check_every=DAY)) == "CONNECTION_NOT_FOUND"


async def test_looks_that_are_planned_move_with_the_schedule_and_end_with_it(world: World) -> None:
    person = world.person()
    connection, sync = await shown(world, person, 301)
    target = await person.target(sync)
    assert not target.HasField("next_check_time")

    daily = await update(person, connection.id, check_every=DAY, time_zone="Asia/Tokyo")
    target = await person.target(sync)
    assert target.next_check_time.ToDatetime(UTC) == planned(daily, CheckEvery.DAY)
    assert not target.HasField("next_attempt_time")
    assert daily.schedule.next_check_time == target.next_check_time
    listed = (await person.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections
    assert [each.schedule for each in listed] == [daily.schedule]

    elsewhere = await update(person, connection.id, time_zone="America/Los_Angeles")
    assert elsewhere.schedule.next_check_time.ToDatetime(UTC) == planned(elsewhere, CheckEvery.DAY)
    assert elsewhere.schedule.next_check_time != daily.schedule.next_check_time

    stopped = await update(person, connection.id, check_every=NEVER)
    assert not stopped.schedule.HasField("next_check_time")
    assert not (await person.target(sync)).HasField("next_check_time")


async def test_what_is_verified_later_is_looked_at_by_the_schedule_too_and_only_the_newest_of_a_place(
    world: World,
) -> None:
    person = world.person()
    connection, first = await shown(world, person, 302, check_every=DAY)
    second = await person.sync(await person.upload(303), connection.id)
    target = await person.reaches(second, "VERIFIED")
    assert target.next_check_time.ToDatetime(UTC) == planned(connection, CheckEvery.DAY)
    earlier = await person.target(first)

    weekly = await update(person, connection.id, check_every=WEEK)

    assert (await person.target(second)).next_check_time.ToDatetime(UTC) == planned(weekly, CheckEvery.WEEK)
    assert await person.target(first) == earlier


async def test_a_look_that_finds_the_picture_plans_the_next_one_and_sends_nothing(world: World) -> None:
    person = world.person()
    connection, sync = await shown(world, person, 304, check_every=DAY)
    before = await person.target(sync)

    await is_due(world, before.id)

    async def looked() -> sync_pb2.Target | None:
        target = await person.target(sync)
        return target if target.observed.observe_time.ToDatetime() > before.observed.observe_time.ToDatetime() else None

    after = await world.eventually(looked)
    assert after.state == sync_pb2.TARGET_STATE_VERIFIED
    assert after.next_check_time.ToDatetime(UTC) == planned(connection, CheckEvery.DAY)
    assert await person.history(before.id) == ["QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED"]
    assert await world.control.changes("mastodon") == 1


async def test_who_looks_by_the_old_schedule_plans_nothing_any_more(world: World) -> None:
    person = world.person()
    connection, sync = await shown(world, person, 305, check_every=DAY)
    async with world.inside.stores() as store:
        held = await store.target((await person.target(sync)).id)
    assert held is not None

    await update(person, connection.id, check_every=NEVER)

    async with world.inside.stores() as store:
        with pytest.raises(StaleTargetError):
            await store.save(held, lease=None, until=None, ring_at=None)
    assert not (await person.target(sync)).HasField("next_check_time")


class InterruptedAdapter:
    """An adapter that lets something happen while it looks."""

    def __init__(self, real: Adapter, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._real = real
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    async def observe(self, session: Session, slot: Kind) -> Observation:
        await self._meanwhile()
        return await self._real.observe(session, slot)


async def test_a_schedule_that_is_chosen_during_a_look_counts_for_what_the_look_finds(world: World) -> None:
    person, worker = world.person(), world.inside
    connection, first = await shown(world, person, 310)
    account = f"mastodon/{connection.id}"
    async with worker.stores() as store:
        await store.hold(account, utc_now() + timedelta(hours=1))
        await store.commit()
    again = await person.sync(first.image_id, connection.id)
    paused = await person.reaches(again, "PAUSED")
    async with worker.stores() as store:
        # Nobody but this test takes it up again.
        held = await store.target(paused.id)
        assert held is not None
        await store.session.execute(sa.delete(holds).where(holds.c.key == account))
        await store.save(replace(held, next_attempt_at=None), lease=None, until=None, ring_at=None)
        await store.commit()
    adapters = dict(worker.platforms.adapters)
    adapters["mastodon"] = cast(
        "Adapter",
        InterruptedAdapter(adapters["mastodon"], lambda: update(person, connection.id, check_every=DAY)),
    )

    await Reconciler(replace(worker, platforms=replace(worker.platforms, adapters=adapters))).work(paused.id)

    target = await person.target(again)
    assert (target.state, target.reason.code) == (sync_pb2.TARGET_STATE_VERIFIED, "ALREADY_RIGHT")
    assert target.next_check_time.ToDatetime(UTC) == planned(await person.connection(connection.id), CheckEvery.DAY)


async def test_what_the_owner_leaves_is_left_whatever_the_place_showed_before(world: World) -> None:
    person = world.person()
    restore = {"avatar": sync_pb2.ON_DIFFERENCE_RESTORE}
    connection, first = await shown(world, person, 306, check_every=DAY, on_difference=restore)
    second = await person.sync(await person.upload(307), connection.id)
    await person.reaches(second, "VERIFIED")
    await update(person, connection.id, on_difference={"avatar": sync_pb2.ON_DIFFERENCE_ASK})
    await change_there(world, connection.id, 308)
    await is_due(world, (await person.target(second)).id)
    differs = await person.reaches(second, "DIFFERS", reason="CHANGED_THERE")
    assert differs.HasField("next_check_time")

    left = await leave(person, differs.id)
    assert left.state == sync_pb2.TARGET_STATE_CANCELLED
    assert (left.reason.code, left.reason.message) == (
        "KEPT_THERE",
        "You have chosen to leave what Mastodon shows.",
    )
    assert not left.HasField("next_check_time")
    assert await person.history(differs.id) == [
        *("QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED", "DIFFERS", "CANCELLED")
    ]

    # Nor is the one before put back, although its look is still planned and the policy would have it.
    await update(person, connection.id, check_every=WEEK, on_difference=restore)
    [older] = await person.targets(first.id)
    await is_due(world, older.id)

    async def given_up() -> bool:
        return not (await person.target(first)).HasField("next_check_time")

    await world.eventually(given_up)
    assert not (await person.connection(connection.id)).schedule.HasField("next_check_time")
    assert await world.control.changes("mastodon") == 3
    assert await person.reason_of(leave(person, differs.id)) == "TARGET_NOT_DIFFERENT"


async def test_only_what_differs_can_be_left_and_only_by_its_owner(world: World) -> None:
    person, stranger = world.person(), world.person()
    _, sync = await shown(world, person, 309)
    target = await person.target(sync)
    assert await person.reason_of(leave(person, target.id)) == "TARGET_NOT_DIFFERENT"
    assert await stranger.reason_of(leave(stranger, target.id)) == "TARGET_NOT_FOUND"
    assert await person.reason_of(leave(person, "no id")) == "TARGET_NOT_FOUND"
