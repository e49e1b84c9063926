"""Limits, and servers that fail: every adapter through every case, as the table has them. See test_sync_conformance.py."""

from datetime import timedelta

from conformance_place import WE, connected
from conformance_table import COLUMNS, Case, Column, Reset, walks, walks_resets
from conformance_waits import short_waits, sync_settings  # noqa: F401  # for these tests alone
from sync_world import World

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now


@walks_resets()
async def test_a_rate_limit_is_waited_out(world: World, column: Column, reset: Reset) -> None:
    place = await connected(world, column)
    only = "write" if column.writes else "read"
    limited = {"fail": "429", "only": only, "times": 1, "retry_after_seconds": 1}
    await place.switch(**reset.switches, **limited)

    sync = await place.sync(7)
    paused = await place.reaches(sync, "PAUSED", reason="RATE_LIMITED")
    assert paused.reason.action_class == WE
    assert await place.changes() == 0
    wait = paused.next_attempt_time.seconds - utc_now().timestamp()
    if reset.untold_seconds is not None:
        assert reset.untold_seconds - 25 < wait < reset.untold_seconds + 1
        return
    # Told to the second, and a little later, so that not all that wait come back at once.
    assert wait < 4

    assert (await place.goes_on(sync)).attempts == 2 * column.writes
    assert await place.changes() == column.writes


@walks(Case.COOL_DOWN)
async def test_a_cool_down_of_a_place_holds_sends_alone(world: World, column: Column) -> None:
    place = await connected(world, column)
    async with world.inside.stores() as store:
        key = f"{column.platform}/{place.connection.id}/avatar"
        await store.hold(key, utc_now() + timedelta(seconds=1))
        await store.commit()

    sync = await place.sync(8)
    paused = await place.reaches(sync, "PAUSED", reason="COOLDOWN")
    assert (paused.attempts, paused.reason.action_class) == (0, WE)
    assert (await place.reaches(sync, "VERIFIED")).attempts == 1
    assert await place.changes() == 1


@walks(Case.SERVER_ERROR)
async def test_a_server_error_is_tried_again_and_after_a_send_looked_at_first(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(fail="500", only="read", times=2)
    looked = await place.sync(14)
    queued = await place.reaches(looked, "QUEUED", reason="PLATFORM_UNAVAILABLE")
    assert (queued.attempts, queued.reason.action_class) == (0, WE)
    assert (await place.goes_on(looked)).attempts == column.writes
    if not column.writes:
        assert await place.changes() == 0
        return

    await place.switch(fail="500", only="write", times=column.calls_to_send)
    sent = await place.reaches(await place.sync(15), "VERIFIED")
    assert sent.attempts >= 2
    assert await place.changes() == 2
    assert await place.is_connected()


@walks(Case.HANG, mode="write")
async def test_a_server_that_hangs_is_given_up_and_holds_up_nobody_else(world: World, column: Column) -> None:
    place = await connected(world, column)
    other = await connected(world, COLUMNS["bluesky" if column.platform == "x" else "x"], place.person)
    await place.switch(hold_answer=True, times=1)

    sync = await place.sync(16)
    await place.person.reaches(sync, "SENDING")
    await other.reaches(await other.sync(16), "VERIFIED")
    assert (await place.person.target(sync)).state == sync_pb2.TARGET_STATE_SENDING

    assert (await place.reaches(sync, "VERIFIED")).attempts == 1
    assert await place.changes() == await other.changes() == 1


@walks(Case.HANG, mode="assisted")
async def test_a_server_that_hangs_while_it_is_looked_at_is_given_up_and_asked_again(
    world: World, column: Column
) -> None:
    place = await connected(world, column)
    await place.switch(fail="hang", only="read", times=1)
    sync = await place.sync(16)
    await place.reaches(sync, "QUEUED", reason="PLATFORM_UNAVAILABLE")
    assert (await place.goes_on(sync)).attempts == 0


@walks(Case.CUT)
async def test_a_send_that_is_cut_off_is_looked_for_before_it_is_repeated(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(lose_answer=True, times=1)
    assert (await place.reaches(await place.sync(17), "VERIFIED")).attempts == 1
    assert await place.changes() == 1

    # Cut before anything has happened; where a send is of several calls, the one that counts among them.
    await place.switch(fail="drop", only="write", times=column.calls_to_send)
    assert (await place.reaches(await place.sync(18), "VERIFIED")).attempts >= 2
    assert await place.changes() == 2
