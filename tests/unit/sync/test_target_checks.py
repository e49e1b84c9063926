"""What becomes of a target that rests when it is looked at again: by its connection's schedule, or to remind its owner."""

from dataclasses import replace
from datetime import timedelta

import pytest
from target_making import NOW, RULES, at, looked, middle, target

from services.sync.domain import outcomes as o
from services.sync.domain import target as steps
from services.sync.domain.reasons import ActionClass
from services.sync.domain.schedule import OnDifference
from services.sync.domain.target import Move, Rules, Target, TargetState, Verdict

TOMORROW = NOW + timedelta(days=1)
DAILY = replace(RULES, next_check_at=TOMORROW)
BY_HAND = Rules("Plat", mode="assisted", settle_seconds=5, assist_link="https://p.test/settings")


def verified(rules: Rules = DAILY) -> Target:
    return steps.verified(target(), looked(0, "ours", wanted=True), rules, now=NOW)


def found_changed(policy: OnDifference, *, tag: str = "other") -> Target:
    return steps.changed(verified(), looked(9, tag), replace(DAILY, on_difference=policy), now=at(9))


def refused(before: Target, problem: o.Problem, rules: Rules = DAILY) -> Target:
    return steps.refused(before, problem, rules, now=NOW, jitter=middle)


def test_without_a_schedule_what_is_verified_is_left_alone() -> None:
    assert steps.next_move(verified(RULES), at(1_000_000)) is Move.REST


def test_with_a_schedule_what_is_verified_is_looked_at_again() -> None:
    assert steps.next_move(verified(), at(1)) is Move.WAIT
    assert steps.next_move(verified(), TOMORROW) is Move.LOOK


def test_what_is_still_right_is_no_news() -> None:
    before, later = verified(), replace(DAILY, next_check_at=TOMORROW + timedelta(days=1))
    seen = looked(9, "ours", wanted=True)
    assert steps.judge(before, seen, later) is Verdict.RIGHT
    after = steps.verified(before, seen, later, now=at(9))
    assert (after.state, after.reason, after.next_attempt_at) == (before.state, before.reason, later.next_check_at)


def test_another_picture_where_ours_was_verified_is_a_difference() -> None:
    assert steps.judge(verified(), looked(9, "other"), DAILY) is Verdict.CHANGED


@pytest.mark.parametrize(
    ("policy", "code", "action"),
    [
        (OnDifference.ASK, "CHANGED_THERE", ActionClass.YOU_CAN_FIX_THIS),
        (OnDifference.LEAVE, "LEFT_THERE", ActionClass.WE_ARE_ON_IT),
        (OnDifference.RESTORE, "PUTTING_BACK", ActionClass.WE_ARE_ON_IT),
    ],
)
def test_the_policy_of_the_place_says_what_follows(policy: OnDifference, code: str, action: ActionClass) -> None:
    after = found_changed(policy)
    assert after.state is TargetState.DIFFERS
    assert after.reason is not None
    assert (after.reason.code, after.reason.action) == (code, action)
    assert steps.is_put_back(after) is (policy is OnDifference.RESTORE)


def test_a_picture_that_is_gone_is_called_gone() -> None:
    after = found_changed(OnDifference.ASK, tag="")
    assert after.reason is not None
    assert "no picture any more" in after.reason.message


def test_what_is_put_back_is_looked_at_and_sent_again() -> None:
    again = steps.resumed(found_changed(OnDifference.RESTORE), now=at(9), send_anew=True)
    assert steps.next_move(again, at(9)) is Move.LOOK
    assert steps.judge(again, looked(10, "other"), DAILY) is Verdict.SEND


def test_a_picture_that_cannot_be_read_is_never_put_back() -> None:
    unreadable = replace(looked(9, "other"), perceptual_hash="")
    after = steps.changed(verified(), unreadable, replace(DAILY, on_difference=OnDifference.RESTORE), now=at(9))
    assert after.reason is not None
    assert after.reason.code == "PICTURE_UNREADABLE"
    assert not steps.is_put_back(after)


@pytest.mark.parametrize("policy", [OnDifference.ASK, OnDifference.LEAVE])
def test_a_difference_that_was_told_is_no_news_at_the_next_check(policy: OnDifference) -> None:
    before = found_changed(policy)
    assert steps.judge(before, looked(99, "other"), DAILY) is Verdict.WRONG
    after = steps.differs(before, looked(99, "other"), DAILY, now=at(99))
    assert (after.state, after.reason, after.next_attempt_at) == (before.state, before.reason, TOMORROW)


def test_what_shows_ours_again_is_verified_again() -> None:
    before = found_changed(OnDifference.ASK)
    seen = looked(99, "ours", wanted=True)
    assert steps.judge(before, seen, DAILY) is Verdict.RIGHT
    assert steps.verified(before, seen, DAILY, now=at(99)).state is TargetState.VERIFIED


@pytest.mark.parametrize("problem", [o.Transient(), o.RateLimited(at(60), "app"), o.Outage(at(60)), o.MissingScope()])
def test_a_check_that_does_not_come_to_a_look_is_made_up_for_and_changes_nothing(problem: o.Problem) -> None:
    before = verified()
    after = refused(before, problem)
    assert replace(after, next_attempt_at=TOMORROW) == before
    assert after.next_attempt_at == NOW + steps.CHECK_AGAIN_AFTER


def test_without_access_the_next_check_waits_for_its_turn() -> None:
    assert refused(verified(), o.AuthRevoked()).next_attempt_at == TOMORROW


def test_who_is_asked_to_set_a_picture_is_reminded_twice() -> None:
    asked = steps.needs_hand(target(), BY_HAND, now=NOW)
    assert asked.next_attempt_at == NOW + timedelta(days=1)
    assert steps.next_move(asked, NOW + timedelta(days=1)) is Move.LOOK
    assert steps.judge(asked, looked(9, "old"), BY_HAND) is Verdict.NOT_YET
    once = steps.reminded(asked)
    twice = steps.reminded(once)
    assert (once.reminders, once.next_attempt_at) == (1, NOW + timedelta(days=7))
    assert (twice.reminders, twice.next_attempt_at) == (2, None)
    assert {asked.state, once.state, twice.state} == {TargetState.NEEDS_YOU}


def test_a_picture_that_its_owner_has_set_without_saying_so_is_found() -> None:
    asked = steps.needs_hand(target(), BY_HAND, now=NOW)
    seen = looked(9, "new", wanted=True)
    assert steps.judge(asked, seen, BY_HAND) is Verdict.RIGHT
    assert steps.verified(asked, seen, BY_HAND, now=NOW).state is TargetState.VERIFIED


def test_a_reminder_that_cannot_look_is_made_up_for() -> None:
    asked = steps.needs_hand(target(), BY_HAND, now=NOW)
    assert refused(asked, o.Transient(), BY_HAND).next_attempt_at == NOW + steps.CHECK_AGAIN_AFTER
