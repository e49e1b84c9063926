"""Rules of the library: what may be said of a picture, what may be looked for, and how much fits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import ConflictError, InvalidInputError
from servicekit.pictures.perceptual import PerceptualHash
from services.upload.domain.image import (
    FILE_NAME_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    Change,
    Image,
    ImageFilter,
    ImageState,
    Variant,
    check_title,
    tidy_file_name,
    title_of,
)
from services.upload.domain.quota import Quota
from services.upload.looks import hash_of

NOW = datetime.now(UTC)
MB = 1_000_000


def image(**more: Any) -> Image:
    known = {"id": "i", "owner_id": "o", "state": ImageState.READY, "object_key": "k", "content_type": "image/jpeg"}
    sizes = {"width": 1, "height": 1, "bytes": 1, "sha256": "s", "created_at": NOW}
    return Image(**{**known, **sizes, **more})


# What is said of a picture


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  My cat \n", "My cat"),
        ("My\tcat\r\nat home", "My cat  at home"),
        ("a\0b\x07c\x9bd", "abcd"),
        ("👩‍👧 & me", "👩‍👧 & me"),
        ("x" * TITLE_MAX_CHARACTERS + "  ", "x" * TITLE_MAX_CHARACTERS),
        ("", ""),
    ],
)
def test_a_title_is_kept_without_what_cannot_be_seen_around_it(sent: str, kept: str) -> None:
    assert check_title(sent) == kept


def test_a_title_too_long_is_refused_with_limit_and_length() -> None:
    with pytest.raises(InvalidInputError, match="201 characters; at most 200") as caught:
        check_title("x" * 201)

    assert caught.value.violations[0].field == "title"


@pytest.mark.parametrize(
    ("file_name", "title"),
    [
        ("cat.jpg", "cat"),
        ("cat.at.home.jpeg", "cat.at.home"),
        ("cat", "cat"),
        (".jpg", ""),
        ("cat .png", "cat"),
        ("", ""),
    ],
)
def test_a_picture_is_called_by_its_file_without_the_ending(file_name: str, title: str) -> None:
    assert title_of(file_name) == title


@given(st.text(max_size=2 * FILE_NAME_MAX_CHARACTERS))
def test_what_a_file_is_called_is_always_a_title(name: str) -> None:
    title = title_of(tidy_file_name(name))

    assert check_title(title) == title


def test_a_change_makes_another_version_of_what_it_names_alone() -> None:
    before = image(title="Cat", alt_text="A cat.", version=3)

    after = before.changed(Change(title="Dog"))

    assert (after.title, after.alt_text, after.published, after.version) == ("Dog", "A cat.", False, 4)
    assert after.etag != before.etag


def test_a_change_to_what_is_there_already_is_none() -> None:
    before = image(title="Cat", published=True)

    assert before.changed(Change(title="Cat", published=True)) is before


@pytest.mark.parametrize("etag", ["", "3"])
def test_the_present_etag_fits_and_so_does_none(etag: str) -> None:
    image(version=3).expect_etag(etag)


@pytest.mark.parametrize("etag", ["2", "4", "03", "three", " 3"])
def test_another_etag_is_refused_with_the_present_one(etag: str) -> None:
    with pytest.raises(ConflictError) as caught:
        image(version=3).expect_etag(etag)

    assert (caught.value.reason, caught.value.metadata) == ("ETAG_MISMATCH", {"etag": "3"})


def test_a_deleted_picture_can_be_restored_for_a_time_and_is_asked_for_then() -> None:
    deleted = image(idempotency_key="once").deleted(NOW)
    restored = deleted.restored(NOW + timedelta(days=1))

    assert deleted.restorable_until(timedelta(days=30)) == NOW + timedelta(days=30)
    assert (deleted.idempotency_key, deleted.version) == (None, 2)
    assert (restored.deleted_at, restored.asked_at, restored.version) == (None, NOW + timedelta(days=1), 3)
    assert restored.restorable_until(timedelta(days=30)) is None


# What is looked for


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (ImageFilter(text="x" * 201), "text"),
        (ImageFilter(slot="Avatar"), "slot"),
        (ImageFilter(sha256="f" * 63), "sha256"),
        (ImageFilter(sha256="f" * 64 + "\n"), "sha256"),
        (ImageFilter(sha256="g" * 64), "sha256"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_by_name(wanted: ImageFilter, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        wanted.checked()

    assert caught.value.violations[0].field == field


def test_space_around_what_is_looked_for_does_not_count() -> None:
    assert ImageFilter(text=f" {'x' * 200}\0\n").checked().text == "x" * 200


# How much fits


@pytest.mark.parametrize(
    ("quota", "used", "more", "fits"),
    [
        (10, 9, 1, True),
        (10, 9, 2, False),
        (10, 11, 0, True),  # what is there already needs no room
        (10, 11, 1, False),
        (0, 10**15, 1, True),  # no limit
    ],
)
def test_what_fits_into_a_library(quota: int, used: int, more: int, fits: bool) -> None:
    assert Quota(quota, 30).holds(used, more) is fits


def test_a_full_library_says_how_full_and_what_helps_when() -> None:
    error = Quota(2_000 * MB, 30).exceeded(1_998 * MB, 5_200_000)

    assert error.message.startswith("Your library is full: 1,998 of 2,000 MB are used and this picture has 5.2 MB.")
    assert "when you delete them for good among the deleted pictures, or by itself 30 days later" in error.message
    assert error.metadata == {"used_bytes": "1998000000", "quota_bytes": "2000000000", "bytes": "5200000"}


def test_one_day_is_one() -> None:
    assert "1 day later" in Quota(MB, 1).exceeded(MB, 1).message


# How a picture looks


def variant(key: str, side: int, look: str) -> Variant:
    kind = {"platform": "", "slot": "", "content_type": "image/webp", "object_key": "", "recipe_version": ""}
    return Variant("i", 1, key, width=side, height=side, bytes=1, sha256="", perceptual_hash=look, **kind)


def test_a_picture_looks_as_its_largest_thumbnail_does() -> None:
    small, large, cut = (PerceptualHash(shape, bytes(48)).hex() for shape in (1, 2, 3))
    variants = [
        variant("thumbnail.160.webp", 160, small),
        variant("thumbnail.640.webp", 640, large),
        variant("avatar.1024", 1024, cut),
    ]

    assert hash_of(variants) == PerceptualHash(2, bytes(48))


@pytest.mark.parametrize("variants", [[], [variant("avatar.1024", 1024, "")], [variant("thumbnail.160", 160, "00")]])
def test_how_a_picture_looks_is_not_known_without_a_readable_thumbnail(variants: list[Variant]) -> None:
    assert hash_of(variants) is None
