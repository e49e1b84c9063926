"""The life of a target: one place (a slot of a connection) that shall show one picture.

    queued ──► sending ──► waiting_for_platform ──► verified | differs
       ▲          │                 │
       └──────────┴─────────────────┴──► paused | needs_you | failed | cancelled | superseded

A target that rests is looked at again by its connection's schedule: what is `verified` may come to `differ`, and is then put back,
left, or asked about, as the place's policy says. What waits for its owner's hand is looked at when they are reminded.

Two rules hold everything together. A picture is sent only after a look at what is there, taken since the last send. And after
a send whose outcome we do not know, only a look that is late enough, and that still finds the old picture, allows another.

Functions here take a target and give the next one; what is true in the world comes in as arguments, time and chance included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, TypeAlias, assert_never

from services.sync.domain import outcomes as o
from services.sync.domain import reasons
from services.sync.domain.reasons import Reason
from services.sync.domain.retry import BUDGET, Jitter, delay_seconds, unknown_settle_seconds
from services.sync.domain.schedule import OnDifference

# An accepted picture that never shows is looked for again at these times: people hear that it came late, too.
LATE_LOOKS_SECONDS = (60, 600, 3600)
# Who is asked to set a picture by hand is reminded after these times.
REMINDERS = (timedelta(days=1), timedelta(days=7))
# A check that did not come to a look is made up for after this time, long before the next one is due.
CHECK_AGAIN_AFTER = timedelta(hours=1)
# Caches of servers that say they show a picture at once.
LEAST_PATIENCE_SECONDS = 5.0
# A missing rendering rings by itself when it is there; this is for a bell that nobody heard.
RENDERING_RECHECK_SECONDS = 30


class TargetState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting_for_platform"
    VERIFIED = "verified"
    DIFFERS = "differs"
    NEEDS_YOU = "needs_you"
    PAUSED = "paused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def rests(self) -> bool:
        """True where nothing more is planned that the person has not to decide: a sync is finished when all its targets rest."""
        return self in _RESTING


S = TargetState
_RESTING = frozenset({S.VERIFIED, S.DIFFERS, S.NEEDS_YOU, S.FAILED, S.CANCELLED, S.SUPERSEDED})
RETRYABLE = frozenset({S.DIFFERS, S.NEEDS_YOU, S.FAILED})
# What a newer wish for the same place takes over. What is verified stays true, what has failed stays said.
SUPERSEDABLE = frozenset({S.QUEUED, S.SENDING, S.WAITING, S.PAUSED, S.NEEDS_YOU, S.DIFFERS})

# What `Seen.trouble` says: the picture there is larger than we copy, or none that can be copied.
TOO_LARGE, NO_PICTURE = "PICTURE_TOO_LARGE", "PICTURE_UNREADABLE"

# Reasons that ask the person to set the picture by hand.
_BY_HAND = ("SET_BY_HAND", "REMOVE_BY_HAND", "NOT_ALLOWED")
# Reasons of a difference that a check has found.
FOUND_BY_CHECK = ("CHANGED_THERE", "LEFT_THERE", "PUTTING_BACK")

_WORKING = frozenset({S.QUEUED, S.WAITING, S.VERIFIED, S.DIFFERS, S.NEEDS_YOU, S.PAUSED, S.FAILED})
OFF = frozenset({S.CANCELLED, S.SUPERSEDED})
TRANSITIONS: Mapping[TargetState, frozenset[TargetState]] = {
    S.QUEUED: _WORKING | OFF | {S.SENDING},
    # A look always comes between a send and a verdict.
    S.SENDING: frozenset({S.QUEUED, S.WAITING, S.NEEDS_YOU, S.PAUSED, S.FAILED}) | OFF,
    S.WAITING: _WORKING | OFF | {S.SENDING},
    S.PAUSED: _WORKING | OFF | {S.SENDING},
    S.DIFFERS: frozenset({S.DIFFERS, S.VERIFIED, S.QUEUED}) | OFF,
    S.NEEDS_YOU: frozenset({S.NEEDS_YOU, S.QUEUED, S.WAITING, S.VERIFIED}) | OFF,
    S.FAILED: frozenset({S.QUEUED}) | OFF,
    S.VERIFIED: frozenset({S.DIFFERS}),
    S.CANCELLED: frozenset(),
    S.SUPERSEDED: frozenset(),
}


class Answer(StrEnum):
    """What is known of a send."""

    OPEN = "open"  # the call is under way, or its process has died
    UNKNOWN = "unknown"  # it ended without an answer
    ACCEPTED = "accepted"
    REFUSED = "refused"  # certainly nothing happened


@dataclass(frozen=True)
class Submission:
    """The last send: recorded before the call, so that a killed process leaves a trace.

    `before_tag` and `before_hash` say what the place showed when it was sent. `by_hand` means that the person did it. Without a file
    (`sha256`), and not by hand, a picture was taken away.
    """

    at: datetime
    sha256: str
    perceptual_hash: str
    before_tag: str
    before_hash: str
    answer: Answer = Answer.OPEN
    ended_at: datetime | None = None
    operation: str = ""
    by_hand: bool = False

    @property
    def may_be_out(self) -> bool:
        """True where the platform may have the picture."""
        return self.answer is not Answer.REFUSED

    @property
    def takes_away(self) -> bool:
        return not self.sha256 and not self.by_hand


@dataclass(frozen=True)
class Seen:
    """One look at a place. `tag` changes when the picture there does; all are empty where there is no picture.

    `is_wanted` is the verdict of the comparison: this is the picture that the target wants. `trouble` is the code of the reason why
    there is no copy of what is there.
    """

    at: datetime
    url: str = ""
    tag: str = ""
    perceptual_hash: str = ""
    distance: int | None = None
    object_key: str = ""
    is_wanted: bool = False
    trouble: str = ""

    @property
    def is_unreadable(self) -> bool:
        return bool(self.tag) and not self.perceptual_hash


@dataclass(frozen=True)
class Rules:
    """What the catalogue says of the place, as far as it decides anything here, and what its owner does.

    `next_check_at` is when the schedule has a place looked at that is verified now; None without one.
    """

    platform_name: str
    mode: str
    settle_seconds: float
    assist_link: str | None = None  # None where there is no way by hand
    observable: bool = True
    on_difference: OnDifference = OnDifference.ASK
    next_check_at: datetime | None = None


@dataclass(frozen=True)
class Target:
    """One place that shall show one picture. `version` grows with every change and fences out who holds an old copy.

    The picture is one of the library (`image_id`), or what was there before (`snapshot_id`). `reminders` counts how often its owner
    was reminded to set it by hand.
    """

    id: str
    sync_id: str
    owner_id: str
    connection_id: str
    platform: str
    slot: str
    remote_handle: str
    image_id: str | None
    revision: int
    requested_at: datetime
    updated_at: datetime
    state: TargetState = S.QUEUED
    reason: Reason | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    version: int = 1
    submission: Submission | None = None
    seen: Seen | None = None
    failures: int = 0
    failing_since: datetime | None = None
    alt_text: str = ""
    snapshot_id: str | None = None
    reminders: int = 0

    @property
    def is_out(self) -> bool:
        """True where the platform may have a picture for this target."""
        return self.submission is not None and self.submission.may_be_out

    @property
    def waits_for_hand(self) -> bool:
        """True where the person is asked to set the picture by hand."""
        return self.state is S.NEEDS_YOU and self.reason is not None and self.reason.code in _BY_HAND

    @property
    def picture(self) -> tuple[str | None, int]:
        """The picture that it wants, and the revision; of one from before, none."""
        return self.image_id, self.revision

    @property
    def is_watched(self) -> bool:
        """True where what comes next is a look by the schedule of its connection."""
        found = self.state is S.DIFFERS and self.reason is not None and self.reason.code in FOUND_BY_CHECK
        return found or self.state is S.VERIFIED

    def to(
        self,
        state: TargetState,
        reason: Reason | None,
        *,
        now: datetime,
        next_attempt_at: datetime | None = None,
        **changes: Any,  # other fields of the target
    ) -> "Target":
        """Returns the target one step on. Raises `ValueError` for a step that no target takes."""
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"a target does not go from {self.state} to {state}")
        return replace(self, state=state, reason=reason, updated_at=now, next_attempt_at=next_attempt_at, **changes)


# What to do


class Move(Enum):
    """What a worker that holds a target does next."""

    REST = "rest"
    WAIT = "wait"
    RECOVER = "recover"
    CHECK = "check"
    LOOK = "look"


def next_move(target: Target, now: datetime) -> Move:
    """Says what comes next. Looking is always allowed; whether to send is for `judge` to say, after a look."""
    if target.state is S.SENDING:
        # Whoever sent it holds the target no more: the process was killed.
        return Move.RECOVER
    if target.state.rests and target.next_attempt_at is None:
        return Move.REST
    if target.next_attempt_at is not None and target.next_attempt_at > now:
        return Move.WAIT
    if target.submission is not None and target.submission.operation:
        return Move.CHECK
    return Move.LOOK


class Verdict(Enum):
    """What a look has shown."""

    RIGHT = "right"
    EARLY = "early"
    SEND = "send"
    WRONG = "wrong"
    CHANGED = "changed"  # was verified, and is not any more
    NOT_YET = "not yet"  # its owner has not set it by hand so far


def judge(target: Target, seen: Seen, rules: Rules) -> Verdict:
    """Says what follows from a look."""
    if seen.is_wanted:
        return Verdict.RIGHT
    sent = target.submission
    if target.state is S.VERIFIED:
        return Verdict.CHANGED
    if target.state is S.NEEDS_YOU:
        return Verdict.NOT_YET
    if target.state is S.DIFFERS:
        return Verdict.WRONG
    if sent is None or sent.answer is Answer.REFUSED:
        return Verdict.SEND
    shows_old = seen.tag == sent.before_tag or (bool(seen.tag) and seen.perceptual_hash == sent.before_hash != "")
    if seen.at < _settled_at(target, sent, rules):
        return Verdict.EARLY
    if sent.answer is Answer.ACCEPTED:
        patience_ends = (sent.ended_at or sent.at) + timedelta(seconds=_patience_seconds(rules))
        return Verdict.EARLY if shows_old and seen.at < patience_ends else Verdict.WRONG
    return Verdict.SEND if shows_old else Verdict.WRONG


def _settled_at(target: Target, sent: Submission, rules: Rules) -> datetime:
    """Returns until when the old picture proves nothing."""
    settle = rules.settle_seconds
    if sent.answer in (Answer.OPEN, Answer.UNKNOWN):
        settle = unknown_settle_seconds(settle, target.attempts)
    return (sent.ended_at or sent.at) + timedelta(seconds=settle)


def _patience_seconds(rules: Rules) -> float:
    """Returns for how long an accepted picture may fail to show before that is held against the platform.

    The catalogue's time is the least that some platforms name, so the old picture gets it twice.
    """
    return max(2 * rules.settle_seconds, LEAST_PATIENCE_SECONDS)


def _next_look_at(target: Target, rules: Rules, now: datetime) -> datetime:
    """Returns when to look again: after an accepted send soon and then less often, after a lost answer when it can tell something."""
    sent = target.submission
    if sent is None:
        return now
    ended = sent.ended_at or sent.at
    if sent.answer is Answer.ACCEPTED:
        span = timedelta(seconds=_patience_seconds(rules))
        shares: tuple[float, ...] = (0.25, 0.5, 1)
    else:
        span = _settled_at(target, sent, rules) - ended
        shares = (0.5, 1)
    times = (ended + span * share for share in shares)
    return next((time for time in times if time > now), now)


# Steps


def verified(target: Target, seen: Seen, rules: Rules, *, now: datetime) -> Target:
    """The place shows the picture: with a reason only where we had nothing to do with it."""
    if target.state is S.VERIFIED:
        return replace(target, seen=seen, next_attempt_at=rules.next_check_at)
    reason = reasons.already_right(rules.platform_name) if target.submission is None else None
    return target.to(
        S.VERIFIED,
        reason,
        now=now,
        next_attempt_at=rules.next_check_at,
        seen=seen,
        failures=0,
        failing_since=None,
    )


def changed(target: Target, seen: Seen, rules: Rules, *, now: datetime) -> Target:
    """A check has found something else than what was verified. What follows is the policy's to say, see `is_put_back`."""
    name = rules.platform_name
    if seen.is_unreadable:
        reason = reasons.unreadable(name)
    elif rules.on_difference is OnDifference.RESTORE:
        reason = reasons.putting_back(name)
    elif rules.on_difference is OnDifference.LEAVE:
        reason = reasons.left_there(name)
    else:
        reason = reasons.changed_there(name, is_gone=not seen.tag)
    return target.to(S.DIFFERS, reason, now=now, next_attempt_at=rules.next_check_at, seen=seen)


