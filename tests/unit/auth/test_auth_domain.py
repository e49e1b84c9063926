from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from servicekit.errors import InvalidInputError
from services.auth.domain.account import (
    Applicant,
    check_applicant,
    email_key,
    known_form,
    normal_password,
    password_problem,
)
from services.auth.domain.challenge import LINK_LIFETIMES, Challenge, Purpose
from services.auth.domain.devices import device_name, key_of_place, network_of
from services.auth.domain.session import Lifetimes, RefreshToken, Session, Verdict, judge
from services.auth.passwords import common_passwords

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRACE = timedelta(seconds=20)


def registration(
    *, email: str = "ada@example.org", password: str = "four unrelated words", display_name: str = "Ada"
) -> Applicant:
    problem = password_problem(normal_password(password), email=email, common=common_passwords())
    return check_applicant(email=email, display_name=display_name, password_problem=problem)


def refused(
    *, email: str = "ada@example.org", password: str = "four unrelated words", display_name: str = "Ada"
) -> dict[str, str]:
    with pytest.raises(InvalidInputError) as caught:
        registration(email=email, password=password, display_name=display_name)
    assert caught.value.reason == "INVALID_INPUT"
    return {violation.field: violation.description for violation in caught.value.violations}


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@localhost", "a da@example.org", "ada@example..org", "ada\0@example.org"]
)
def test_what_is_no_address_is_refused_by_the_name_of_its_field(address: str) -> None:
    problems = refused(email=address)
    assert list(problems) == ["email"]
    assert problems["email"].startswith("This is not an e-mail address that letters reach. ")


def test_an_address_longer_than_254_characters_is_refused() -> None:
    longest = "a@" + "label-of-ten." * 19 + "museu"
    assert len(longest) == 254
    assert registration(email=longest).email == longest
    assert "at most 254 characters" in refused(email=f"a{longest}")["email"]


def test_the_length_of_an_address_is_judged_before_anything_else_about_it() -> None:
    assert "at most 254 characters" in refused(email="no address, " * 100)["email"]


def test_addresses_are_kept_as_written_and_compared_without_regard_to_case_and_spelling() -> None:
    assert registration(email=" Ada@Example.ORG ").email == "Ada@Example.ORG"
    assert email_key("Ada@Example.ORG") == email_key("aDA@example.org")
    assert email_key("ada@xn--mnchen-3ya.de") == email_key("Ada@MÜNCHEN.de")


@pytest.mark.parametrize(
    "address",
    [
        "\N{CYRILLIC SMALL LETTER A}da@example.org",
        "ada@ex\N{CYRILLIC SMALL LETTER A}mple.org",
        "ada@xn--exmple-4nf.org",  # the same, as programs write it
        "\N{FULLWIDTH LATIN SMALL LETTER A}da@example.org",
        "\N{MATHEMATICAL BOLD SMALL A}da@example.org",
        "ad\N{GREEK SMALL LETTER ALPHA}@example.org",
    ],
)
def test_an_address_of_letters_that_look_like_others_is_refused(address: str) -> None:
    assert list(refused(email=address)) == ["email"]


@pytest.mark.parametrize(
    "address",
    [
        "ada@\N{RIGHT-TO-LEFT OVERRIDE}example.org",
        "a\N{ZERO WIDTH SPACE}da@example.org",
        "ada\n@example.org",
        "ada\N{LEFT-TO-RIGHT ISOLATE}@example.org",
    ],
)
def test_an_address_with_characters_that_nobody_sees_is_refused(address: str) -> None:
    assert list(refused(email=address)) == ["email"]


@pytest.mark.parametrize(
    "address", ["anna@пример.com", "иван@пример.com", "用户@例え.com", "jürgen@münchen.de", "ada.b+c@example.org"]
)
def test_an_address_in_one_script_a_part_is_taken_whichever_that_is(address: str) -> None:
    assert registration(email=address).email == address


