"""Rules of the library of pictures."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import InvalidInputError
from services.upload.domain import (
    ALT_TEXT_MAX_CHARACTERS,
    FILE_NAME_MAX_CHARACTERS,
    Image,
    ImageState,
    check_alt_text,
    original_key,
    tidy_file_name,
)


def image(state: ImageState = ImageState.PROCESSING, revision: int = 2) -> Image:
    return Image(
        id="i",
        owner_id="o",
        state=state,
        object_key="k",
        content_type="image/jpeg",
        width=1,
        height=1,
        bytes=1,
        sha256="s",
        created_at=datetime.now(UTC),
        revision=revision,
    )


def test_a_result_for_the_present_revision_is_news() -> None:
    assert image().awaits(2)


@pytest.mark.parametrize("revision", [1, 3])
def test_a_result_for_another_revision_is_none(revision: int) -> None:
    assert not image().awaits(revision)


@pytest.mark.parametrize("state", [ImageState.READY, ImageState.FAILED])
def test_a_picture_that_has_its_result_waits_for_no_other(state: ImageState) -> None:
    assert not image(state).awaits(2)


def test_originals_of_two_owners_are_stored_apart() -> None:
    assert original_key("ada", "abc") != original_key("grace", "abc")


def test_a_description_is_trimmed() -> None:
    assert check_alt_text("  A cat\0 on a wall. \n") == "A cat on a wall."


def test_a_description_too_long_is_refused_with_limit_and_length() -> None:
    with pytest.raises(InvalidInputError, match="1,501 characters; at most 1,500") as caught:
        check_alt_text("x" * (ALT_TEXT_MAX_CHARACTERS + 1))

    assert caught.value.violations[0].field == "alt_text"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("C:\\pictures\\me.jpg", "me.jpg"), ("../../etc/passwd", "passwd"), ("me\r\nX: y.jpg", "meX: y.jpg"), ("", "")],
)
def test_a_file_name_keeps_its_last_part_alone(sent: str, kept: str) -> None:
    assert tidy_file_name(sent) == kept


@given(st.text())
def test_a_kept_file_name_is_harmless(name: str) -> None:
    kept = tidy_file_name(name)

    assert len(kept) <= FILE_NAME_MAX_CHARACTERS
    assert "/" not in kept
    assert "\\" not in kept
    assert kept.isprintable()
