"""Accounts are looked after without being asked: access that works, that has ended, that ends soon, and servers that do not answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sync_world import PLATFORMS, Person, World

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import utc_now
from services.sync.domain.care import EXPIRY_TOLD_BEFORE, PROBE_EVERY
from services.sync.domain.connection import Connection, Grant, RemoteAccount
from services.sync.platforms.base import Adapter, Session
from services.sync.probes import Probes
from services.sync.store.tables import connections, outbox


class CountingAdapter:
    """A platform's adapter that counts who asks whose access it is, and may answer in another way."""

    def __init__(
        self, real: Adapter, answer: Callable[[RemoteAccount], RemoteAccount] = lambda account: account
    ) -> None:
        self._real = real
        self._answer = answer
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    async def whoami(self, session: Session) -> RemoteAccount:
        self.asked.append(session.account.remote_id)
        return self._answer(await self._real.whoami(session))


@dataclass
class Care:
    """Probes of the tests' own, at the time that a test says, of one connection."""

    world: World
    person: Person
    id: str
    adapter: CountingAdapter
    now: datetime

    @property
    def probes(self) -> Probes:
        inside = self.world.inside
        adapters = {**inside.platforms.adapters, "mastodon": cast("Adapter", self.adapter)}
        platforms = replace(inside.platforms, adapters=adapters)
        tokens = replace(inside.tokens, clock=lambda: self.now)
        return Probes(inside.stores, platforms, tokens, lambda: self.now, jitter=lambda low, high: 1.0)

    async def probe(self) -> None:
        """Probes this connection now."""
        await self.make_due()
        await self.probes.probe_due()

    async def make_due(self) -> None:
        """Makes this connection the only one whose turn it is: those of other tests are no concern of this one."""
        async with self.world.inside.stores() as store:
            await store.session.execute(sa.update(connections).values(probe_at=None))
            await store.plan_probe(self.id, self.now)
            await store.commit()

    async def row(self) -> Any:
        async with self.world.inside.stores() as store:
            return (await store.session.execute(sa.select(connections).where(connections.c.id == self.id))).one()

    async def stored(self) -> Connection:
        async with self.world.inside.stores() as store:
            found = await store.connection(self.id)
        assert found is not None
        return found

    async def shown(self) -> sync_pb2.Connection:
        return await self.person.connection(self.id)

    async def grant(self, *, lives: timedelta, renewable: bool) -> None:
        """Gives the connection access that ends, as platforms do that know no other."""
        connection = await self.stored()
        async with self.world.inside.stores() as store:
            ends = Grant({}, self.now + lives, renewable=renewable)
            assert await store.set_grant(connection, connection.sealed, ends, self.now)
            await store.commit()

    async def told(self, event: type[Any]) -> list[Any]:
        """Returns the events of a type about this connection, in the order in which they became true."""
        subject = {events.ConnectionExpiryNoted: "evt.connection.expiry_noted.v1"}.get(
            event, "evt.connection.revoked.v1"
        )
        async with self.world.inside.stores() as store:
            rows = await store.session.execute(
                sa.select(outbox.c.payload).where(outbox.c.subject == subject).order_by(outbox.c.created_at)
            )
            found = [event.FromString(bytes(row.payload)) for row in rows]
        return [each for each in found if each.connection_id == self.id]