def test_what_is_no_address_is_looked_up_as_none_that_an_account_can_have() -> None:
    assert known_form("no address") == known_form("x" * 1000) == known_form("a\0b@example.org") == ""
    assert known_form(" Ada@Example.org ") == email_key("ada@example.org")


def test_addresses_under_test_are_taken_since_development_needs_one() -> None:
    assert email_key("demo@linkarooie.test") == "demo@linkarooie.test"


def test_a_password_needs_ten_characters_after_it_is_normalised() -> None:
    assert refused(password="ninechars") == {"password": "The password has 9 characters; use at least 10."}
    decomposed = "e\N{COMBINING ACUTE ACCENT}" * 5  # ten code points, five characters
    assert refused(password=decomposed) == {"password": "The password has 5 characters; use at least 10."}
    registration(password="tencharsok")


@pytest.mark.parametrize("password", ["x" * 129, "é" * 65, "x" * 100_000])
def test_a_password_of_more_than_128_bytes_is_refused(password: str) -> None:
    problem = "The password is too long; use at most 128 bytes (as many plain letters)."
    assert refused(password=password) == {"password": problem}


def test_a_password_of_128_bytes_is_taken() -> None:
    registration(password="é" * 64)


def test_a_password_is_the_same_however_a_keyboard_composes_it() -> None:
    assert normal_password("u\N{COMBINING DIAERESIS}ber den wolken") == normal_password("über den wolken")
    assert normal_password("\N{FULLWIDTH LATIN SMALL LETTER A}bc") == "abc"


@pytest.mark.parametrize("password", ["1234567890", "Password123", "QWERTYUIOP", "ILoveYou123"])
def test_a_common_password_is_refused_in_any_case(password: str) -> None:
    assert "attackers try first" in refused(password=password)["password"]


@pytest.mark.parametrize("password", ["ada@example.org", "ADA@example.ORG"])
def test_the_address_is_no_password(password: str) -> None:
    assert refused(password=password) == {
        "password": "The password is the e-mail address, which others know. Choose another one."
    }


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("   ", "Say how you want to be called; the name is empty."),
        ("x" * 101, "The name has 101 characters; at most 100 are possible. Shorten it."),
        ("Ada\nLovelace", "The name holds a line break or another character that cannot be shown. Remove it."),
        ("Ada\0", "The name holds a line break or another character that cannot be shown. Remove it."),
    ],
)
def test_a_name_has_1_to_100_characters_that_can_be_shown(name: str, problem: str) -> None:
    assert refused(display_name=name) == {"display_name": problem}


@pytest.mark.parametrize(
    "name",
    [
        "Ad\N{CYRILLIC SMALL LETTER A}",
        "\N{GREEK CAPITAL LETTER ALPHA}da Lovelace",
        "Ada \N{CYRILLIC SMALL LETTER ER}aul",
    ],
)
def test_a_name_that_mixes_alphabets_within_a_word_is_refused(name: str) -> None:
    assert "different alphabets" in refused(display_name=name)["display_name"]


@pytest.mark.parametrize(
    "name", ["Ada\N{RIGHT-TO-LEFT OVERRIDE}", "A\N{ZERO WIDTH JOINER}da", "Ada\N{LEFT-TO-RIGHT MARK}"]
)
def test_a_name_with_characters_that_nobody_sees_is_refused(name: str) -> None:
    assert "cannot be shown" in refused(display_name=name)["display_name"]


@pytest.mark.parametrize(
    "name",
    [
        "Иван Smith",
        "山田 タロウ",
        "김철수",
        "Kaʻahumanu",
        "José Núñez",
        "Ada 2",
        "محمد",
        "\N{PARTY POPPER} Ada",
        "O’Neil",
    ],
)
def test_a_name_may_be_in_any_script_and_in_several_words(name: str) -> None:
    assert registration(display_name=name).display_name == name


def test_every_field_refused_is_named_at_once() -> None:
    assert list(refused(email="x", password="x", display_name="")) == ["email", "password", "display_name"]


