"""A target driven through random outcomes, crashes and clocks against a pretended platform."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from target_making import NOW, target

from services.sync.domain import outcomes as o
from services.sync.domain import target as steps
from services.sync.domain.schedule import OnDifference
from services.sync.domain.target import Answer, Move, Rules, Seen, Target, TargetState, Verdict

WRITE_SECONDS = 30.0
CHECK_EVERY = timedelta(days=1)
LEASE = timedelta(seconds=WRITE_SECONDS + 5)

PASSING = st.sampled_from([o.Transient(), o.Conflict(), o.AuthExpired()])
FINAL = st.sampled_from(
    [o.AuthRevoked(), o.MissingScope(), o.AccountCheckpoint("l"), o.InvalidImage("m"), o.Unsupported("m")]
)


class TargetLife(RuleBasedStateMachine):
    """The platform takes a write at some moment of the call, and shows it within its settle time."""

    @initialize(settle=st.sampled_from([0.0, 5.0]), silent=st.booleans(), policy=st.sampled_from(OnDifference))
    def begin(self, settle: float, silent: bool, policy: OnDifference) -> None:
        self.always = Rules("Plat", mode="write", settle_seconds=settle, on_difference=policy)
        self.silent = silent  # says yes and does nothing
        self.now = NOW
        self.target: Target = target()
        self.leased_until = NOW
        self.tag = "old"
        self.coming: list[tuple[float, str]] = []  # when a written picture shows
        self.changes = 0
        self.looked_since_send = False
        self.last_look_at = NOW
        self.unknown_since: float | None = None
        self.asked_again = False

    @property
    def place_rules(self) -> Rules:
        return replace(self.always, next_check_at=self.now + CHECK_EVERY)

    def clock(self) -> float:
        return (self.now - NOW).total_seconds()

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def it_becomes_due(self) -> None:
        due = self.target.next_attempt_at
        if due is not None and due > self.now:
            self.now = due

    @precondition(lambda self: self.changes > 0)
    @rule()
    def somebody_else_changes_the_picture(self) -> None:
        self.show()
        self.coming.clear()
        self.tag = "third"

    @precondition(lambda self: self.target.state in steps.RETRYABLE)
    @rule()
    def the_owner_tries_again(self) -> None:
        if self.target.state is TargetState.DIFFERS:
            # A late look has told what became of the last send.
            self.unknown_since = None
        self.target = steps.resumed(self.target, now=self.now, send_anew=True)
        self.asked_again = True

    @precondition(lambda self: self.target.state is TargetState.PAUSED and self.target.next_attempt_at is None)
    @rule()
    def the_owner_reconnects(self) -> None:
        self.target = steps.resumed(self.target, now=self.now)

    def show(self) -> None:
        for at, tag in sorted(self.coming):
            if at <= self.clock():
                self.tag = tag
        self.coming = [(at, tag) for at, tag in self.coming if at > self.clock()]

    @rule(data=st.data())
    def a_worker_comes_by(self, data: st.DataObject) -> None:
        if self.leased_until > self.now:
            return
        if steps.next_move(self.target, self.now) is Move.RECOVER:
            self.target = steps.recovered(self.target, self.place_rules, now=self.now)
        if steps.next_move(self.target, self.now) in (Move.REST, Move.WAIT):
            return
        problem = data.draw(st.one_of(st.none(), st.none(), PASSING, FINAL, self.limits()), "look")
        if problem is not None:
            self.target = self.refuse(problem)
            return
        self.show()
        at = self.now
        seen = Seen(at, self.tag, self.tag, f"hash of {self.tag}", is_wanted=self.tag == "new")
        self.looked_since_send, self.last_look_at = True, at
        match steps.judge(self.target, seen, self.place_rules):
            case Verdict.RIGHT:
                self.target = steps.verified(self.target, seen, self.place_rules, now=self.now)
            case Verdict.EARLY:
                self.target = steps.still_settling(self.target, seen, self.place_rules, now=self.now)
            case Verdict.WRONG:
                self.target = steps.differs(self.target, seen, self.place_rules, now=self.now)
            case Verdict.CHANGED:
                self.found_changed(seen)
            case Verdict.NOT_YET:
                raise AssertionError("nobody is asked for a hand where the place can be written")
            case Verdict.SEND:
                self.send(seen, data)

    def found_changed(self, seen: Seen) -> None:
        self.target = steps.changed(self.target, seen, self.place_rules, now=self.now)
        assert steps.is_put_back(self.target) == (self.place_rules.on_difference is OnDifference.RESTORE)
        if steps.is_put_back(self.target):
            self.target = steps.resumed(self.target, now=self.now, send_anew=True)
            self.unknown_since, self.asked_again = None, True

    def send(self, seen: Seen, data: st.DataObject) -> None:
        assert self.looked_since_send, "nothing is sent without a look since the last send"
        if self.unknown_since is not None:
            assert seen.tag != "new"
            patience = max(self.place_rules.settle_seconds, 10)
            assert self.clock() >= self.unknown_since + patience, (
                "after an unknown outcome a send waits for a late look"
            )
        self.target = steps.begin_sending(self.target, seen, sha256="f", perceptual_hash="h", now=self.now)
        self.leased_until = self.now + LEASE
        self.looked_since_send, self.unknown_since = False, None
        taken = WRITE_SECONDS * data.draw(st.floats(0, 1), "share of the time-out that the call takes")
        what = data.draw(st.sampled_from(["yes", "no", "lost", "lost, nothing done", "crash before", "crash after"]))
        applies = what in ("yes", "lost", "crash after") and not self.silent
        if applies:
            delay = self.place_rules.settle_seconds * data.draw(st.floats(0, 1), "processing")
            self.coming.append((self.clock() + taken + delay, "new"))
            self.changes += 1
        if what.startswith("crash"):
            self.unknown_since = self.clock() + taken
            return
        self.now += timedelta(seconds=taken)
        self.leased_until = self.now
        match what:
            case "yes":
                self.target = steps.answered(self.target, o.Accepted(), self.place_rules, now=self.now)
            case "no":
                self.target = self.refuse(data.draw(st.one_of(PASSING, FINAL, self.limits()), "answer"))
            case _:
                self.unknown_since = self.clock()
                self.target = self.refuse(o.OutcomeUnknown())

    def limits(self) -> st.SearchStrategy[o.Problem]:
        until = self.now + timedelta(minutes=15)
        return st.sampled_from([o.RateLimited(until, "account"), o.RateLimited(until, "app"), o.Cooldown(until)])

    def refuse(self, problem: o.Problem) -> Target:
        return steps.refused(
            self.target, problem, self.place_rules, now=self.now, jitter=lambda low, high: (low + high) / 2
        )

    @invariant()
    def the_picture_changes_at_most_once_unless_its_owner_asks_for_more(self) -> None:
        assert self.changes <= 1 or self.asked_again

    @invariant()
    def it_rests_right_or_says_why(self) -> None:
        if self.target.state is TargetState.VERIFIED:
            assert self.target.seen is not None
            assert self.target.seen.is_wanted
        elif self.target.state.rests or self.target.state is TargetState.PAUSED:
            assert self.target.reason is not None

    @invariant()
    def what_is_not_at_rest_goes_on_by_itself_or_waits_for_a_reconnect(self) -> None:
        state, due = self.target.state, self.target.next_attempt_at
        if state is TargetState.WAITING:
            assert due is not None
        if state is TargetState.PAUSED and due is None:
            assert self.target.reason is not None
            assert self.target.reason.code == "AUTH_REVOKED"

    @invariant()
    def what_was_verified_is_looked_at_again(self) -> None:
        if self.target.state is TargetState.VERIFIED:
            assert self.target.next_attempt_at is not None

    @invariant()
    def a_send_that_may_be_out_is_remembered(self) -> None:
        if self.unknown_since is not None and self.target.state is not TargetState.VERIFIED:
            sent = self.target.submission
            assert sent is not None
            assert sent.answer in (Answer.OPEN, Answer.UNKNOWN)


TestTargetLife = TargetLife.TestCase
TestTargetLife.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