@pytest.fixture
async def care(world: World) -> Care:
    person = world.person()
    connection = await person.connect("mastodon")
    await person.first_looks_at(connection)
    adapter = CountingAdapter(world.inside.platforms.adapters["mastodon"])
    return Care(world, person, connection.id, adapter, utc_now())


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_access_that_works_is_asked_about_and_asked_again_in_some_hours(world: World, platform: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    adapter = CountingAdapter(world.inside.platforms.adapters[platform])
    care = Care(world, person, connection.id, adapter, utc_now() + timedelta(seconds=5))

    await care.probe()

    row = await care.row()
    assert row.checked_at == care.now
    assert care.now < row.probe_at <= care.now + PROBE_EVERY
    assert (await care.shown()).state == sync_pb2.CONNECTION_STATE_HEALTHY


async def test_two_replicas_at_once_probe_once(care: Care) -> None:
    await care.make_due()
    await asyncio.gather(*(care.probes.probe_due() for _ in range(4)))
    assert len(care.adapter.asked) == 1


async def test_a_first_probe_is_planned_with_the_connection(care: Care) -> None:
    connected = await care.stored()
    probe_at = (await care.row()).probe_at
    assert connected.created_at < probe_at < connected.created_at + timedelta(hours=1)


async def test_a_revocation_that_nobody_noticed_parks_and_is_told_once(care: Care) -> None:
    await care.world.control.switch("mastodon", revoke_tokens=True)

    await care.probe()
    await care.probe()

    shown = await care.shown()
    assert (shown.state, shown.reason.code) == (sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT, "AUTH_REVOKED")
    assert (await care.row()).probe_at is None
    assert len(await care.told(events.ConnectionRevoked)) == 1


async def test_one_wrong_word_of_a_revocation_disconnects_nobody(care: Care) -> None:
    await care.world.control.switch("mastodon", fail="401", only="read", times=1)
    await care.probe()
    assert len(care.adapter.asked) == 2
    assert (await care.shown()).state == sync_pb2.CONNECTION_STATE_HEALTHY


async def test_access_that_has_become_another_accounts_is_as_good_as_revoked(care: Care) -> None:
    real = care.world.inside.platforms.adapters["mastodon"]
    care.adapter = CountingAdapter(real, lambda account: replace(account, remote_id="1"))
    await care.probe()
    assert len(care.adapter.asked) == 2
    assert (await care.shown()).reason.code == "AUTH_REVOKED"


async def test_a_server_that_does_not_answer_is_unreachable_until_it_does_and_nothing_is_disconnected(
    care: Care,
) -> None:
    await care.world.control.switch("mastodon", fail="500", only="read")
    await care.probe()
    began = care.now
    care.now += timedelta(minutes=20)
    await care.probe()

    shown = await care.shown()
    assert shown.state == sync_pb2.CONNECTION_STATE_HEALTHY
    assert shown.unreachable_since.ToDatetime(began.tzinfo) == began
    assert (await care.row()).checked_at < began

    await care.world.control.switch("mastodon")
    care.now += timedelta(minutes=20)
    await care.probe()
    assert not (await care.shown()).HasField("unreachable_since")


async def test_any_success_says_that_a_server_is_reachable(care: Care) -> None:
    async with care.world.inside.stores() as store:
        await store.note_unreachable(care.id, care.now)
        await store.commit()
    image = await care.person.upload(71)
    await care.person.reaches(await care.person.sync(image, care.id), "VERIFIED")
    assert not (await care.shown()).HasField("unreachable_since")


async def test_a_limit_is_obeyed_and_no_sign_of_an_outage(care: Care) -> None:
    await care.world.control.switch("mastodon", fail="429", only="read", times=1, retry_after_seconds=3600)
    await care.probe()
    assert not (await care.shown()).HasField("unreachable_since")
    assert (await care.row()).probe_at > care.now + timedelta(minutes=50)


async def test_access_is_renewed_before_it_ends_where_nothing_is_synced(world: World) -> None:
    person = world.person()
    connection = await person.connect("bluesky")
    await person.first_looks_at(connection)
    care = Care(world, person, connection.id, CountingAdapter(world.inside.platforms.adapters["mastodon"]), utc_now())
    await care.probe()
    before = await care.row()
    assert before.probe_at <= before.refresh_at

    care.now = before.refresh_at + timedelta(seconds=1)
    await care.probe()

    assert (await care.row()).grant_version == before.grant_version + 1


async def test_the_end_of_access_is_told_a_week_and_a_day_before_and_no_more_often(care: Care) -> None:
    await care.grant(lives=timedelta(days=60), renewable=False)
    ends_at = care.now + timedelta(days=60)
    counts = []
    for before in (timedelta(days=8), *EXPIRY_TOLD_BEFORE, timedelta(hours=1)):
        care.now = ends_at - before
        await care.probe()
        await care.probe()
        counts.append(len(await care.told(events.ConnectionExpiryNoted)))
        assert (await care.row()).probe_at <= max(ends_at, care.now + timedelta(minutes=1))
    assert counts == [0, 1, 2, 2]
    assert (await care.shown()).expire_time.ToDatetime(ends_at.tzinfo) == ends_at
    [first, _] = await care.told(events.ConnectionExpiryNoted)
    assert (first.platform, first.expire_time.ToDatetime(ends_at.tzinfo)) == ("mastodon", ends_at)


async def test_a_new_consent_begins_the_count_anew(care: Care) -> None:
    await care.grant(lives=timedelta(hours=20), renewable=False)
    await care.probe()
    assert (await care.row()).expiry_notes == 2
    await care.person.connect("mastodon")
    assert (await care.row()).expiry_notes == 0
    assert not (await care.shown()).HasField("expire_time")


async def test_access_that_can_be_renewed_is_not_said_to_end(care: Care) -> None:
    await care.grant(lives=timedelta(hours=1), renewable=True)
    assert not (await care.shown()).HasField("expire_time")


async def test_access_that_is_over_is_parked_with_words_that_say_so(care: Care) -> None:
    await care.grant(lives=timedelta(days=1), renewable=False)
    care.now += timedelta(days=1)
    await care.probe()

    shown = await care.shown()
    assert (shown.state, shown.reason.code) == (sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT, "AUTH_REVOKED")
    assert "limited time" in shown.reason.message
    assert care.adapter.asked == []


async def test_a_slow_server_takes_no_more_than_its_share_of_a_round(care: Care) -> None:
    others = [await care.world.person().connect("mastodon") for _ in range(3)]
    x = await care.person.connect("x")
    async with care.world.inside.stores() as store:
        await store.session.execute(sa.update(connections).values(probe_at=None))
        for seconds, connection_id in enumerate([care.id, *(each.id for each in others), x.id]):
            await store.plan_probe(connection_id, care.now - timedelta(seconds=60 - seconds))
        claimed = await store.claim_probes(now=care.now, again_at=care.now, servers=8, of_server=2)
        await store.session.rollback()
    assert sorted(claimed) == sorted([care.id, others[0].id, x.id])