def test_the_bundled_list_holds_only_what_the_other_rules_let_through() -> None:
    listed = common_passwords()
    assert len(listed) > 500
    assert all(len(password) >= 10 and password == normal_password(password).lower() for password in listed)


def test_a_device_is_named_as_people_know_it() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    assert device_name(firefox) == "Firefox on Linux"
    assert device_name("curl/8.1 (x86)") == "curl/8.1"
    assert device_name("") == ""
    assert len(device_name("x" * 1000)) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2ff:3::1", "2001:db8:1:200::/56"),
        ("", ""),
        ("no address", ""),
    ],
)
def test_a_network_is_what_one_household_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_place_is_known_by_device_and_network_and_not_without_a_network() -> None:
    home = key_of_place("curl/8.1", "203.0.113.77")
    assert home == key_of_place("curl/8.1", "203.0.113.78")
    assert home not in (key_of_place("curl/8.2", "203.0.113.77"), key_of_place("curl/8.1", "203.0.114.77"))
    assert key_of_place("curl/8.1", "") is None


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_counts_once_and_until_its_time_is_over(purpose: Purpose) -> None:
    life = LINK_LIFETIMES[purpose]
    fresh = Challenge("c", purpose, "ada@example.org", "ada@example.org", NOW, NOW + life)
    assert fresh.is_open(NOW + life - timedelta(seconds=1))
    assert not fresh.is_open(NOW + life)
    assert not replace(fresh, used_at=NOW).is_open(NOW)


def session(*, ended_at: datetime | None = None) -> Session:
    return Session(
        "s", "u", "", "", created_at=NOW, last_used_at=NOW, ends_at=NOW + timedelta(days=90), ended_at=ended_at
    )


def token(*, spent_at: datetime | None = None, sealed: bytes | None = b"sealed") -> RefreshToken:
    expires_at = NOW + timedelta(days=14)
    return RefreshToken(b"h", "s", NOW, expires_at, spent_at, sealed if spent_at is not None else None)


def verdict(token: RefreshToken, session: Session, *, after: timedelta) -> Verdict:
    return judge(token, session, now=NOW + after, grace=GRACE)


def test_a_live_token_is_rotated_until_it_has_been_idle_for_too_long() -> None:
    assert verdict(token(), session(), after=timedelta(days=14, seconds=-1)) is Verdict.ROTATE
    assert verdict(token(), session(), after=timedelta(days=14)) is Verdict.ENDED


@pytest.mark.parametrize("seconds", [0, 20, -20])
def test_a_token_spent_a_moment_ago_yields_the_same_successor(seconds: float) -> None:
    assert verdict(token(spent_at=NOW), session(), after=timedelta(seconds=seconds)) is Verdict.REPEAT_SUCCESSOR


@pytest.mark.parametrize("seconds", [20.1, 3600, -20.1, 86400 * 15])
def test_a_token_spent_longer_ago_was_reused_also_when_the_clock_was_set_back(seconds: float) -> None:
    assert verdict(token(spent_at=NOW), session(), after=timedelta(seconds=seconds)) is Verdict.REUSED


def test_a_spent_token_without_its_successor_was_reused() -> None:
    assert verdict(token(spent_at=NOW, sealed=None), session(), after=timedelta()) is Verdict.REUSED


def test_nothing_follows_in_a_session_that_is_over() -> None:
    for held in (token(), token(spent_at=NOW)):
        assert verdict(held, session(ended_at=NOW), after=timedelta(seconds=1)) is Verdict.ENDED
        assert verdict(held, session(), after=timedelta(days=90)) is Verdict.ENDED


def test_a_refresh_token_never_outlives_its_session() -> None:
    lifetimes = Lifetimes(session=timedelta(days=90), refresh_idle=timedelta(days=14), reuse_grace=GRACE)
    assert lifetimes.refresh_expiry(session(), NOW) == NOW + timedelta(days=14)
    assert lifetimes.refresh_expiry(session(), NOW + timedelta(days=80)) == NOW + timedelta(days=90)
