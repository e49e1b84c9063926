"""What people are told, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notify.domain.letter import LETTER_GIVEN_UP_AFTER, Letter, next_attempt
from services.notify.domain.news import (
    FinishedSync,
    NoticeLevel,
    Outcome,
    TargetState,
    connection_added,
    connection_expiring,
    connection_revoked,
    sync_finished,
    target_reminded,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def outcome(state: str, platform: str = "Mastodon", reason: str = "", handle: str = "@ann") -> Outcome:
    return Outcome(platform, handle, TargetState(state), reason)


def finished(*outcomes: Outcome, slot: str = "avatar") -> FinishedSync:
    return FinishedSync("s1", slot, 1, outcomes)


@pytest.mark.parametrize(
    ("outcomes", "title"),
    [
        ([outcome("verified", "X")], "Your avatar is up on X"),
        ([outcome("verified", p) for p in ("X", "Bluesky", "Mastodon")], "Your avatar is up on 3 platforms"),
        ([outcome("verified", "X"), outcome("verified", "X", handle="@bob")], "Your avatar is up on 2 accounts"),
        (
            [outcome("verified", "X"), outcome("verified"), outcome("needs_you", "Bluesky")],
            "Your avatar: 2 verified, 1 needs you",
        ),
        ([outcome("failed"), outcome("differs", "X"), outcome("failed", "Y")], "Your avatar: 1 differs, 2 failed"),
        ([outcome("verified", "X"), outcome("cancelled")], "Your avatar is up on X"),
    ],
)
def test_the_title_of_a_finished_sync_counts_what_came_of_it(outcomes: list[Outcome], title: str) -> None:
    news = sync_finished(finished(*outcomes))
    assert news is not None
    assert news.title == title
    assert news.letter is not None
    assert news.letter.subject == title


@pytest.mark.parametrize(
    ("outcomes", "title"),
    [
        ([outcome("verified", "X")], "Your earlier picture is back on X"),
        ([outcome("verified", "X"), outcome("verified", "X")], "Your earlier picture is back on X"),
        ([outcome("verified", "X"), outcome("verified")], "Your earlier picture is back on 2 platforms"),
        (
            [outcome("verified"), *(outcome("verified", "X", handle=handle) for handle in ("@ann", "@ann", "@bob"))],
            "Your earlier picture is back on 3 accounts",
        ),
        ([outcome("verified", "X"), outcome("failed")], "Putting back: 1 verified, 1 failed"),
    ],
)
def test_what_is_put_back_is_told_as_that(outcomes: list[Outcome], title: str) -> None:
    news = sync_finished(FinishedSync("s1", "", 1, outcomes, puts_back=True))
    assert news is not None
    assert news.title == title
    assert news.letter is not None
    assert news.letter.paragraphs == ("This is how your earlier picture fared, place by place.",)


def test_a_sync_that_its_owner_called_off_or_replaced_is_not_told() -> None:
    assert sync_finished(finished(outcome("cancelled"), outcome("superseded", "X"))) is None


@pytest.mark.parametrize(
    ("state", "code"), [("differs", "LEFT_THERE"), ("differs", "PUTTING_BACK"), ("cancelled", "KEPT_THERE")]
)
def test_a_difference_that_is_dealt_with_as_its_owner_has_chosen_is_not_told(state: str, code: str) -> None:
    chosen = Outcome("X", "@ann", TargetState(state), "As you have chosen.", code=code)
    assert sync_finished(finished(outcome("verified"), chosen)) is None


def test_a_sync_with_open_ends_asks_for_action_and_says_why() -> None:
    news = sync_finished(finished(outcome("verified", "X"), outcome("needs_you", reason="Set it by hand.")))
    assert news is not None
    assert news.level is NoticeLevel.ACTION_NEEDED
    assert news.body == "Mastodon (@ann): Set it by hand."


def test_a_long_list_of_open_ends_is_cut_in_the_notice_and_whole_in_the_letter() -> None:
    news = sync_finished(finished(*(outcome("failed", f"P{n}", "It broke.") for n in range(5))))
    assert news is not None
    assert news.body.endswith("And 2 more.")
    assert news.letter is not None
    assert len(news.letter.rows) == 5


def test_a_reconnect_overtakes_the_loss_before_it() -> None:
    lost = connection_revoked("c1", NOW, platform="X", remote_handle="@ann", waiting_targets=2)
    found = connection_added("c1", NOW + timedelta(seconds=1), platform="X", remote_handle="@ann", reconnected=True)
    assert found.version > lost.version


@pytest.mark.parametrize(
    ("waiting", "words"), [(0, "Nothing is waiting"), (1, "1 picture waits"), (4, "4 pictures wait")]
)
def test_a_lost_connection_says_what_waits_for_it(waiting: int, words: str) -> None:
    news = connection_revoked("c1", NOW, platform="X", remote_handle="@ann", waiting_targets=waiting)
    assert words in news.body
    assert news.letter is not None
    assert words in news.letter.paragraphs[0]


def test_access_that_ends_is_told_with_its_day_in_the_app_and_by_letter() -> None:
    ends_at = NOW + timedelta(days=7)
    news = connection_expiring("c1", NOW, platform="Facebook", remote_handle="Ann", ends_at=ends_at)
    assert news.level is NoticeLevel.ACTION_NEEDED
    assert f"{ends_at.day} {ends_at:%B %Y}" in news.title
    assert news.letter is not None
    assert (news.letter.subject, news.letter.action_label) == (news.title, "Reconnect Facebook")


def test_the_second_note_of_an_end_overtakes_the_first() -> None:
    ends_at = NOW + timedelta(days=7)
    first, second = (
        connection_expiring("c1", at, platform="Facebook", remote_handle="Ann", ends_at=ends_at)
        for at in (NOW, NOW + timedelta(days=6))
    )
    assert second.version > first.version


def test_a_reminder_leads_to_the_steps_and_to_where_the_picture_is_set() -> None:
    link = "https://www.instagram.com/accounts/edit/"
    news = target_reminded("t1", "s1", 2, platform="Instagram", remote_handle="@ann", slot="avatar", link=link)
    assert (news.version, news.action_path) == (2, "/syncs/s1")
    assert "Instagram (@ann)" in news.body
    assert news.letter is not None
    assert [row.link for row in news.letter.rows] == [link]


def letter(attempts: int) -> Letter:
    return Letter("l1", "u1", "k", "ann@example.org", "Ann", "s", "t", "h", NOW, NOW, attempts=attempts)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 20), (3, 80), (4, 300), (500, 300)])
def test_a_letter_that_did_not_go_out_waits_longer_each_time_up_to_five_minutes(attempts: int, seconds: int) -> None:
    assert next_attempt(letter(attempts), now=NOW, jitter=lambda low, high: 1.0) == NOW + timedelta(seconds=seconds)


def test_a_letter_is_given_up_only_after_days() -> None:
    late = NOW + LETTER_GIVEN_UP_AFTER
    assert next_attempt(letter(900), now=late, jitter=lambda low, high: 1.0) is not None
    assert next_attempt(letter(901), now=late + timedelta(seconds=1), jitter=lambda low, high: 1.0) is None
