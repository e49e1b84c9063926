"""Whether files and descriptions fit a place as its server has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import load_catalogue
from services.sync.domain import outcomes as o
from services.sync.domain.outcomes import PlatformError, cut
from services.sync.domain.server import ServerTerms, SlotTerms
from services.sync.fitting import check_fits, fitted_alt_text, narrowed, notes_on
from services.sync.platforms.base import Picture

SLOT = load_catalogue().platforms["mastodon"].slots["avatar"]


def under(**terms: object) -> object:
    return narrowed(SLOT, ServerTerms(slots={"avatar": SlotTerms(**terms)}))  # type: ignore[arg-type]


def refusal(slot: object, content: bytes = b"x", content_type: str = "image/jpeg") -> o.Problem:
    with pytest.raises(PlatformError) as caught:
        check_fits(Picture(content, content_type, "0"), slot, server="m.test")  # type: ignore[arg-type]
    return caught.value.problem


def test_too_large_a_file_is_refused_with_both_figures_and_what_to_do() -> None:
    problem = refusal(under(max_bytes=100_000), b"x" * 123_456)
    assert isinstance(problem, o.InvalidImage)
    assert problem.message.startswith("m.test takes files up to 100 kB here, and this one has 123 kB. Choose")


def test_a_type_that_a_server_does_not_take_is_named() -> None:
    problem = refusal(under(formats=("image/jpeg", "image/png")), content_type="image/gif")
    assert isinstance(problem, o.InvalidImage)
    assert "m.test takes JPEG or PNG here, and this file is a GIF." in problem.message


@pytest.mark.parametrize("terms", [{"mode": "none"}, {"formats": ("image/avif",)}])
def test_a_place_that_takes_nothing_is_not_sent_anything(terms: dict[str, object]) -> None:
    assert isinstance(refusal(under(**terms)), o.Unsupported)


def test_what_fits_passes() -> None:
    check_fits(Picture(b"x" * 100_000, "image/jpeg", "0"), under(max_bytes=100_000), server="m.test")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "limit", "fitted"),
    [
        ("A cat asleep", 12, "A cat asleep"),
        ("A cat asleep on a chair", 12, "A cat…"),
        ("A cat asleep on a chair", 13, "A cat asleep…"),
        ("A cat, asleep", 7, "A cat…"),
        ("Donaudampfschifffahrtsgesellschaft", 10, "Donaudamp…"),
        ("A Donaudampfschifffahrtsgesellschaft", 10, "A Donauda…"),
        ("anything", 0, ""),
        ("anything", None, ""),
    ],
)
def test_a_description_is_cut_at_a_word(text: str, limit: int | None, fitted: str) -> None:
    slot = under(alt_text_max=limit or 0) if limit is not None else under(alt_text_max=0)
    assert fitted_alt_text(text, slot) == fitted  # type: ignore[arg-type]


@given(st.text(max_size=400), st.integers(0, 150))
def test_a_fitted_description_is_never_too_long(text: str, limit: int) -> None:
    slot = under(alt_text_max=limit)
    fitted = fitted_alt_text(text, slot)  # type: ignore[arg-type]
    assert len(fitted) <= limit
    assert fitted == text or fitted.rstrip("…") == "" or text.startswith(fitted.rstrip("…"))


def test_notes_say_what_becomes_of_a_description() -> None:
    def codes(text: str, limit: int) -> list[str]:
        return [note.code for note in notes_on(text, under(alt_text_max=limit), place="Plat")]  # type: ignore[arg-type]

    assert codes("A cat", 5) == []
    assert codes("", 0) == []
    assert codes("A cat", 4) == ["ALT_TEXT_SHORTENED"]
    assert codes("A cat", 0) == ["ALT_TEXT_NOT_TAKEN"]
    assert not notes_on("A cat", under(mode="none"), place="Plat")  # type: ignore[arg-type]


def test_a_platforms_words_are_kept_without_what_no_database_takes() -> None:
    assert (
        cut("a\0b\ud800c\u202ed") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d"
    )