def is_put_back(target: Target) -> bool:
    """Tells whether a difference that a check has found is to be undone at once. Never one that we cannot make out."""
    return target.state is S.DIFFERS and target.reason is not None and target.reason.code == "PUTTING_BACK"


def unwatched(target: Target) -> Target:
    """Is not looked at any more: something newer is wished for its place, or nothing can be found out there."""
    return replace(target, next_attempt_at=None)


def reminded(target: Target, *, seen: Seen | None = None) -> Target:
    """Its owner is reminded to set the picture by hand."""
    count = target.reminders + 1
    at = target.requested_at + REMINDERS[count] if count < len(REMINDERS) else None
    return replace(target, reminders=count, next_attempt_at=at, seen=seen or target.seen)


def still_settling(target: Target, seen: Seen, rules: Rules, *, now: datetime) -> Target:
    """The old picture is there, and it is too early to make anything of it."""
    sent = target.submission
    if sent is not None and sent.by_hand:
        reason = reasons.looking(rules.platform_name)
    else:
        unknown = sent is not None and sent.answer in (Answer.OPEN, Answer.UNKNOWN)
        reason = (reasons.outcome_unknown if unknown else reasons.settling)(rules.platform_name)
    return target.to(
        S.WAITING, reason, now=now, next_attempt_at=_next_look_at(target, rules, now), seen=seen, failures=0
    )


