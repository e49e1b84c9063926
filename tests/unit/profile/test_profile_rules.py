import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.names import display_name_problem
from services.profile.domain import (
    RESERVED_HANDLES,
    bio_problem,
    handle_problem,
    proposed_handles,
    tidy_handle,
    tidy_text,
)


def drawing(*numbers: int) -> Callable[[int], int]:
    """Draws the numbers given, one after the other, and checks that each is possible."""
    left = list(numbers)

    def draw(below: int) -> int:
        number = left.pop(0) if left else 0
        assert 0 <= number < below
        return number

    return draw


def proposed(name: str, *numbers: int) -> Sequence[str]:
    return list(proposed_handles(name, drawing(*numbers)))


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Ada Lovelace", "ada-lovelace"),
        ("  Ada   B. Lovelace! ", "ada-b-lovelace"),
        ("Émile Zola", "emile-zola"),
        ("Søren Łukasz Weiß", "soren-lukasz-weiss"),
        ("O'Brien", "obrien"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}da 2", "ada-2"),
        ("x" * 100, "x" * 30),
        ("abcdefghij abcdefghij abcdefg x", "abcdefghij-abcdefghij-abcdefg"),
    ],
)
def test_a_handle_is_made_from_the_name(name: str, handle: str) -> None:
    assert proposed(name)[0] == handle


def test_numbers_of_ever_more_digits_follow_where_a_handle_is_taken() -> None:
    assert proposed("Ada", 7, 42, 123)[:4] == ["ada", "ada-7", "ada-42", "ada-123"]


@pytest.mark.parametrize(
    ("name", "first"), [("Admin", "admin-7"), ("Al", "al-7"), ("A", "a-7"), ("愛", "user-7"), ("!!!", "user-7")]
)
def test_what_is_reserved_too_short_or_not_latin_gets_a_number_at_once(name: str, first: str) -> None:
    assert proposed(name, 7)[0] == first


@given(name=st.text(max_size=100), seed=st.integers())
def test_every_name_yields_handles_that_are_handles(name: str, seed: int) -> None:
    made = list(proposed_handles(name, random.Random(seed).randrange))
    assert len(made) >= 9
    assert all(handle_problem(handle) is None for handle in made)


@pytest.mark.parametrize("handle", ["ada", "a1b", "ada-lovelace", "1-2-3", "x" * 30])
def test_handles_of_letters_digits_and_single_hyphens_are_taken(handle: str) -> None:
    assert handle_problem(handle) is None


@pytest.mark.parametrize("handle", ["-ada", "ada-", "ada--l", "ada_l", "ada l", "Ada", "adä", "ada\n", "a/../b"])
def test_handles_of_anything_else_are_refused(handle: str) -> None:
    assert handle_problem(handle) == "A handle consists of the letters a to z, digits, and single hyphens between them."


@pytest.mark.parametrize(("handle", "length"), [("", 0), ("ab", 2), ("x" * 31, 31)])
def test_handles_have_3_to_30_characters(handle: str, length: int) -> None:
    assert handle_problem(handle) == f"The handle has {length} characters; 3 to 30 are possible."


@pytest.mark.parametrize("handle", ["admin", "linkarooie", "support", "well-known"])
def test_reserved_handles_are_refused(handle: str) -> None:
    assert handle in RESERVED_HANDLES
    assert handle_problem(handle) == "This handle is reserved. Choose another one."


def test_handles_are_looked_up_without_regard_to_case() -> None:
    assert tidy_handle(" Ada-Lovelace ") == "ada-lovelace"


def test_names_and_texts_say_what_is_wrong_with_them() -> None:
    assert display_name_problem("") == "Say how you want to be called; the name is empty."
    assert display_name_problem("x" * 101) == "The name has 101 characters; at most 100 are possible. Shorten it."
    assert display_name_problem("a\nb") == (
        "The name holds a line break or another character that cannot be shown. Remove it."
    )
    assert bio_problem("x" * 501) == "The text has 501 characters; at most 500 are possible. Shorten it."
    assert bio_problem("a\0b") == "The text holds a character that cannot be shown. Remove it."


def test_names_and_texts_within_the_limits_are_taken() -> None:
    assert display_name_problem("Ada 💡 Lovelace") is None
    assert bio_problem("👩‍💻 first line\n" + "x" * 480) is None


def test_a_text_is_trimmed_and_has_one_kind_of_line_break() -> None:
    assert tidy_text(" a\r\nb\n") == "a\nb"
