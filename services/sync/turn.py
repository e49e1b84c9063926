"""One worker's turn with one target: look, compare, send if it has to be, look again, until it rests or has to wait."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

import structlog

from catalog import Slot
from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import UnavailableError
from servicekit.ids import Clock
from servicekit.object_store import ObjectMissingError, ObjectStore
from servicekit.protobuf import timestamp
from services.sync import metrics
from services.sync.breaker import Admission, Breaker, place_key, server_holds
from services.sync.compare import NOTHING, Wanted, compared
from services.sync.domain import outcomes as o
from services.sync.domain import reasons
from services.sync.domain import target as steps
from services.sync.domain.connection import Connection, Place
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.retry import Jitter
from services.sync.domain.schedule import OnDifference, next_check
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import Move, Rules, Seen, Target, TargetState, Verdict
from services.sync.fitting import check_fits, fitted_alt_text, narrowed
from services.sync.lifecycle import park_connection, save_step
from services.sync.looks import Looker
from services.sync.places import Platforms
from services.sync.platforms.base import Adapter, Kind, Picture, Session
from services.sync.platforms.limits import Spent, noting_limits
from services.sync.putting_back import cannot_put_back, made_to_fit
from services.sync.servers import ASK_SECONDS, Servers
from services.sync.store import Store
from services.sync.store.connections import Snapshot
from services.sync.store.renditions import ImageRevision, Rendition
from services.sync.tokens import Tokens

log = structlog.get_logger()

# What clocks may differ by, and what a process may take between the end of a call and storing its result.
MARGIN = timedelta(seconds=5)
# Reads within one look: a renewal of the access, the question, the picture, and what its server takes.
READS_IN_A_LOOK = 4


@dataclass(frozen=True)
class Worker:
    """What a turn is taken with."""

    stores: OpenStore[Store]
    objects: ObjectStore
    platforms: Platforms
    tokens: Tokens
    looker: Looker
    clock: Clock
    read_timeout_seconds: float
    write_timeout_seconds: float
    jitter: Jitter = random.uniform

    @property
    def breaker(self) -> Breaker:
        return Breaker(self.stores, self.clock)

    @property
    def servers(self) -> Servers:
        return Servers(self.stores, self.clock)

    @property
    def look_lease(self) -> timedelta:
        """How long a target is held for a look."""
        return timedelta(seconds=READS_IN_A_LOOK * self.read_timeout_seconds) + MARGIN

    @property
    def send_lease(self) -> timedelta:
        """How long a target is held for a send: longer than the call can take, so that nobody else sends before it ends."""
        return timedelta(seconds=self.write_timeout_seconds) + MARGIN


@dataclass(frozen=True)
class Known:
    """A claimed target, and what was known when it was claimed."""

    target: Target
    lease: str
    connection: Connection | None
    place: Place | None
    image: ImageRevision | None
    rendition: Rendition | None
    admission: Admission
    snapshot: Snapshot | None = None
    is_overruled: bool = False  # a resting target, for whose place something newer is wished


class _CopyMissingError(Exception):
    """Our copy of what is to be put back is gone."""


class Turn:
    """`target` is what is stored. Every step is, before the next begins."""

    def __init__(self, worker: Worker, known: Known) -> None:
        self._worker = worker
        self._known = known
        self._clock = worker.clock
        self.target = known.target
        self._rules = self._rules_of(known)
        self._session: Session | None = None

    def _rules_of(self, known: Known) -> Rules:
        rules = self._worker.platforms.rules(known.target.platform, known.target.slot)
        connection, place = known.connection, known.place
        if connection is None or place is None:
            return rules
        # What cannot be sent again is asked about.
        can_restore = rules.mode == "write" and self._file is not None
        at = next_check(connection.check_every, connection.time_zone, after=self._clock(), spread=connection.id)
        return replace(rules, next_check_at=at, on_difference=place.on_difference if can_restore else OnDifference.ASK)

    @property
    def _file(self) -> Rendition | Snapshot | None:
        """What there is to send."""
        snapshot = self._known.snapshot
        return self._known.rendition if snapshot is None or snapshot.shows_nothing else snapshot

    @property
    def _takes_away(self) -> bool:
        """True where the wish is for the place to be as it was found: empty. Nothing else ever takes a picture away."""
        snapshot = self._known.snapshot
        return snapshot is not None and snapshot.id == self.target.snapshot_id and snapshot.shows_nothing

    async def take(self) -> None:
        """Goes as far as it goes now. Raises `StaleTargetError` when somebody else changed the target."""
        if steps.next_move(self.target, self._clock()) is Move.RECOVER:
            log.warning("send_taken_over", attempts=self.target.attempts)
            await self._keep(steps.recovered(self.target, self._rules, now=self._clock()))
        stopped = self._stopped()
        if stopped is not None:
            await self._leave(stopped)
            return
        may_renew = True
        while True:
            try:
                if not await self._step():
                    return
            except PlatformError as error:
                problem: o.Problem | None = error.problem
                if isinstance(problem, o.AuthExpired) and may_renew:
                    may_renew = False
                    problem = await self._renew(problem)
                if problem is not None:
                    await self._give_way(problem)
                    return

    # What is decided without asking the platform

    def _stopped(self) -> Target | None:
        """Returns the target as it rests or waits without a word to the platform; None when it may go on."""
        target, rules, now, known = self.target, self._rules, self._clock(), self._known
        platforms = self._worker.platforms
        if steps.next_move(target, now) in (Move.REST, Move.WAIT):
            return target
        is_gone = known.connection is None or platforms.slot(target.platform, target.slot) is None
        if target.state.rests and (is_gone or known.is_overruled):
            return steps.unwatched(target)
        if platforms.slot(target.platform, target.slot) is None:
            missing = reasons.rendition_missing(rules.platform_name)
            return steps.stopped(target, TargetState.FAILED, missing, now=now)
        if known.connection is None:
            gone = reasons.connection_removed(rules.platform_name)
            return steps.stopped(target, TargetState.CANCELLED, gone, now=now)
        if not known.connection.works:
            return self._refused(o.AuthRevoked())
        if target.platform not in platforms.adapters:
            return self._refused(o.Transient(platforms.why_not(target.platform), is_ours=True))
        if known.admission.waits is not None:
            return self._refused(known.admission.waits)
        if target.waits_for_hand and not rules.observable:
            return steps.reminded(target)
        if target.is_out or target.state.rests:
            # What is out is looked for, whatever has become of the file since.
            return steps.unwatched(target) if target.state.rests and self._wanted() is None else None
        cannot = cannot_put_back(known.snapshot, platform=rules.platform_name) if target.image_id is None else None
        if cannot is not None:
            return steps.stopped(target, TargetState.FAILED, cannot, now=now)
        if self._file is not None or self._takes_away:
            # Where there is nothing to look at, there is nothing to do but to ask for a hand.
            blind = rules.mode == "assisted" and not rules.observable
            return steps.needs_hand(target, rules, now=now, takes_away=self._takes_away) if blind else None
        if known.image is None:
            return steps.awaiting_rendition(target, rules, now=now)
        failure = known.image.failure_of(f"{target.platform}.{target.slot}")
        reason = reasons.rendition_missing(rules.platform_name) if failure is None else reasons.image_failed(failure)
        return steps.stopped(target, TargetState.FAILED, reason, now=now)

    # Steps

    async def _step(self) -> bool:
        """Takes and stores one step; tells whether there is more to do now. Raises `PlatformError`."""
        submission = self.target.submission
        if steps.next_move(self.target, self._clock()) is Move.CHECK and submission is not None:
            async with self._calling("check", self._worker.read_timeout_seconds) as session:
                success = await self._adapter.check(session, submission.operation)
            return await self._take_answer(success)
        seen = await self._look()
        now = self._clock()
        match steps.judge(self.target, seen, self._rules):
            case Verdict.RIGHT:
                await self._describe()
                await self._verify(seen, now)
                return False
            case Verdict.EARLY:
                return await self._pass_on(steps.still_settling(self.target, seen, self._rules, now=now))
            case Verdict.WRONG:
                await self._leave(steps.differs(self.target, seen, self._rules, now=now))
                return False
            case Verdict.CHANGED:
                return await self._found_changed(seen, now)
            case Verdict.NOT_YET:
                await self._leave(steps.reminded(self.target, seen=seen))
                return False
            case Verdict.SEND if self._rules.mode == "assisted":
                after = steps.needs_hand(self.target, self._rules, now=now, seen=seen, takes_away=self._takes_away)
                await self._leave(after)
                return False
            case Verdict.SEND if self._takes_away:
                return await self._take_away(seen)
            case Verdict.SEND:
                return await self._send(seen)

    async def _look(self) -> Seen:
        worker, target = self._worker, self.target
        async with self._calling("look", worker.look_lease.total_seconds()) as session:
            seen = await worker.looker.look(self._connection, self._adapter, session, target.slot)
        metrics.OUTCOMES.labels(target.platform, "look", "Seen").inc()
        return compared(seen, self._wanted(), slot=self._slot, place=self._known.place, sent=target.submission)

    def _wanted(self) -> Wanted | None:
        file, sent = self._file, self.target.submission
        if self._takes_away:
            return NOTHING
        if isinstance(file, Snapshot):
            # What was sent may be made to fit; it stays the same picture.
            content = sent.sha256 if sent is not None and sent.sha256 else file.sha256
            return Wanted(file.sha256, file.perceptual_hash, self._adapter.content_id(content), found_tag=file.tag)
        if file is not None:
            sha256, perceptual_hash = file.sha256, file.perceptual_hash
        elif sent is not None and sent.sha256:
            sha256, perceptual_hash = sent.sha256, sent.perceptual_hash
        else:
            return None
        return Wanted(sha256, perceptual_hash, self._adapter.content_id(sha256))

    async def _describe(self) -> None:
        """Gives the picture that is there already its description, where the two can change apart.

        Doing it twice changes nothing, so it needs no stored intent; and the picture is right also where it does not work.
        """
        if self.target.submission is not None or not self.target.alt_text or not self._adapter.has_terms:
            return
        try:
            terms, slot = await self._terms()
            alt_text = fitted_alt_text(self.target.alt_text, slot)
            if alt_text and slot.wants_picture:
                async with self._calling("describe", self._worker.write_timeout_seconds) as session:
                    session = replace(session, terms=terms)
                    await self._adapter.describe(session, cast("Kind", self.target.slot), alt_text)
        except PlatformError as error:
            log.info("not_described", problem=str(error))

    async def _verify(self, seen: Seen, now: datetime) -> None:
        target, wanted = self.target, self._wanted()
        async with self._worker.stores() as store:
            # A schedule that was chosen during this turn has not planned what was not verified yet.
            every, time_zone = await store.schedule_of(target.connection_id)
            at = next_check(every, time_zone, after=now, spread=target.connection_id)
            after = steps.verified(target, seen, replace(self._rules, next_check_at=at), now=now)
            await save_step(store, target, after)
            if wanted is not None:
                await store.set_ours(target.connection_id, target.slot, tag=seen.tag, sha256=wanted.sha256)
            await store.commit()
        if target.state is TargetState.VERIFIED:
            # A check; it is not what was waited for.
            return
        taken = (now - target.requested_at).total_seconds()
        metrics.VERIFIED_SECONDS.labels(target.platform).observe(taken)
        log.info("target_verified", attempts=target.attempts, seconds=round(taken, 1))

    async def _found_changed(self, seen: Seen, now: datetime) -> bool:
        """Says that a verified place shows something else, and goes on at once where the picture is to be put back."""
        after = steps.changed(self.target, seen, self._rules, now=now)
        log.info("difference_found", policy=self._rules.on_difference)
        metrics.DIFFERENCES.labels(self.target.platform, self._rules.on_difference).inc()
        if not steps.is_put_back(after):
            await self._leave(after)
            return False
        # In one transaction: a difference that is to be undone never stays behind.
        until = now + self._worker.look_lease
        async with self._worker.stores() as store:
            told = await save_step(store, self.target, after, lease=self._known.lease, until=until)
            again = steps.resumed(told, now=now, send_anew=True)
            self.target = await save_step(store, told, again, lease=self._known.lease, until=until)
            await store.commit()
        return True

    async def _send(self, seen: Seen) -> bool:
        """Sends the picture: intent, call, answer. Whatever happens to this process, the intent is known."""
        target = self.target
        try:
            picture, perceptual_hash = await self._picture()
        except _CopyMissingError:
            missing = reasons.snapshot_missing(self._rules.platform_name)
            await self._leave(steps.stopped(target, TargetState.FAILED, missing, now=self._clock()))
            return False
        self._check_cooled_down()
        terms, picture = await self._fitted(picture)
        intent = steps.begin_sending(
            target, seen, sha256=picture.sha256, perceptual_hash=perceptual_hash, now=self._clock()
        )
        # The access is opened before, since renewing it may take longer than the lease for the call.
        async with self._calling("submit", self._worker.write_timeout_seconds) as session:
            await self._keep(intent, lease_for=self._worker.send_lease)
            success = await self._adapter.submit(replace(session, terms=terms), cast("Kind", target.slot), picture)
        return await self._take_answer(success)

    async def _take_away(self, seen: Seen) -> bool:
        """Takes the picture away, under the rules of a send: intent, call, answer."""
        self._check_cooled_down()
        terms, _ = await self._terms()
        intent = steps.begin_sending(self.target, seen, sha256="", perceptual_hash="", now=self._clock())
        async with self._calling("remove", self._worker.write_timeout_seconds) as session:
            await self._keep(intent, lease_for=self._worker.send_lease)
            success = await self._adapter.remove(replace(session, terms=terms), cast("Kind", self.target.slot))
        return await self._take_answer(success)

    def _check_cooled_down(self) -> None:
        # As it was when the target was claimed: nobody else sends to its place, so nobody else holds it.
        cooling_until = self._known.admission.sends_wait_until
        if cooling_until is not None and cooling_until > self._clock():
            raise PlatformError(o.Cooldown(cooling_until))

    async def _picture(self) -> tuple[Picture, str]:
        file = self._file
        if file is None:
            raise PlatformError(o.Transient("there is no file to send", is_ours=True))
        try:
            content = b"".join([chunk async for chunk in self._worker.objects.read(file.object_key)])
        except (UnavailableError, ObjectMissingError) as error:
            if isinstance(file, Snapshot) and isinstance(error, ObjectMissingError):
                # Nobody makes it again, as renditions are made.
                raise _CopyMissingError from error
            raise PlatformError(o.Transient(o.cut(f"the file to send: {error}"), is_ours=True)) from error
        return Picture(content, file.content_type, file.sha256), file.perceptual_hash

    async def _fitted(self, picture: Picture) -> tuple[ServerTerms | None, Picture]:
        """Returns the picture as the account's server wants it, and what that server has said. Raises `PlatformError` where it cannot fit."""
        terms, slot = await self._terms()
        if isinstance(self._file, Snapshot) and slot.wants_picture:
            picture = await made_to_fit(picture, slot, self._worker.looker)
        check_fits(picture, slot, server=self._connection.account.instance or self._rules.platform_name)
        return terms, replace(picture, alt_text=fitted_alt_text(self.target.alt_text, slot))

    async def _terms(self) -> tuple[ServerTerms | None, Slot]:
        """Returns what the account's server has said, and the slot as it is there."""
        if not self._adapter.has_terms:
            return None, self._slot
        # It ends by itself and never fails: a picture is not kept waiting by a server that does not describe itself.
        async with self._calling("terms", 2 * ASK_SECONDS) as session:
            terms = await self._worker.servers.terms(self.target.platform, self._adapter, session)
        return terms, narrowed(self._slot, terms)

    async def _take_answer(self, success: o.Success) -> bool:
        metrics.OUTCOMES.labels(self.target.platform, "submit", type(success).__name__).inc()
        now = self._clock()
        if self._slot.min_interval_seconds:
            async with self._worker.stores() as store:
                until = now + timedelta(seconds=self._slot.min_interval_seconds)
                await store.hold(place_key(self._connection, self.target.slot), until)
                await store.commit()
        return await self._pass_on(steps.answered(self.target, success, self._rules, now=now))

    # What goes wrong

    @asynccontextmanager
    async def _calling(self, call: str, limit_seconds: float) -> AsyncIterator[Session]:
        """Opens the access for calls to the platform and bounds their time. Raises `PlatformError` alone."""
        platform, began = self.target.platform, self._clock()
        with noting_limits() as spent:
            try:
                if self._session is None:
                    self._session = await self._worker.tokens.session(self._connection, self._adapter)
                async with asyncio.timeout(limit_seconds):
                    yield self._session
            except (PlatformError, TimeoutError) as error:
                lost = o.OutcomeUnknown if call in ("submit", "remove") else o.Transient
                overdue = lost(f"no end within {limit_seconds:g} s", no_answer=True)
                problem = error.problem if isinstance(error, PlatformError) else overdue
                metrics.OUTCOMES.labels(platform, call, type(problem).__name__).inc()
                log.info("platform_problem", call=call, problem=type(problem).__name__, detail=problem.detail)
                await self._learn(problem, began, spent)
                raise PlatformError(problem) from error
        await self._learn(None, began, spent)

    async def _learn(self, problem: o.Problem | None, began: datetime, spent: Sequence[Spent] = ()) -> None:
        """Notes for all that call this server how a call went."""
        breaker, circuit = self._worker.breaker, self._known.admission.circuit
        await breaker.learn(self._connection, circuit, problem, began=began)
        await breaker.hold_spent(self._connection, self.target.slot, spent)

    async def _renew(self, problem: o.AuthExpired) -> o.Problem | None:
        """Renews the access, once a turn; returns what kept it from that. A refused send is followed by another look."""
        now = self._clock()
        await self._keep(steps.woken(self._refused(problem), now=now))
        try:
            self._session = await self._worker.tokens.renewed(self._connection, self._adapter)
        except PlatformError as error:
            self._session = None
            await self._learn(error.problem, now)
            return error.problem
        return None

    async def _give_way(self, problem: o.Problem) -> None:
        """Stores what follows from a problem, for this target and for all others that it concerns."""
        if isinstance(problem, o.AuthRevoked):
            problem = await self._confirmed(problem)
        target, now = self.target, self._clock()
        async with self._worker.stores() as store:
            match problem:
                case o.AuthRevoked(detail):
                    holding = None if target.state.rests else target
                    if not await park_connection(store, self._connection, rules=self._rules, now=now, holding=holding):
                        # Connected again while we still used the old access.
                        problem = o.Transient(detail)
                case o.RateLimited(until, scope):
                    server, account = server_holds(self._connection)
                    await store.hold(server if scope == "app" else account, until)
                case o.Cooldown(until):
                    await store.hold(place_key(self._connection, target.slot), until)
                case _:
                    pass
            await save_step(store, target, self._refused(problem))
            await store.commit()

    async def _confirmed(self, problem: o.AuthRevoked) -> o.Problem:
        """Asks once more whether the access has ended: one wrong answer shall not disconnect anybody."""
        if self._session is None:
            return problem
        try:
            await self._adapter.whoami(self._session)
        except PlatformError as error:
            return problem if isinstance(error.problem, o.AuthRevoked) else o.Transient(problem.detail)
        return o.Transient(problem.detail)

    def _refused(self, problem: o.Problem) -> Target:
        return steps.refused(self.target, problem, self._rules, now=self._clock(), jitter=self._worker.jitter)

    # Storing

    async def _keep(self, after: Target, *, lease_for: timedelta | None = None) -> None:
        """Stores a step and goes on holding the target."""
        until = self._clock() + (lease_for or self._worker.look_lease)
        async with self._worker.stores() as store:
            self.target = await save_step(store, self.target, after, lease=self._known.lease, until=until)
            await store.commit()

    async def _leave(self, after: Target) -> None:
        """Stores a step and gives the target up."""
        async with self._worker.stores() as store:
            if after.reminders > self.target.reminders:
                store.record(_reminder(after, self._rules, self._clock()), owner_id=after.owner_id)
            self.target = await save_step(store, self.target, after)
            await store.commit()

    async def _pass_on(self, after: Target) -> bool:
        """Stores a step; tells whether it goes on at once, else the target is given up until it is due."""
        if steps.next_move(after, self._clock()) is Move.WAIT:
            await self._leave(after)
            return False
        await self._keep(after)
        return True

    # What `_stopped` has made sure of

    @property
    def _connection(self) -> Connection:
        if self._known.connection is None:
            raise RuntimeError("a target without a connection goes no further")
        return self._known.connection

    @property
    def _adapter(self) -> Adapter:
        return self._worker.platforms.adapters[self.target.platform]

    @property
    def _slot(self) -> Slot:
        slot = self._worker.platforms.slot(self.target.platform, self.target.slot)
        if slot is None:
            raise RuntimeError("a target whose slot left the catalogue goes no further")
        return slot


def _reminder(target: Target, rules: Rules, now: datetime) -> events.TargetReminded:
    return events.TargetReminded(
        target_id=target.id,
        sync_id=target.sync_id,
        owner_id=target.owner_id,
        platform=target.platform,
        remote_handle=target.remote_handle,
        slot=target.slot,
        number=target.reminders,
        link=rules.assist_link or "",
        event_time=timestamp(now),
    )
