"""The whole loop on its own time: real workers, use cases and doorbells against a platform that does its worst.

Processes die between any two steps, doorbells come twice, late or never, clocks differ, answers are lost or late, the platform takes
pictures late, never or changed, access ends, people change their minds. When all that has stopped, each place shows what was last
wished for it or the target says why not, and the platform has seen no write that nobody needed.

What is taken for granted of platforms: writes take effect in the order in which they came, and one whose answer was lost
does so within half of the time that we give it.
"""

import asyncio
import base64
import contextlib
import hashlib
import math
import os
from collections.abc import AsyncIterator, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pretended_platform import (
    ADA,
    GREY,
    SHAPES,
    Behaviour,
    KilledError,
    PretendedAdapter,
    PretendedLooker,
    PretendedPlatform,
)
from pretended_store import Memory, Row
from pretended_time import PretendedLoop, SkewedClock
from pydantic import SecretStr
from target_making import NOW, target

from catalog import load_catalogue
from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery
from servicekit.errors import PreconditionError
from servicekit.ids import new_id
from servicekit.object_store import ObjectStore
from servicekit.vault import Vault
from services.sync.domain import outcomes as o
from services.sync.domain.circuit import FAILURES, Circuit
from services.sync.domain.connection import Connection
from services.sync.domain.target import RETRYABLE, Target, TargetState
from services.sync.library import Library
from services.sync.lifecycle import add_target
from services.sync.places import Platforms
from services.sync.reconciler import Reconciler
from services.sync.store.connections import Snapshot
from services.sync.store.renditions import Rendition
from services.sync.store.targets import Sync
from services.sync.sweeper import Sweeper
from services.sync.tokens import Tokens
from services.sync.turn import Worker
from services.sync.use_cases.connections import Connections
from services.sync.use_cases.renditions import Renditions
from services.sync.use_cases.syncs import Syncs
from services.sync.use_cases.wishes import supersede

# The heavy run: LINKAROOIE_MACHINE_EXAMPLES=5000 pytest tests/unit/sync/test_target_machine.py
EXAMPLES = int(os.environ.get("LINKAROOIE_MACHINE_EXAMPLES", "150"))
STEPS = 50

CATALOGUE = load_catalogue()
OWNER = "owner"
PROCESSES = 3
WRITE_SECONDS = 30.0
# What clocks may be off by: two of them by twice as much, which is what leases allow for.
MOST_OFF_SECONDS = 2.0
# Half of what a lost answer is given at least.
LATE_SECONDS = 5.0
S = TargetState


_pauses_to_live: ContextVar[list[int]] = ContextVar("pauses_to_live")


async def pause() -> None:
    """A moment between two steps, in which others go on and the process may end."""
    left = _pauses_to_live.get([])
    if left:
        left[0] -= 1
        if left[0] == 0:
            raise KilledError
    await asyncio.sleep(0.001)


@dataclass(frozen=True)
class File:
    image_id: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def rendition(self, key: str) -> Rendition:
        shape = self.content.split(b"|")[0].decode()
        size = len(self.content)
        return Rendition(self.image_id, 1, key, self.image_id, "image/jpeg", size, self.sha256, shape)


FILES = {
    f"image {number}": File(f"image {number}", f"{shape}{GREY}|{number}".encode())
    for number, shape in enumerate(SHAPES[:4])
}


# What was there once: a picture, and none. Both are as old as the place.
EARLIER = File("earlier", f"{SHAPES[4]}{GREY}|earlier".encode())


def found(file: File | None) -> Snapshot:
    """Returns the snapshot of a picture; without one, of none."""
    columns = dict.fromkeys(("tag", "url", "sha256", "object_key", "content_type", "perceptual_hash"), "")
    if file is not None:
        columns |= {"tag": "once", "url": "https://p.test/once", "sha256": file.sha256, "object_key": file.image_id}
        columns |= {"content_type": "image/jpeg", "perceptual_hash": file.content.split(b"|")[0].decode()}
    name = "nothing" if file is None else file.image_id
    return Snapshot(name, OWNER, "c", "avatar", **columns, taken_at=NOW)


