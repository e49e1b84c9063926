"""The decisions about a target, one by one."""

from datetime import timedelta

import pytest
from target_making import NOW, OLD, RULES, at, looked, middle, target

from services.sync.domain import outcomes as o
from services.sync.domain import reasons
from services.sync.domain import target as steps
from services.sync.domain.reasons import ActionClass
from services.sync.domain.retry import BUDGET
from services.sync.domain.target import TRANSITIONS, Answer, Move, Rules, Seen, Target, TargetState, Verdict


def sent(seconds: float = 0) -> Target:
    """A target whose picture is on its way since then."""
    return steps.begin_sending(target(), looked(seconds, "old"), sha256="f", perceptual_hash="bb", now=at(seconds))


def accepted(seconds: float = 0) -> Target:
    return steps.answered(sent(seconds), o.Accepted(), RULES, now=at(seconds))


def refused(before: Target, problem: o.Problem, seconds: float = 0, rules: Rules = RULES) -> Target:
    return steps.refused(before, problem, rules, now=at(seconds), jitter=middle)


def test_a_new_target_is_looked_at_before_anything_is_sent() -> None:
    assert steps.next_move(target(), NOW) is Move.LOOK


def test_what_is_right_already_is_verified_without_a_send() -> None:
    seen = looked(0, "old", wanted=True)
    assert steps.judge(target(), seen, RULES) is Verdict.RIGHT
    done = steps.verified(target(), seen, RULES, now=NOW)
    assert (done.state, done.attempts) == (TargetState.VERIFIED, 0)
    assert done.reason == reasons.already_right("Plat")


def test_another_picture_is_replaced_and_the_send_is_counted() -> None:
    assert steps.judge(target(), OLD, RULES) is Verdict.SEND
    assert (sent().state, sent().attempts) == (TargetState.SENDING, 1)


def test_the_old_picture_proves_nothing_before_the_platform_has_settled() -> None:
    assert steps.judge(accepted(), looked(4, "old"), RULES) is Verdict.EARLY


def test_the_old_picture_gets_the_settle_time_twice() -> None:
    assert steps.judge(accepted(), looked(7, "old"), RULES) is Verdict.EARLY
    assert steps.judge(accepted(), looked(10, "old"), RULES) is Verdict.WRONG


def test_a_third_picture_is_not_waited_for() -> None:
    assert steps.judge(accepted(), looked(5, "third"), RULES) is Verdict.WRONG


def test_a_platform_that_settles_at_once_is_looked_at_at_once_and_given_a_moment() -> None:
    rules = Rules("Plat", mode="write", settle_seconds=0)
    waiting = steps.answered(sent(), o.Accepted(), rules, now=NOW)
    assert waiting.next_attempt_at == NOW
    assert steps.judge(waiting, looked(0, "old"), rules) is Verdict.EARLY
    assert steps.still_settling(waiting, looked(0, "old"), rules, now=NOW).next_attempt_at == at(1.25)
    assert steps.judge(waiting, looked(5, "old"), rules) is Verdict.WRONG
    assert steps.judge(waiting, looked(0, "third"), rules) is Verdict.WRONG


def test_looks_come_at_half_the_settle_time_at_its_end_and_at_its_double() -> None:
    waiting, times = accepted(), []
    for seconds in (0, 2.5, 5):
        waiting = steps.still_settling(waiting, looked(seconds, "old"), RULES, now=at(seconds))
        assert waiting.next_attempt_at is not None
        times.append((waiting.next_attempt_at - NOW).total_seconds())
    assert times == [2.5, 5, 10]


def test_after_a_lost_answer_the_first_look_is_due_at_once() -> None:
    lost = refused(sent(), o.OutcomeUnknown())
    assert (lost.state, lost.next_attempt_at) == (TargetState.WAITING, NOW)
    assert lost.reason == reasons.outcome_unknown("Plat")


def test_after_a_lost_answer_only_a_late_look_allows_another_send() -> None:
    lost = refused(sent(), o.OutcomeUnknown(), 3)
    assert steps.judge(lost, looked(12, "old"), RULES) is Verdict.EARLY
    assert steps.judge(lost, looked(13, "old"), RULES) is Verdict.SEND


def test_after_a_lost_answer_a_third_picture_is_left_alone() -> None:
    lost = refused(sent(), o.OutcomeUnknown())
    assert steps.judge(lost, looked(60, "third"), RULES) is Verdict.WRONG