def differs(target: Target, seen: Seen, rules: Rules, *, now: datetime) -> Target:
    """The place shows something else although we sent the picture. Nobody sends it again unasked; late looks go on."""
    if target.reason is not None and target.reason.code in FOUND_BY_CHECK:
        return replace(target, seen=seen, next_attempt_at=rules.next_check_at)
    sent, name = target.submission, rules.platform_name
    if seen.is_unreadable:
        reason = reasons.unreadable(name)
    elif sent is not None and sent.by_hand:
        reason = reasons.not_seen(name)
    elif sent is not None and seen.tag == sent.before_tag:
        reason = reasons.not_taken_over(name)
    else:
        reason = reasons.shows_another(name)
    return target.to(S.DIFFERS, reason, now=now, next_attempt_at=_late_look_at(target, now), seen=seen)


def _late_look_at(target: Target, now: datetime) -> datetime | None:
    sent = target.submission
    if sent is None:
        return None
    times = ((sent.ended_at or sent.at) + timedelta(seconds=seconds) for seconds in LATE_LOOKS_SECONDS)
    return next((time for time in times if time > now), None)


def begin_sending(target: Target, seen: Seen, *, sha256: str, perceptual_hash: str, now: datetime) -> Target:
    """Records the intent; to be stored before the call is made."""
    intent = Submission(now, sha256, perceptual_hash, before_tag=seen.tag, before_hash=seen.perceptual_hash)
    return target.to(S.SENDING, None, now=now, submission=intent, attempts=target.attempts + 1, seen=seen)