SNAPSHOTS = {snapshot.id: snapshot for snapshot in (found(EARLIER), found(None))}


class Files:
    """The object store."""

    async def read(self, key: str) -> AsyncIterator[bytes]:
        yield (FILES | {EARLIER.image_id: EARLIER})[key].content


def limits(seconds: float) -> list[o.Problem]:
    until = NOW + timedelta(seconds=seconds)
    return [o.RateLimited(until, "account"), o.RateLimited(until, "app"), o.Cooldown(until)]


PASSING: list[o.Problem] = [
    o.Transient(),
    o.Transient(no_answer=True),
    o.Transient(is_ours=True),
    o.Conflict(),
    o.AuthExpired(),
]
LASTING: list[o.Problem] = [
    o.MissingScope(),
    o.AccountCheckpoint("https://p.test"),
    o.InvalidImage("too large"),
    o.PolicyRejected("https://p.test"),
    o.Unsupported("no plan"),
]


class TargetMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = PretendedLoop()
        self.log = structlog.testing.capture_logs()
        self.log.__enter__()
        self.tasks: list[asyncio.Task[None]] = []
        self.sends_allowed: dict[str, int] = {}
        self.verified: dict[str, int] = {}
        self.wishes: list[str] = []
        self.is_over = False

    @initialize(platform=st.sampled_from(["bluesky", "mastodon", "x"]))
    def begin(self, platform: str) -> None:
        self.memory = Memory(pause)
        self.memory.tables.snapshots |= SNAPSHOTS
        slot = next(slot for slot in CATALOGUE.platforms[platform].slots.values() if slot.kind == "avatar")
        self.settle = slot.settle_seconds
        self.platform_name = platform
        self.platform = PretendedPlatform(self.loop, slot.read_back == "exact", self.check_write)
        self.clocks = [SkewedClock(self.loop) for _ in range(PROCESSES)]
        self.workers = [self.worker(clock) for clock in self.clocks]
        first, clock = self.workers[0], self.clocks[0]
        self.syncs = Syncs(self.memory.stores, first.platforms, cast("Library", None), clock)
        self.connections = Connections(
            self.memory.stores, first.platforms, first.tokens, first.looker, first.tokens.vault, clock, new_id, str
        )
        self.renditions = Renditions(self.memory.stores, clock)
        self.sweeper = Sweeper(self.memory.stores, first.platforms, first.tokens, first.looker, clock)
        self.do(self.connect())
        [self.connection_id] = self.memory.tables.connections

    def worker(self, clock: SkewedClock) -> Worker:
        platform, stores = self.platform, self.memory.stores
        adapters = {self.platform_name: PretendedAdapter(platform, pause)}
        key = "test:" + base64.b64encode(bytes(32)).decode()
        return Worker(
            stores,
            cast("ObjectStore", Files()),
            Platforms(CATALOGUE, adapters, {}),
            Tokens(stores, Vault(SecretStr(key), setting=""), clock),
            PretendedLooker(platform, stores, clock).as_real(),
            clock,
            read_timeout_seconds=10,
            write_timeout_seconds=WRITE_SECONDS,
            jitter=lambda low, high: (low + high) / 2,
        )

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def connect(self) -> None:
        """Connects the account for the first time, or again: as the use case does once the platform has given access."""
        known = next(iter(self.memory.tables.connections.values()), None)
        connection_id, now, tokens = known.id if known else new_id(), self.clocks[0](), self.workers[0].tokens
        grant = self.platform.grant_anew()
        sealed = tokens.seal(connection_id, OWNER, grant)
        async with self.memory.stores() as store:
            if known is None:
                made = Connection(connection_id, OWNER, self.platform_name, ADA, sealed, created_at=now)
                await store.add_connection(made, ("avatar",), look_at=now)
                made_at = (await store.connection(connection_id, lock=True)) or made
                await store.set_grant(made_at, sealed, grant, now)
            else:
                current = await store.connection(connection_id, lock=True)
                assert current is not None
                await store.set_grant(current, sealed, grant, now)
                await self.connections._make_healthy(store, current)
            await store.commit()

    # What people do

    @precondition(lambda self: not self.wishes or self.now_is(self.wishes[-1]).state.rests or len(self.wishes) % 2)
    @rule(image_id=st.sampled_from(sorted(FILES)), is_ready=st.sampled_from([True, True, True, False]))
    def somebody_wishes_for_a_picture(self, image_id: str, is_ready: bool) -> None:
        if is_ready:
            self.its_file_is_made(image_id)
        self.do(self.wish(image_id))

    @precondition(lambda self: not self.wishes or self.now_is(self.wishes[-1]).state.rests or len(self.wishes) % 2)
    @rule(snapshot_id=st.sampled_from(sorted(SNAPSHOTS)))
    def somebody_wishes_for_what_was_there(self, snapshot_id: str) -> None:
        self.do(self.wish(None, snapshot_id))

    async def wish(self, image_id: str | None, snapshot_id: str | None = None) -> None:
        """Does what the use cases do once they have found the wish to be a good one."""
        now = self.clocks[0]()
        sync = Sync(new_id(), OWNER, image_id, "avatar", now, "")
        # Ids are as old as their wishes; those of real ones are told apart by milliseconds.
        made = target(
            id=f"{len(self.wishes):08d}-0000-7000-8000-000000000000",
            sync_id=sync.id,
            owner_id=OWNER,
            connection_id=self.connection_id,
            platform=self.platform_name,
            image_id=image_id,
            snapshot_id=snapshot_id,
            requested_at=now,
            updated_at=now,
        )
        async with self.memory.stores() as store:
            await store.add_sync(sync)
            await store.lock_connections([self.connection_id])
            await supersede(store, [self.connection_id], "avatar", now=now)
            await add_target(store, made)
            await store.commit()
        self.wishes.append(made.id)
        self.sends_allowed[made.id] = 1

    @rule(image_id=st.sampled_from(sorted(FILES)))
    def its_file_is_made(self, image_id: str) -> None:
        file = FILES[image_id].rendition(f"{self.platform_name}.avatar")
        delivery = Delivery(new_id(), "test", "", None, OWNER, attempt=1, published_at=NOW)
        self.do(
            self.renditions.take_renditions(
                delivery, [file], image_id=image_id, revision=1, owner_id=OWNER, slot_failures={}, told_at=NOW
            )
        )

    @precondition(lambda self: len(self.wishes) > 1)
    @rule(data=st.data())
    def they_call_one_off(self, data: st.DataObject) -> None:
        wish = self.now_is(data.draw(st.sampled_from(self.wishes)))
        self.do(self.syncs.cancel(wish.sync_id, owner_id=OWNER))

    @precondition(lambda self: any(self.now_is(wish).state in RETRYABLE for wish in self.wishes))
    @rule()
    def they_try_again(self) -> None:
        for wish in self.wishes:
            if self.now_is(wish).state in RETRYABLE:
                self.retry(wish)

    def retry(self, target_id: str) -> None:
        with contextlib.suppress(PreconditionError):  # there is a newer wish
            self.do(self.syncs.retry(target_id, owner_id=OWNER))
            self.sends_allowed[target_id] += 1

    @precondition(lambda self: any(self.now_is(wish).waits_for_hand for wish in self.wishes))
    @rule(was_done=st.booleans())
    def they_say_they_have_set_it_by_hand(self, was_done: bool) -> None:
        wish = next(wish for wish in self.wishes if self.now_is(wish).waits_for_hand)
        if was_done:
            self.platform.change_elsewhere()
        self.do(self.syncs.confirm(wish, owner_id=OWNER))

    @rule()
    def they_connect_again(self) -> None:
        self.do(self.connect())

    # What processes do

    @precondition(lambda self: self.wishes)
    @rule(
        data=st.data(),
        process=st.integers(0, PROCESSES - 1),
        dies_after=st.one_of(st.none(), st.integers(1, 60)),
        meanwhile_seconds=st.floats(0, 3),
    )
    def a_doorbell_is_heard(
        self, data: st.DataObject, process: int, dies_after: int | None, meanwhile_seconds: float
    ) -> None:
        """The first time, again, late, or in another order."""
        newest = st.just(self.wishes[-1])
        target_id = data.draw(st.one_of(newest, newest, st.sampled_from(self.wishes)))
        self.work(target_id, process, dies_after)
        self.do(asyncio.sleep(meanwhile_seconds))

    def work(self, target_id: str, process: int = 0, dies_after: int | None = None) -> None:
        async def live() -> None:
            _pauses_to_live.set([dies_after] if dies_after else [])
            try:
                await Reconciler(self.workers[process]).work(target_id)
            except KilledError:
                return

        self.tasks.append(self.loop.create_task(live()))

    @rule(process=st.integers(0, PROCESSES - 1))
    def the_sweeper_rings_and_is_heard(self, process: int) -> None:
        self.do(self.sweeper.ring_for_due())
        self.hear(process)
        self.do(asyncio.sleep(0.5))

    def hear(self, process: int = 0) -> None:
        """Answers all doorbells since the last time; whatever else was told is for others."""
        told, self.memory.told = self.memory.told, []
        for event in told:
            if isinstance(event, events.TargetDue):
                self.work(event.target_id, process)

    @rule()
    def doorbells_are_lost(self) -> None:
        self.memory.told = []

    @rule(process=st.integers(0, PROCESSES - 1), seconds=st.floats(-MOST_OFF_SECONDS, MOST_OFF_SECONDS))
    def a_clock_jumps(self, process: int, seconds: float) -> None:
        self.clocks[process].off_seconds = seconds

    @rule(seconds=st.one_of(st.floats(0, 40), st.sampled_from([130.0, 1000.0, 7000.0])))
    def time_passes(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @precondition(lambda self: self.wishes)
    @rule(process=st.integers(0, PROCESSES - 1), seconds=st.sampled_from([5.0, 30.0, 100.0, 4000.0]))
    def all_goes_its_way(self, process: int, seconds: float) -> None:
        """Whoever is due is rung for, and somebody hears it."""
        ends_at = self.loop.now + seconds
        while self.loop.now < ends_at:
            wait = self.until_somebody_is_due()
            self.do(asyncio.sleep(min(wait, ends_at - self.loop.now) + 0.01))
            self.do(self.sweeper.ring_for_due())
            self.hear(process)
            self.do(asyncio.sleep(1))

    def until_somebody_is_due(self) -> float:
        due = [row.ring_at for row in self.memory.tables.targets.values() if row.ring_at is not None]
        return max((min(due) - self.clocks[0]()).total_seconds(), 0.01) if due else math.inf

    # What the platform does

    @rule(answer=st.sampled_from(["accepted", "submitted", "review"]), share=st.floats(0, 0.99))
    def it_will_take_its_time(self, answer: Any, share: float) -> None:
        self.platform.behaviours.append(Behaviour(answer, shown_seconds=self.settle * share))

    @rule(never=st.booleans(), answer_seconds=st.floats(0.1, 60), late_seconds=st.floats(0, LATE_SECONDS))
    def an_answer_will_be_lost_or_late(self, never: bool, answer_seconds: float, late_seconds: float) -> None:
        given_up = min(answer_seconds, WRITE_SECONDS)
        self.platform.behaviours.append(
            Behaviour(
                "lost",
                never=never,
                done_seconds=given_up,
                shown_seconds=late_seconds,
                answer_seconds=answer_seconds,
            )
        )

    @precondition(lambda self: self.wishes)
    @rule(process=st.integers(0, PROCESSES - 1), heard_seconds=st.floats(0, 30), done_seconds=st.floats(0, 38))
    def somebody_dies_in_the_middle_of_a_send(self, process: int, heard_seconds: float, done_seconds: float) -> None:
        self.platform.behaviours.appendleft(
            Behaviour("nobody hears it", done_seconds=done_seconds, answer_seconds=heard_seconds)
        )
        self.work(self.wishes[-1], process)
        self.do(asyncio.sleep(heard_seconds + 1))

    @precondition(lambda self: self.wishes)
    @rule(
        image_id=st.sampled_from(sorted(FILES)), answer_seconds=st.floats(3, 60), process=st.integers(0, PROCESSES - 1)
    )
    def they_change_their_mind_while_it_is_sent(self, image_id: str, answer_seconds: float, process: int) -> None:
        self.platform.behaviours.appendleft(Behaviour(done_seconds=2, answer_seconds=answer_seconds))
        self.work(self.wishes[-1], process)
        self.do(asyncio.sleep(1))
        self.its_file_is_made(image_id)
        self.do(self.wish(image_id))
        self.work(self.wishes[-1], (process + 1) % PROCESSES)
        self.do(asyncio.sleep(1))

    @rule(never=st.booleans(), late_seconds=st.floats(20, 3000), mangled=st.booleans())
    def it_will_say_yes_and_not_mean_it(self, never: bool, late_seconds: float, mangled: bool) -> None:
        self.platform.behaviours.append(
            Behaviour(never=never, mangled=mangled, shown_seconds=0 if mangled else late_seconds)
        )

    @rule(data=st.data())
    def it_will_refuse_a_picture(self, data: st.DataObject) -> None:
        problem = data.draw(st.sampled_from([*PASSING, *LASTING, *limits(self.loop.now + 900)]))
        self.platform.behaviours.append(Behaviour("refused", problem))

    @rule(data=st.data())
    def it_will_not_be_looked_at(self, data: st.DataObject) -> None:
        problem = data.draw(st.sampled_from([*PASSING, *LASTING[:2], *limits(self.loop.now + 60)[:2]]))
        self.platform.look_problems.append(problem)

    @rule(what=st.sampled_from([*["expired", "one wrong 401"] * 4, "a renewal is lost", "revoked"]))
    def access_ends(self, what: str) -> None:
        grants = self.platform.grants
        match what:
            case "revoked":
                grants.is_revoked = True
            case "expired":
                grants.is_expired = True
            case "one wrong 401":
                grants.wrong_401s = 1
            case _:
                self.platform.lose_next_renewal = True

    @rule()
    def others_meet_with_an_outage(self) -> None:
        """The next failure of ours is the last straw: the server is left alone."""
        server, now = self.memory.tables.connections[self.connection_id].server, self.clocks[0]()
        self.memory.tables.circuits.setdefault(server, Circuit(server, FAILURES - 1, ("another",), now))

    @rule()
    def somebody_changes_the_picture_elsewhere(self) -> None:
        self.platform.change_elsewhere()

    # What always holds

    def now_is(self, target_id: str) -> Target:
        return self.memory.tables.targets[target_id].target

    def check_write(self, sha256: str) -> None:
        """Called when a write begins: by whom, and whether it may."""
        # A lease of somebody whose clock is late ends early for somebody whose clock is ahead.
        now = NOW + timedelta(seconds=self.loop.now + 2 * MOST_OFF_SECONDS)
        senders = [
            row
            for row in self.memory.tables.targets.values()
            if row.is_held(now) and row.target.submission is not None and row.target.state in (S.SENDING, S.SUPERSEDED)
        ]
        assert len(senders) == 1, "one target of a place sends at a time"
        sent = senders[0].target.submission
        assert sent is not None
        assert sent.sha256 == sha256, "the intent is stored before the call"
        assert self.platform.writing == 0, "no two writes at once"
        shown = self.platform.picture()
        assert shown.sha256 != sha256 or shown.tag == sent.before_tag or self.was_hidden(senders[0]), (
            "what is right already is not sent"
        )

    def was_hidden(self, row: Row) -> bool:
        """It came to show after the last look."""
        return self.last_shown_after(row.target)

    def last_shown_after(self, target: Target) -> bool:
        sent = target.submission
        assert sent is not None
        began = (sent.at - NOW).total_seconds()
        return any(write.shows_at >= began - 2 * MOST_OFF_SECONDS - 1 for write in self.platform.writes)

    @invariant()
    def no_worker_failed(self) -> None:
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            task.result()

    @invariant()
    def each_wish_changes_the_picture_at_most_once_unless_its_owner_asks_for_more(self) -> None:
        if self.is_over or not self.wishes:
            return
        written = [write.by for write in self.platform.writes]
        wanted = {file.sha256: file.image_id for file in FILES.values()}
        wanted |= {snapshot.sha256: snapshot.id for snapshot in SNAPSHOTS.values()}
        for sha256, thing_id in wanted.items():
            wishes = [self.now_is(wish) for wish in self.wishes]
            wished = sum(self.sends_allowed[w.id] for w in wishes if thing_id in (w.image_id, w.snapshot_id))
            assert written.count(sha256) <= wished

    @invariant()
    def nobody_is_forgotten(self) -> None:
        for row in self.memory.tables.targets.values():
            target = row.target
            if target.state.rests or (target.state is S.PAUSED and target.next_attempt_at is None):
                continue
            assert row.ring_at is not None, "somebody comes by"

    @invariant()
    def what_rests_is_right_or_says_why(self) -> None:
        for row in self.memory.tables.targets.values():
            target = row.target
            if target.state is S.VERIFIED:
                assert target.seen is not None
                assert target.seen.is_wanted
            elif target.state.rests or target.state is S.PAUSED:
                assert target.reason is not None
                assert target.reason.message

    @invariant()
    def a_sync_is_finished_when_all_its_targets_rest(self) -> None:
        for row in self.memory.tables.targets.values():
            _, finished_at, _ = self.memory.tables.syncs[row.target.sync_id]
            assert (finished_at is not None) == row.target.state.rests

    # When all of it stops

    def teardown(self) -> None:
        try:
            if hasattr(self, "connection_id"):
                self.all_comes_to_rest()
        finally:
            for task in self.tasks:
                task.cancel()
            self.do(self.all_end(return_exceptions=True))
            self.loop.close()
            self.log.__exit__(None, None, None)

    def all_comes_to_rest(self) -> None:
        self.platform.behaviours.clear()
        self.platform.look_problems.clear()
        self.platform.lose_next_renewal = False
        self.platform.grants.wrong_401s = 0
        for clock in self.clocks:
            clock.off_seconds = 0
        for image_id in FILES:
            self.its_file_is_made(image_id)
        self.settle_down()
        self.each_wish_changes_the_picture_at_most_once_unless_its_owner_asks_for_more()
        for row in self.memory.tables.targets.values():
            state = row.target.state
            assert state.rests or (state is S.PAUSED and row.target.next_attempt_at is None), row.target
        self.its_owner_can_put_everything_right()

    async def all_end(self, *, return_exceptions: bool = False) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=return_exceptions)

    def settle_down(self) -> None:
        """Rings whenever somebody is due, until nobody is."""
        for _ in range(300):
            self.do(self.all_end())
            self.tasks.clear()
            wait = self.until_somebody_is_due()
            if wait == math.inf:
                return
            self.do(asyncio.sleep(wait))
            self.do(self.sweeper.ring_for_due())
            self.hear()
            self.no_worker_failed()
        raise AssertionError(f"no end: {[row.target for row in self.memory.tables.targets.values()]}")

    def its_owner_can_put_everything_right(self) -> None:
        if not self.wishes:
            return
        self.do(self.connect())
        self.settle_down()
        newest = self.now_is(self.wishes[-1])
        if newest.state in RETRYABLE:
            self.retry(newest.id)
            self.settle_down()
            newest = self.now_is(newest.id)
        writes = len(self.platform.writes)
        assert newest.state in (S.VERIFIED, S.CANCELLED), newest
        # What is verified is left alone, however often somebody rings.
        for wish in self.wishes:
            self.work(wish)
        self.settle_down()
        assert len(self.platform.writes) == writes


TestTargetMachine = TargetMachine.TestCase
TestTargetMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