def test_each_lost_answer_is_waited_for_longer() -> None:
    lost = refused(sent(), o.OutcomeUnknown())
    again = steps.begin_sending(lost, looked(10, "old"), sha256="f", perceptual_hash="bb", now=at(10))
    lost_again = refused(again, o.OutcomeUnknown(), 10)
    assert steps.judge(lost_again, looked(29, "old"), RULES) is Verdict.EARLY
    assert steps.judge(lost_again, looked(30, "old"), RULES) is Verdict.SEND


def test_a_send_whose_process_died_is_an_unknown_outcome() -> None:
    assert steps.next_move(sent(), at(60)) is Move.RECOVER
    found = steps.recovered(sent(), RULES, now=at(60))
    assert found.submission is not None
    assert (found.state, found.submission.answer) == (TargetState.WAITING, Answer.UNKNOWN)
    assert steps.judge(found, looked(61, "old"), RULES) is Verdict.EARLY


def test_a_refused_send_may_follow_after_another_look() -> None:
    limited = refused(sent(), o.RateLimited(at(30), "account"))
    assert limited.state is TargetState.PAUSED
    assert steps.next_move(limited, at(20)) is Move.WAIT
    assert steps.next_move(limited, at(31)) is Move.LOOK
    assert steps.judge(limited, looked(31, "old"), RULES) is Verdict.SEND


def test_a_rate_limit_while_a_picture_is_out_does_not_pause_it() -> None:
    assert refused(accepted(), o.RateLimited(at(30), "app")).state is TargetState.WAITING


def test_transient_failures_are_tried_again_soon_and_then_more_and_more_rarely() -> None:
    failing, waits = target(), []
    for _ in range(10):
        failing = refused(failing, o.Transient())
        assert failing.next_attempt_at is not None
        waits.append((failing.next_attempt_at - NOW).total_seconds())
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_after_a_day_of_failures_it_is_given_up_and_said() -> None:
    failing = refused(target(), o.Transient())
    given_up = refused(failing, o.Transient(), BUDGET.total_seconds())
    assert (given_up.state, given_up.reason) == (TargetState.FAILED, reasons.gave_up("Plat"))


@pytest.mark.parametrize(
    ("problem", "state", "action"),
    [
        (o.AuthRevoked(), TargetState.PAUSED, ActionClass.YOU_CAN_FIX_THIS),
        (o.MissingScope(), TargetState.NEEDS_YOU, ActionClass.YOU_CAN_FIX_THIS),
        (o.AccountCheckpoint("https://p.test"), TargetState.NEEDS_YOU, ActionClass.YOU_CAN_FIX_THIS),
        (o.InvalidImage("At most 1 MB."), TargetState.FAILED, ActionClass.YOU_CAN_FIX_THIS),
        (o.PolicyRejected(), TargetState.FAILED, ActionClass.PLATFORM_DOES_NOT_ALLOW_IT),
        (o.Unsupported("No plan."), TargetState.FAILED, ActionClass.PLATFORM_DOES_NOT_ALLOW_IT),
        (o.Transient(), TargetState.QUEUED, ActionClass.WE_ARE_ON_IT),
        (o.Conflict(), TargetState.QUEUED, ActionClass.WE_ARE_ON_IT),
        (o.AuthExpired(), TargetState.QUEUED, ActionClass.WE_ARE_ON_IT),
        (o.Cooldown(at(60)), TargetState.PAUSED, ActionClass.WE_ARE_ON_IT),
    ],
)
def test_every_problem_says_who_can_do_something(problem: o.Problem, state: TargetState, action: ActionClass) -> None:
    after = refused(target(), problem)
    assert after.reason is not None
    assert (after.state, after.reason.action) == (state, action)


def test_where_there_is_a_way_by_hand_a_refusal_leads_there() -> None:
    rules = Rules("Plat", mode="write", settle_seconds=5, assist_link="https://p.test/settings")
    after = refused(target(), o.Unsupported("No plan."), rules=rules)
    assert after.waits_for_hand
    confirmed = steps.confirmed(after, rules, now=at(9))
    assert (confirmed.state, confirmed.next_attempt_at) == (TargetState.WAITING, at(9))


def test_a_confirmation_that_cannot_be_checked_is_believed_and_marked() -> None:
    rules = Rules("Plat", mode="assisted", settle_seconds=5, assist_link="https://p.test", observable=False)
    waiting = steps.needs_hand(target(), rules, now=NOW)
    done = steps.confirmed(waiting, rules, now=NOW)
    assert (done.state, done.reason) == (TargetState.VERIFIED, reasons.confirmed_by_owner("Plat"))


