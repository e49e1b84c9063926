"""Sending pictures and taking them away: every adapter through every case, as the table has them. See test_sync_conformance.py."""

import pytest
from by_hand import confirm, set_by_hand
from conformance_place import SLOTS, WE, YOU, Place, connected
from conformance_table import Case, Column, walks
from conformance_waits import short_waits, sync_settings  # noqa: F401  # for these tests alone
from sync_world import World

from linkarooie.sync.v1 import sync_pb2
from services.sync.domain import outcomes as o
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import Kind, Observation


@walks(Case.SENT_ONCE, mode="write")
async def test_a_picture_is_sent_once_and_seen_there_and_not_sent_again(world: World, column: Column) -> None:
    place = await connected(world, column)
    for slot in column.slots:
        image = await place.person.upload(6, slot)
        sync = await place.person.sync(image, place.connection.id, slot=slot)
        target = await place.reaches(sync, "VERIFIED")
        assert target.attempts == 1
        assert await place.person.history(target.id) == ["QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED"]

        again = await place.person.sync(image, place.connection.id, slot=slot)
        assert (await place.reaches(again, "VERIFIED", reason="ALREADY_RIGHT")).attempts == 0
    assert {slot: await place.changes(slot) for slot in SLOTS} == {slot: int(slot in column.slots) for slot in SLOTS}


@walks(Case.SENT_ONCE, Case.SLOW, Case.SWALLOWED, mode="assisted")
async def test_a_picture_that_only_its_owner_can_set_is_looked_for_when_they_say_that_it_is_there(
    world: World, column: Column
) -> None:
    place = await connected(world, column)
    image = await place.person.upload(6)
    sync = await place.person.sync(image, place.connection.id)
    asked = await place.goes_on(sync)
    assert asked.reason.link
    assert asked.instructions
    await confirm(place.person, asked)
    await place.reaches(sync, "DIFFERS", reason="NOT_SEEN")
    assert await place.changes() == 0

    sync = await place.person.sync(image, place.connection.id)
    asked = await place.goes_on(sync)
    await place.switch(slow_seconds=0.8)
    await set_by_hand(world, column.sandbox, 6, name=column.ada)
    await confirm(place.person, asked)
    done = await place.reaches(sync, "VERIFIED")
    assert done.attempts == 0
    assert "LOOKING" in await place.reasons(done)

    again = await place.person.sync(image, place.connection.id)
    assert (await place.reaches(again, "VERIFIED", reason="ALREADY_RIGHT")).attempts == 0
    assert await place.changes() == 1


@walks(Case.REMOVAL)
async def test_a_picture_is_taken_away_where_the_platform_has_a_call_for_it_and_the_other_stays(
    world: World, column: Column
) -> None:
    place = await connected(world, column)
    adapter, session = await place.adapter()
    for slot in SLOTS:
        others = [each for each in column.slots if each != slot]
        before = [(await adapter.observe(session, each)).tag for each in others]
        changes = await place.changes(slot)
        if slot not in column.removable:
            with pytest.raises(PlatformError) as caught:
                await adapter.remove(session, slot)
            assert isinstance(caught.value.problem, o.Unsupported)
            assert caught.value.problem.message.endswith(".")
            assert await place.changes(slot) == changes
            continue

        # The answer of the first is lost, and it has worked; so the second finds nothing to do.
        await place.switch(lose_answer=True, times=1)
        with pytest.raises(PlatformError) as caught:
            await adapter.remove(session, slot)
        assert isinstance(caught.value.problem, o.OutcomeUnknown)
        assert isinstance(await adapter.remove(session, slot), o.Accepted)

        await world.eventually(lambda slot=slot: shows_nothing(place, slot))
        assert await place.changes(slot) == changes + 1

        # What the service put there is taken away when its person wants back what was before.
        target = await place.reaches(await place.sync(19, slot), "VERIFIED")
        request = sync_pb2.RollBackTargetRequest(id=target.id)
        await place.reaches((await place.person.call("RollBackTarget", request)).sync, "VERIFIED")
        assert await shows_nothing(place, slot)
        assert await place.changes(slot) == changes + 3
        assert [(await adapter.observe(session, each)).tag for each in others] == before


async def shows_nothing(place: Place, slot: Kind) -> bool:
    adapter, session = await place.adapter()
    return await adapter.observe(session, slot) == Observation()


# Waits


@walks(Case.SLOW, mode="write")
async def test_a_platform_that_takes_its_time_is_waited_for(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(slow_seconds=0.8)
    sync = await place.sync(9)
    done = await place.reaches(sync, "VERIFIED")
    assert done.attempts == 1
    assert "SETTLING" in await place.reasons(done)
    assert await place.changes() == 1


# Refusals


@walks(Case.TOO_LARGE, Case.WRONG_FORMAT)
async def test_a_file_that_the_platform_refuses_is_said_to_be_that_and_can_be_sent_again(
    world: World, column: Column
) -> None:
    place = await connected(world, column)
    await place.switch(max_bytes=1000)
    large = await place.reaches(await place.sync(10), "FAILED", reason="IMAGE_REJECTED")
    await place.switch(refuse_format="JPEG")
    sync = await place.sync(11)
    strange = await place.reaches(sync, "FAILED", reason="IMAGE_REJECTED")
    for target in (large, strange):
        assert target.attempts == 1
        assert target.reason.action_class == YOU
        # Which rule it was, in the platform's words or in ours.
        assert len(target.reason.message.partition("does not take the file.")[2].split()) > 4
    assert await place.is_connected()
    assert await place.changes() == 0

    await place.switch()
    await place.retry(strange)
    await place.reaches(sync, "VERIFIED")
    assert await place.changes() == 1


@walks(Case.CONFLICT)
async def test_who_writes_at_the_same_moment_as_somebody_else_reads_again(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(**column.conflict)
    sync = await place.sync(12)
    queued = await place.reaches(sync, "QUEUED", reason="CONFLICT")
    assert queued.reason.action_class == WE
    assert (await place.reaches(sync, "VERIFIED")).attempts == 2
    assert await place.changes() == 1


@walks(Case.SWALLOWED, mode="write")
async def test_a_picture_that_is_swallowed_is_said_to_differ_and_can_be_sent_again(
    world: World, column: Column
) -> None:
    place = await connected(world, column)
    await place.switch(silent_reject=True)
    sync = await place.sync(13)
    differing = await place.reaches(sync, "DIFFERS", reason="NOT_TAKEN_OVER")
    assert differing.next_attempt_time.seconds > 0
    assert differing.reason.action_class == YOU
    assert await place.changes() == 0

    await place.switch()
    await place.retry(differing)
    assert (await place.reaches(sync, "VERIFIED")).attempts == 2
    assert await place.changes() == 1


# Servers in trouble
