"""What a request says of the copy that it has, the part that it wants, and the formats that it can show."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.requested import Part, UnsatisfiableError, is_known, preferred, wanted_part

ETAG = '"abc"'


@pytest.mark.parametrize("header", ['"abc"', 'W/"abc"', '"x", "abc"', '"x","abc" ', '"a,b", W/"abc", "y"', "*", " * "])
def test_a_copy_that_is_known_is_recognised(header: str) -> None:
    assert is_known(header, ETAG)


@pytest.mark.parametrize("header", ["", "abc", '"abcd"', '"xabc"', 'w/"ab"', '"a"bc"', "**", '"*"', '"abc'])
def test_another_version_is_not(header: str) -> None:
    assert not is_known(header, ETAG)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-9", Part(0, 10)),
        ("bytes=90-", Part(90, 100)),
        ("bytes=-10", Part(90, 100)),
        ("bytes=-1000", Part(0, 100)),
        ("bytes=50-1000", Part(50, 100)),
        ("Bytes = 99 - 99", Part(99, 100)),
        ("bytes=0-0,5-6", None),
        ("bytes=9-3", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-9999999999999999999999", None),
        ("seconds=0-9", None),
        ("bytes", None),
        ("", None),
    ],
)
def test_one_part_is_given_and_what_makes_no_sense_gets_the_whole(header: str, part: Part | None) -> None:
    assert wanted_part(header, "", etag=ETAG, size=100) == part


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_a_part_behind_the_end_cannot_be_given(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableError):
        wanted_part(header, "", etag=ETAG, size=size)


@pytest.mark.parametrize(
    ("if_range", "is_part"),
    [
        ('"abc"', True),
        (' "abc" ', True),
        ('W/"abc"', False),
        ('"old"', False),
        ("Sun, 22 Nov 2026 08:00:00 GMT", False),
    ],
)
def test_a_part_is_given_of_the_version_that_is_meant(if_range: str, is_part: bool) -> None:
    assert (wanted_part("bytes=0-9", if_range, etag=ETAG, size=100) is not None) == is_part


@given(st.text(max_size=40), st.text(max_size=10), st.integers(0, 200))
@example("bytes=٣-٤", "", 100)
def test_whatever_is_asked_for_a_part_lies_within_the_file(header: str, if_range: str, size: int) -> None:
    try:
        part = wanted_part(header, if_range, etag=ETAG, size=size)
    except UnsatisfiableError:
        return
    assert part is None or 0 <= part.start < part.end <= size


AVIF, WEBP, JPEG = "image/avif", "image/webp", "image/jpeg"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", AVIF),  # Chrome
        ("image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", WEBP),  # Safari 14
        ("*/*", JPEG),
        ("image/*", JPEG),
        ("", JPEG),
        ("text/html", JPEG),
        ("image/webp;q=0.5, */*;q=0.8", JPEG),
        ("image/webp;q=0.5, image/avif;q=0.4", WEBP),
        ("image/avif;q=0, image/webp;q=0.001", WEBP),
        ("image/avif;q=0, image/webp;q=0", JPEG),
        ("IMAGE/AVIF ; Q=1.0 , */*", AVIF),
        ("image/jpeg;q=0.9, image/avif;q=0.1", JPEG),
        ("image/avif;q=high, image/webp;q=2", JPEG),
        (";;;,,,=q;q=,\x00", JPEG),
    ],
)
def test_a_format_is_sent_to_who_names_it_and_the_safest_to_all_others(accept: str, chosen: str) -> None:
    assert preferred(accept, [AVIF, WEBP], safest=JPEG) == chosen