def answered(target: Target, success: o.Success, rules: Rules, *, now: datetime) -> Target:
    """The platform has taken the picture, or says how its work on it goes."""
    sent = target.submission
    assert sent is not None  # noqa: S101  # only what was sent is answered
    done = replace(sent, answer=Answer.ACCEPTED, ended_at=now, operation="")
    name = rules.platform_name
    waiting = replace(target, submission=done, failures=0, failing_since=None)
    match success:
        case o.Accepted():
            at = _next_look_at(waiting, rules, now) if rules.settle_seconds else now
            return waiting.to(S.WAITING, reasons.settling(name), now=now, next_attempt_at=at)
        case o.Submitted(operation, ask_after_seconds):
            at = now + timedelta(seconds=ask_after_seconds)
            kept = replace(done, operation=operation)
            return waiting.to(S.WAITING, reasons.settling(name), now=now, next_attempt_at=at, submission=kept)
        case o.PendingReview(ask_after_seconds):
            at = now + timedelta(seconds=ask_after_seconds)
            # Until then the old picture proves nothing.
            kept = replace(done, ended_at=at)
            return waiting.to(S.WAITING, reasons.in_review(name), now=now, next_attempt_at=at, submission=kept)
        case never:
            assert_never(never)


def recovered(target: Target, rules: Rules, *, now: datetime) -> Target:
    """Takes over from a process that was killed between recording its intent and storing the answer."""
    return refused(target, o.OutcomeUnknown("the process ended while sending"), rules, now=now, jitter=_no_jitter)


