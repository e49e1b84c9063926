"""The letters of signing in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from services.auth.domain.activity import TOLD_BY_LETTER
from services.notify.domain.letter import LetterText
from services.notify.domain.news import News, NoticeLevel
from services.notify.domain.security import (
    ACCOUNT_LETTERS,
    SECURITY_LETTERS,
    WITH_TOKEN,
    AccountLetter,
    Origin,
    SecurityAction,
    account_letter,
    security_noted,
)
from services.notify.letters import TypesetLetter, Typesetter

NOW = datetime(2026, 5, 1, 9, 5, tzinfo=UTC)
ORIGIN = Origin(NOW, "Firefox on Linux", "192.0.2.1")
PUBLIC_URL = "https://linkarooie.example"


def typeset(text: LetterText) -> TypesetLetter:
    return Typesetter(PUBLIC_URL).typeset(text, name="Ann")


def asked_for(kind: AccountLetter, origin: Origin = ORIGIN) -> LetterText:
    if kind in WITH_TOKEN:
        return account_letter(kind, origin, token="secret-Token_1", expires_at=NOW + timedelta(hours=24))
    return account_letter(kind, origin)


def noted(action: SecurityAction, origin: Origin = ORIGIN, detail: str = "Google") -> News:
    return security_noted("activity", action, origin, detail=detail)


def letter_of(news: News) -> TypesetLetter:
    assert news.letter is not None
    return typeset(news.letter)


def test_every_letter_that_signing_in_may_ask_for_has_words() -> None:
    names = [value.name for value in events.AccountLetterKind.DESCRIPTOR.values]
    kinds = {name.removeprefix("ACCOUNT_LETTER_KIND_").lower() for name in names}
    assert kinds - {"unspecified"} == set(AccountLetter) == set(ACCOUNT_LETTERS)


def test_everything_that_an_owner_shall_hear_of_has_words_and_a_number_in_the_contract() -> None:
    told = {action.value for action in TOLD_BY_LETTER}
    assert told == {action.value for action in SecurityAction} == {action.value for action in SECURITY_LETTERS}
    names = {value.name for value in auth_pb2.ActivityAction.DESCRIPTOR.values}
    assert {f"ACTIVITY_ACTION_{action.upper()}" for action in SecurityAction} <= names


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (AccountLetter.CONFIRM_REGISTRATION, "/confirm-email#token=secret-Token_1"),
        (AccountLetter.CONFIRM_EMAIL_CHANGE, "/confirm-email#token=secret-Token_1"),
        (AccountLetter.RESET_PASSWORD, "/reset-password#token=secret-Token_1"),
        (AccountLetter.ALREADY_REGISTERED, "/login"),
        (AccountLetter.NO_ACCOUNT, "/register"),
    ],
)
def test_the_button_and_the_written_link_lead_to_the_same_page(kind: AccountLetter, path: str) -> None:
    made = typeset(asked_for(kind))
    assert f'href="{PUBLIC_URL}{path}"' in made.html
    assert f":\n{PUBLIC_URL}{path}\n" in made.text


@pytest.mark.parametrize("kind", AccountLetter)
def test_a_letter_that_somebody_else_caused_may_be_ignored_and_says_when_and_from_where_it_was_asked_for(
    kind: AccountLetter,
) -> None:
    made = typeset(asked_for(kind))
    for part in (made.text, made.html):
        assert "on 1 May 2026, 09:05 UTC, from Firefox on Linux (192.0.2.1)." in part
        assert "If it was not you, ignore this letter: nothing happens" in part
        assert "because you have an account" not in part


@pytest.mark.parametrize(
    ("life", "words"),
    [
        (timedelta(minutes=30), "for 30 minutes: until 1 May 2026, 09:35 UTC"),
        (timedelta(hours=24), "for 24 hours: until 2 May 2026, 09:05 UTC"),
    ],
)
def test_a_link_says_how_long_it_is_good(life: timedelta, words: str) -> None:
    text = account_letter(AccountLetter.RESET_PASSWORD, ORIGIN, token="t", expires_at=NOW + life)
    assert f"The link works once, and {words}." in typeset(text).text
    assert text.secret_until == NOW + life


@pytest.mark.parametrize("kind", AccountLetter)
def test_the_secret_of_a_letter_is_not_in_its_description(kind: AccountLetter) -> None:
    text = asked_for(kind)
    assert "secret-Token_1" not in repr(text)
    assert (text.secret_until is not None) == (kind in WITH_TOKEN)


@pytest.mark.parametrize("action", SecurityAction)
def test_a_letter_about_safety_says_what_to_do_and_leads_there(action: SecurityAction) -> None:
    news = noted(action)
    made = letter_of(news)
    assert made.subject == news.title
    assert "When: 1 May 2026, 09:05 UTC" in made.text
    assert f":\n{PUBLIC_URL}{SECURITY_LETTERS[action].path}\n" in made.text
    assert "cannot be switched off" in made.text
    assert news.action_path == "/settings/security"
    assert "{" not in made.subject + made.text + news.body


@pytest.mark.parametrize("action", SecurityAction)
def test_a_letter_about_safety_says_from_which_device_and_address(action: SecurityAction) -> None:
    news = noted(action)
    made = letter_of(news)
    assert "- Device: Firefox on Linux\n- Network address: 192.0.2.1\n" in made.text
    assert "from Firefox on Linux (192.0.2.1)" in news.body


def test_only_what_looks_like_a_theft_asks_for_action() -> None:
    urgent = {action for action in SecurityAction if noted(action).level is NoticeLevel.ACTION_NEEDED}
    assert urgent == {SecurityAction.SIGNED_IN_NEW_DEVICE, SecurityAction.TOKEN_REUSED}


@pytest.mark.parametrize(("detail", "words"), [("password", "with your password"), ("Google", "with Google")])
def test_a_new_device_is_told_with_the_way_in(detail: str, words: str) -> None:
    assert words in noted(SecurityAction.SIGNED_IN_NEW_DEVICE, detail=detail).body


def test_what_is_not_known_of_a_place_is_left_out() -> None:
    assert Origin(NOW).place == ""
    assert Origin(NOW, address="192.0.2.1").place == "from 192.0.2.1"
    assert Origin(NOW, device="curl").place == "from curl"
    assert "asked for on 1 May 2026, 09:05 UTC." in typeset(asked_for(AccountLetter.NO_ACCOUNT, Origin(NOW))).text
    made = letter_of(noted(SecurityAction.API_KEY_CREATED, Origin(NOW)))
    assert "Device" not in made.text
    assert "Network address" not in made.text


@pytest.mark.parametrize("device", ["curl/8.5.0", "Mobile Safari UI/WKWebView on iOS", "python-requests/2.31"])
def test_the_word_of_a_program_is_shown(device: str) -> None:
    assert Origin(NOW, device).shown_device == device


@given(st.sampled_from(["https://", "www.", "a@", "", "x/"]), st.from_regex(r"\A[a-z]{2,9}\.[a-z]{2,5}\Z"))
def test_a_device_that_calls_itself_by_a_link_is_not_named(start: str, domain: str) -> None:
    origin = Origin(NOW, start + domain, "192.0.2.1")
    assert origin.place == "from 192.0.2.1"
    for kind in AccountLetter:
        assert domain not in typeset(asked_for(kind, origin)).text


@given(st.text(max_size=40))
def test_words_of_a_detail_are_never_read_as_a_template(detail: str) -> None:
    news = noted(SecurityAction.API_KEY_CREATED, detail=detail)
    assert news.title == f"A new API key: {detail}"
