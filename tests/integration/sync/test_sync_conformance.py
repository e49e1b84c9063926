"""Every adapter through every case, by the running service against the sandbox: what a person sees, what the platform saw, who is held up.

Who is walked through what stands in conformance_table.py.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
from by_hand import confirm, set_by_hand
from conformance_place import Place, connected, history, listed, switch
from conformance_table import COLUMNS, WALKED, Case, Column, Reset, walks, walks_resets
from sync_world import World, quick_catalogue

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now
from services.sync.domain import outcomes as o
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import Kind, Observation, find_builders
from services.sync.settings import SyncSettings

WE, YOU, THEY = (
    sync_pb2.ACTION_CLASS_WE_ARE_ON_IT,
    sync_pb2.ACTION_CLASS_YOU_CAN_FIX_THIS,
    sync_pb2.ACTION_CLASS_PLATFORM_DOES_NOT_ALLOW_IT,
)
SLOTS: tuple[Kind, ...] = ("avatar", "banner")


@pytest.fixture(scope="module", autouse=True)
def short_waits(short_waits: None) -> Iterator[None]:
    """Waits still less than the other tests of sync do: here somebody waits in nearly every one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.sync.app.load_catalogue", partial(quick_catalogue, settle_seconds=0.3))
        patch.setattr("services.sync.domain.target.LEAST_PATIENCE_SECONDS", 1.2)
        patch.setattr("services.sync.domain.retry.FIRST_DELAY_SECONDS", 0.3)
        patch.setattr("services.sync.domain.retry.UNKNOWN_SETTLE_SECONDS", 0.5)
        yield


@pytest.fixture(scope="module")
def sync_settings(sync_settings: Callable[..., SyncSettings]) -> Callable[..., SyncSettings]:
    return partial(sync_settings, sweep_seconds=0.1)


# The table itself


def test_every_adapter_has_a_column() -> None:
    assert {column.platform for column in COLUMNS.values()} == set(find_builders())


def test_every_case_is_walked_in_every_column() -> None:
    rows = {(name, case) for name, column in COLUMNS.items() for case in Case if case not in column.not_here}
    assert rows == WALKED


def test_where_a_case_has_no_meaning_the_table_says_why() -> None:
    for name, column in COLUMNS.items():
        for case, why in column.not_here.items():
            assert why.endswith("."), (name, case)
            assert len(why.split()) > 4, (name, case)


# Access


@walks(Case.CONNECT)
async def test_what_is_there_is_found_and_kept_and_a_look_changes_nothing(world: World, column: Column) -> None:
    place = await connected(world, column)
    assert place.connection.remote_handle.lower().lstrip("@").startswith("ada")
    for slot in place.connection.slots:
        if slot.slot in column.slots:
            assert slot.mode == column.mode
            assert slot.observed.object_key.startswith(f"snapshots/{place.person.id}/")
            assert await world.objects.exists(slot.observed.object_key)
        else:
            assert slot.mode != "write"

    request = sync_pb2.CheckConnectionRequest(id=place.connection.id)
    checked = (await place.person.call("CheckConnection", request)).connection

    assert checked.state == sync_pb2.CONNECTION_STATE_HEALTHY
    assert {slot.slot for slot in checked.slots if slot.observed.perceptual_hash} == set(column.slots)
    assert await history(world, column) == []


@walks(Case.REFUSED_CONSENT)
async def test_a_refusal_by_the_person_connects_nothing(world: World, column: Column) -> None:
    await switch(world, column)
    person = world.person()
    url = await person.begin(column.platform, world.instance(column.platform))
    parameters = await world.consent(url, decision="deny")
    assert await person.reason_of(person.finish(column.platform, parameters)) == "CONSENT_DENIED"
    assert await listed(person) == []


@walks(Case.USED_LINK)
async def test_a_link_is_good_for_one_use_by_one_person(world: World, column: Column) -> None:
    await switch(world, column)
    person, stranger = world.person(), world.person()
    url = await person.begin(column.platform, world.instance(column.platform))
    parameters = await world.consent(url)

    assert await stranger.reason_of(stranger.finish(column.platform, parameters)) == "CONNECT_LINK_EXPIRED"
    await person.finish(column.platform, parameters)
    assert await person.reason_of(person.finish(column.platform, parameters)) == "CONNECT_ALREADY_DONE"
    assert await listed(stranger) == []


@walks(Case.RECONNECT)
async def test_who_connects_an_account_twice_has_it_once(world: World, column: Column) -> None:
    place = await connected(world, column)
    again = await connected(world, column, place.person)
    assert again.connection.id == place.connection.id
    assert await listed(place.person) == [place.connection.id]
    assert await history(world, column) == []


@walks(Case.OTHER_ACCOUNT)
async def test_another_account_becomes_another_connection_and_gets_nothing_that_waits_for_the_first(
    world: World, column: Column
) -> None:
    ada = await connected(world, column)
    await ada.switch(revoke_tokens=True)
    sync = await ada.sync(1)
    await ada.reaches(sync, "PAUSED", reason="AUTH_REVOKED")

    grace = await connected(world, column, ada.person, "grace")

    assert await listed(ada.person) == [grace.connection.id, ada.connection.id]
    assert await grace.is_connected()
    assert not await ada.is_connected()
    await ada.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert await history(world, column) == []


@walks(Case.DISCONNECT)
async def test_disconnecting_gives_the_access_back_and_leaves_the_pictures(world: World, column: Column) -> None:
    place = await connected(world, column)
    session = await world.session(place.connection.id)
    await place.person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=place.connection.id))

    assert await listed(place.person) == []
    assert await history(world, column) == []
    assert await world.is_ended(column.platform, session) is column.gives_back


@walks(Case.RENEWAL)
async def test_access_that_has_run_out_is_renewed_and_the_work_goes_on(world: World, column: Column) -> None:
    place = await connected(world, column)
    before = await world.session(place.connection.id)
    for seed in (2, 3):
        await place.switch(expire_tokens=True)
        await place.reaches(await place.sync(seed), "VERIFIED")

    after = await world.session(place.connection.id)
    assert after.credentials["access_token"] != before.credentials["access_token"]
    assert (after.credentials["refresh_token"] != before.credentials["refresh_token"]) is column.rotates
    assert await place.is_connected()
    assert await place.changes() == 2


@walks(Case.REVOKED)
async def test_revoked_access_parks_the_work_until_a_reconnect(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(revoke_tokens=True)

    sync = await place.sync(4)
    paused = await place.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    assert paused.reason.action_class == YOU
    broken = await place.person.connection(place.connection.id)
    assert broken.state == sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT
    assert broken.reason.code == "AUTH_REVOKED"
    assert await place.changes() == 0

    assert (await connected(world, column, place.person)).connection.id == place.connection.id
    await place.goes_on(sync)
    assert await place.changes() == column.writes


@walks(Case.MISSING_SCOPE)
async def test_a_missing_permission_is_the_persons_to_give(world: World, column: Column) -> None:
    place = await connected(world, column)
    await place.switch(fail="403_scope", only="write")

    sync = await place.sync(5)
    target = await place.reaches(sync, "NEEDS_YOU", reason="MISSING_PERMISSION")
    assert target.reason.action_class == YOU
    assert await place.is_connected()
    assert await place.changes() == 0

    await connected(world, column, place.person)
    await place.reaches(sync, "VERIFIED")
    assert await place.changes() == 1


# Pictures


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
