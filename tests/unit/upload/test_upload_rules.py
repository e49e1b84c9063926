"""Rules of the library of pictures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import InvalidInputError, PreconditionError
from services.upload.domain.image import (
    ALT_TEXT_MAX_CHARACTERS,
    FILE_NAME_MAX_CHARACTERS,
    Image,
    ImageState,
    check_alt_text,
    original_key,
    tidy_file_name,
)

NOW = datetime.now(UTC)


def image(state: ImageState = ImageState.PROCESSING, revision: int = 2, attempt: int = 1, **more: Any) -> Image:
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
        created_at=NOW,
        revision=revision,
        attempt=attempt,
        **more,
    )


@pytest.mark.parametrize("state", list(ImageState))
def test_variants_of_the_present_revision_are_taken_in_every_state(state: ImageState) -> None:
    assert image(state).takes_variants(2, NOW)


@pytest.mark.parametrize("revision", [1, 3])
def test_variants_of_another_revision_are_not_taken(revision: int) -> None:
    assert not image().takes_variants(revision, NOW)


def test_variants_older_than_those_that_are_there_are_not_taken() -> None:
    ready = image(ImageState.READY, made_at=NOW)

    assert ready.takes_variants(2, NOW)
    assert ready.takes_variants(2, NOW + timedelta(seconds=1))
    assert not ready.takes_variants(2, NOW - timedelta(seconds=1))


def test_a_failure_of_the_attempt_under_way_is_news() -> None:
    assert image(attempt=3).takes_failure(2, 3)


@pytest.mark.parametrize(("revision", "attempt"), [(2, 2), (2, 4), (1, 3), (3, 3)])
def test_a_failure_of_another_attempt_or_revision_is_none(revision: int, attempt: int) -> None:
    assert not image(attempt=3).takes_failure(revision, attempt)


@pytest.mark.parametrize("state", [ImageState.READY, ImageState.FAILED])
def test_a_picture_that_has_its_result_does_not_fail(state: ImageState) -> None:
    assert not image(state).takes_failure(2, 1)


def test_a_failed_picture_tried_again_is_on_its_next_attempt_without_the_failure() -> None:
    failed = image(ImageState.FAILED, attempt=2, failure_reason="BROKEN", failure_message="It is broken.")

    again = failed.tried_again(NOW)

    assert (again.state, again.attempt, again.revision, again.asked_at) == (ImageState.PROCESSING, 3, 2, NOW)
    assert (again.failure_reason, again.failure_message) == ("", "")


@pytest.mark.parametrize("state", [ImageState.READY, ImageState.PROCESSING])
def test_a_picture_that_has_not_failed_is_not_tried_again(state: ImageState) -> None:
    with pytest.raises(PreconditionError) as caught:
        image(state).tried_again(NOW)

    assert caught.value.reason == "IMAGE_NOT_FAILED"


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