def refused(target: Target, problem: o.Problem, rules: Rules, *, now: datetime, jitter: Jitter) -> Target:
    """Something did not go as it should: a look, a check, or, from `sending`, the send itself."""
    if target.state.rests:
        # Only a late look failed. What was found before stands; the next look may tell more.
        return replace(target, next_attempt_at=_after_failed_look(target, problem, rules, now))
    target = _end_send(target, problem, now)
    name, is_out = rules.platform_name, target.is_out
    again = S.WAITING if is_out else S.QUEUED
    match problem:
        case o.OutcomeUnknown() | o.Transient() | o.Conflict() | o.AuthExpired():
            return _again_later(target, problem, rules, again, now=now, jitter=jitter)
        case o.RateLimited(until):
            # A little apart, or all that wait for the same moment come back at once.
            wait = jitter(0.2, 1.0)
            failures = target.failures
            if until <= now:
                # By a clock that is not ours, or a limit that is not what it says: less often each time.
                failures += 1
                wait = delay_seconds(failures, jitter)
            at = max(until, now) + timedelta(seconds=wait)
            state = S.WAITING if is_out else S.PAUSED
            return target.to(state, reasons.rate_limited(name), now=now, next_attempt_at=at, failures=failures)
        case o.Cooldown(until):
            at = max(until, now) + timedelta(seconds=jitter(0.2, 1.0))
            return target.to(S.WAITING if is_out else S.PAUSED, reasons.cooling_down(name), now=now, next_attempt_at=at)
        case o.Outage(until):
            return _wait_for_server(target, until, rules, S.WAITING if is_out else S.PAUSED, now=now, jitter=jitter)
        case o.AuthRevoked():
            return target.to(S.PAUSED, reasons.revoked(name), now=now)
        case o.MissingScope():
            return target.to(S.NEEDS_YOU, reasons.missing_permission(name), now=now)
        case o.AccountCheckpoint(link):
            return target.to(S.NEEDS_YOU, reasons.account_locked(name, link), now=now)
        case o.InvalidImage(message):
            return target.to(S.FAILED, reasons.image_rejected(name, message), now=now)
        case o.PolicyRejected(link):
            return target.to(S.FAILED, reasons.policy(name, link), now=now)
        case o.Unsupported(link=link) if target.submission is not None and target.submission.takes_away:
            return _by_hand(target, reasons.remove_by_hand(name, rules.assist_link or link), now=now)
        case o.Unsupported(message, link):
            reason = reasons.refused_by_platform(name, message, link)
            if rules.assist_link is None:
                return target.to(S.FAILED, reason, now=now)
            return _by_hand(target, reason, now=now)
        case never:
            assert_never(never)


def _after_failed_look(target: Target, problem: o.Problem, rules: Rules, now: datetime) -> datetime | None:
    late_look = _late_look_at(target, now) if target.state is S.DIFFERS else None
    if late_look is not None:
        return late_look
    if isinstance(problem, o.AuthRevoked):
        # A reconnect alone helps.
        return rules.next_check_at
    return now + CHECK_AGAIN_AFTER if target.waits_for_hand or rules.next_check_at is not None else None


def _end_send(target: Target, problem: o.Problem, now: datetime) -> Target:
    """Notes how a send ended that did not succeed."""
    if target.state is not S.SENDING or target.submission is None:
        return target
    answer = Answer.UNKNOWN if isinstance(problem, o.OutcomeUnknown) else Answer.REFUSED
    return replace(target, submission=replace(target.submission, answer=answer, ended_at=now))


_PassingProblem: TypeAlias = o.OutcomeUnknown | o.Transient | o.Conflict | o.AuthExpired


def _again_later(
    target: Target,
    problem: _PassingProblem,
    rules: Rules,
    state: TargetState,
    *,
    now: datetime,
    jitter: Jitter,
) -> Target:
    since = target.failing_since or now
    name = rules.platform_name
    if now - since >= BUDGET:
        return target.to(S.FAILED, reasons.gave_up(name), now=now, failures=0, failing_since=None)
    failures = target.failures + 1
    # After a lost answer a first look is due at once: most often the picture is there.
    wait = 0.0 if isinstance(problem, o.OutcomeUnknown) else delay_seconds(failures, jitter)
    at = now + timedelta(seconds=wait)
    reason = _why_again(problem, name)
    return target.to(state, reason, now=now, next_attempt_at=at, failures=failures, failing_since=since)


