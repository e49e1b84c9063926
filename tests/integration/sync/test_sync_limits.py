"""Servers that fail are left alone, limits are obeyed before they are broken, and nobody's many targets delay another's one."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sync_world import World

from servicekit.ids import new_id, utc_now
from services.sync.domain.circuit import FAILURES, Circuit
from services.sync.domain.outcomes import PlatformError, RateLimited
from services.sync.lifecycle import MOST_OF_OWNER
from services.sync.store import Store
from services.sync.store.tables import syncs, targets
from services.sync.store.targets import due_targets

# No adapter: the running service leaves them to us.
NOBODYS = "nowhere"


async def almost_open(world: World, server: str) -> None:
    """Makes other accounts have met with failures of a server, as other replicas note them."""
    async with world.inside.stores() as store:
        await store.save_circuit(Circuit(server, FAILURES - 1, ("another account",), utc_now()))
        await store.commit()


async def circuit_of(world: World, server: str) -> Circuit | None:
    async with world.inside.stores() as store:
        return await store.circuit(server)


async def test_a_server_that_fails_is_left_alone_and_asked_again_by_one(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    await person.first_looks_at(connection)
    image = await person.upload(21)
    await almost_open(world, "x")
    await world.control.switch("x", fail="500")
    first = await person.sync(image, connection.id)
    await person.reaches(first, "QUEUED", reason="PLATFORM_UNAVAILABLE")
    opened = await circuit_of(world, "x")
    assert opened is not None
    assert opened.open_until is not None

    # Whoever comes now does not call, although it would work.
    await world.control.switch("x")
    other = world.person()
    second = await other.sync(await other.upload(22), (await other.connect("x", account="grace")).id)
    waiting = await other.reaches(second, "PAUSED", reason="PLATFORM_DOWN")
    assert waiting.next_attempt_time.ToDatetime(opened.open_until.tzinfo) > opened.open_until
    assert waiting.attempts == 0

    # Its time is over: one asks, it answers, and all go on.
    async with world.inside.stores() as store:
        await store.save_circuit(replace(opened, failed_at=utc_now(), open_until=utc_now()))
        due = targets.c.id.in_([waiting.id, (await person.target(first)).id])
        await store.session.execute(sa.update(targets).where(due).values(ring_at=utc_now(), next_attempt_at=utc_now()))
        await store.commit()
    await person.reaches(first, "VERIFIED")
    await other.reaches(second, "VERIFIED")
    assert await circuit_of(world, "x") is None


async def test_a_server_of_a_platform_that_fails_stops_calls_to_itself_alone(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await almost_open(world, "mastodon@elsewhere.test")
    async with world.inside.stores() as store:
        known = await store.connection(connection.id)
        assert known is not None
        await store.save_circuit(
            Circuit("mastodon@elsewhere.test", FAILURES, ("a", "b"), utc_now(), 1, utc_now() + timedelta(minutes=5))
        )
        await store.commit()

    await person.reaches(await person.sync(await person.upload(23), connection.id), "VERIFIED")
    assert known.server == f"mastodon@{world.instance('mastodon')}"


@pytest.mark.parametrize("platform", ["x", "mastodon"])
async def test_what_an_answer_says_is_used_up_is_not_asked_for(world: World, platform: str) -> None:
    person = world.person()
    connection_id = (await person.connect(platform)).id
    async with world.inside.stores() as store:
        connection = await store.connection(connection_id)
    assert connection is not None
    session, adapter = world.inside.tokens.open(connection), world.inside.platforms.adapters[platform]

    async def looks(times: int) -> None:
        for _ in range(times):
            async with world.inside.breaker.calling(connection):
                await adapter.observe(session, "avatar")

    with pytest.raises(PlatformError) as caught:
        await looks(1000)

    problem = caught.value.problem
    assert isinstance(problem, RateLimited)
    # The platform has refused nothing: its own words would be here.
    assert problem.detail == ""
    assert problem.until > utc_now()


# Rows of a platform that nobody serves, for what queries do


async def add_targets(store: Store, count: int, *, owner_id: str, due: bool, platform: str = NOBODYS) -> list[str]:
    sync_id, now = new_id(), utc_now()
    common = {"owner_id": owner_id, "slot": "avatar"}
    image_id = new_id()
    await store.session.execute(
        sa.insert(syncs).values(
            **common, id=sync_id, image_id=image_id, created_at=now, finish_version=0, request_hash=""
        )
    )
    row = {
        **common,
        "sync_id": sync_id,
        "platform": platform,
        "remote_handle": "@ada",
        "image_id": image_id,
        "revision": 1,
        "requested_at": now,
        "updated_at": now,
        "state": "queued" if due else "verified",
        "attempts": 0,
        "version": 1,
        "failures": 0,
        "ring_at": now if due else None,
        "alt_text": "",
    }
    ids = [new_id() for _ in range(count)]
    await store.session.execute(sa.insert(targets), [{**row, "id": each, "connection_id": new_id()} for each in ids])
    await store.commit()
    return ids


async def claimed(world: World, ids: Collection[str]) -> list[str]:
    """Takes targets as workers do; returns those that were had."""
    had = []
    for each in ids:
        now = utc_now()
        async with world.inside.stores() as store:
            until = now + timedelta(seconds=60)
            target = await store.claim(each, lease=new_id(), now=now, until=until, most_of_owner=MOST_OF_OWNER)
            if target is None:
                assert await store.defer(each, now=now, again_at=until, most_of_owner=MOST_OF_OWNER)
            else:
                had.append(each)
            await store.commit()
    return had


async def test_an_owner_of_many_targets_lets_another_pass_and_goes_on_as_there_is_room(world: World) -> None:
    async with world.inside.stores() as store:
        many = await add_targets(store, 200, owner_id=new_id(), due=True)
        one = await add_targets(store, 1, owner_id=new_id(), due=True)

    had = await claimed(world, many)
    assert len(had) == MOST_OF_OWNER
    assert await claimed(world, one) == one

    async with world.inside.stores() as store:
        await store.session.execute(sa.update(targets).where(targets.c.id.in_(had[:10])).values(leased_until=None))
        await store.commit()
    async with world.inside.stores() as store:
        now = utc_now()
        soon = now + timedelta(minutes=2)
        released = await store.release_deferred([NOBODYS], now=now, again_at=soon, most_of_owner=MOST_OF_OWNER)
        await store.commit()
    assert len(released) == 10
    # Who had to wait first comes first.
    assert {target_id for target_id, _, _ in released} == set(many[MOST_OF_OWNER : MOST_OF_OWNER + 10])


async def test_finding_due_work_reads_what_is_due_and_no_more(world: World) -> None:
    platform = new_id()
    async with world.inside.stores() as store:
        await add_targets(store, 5000, owner_id=new_id(), due=False, platform=platform)
        await add_targets(store, 20, owner_id=new_id(), due=True, platform=platform)
        # More than would be read in one go, of a platform that has been switched off here.
        await add_targets(store, 2000, owner_id=new_id(), due=True)
        await store.session.execute(sa.text("ANALYZE targets"))
        await store.commit()
    query = due_targets([platform, "another"], now=utc_now(), limit=200)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # the library gives it no types
    text = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))

    async with world.inside.stores() as store:
        # Of so few rows all may be read sooner than an index; of millions they are not.
        await store.session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        found = (await store.session.execute(sa.text(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}"))).scalar_one()

    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    assert plan["Actual Rows"] == 20
    scans = [node for node in nodes(plan) if node.get("Relation Name") == "targets"]
    # By the index itself, or by a bitmap of it.
    assert {node["Index Name"] for node in nodes(plan) if "Index Name" in node} == {"targets_due"}
    read = sum(scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) for scan in scans)
    assert read <= 20


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:  # JSON
    """Returns all nodes of a plan."""
    return [plan, *(each for child in plan.get("Plans", []) for each in nodes(child))]