def test_a_differing_target_is_looked_at_later_and_may_turn_out_right() -> None:
    wrong = steps.differs(accepted(), looked(10, "old"), RULES, now=at(10))
    assert (wrong.state, wrong.next_attempt_at) == (TargetState.DIFFERS, at(60))
    assert wrong.reason == reasons.not_taken_over("Plat")
    late = looked(60, "new", wanted=True)
    assert steps.judge(wrong, late, RULES) is Verdict.RIGHT
    assert steps.verified(wrong, late, RULES, now=at(60)).state is TargetState.VERIFIED


def test_a_failed_late_look_changes_no_verdict() -> None:
    wrong = steps.differs(accepted(), looked(10, "old"), RULES, now=at(10))
    after = refused(wrong, o.AuthRevoked(), 61)
    assert (after.state, after.next_attempt_at) == (TargetState.DIFFERS, at(600))


def test_late_looks_end() -> None:
    wrong = steps.differs(accepted(), looked(10, "old"), RULES, now=at(10))
    last = steps.differs(wrong, looked(3601, "old"), RULES, now=at(3601))
    assert steps.next_move(last, at(9999)) is Move.REST


def test_trying_again_sends_anew_what_was_said_to_be_taken() -> None:
    wrong = steps.differs(accepted(), looked(10, "old"), RULES, now=at(10))
    again = steps.resumed(wrong, now=at(20), send_anew=True)
    assert again.state is TargetState.QUEUED
    assert steps.judge(again, looked(20, "old"), RULES) is Verdict.SEND


def test_trying_again_does_not_forget_an_unknown_outcome() -> None:
    lost = refused(sent(), o.OutcomeUnknown())
    failed = refused(lost, o.InvalidImage(""), 1)
    again = steps.resumed(failed, now=at(2), send_anew=True)
    assert steps.judge(again, looked(3, "old"), RULES) is Verdict.EARLY


def test_trying_again_sends_anew_what_was_waited_for_in_vain() -> None:
    lost = refused(sent(), o.OutcomeUnknown())
    wrong = steps.differs(lost, looked(60, "third"), RULES, now=at(60))
    again = steps.resumed(wrong, now=at(70), send_anew=True)
    assert steps.judge(again, looked(70, "third"), RULES) is Verdict.SEND


def test_a_reconnect_goes_on_where_it_stopped() -> None:
    parked = steps.parked(accepted(), RULES, now=at(1))
    again = steps.resumed(parked, now=at(100))
    assert steps.judge(again, looked(100, "new", wanted=True), RULES) is Verdict.RIGHT
    assert steps.judge(again, looked(100, "third"), RULES) is Verdict.WRONG


def test_an_unreadable_picture_is_named_as_that() -> None:
    unreadable = Seen(at(10), "https://p.test/a.webp", "new")
    assert steps.differs(accepted(), unreadable, RULES, now=at(10)).reason == reasons.unreadable("Plat")


def test_a_submitted_picture_is_asked_after_before_it_is_looked_for() -> None:
    working = steps.answered(sent(), o.Submitted("op-1", 7), RULES, now=NOW)
    assert steps.next_move(working, at(6)) is Move.WAIT
    assert steps.next_move(working, at(7)) is Move.CHECK
    assert steps.next_move(steps.answered(working, o.Accepted(), RULES, now=at(7)), at(10)) is Move.LOOK


def test_a_picture_in_review_proves_nothing_until_the_review_may_be_over() -> None:
    reviewed = steps.answered(sent(), o.PendingReview(3600), RULES, now=NOW)
    assert reviewed.reason == reasons.in_review("Plat")
    assert steps.judge(reviewed, looked(3599, "old"), RULES) is Verdict.EARLY


@pytest.mark.parametrize("state", [state for state in TargetState if not TRANSITIONS[state]])
def test_what_is_over_stays_over(state: TargetState) -> None:
    with pytest.raises(ValueError, match="does not go"):
        target(state=state).to(TargetState.QUEUED, None, now=NOW)


def test_every_state_can_be_superseded_or_stays_true() -> None:
    open_states = {state for state in TargetState if TRANSITIONS[state]} - {TargetState.VERIFIED}
    assert {state for state in open_states if TargetState.SUPERSEDED not in TRANSITIONS[state]} == set()


def test_the_longest_wait_is_bounded() -> None:
    failing = target(failures=1000)
    after = refused(failing, o.Transient())
    assert after.next_attempt_at is not None
    assert after.next_attempt_at - NOW <= timedelta(seconds=300)


def test_a_limit_that_is_over_by_its_own_word_is_tried_less_and_less_often() -> None:
    waits = []
    limited = target()
    for _ in range(6):
        limited = refused(limited, o.RateLimited(at(-1), "account"))
        assert limited.next_attempt_at is not None
        waits.append(limited.next_attempt_at - NOW)
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]