def _wait_for_server(
    target: Target, until: datetime, rules: Rules, state: TargetState, *, now: datetime, jitter: Jitter
) -> Target:
    """Waits without having asked; not for ever either."""
    since = target.failing_since or now
    if now - since >= BUDGET:
        return target.to(S.FAILED, reasons.gave_up(rules.platform_name), now=now, failures=0, failing_since=None)
    at = max(until, now) + timedelta(seconds=jitter(0.2, 1.0))
    return target.to(
        state, reasons.platform_down(rules.platform_name), now=now, next_attempt_at=at, failing_since=since
    )


def _why_again(problem: _PassingProblem, platform: str) -> Reason:
    match problem:
        case o.OutcomeUnknown():
            return reasons.outcome_unknown(platform)
        case o.Transient(is_ours=is_ours):
            return reasons.ours_unavailable() if is_ours else reasons.transient(platform)
        case o.Conflict():
            return reasons.changed_meanwhile(platform)
        case o.AuthExpired():
            return reasons.sign_in_renewed(platform)
        case never:
            assert_never(never)


def _no_jitter(low: float, high: float) -> float:
    return (low + high) / 2


# What others do to a target


def stopped(target: Target, state: TargetState, reason: Reason, *, now: datetime) -> Target:
    """Comes to rest by what happened elsewhere: cancelled, superseded, or nothing there to send."""
    return target.to(state, reason, now=now)


def parked(target: Target, rules: Rules, *, now: datetime) -> Target:
    """Waits for a reconnect."""
    return target.to(S.PAUSED, reasons.revoked(rules.platform_name), now=now)


def awaiting_rendition(target: Target, rules: Rules, *, now: datetime) -> Target:
    """Waits for its picture to be made."""
    at = now + timedelta(seconds=RENDERING_RECHECK_SECONDS)
    return target.to(S.QUEUED, reasons.rendering(rules.platform_name), now=now, next_attempt_at=at)


def needs_hand(
    target: Target, rules: Rules, *, now: datetime, seen: Seen | None = None, takes_away: bool = False
) -> Target:
    """Waits for the person to set the picture, or to take it away."""
    reason = (reasons.remove_by_hand if takes_away else reasons.by_hand)(rules.platform_name, rules.assist_link or "")
    return _by_hand(replace(target, seen=seen or target.seen), reason, now=now)


def _by_hand(target: Target, reason: Reason, *, now: datetime) -> Target:
    return target.to(S.NEEDS_YOU, reason, now=now, next_attempt_at=now + REMINDERS[0], reminders=0)


def resumed(target: Target, *, now: datetime, send_anew: bool = False) -> Target:
    """Goes on at once: what it waited for is there, or the person asks for it.

    `send_anew` forgets a send with a known outcome, so that another may follow; an unknown outcome stays one, unless it was waited out.
    """
    sent = target.submission
    is_over = target.state is S.DIFFERS or (sent is not None and sent.answer in (Answer.ACCEPTED, Answer.REFUSED))
    forgets = send_anew and is_over
    return target.to(
        S.QUEUED,
        None,
        now=now,
        next_attempt_at=now,
        submission=None if forgets else sent,
        failures=0,
        failing_since=None,
    )


def woken(target: Target, *, now: datetime) -> Target:
    """Is due at once, where it was due later."""
    return replace(target, next_attempt_at=now)


def confirmed(target: Target, rules: Rules, *, now: datetime) -> Target:
    """The person has set the picture by hand: looked at where that is possible, else believed."""
    if not rules.observable:
        return target.to(S.VERIFIED, reasons.confirmed_by_owner(rules.platform_name), now=now)
    before = target.seen or Seen(now)
    done = Submission(
        now, "", "", before.tag, before.perceptual_hash, answer=Answer.ACCEPTED, ended_at=now, by_hand=True
    )
    return target.to(S.WAITING, reasons.looking(rules.platform_name), now=now, next_attempt_at=now, submission=done)
