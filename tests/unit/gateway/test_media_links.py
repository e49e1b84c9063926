"""Whoever holds a signed address may look, until it ends, at that picture alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.media import LIFETIME, REMEMBERED, MediaLinks, SignedMedia

KEY = "variants/0190-owner/ab cd?é.jpg"
AT = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)


def links_at(time: datetime, key: str = "k" * 32) -> MediaLinks:
    return MediaLinks(SecretStr(key), lambda: time)


def opened(links: MediaLinks, url: str, **changes: str) -> int | None:
    """Returns how long an address opens its picture, or None when it does not."""
    media = media_of(links, url, **changes)
    return None if media is None else links.seconds_left(media)


def media_of(links: MediaLinks, url: str, **changes: str) -> SignedMedia | None:
    parts = urlsplit(url)
    found = {name: values[0] for name, values in parse_qs(parts.query).items()}
    found = {"key": unquote(parts.path.removeprefix("/media/")), **found, **changes}
    key = found.pop("key")
    return links.opened(key, urlencode(found).encode())


def test_an_address_opens_its_picture_for_at_least_a_day() -> None:
    left = opened(links_at(AT), links_at(AT).to(KEY, name="x-avatar"))

    assert left is not None
    assert left >= LIFETIME.total_seconds()


@given(st.integers(0, 3599), st.integers(0, 3599))
def test_within_an_hour_the_address_stays_the_same(first: int, second: int) -> None:
    # The hour begins just after the full one, where the end is rounded to the next.
    hour = datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)

    assert links_at(hour + timedelta(seconds=first)).to(KEY, name="n") == links_at(hour + timedelta(seconds=second)).to(
        KEY, name="n"
    )


def test_it_ends() -> None:
    url = links_at(AT).to(KEY, name="x-avatar")
    expires = datetime.fromtimestamp(int(parse_qs(urlsplit(url).query)["exp"][0]), UTC)

    assert opened(links_at(expires - timedelta(seconds=1)), url) == 1
    assert opened(links_at(expires), url) is None


@pytest.mark.parametrize(
    "change",
    [
        {"key": "variants/0190-owner/other.jpg"},
        {"name": "other"},
        {"exp": "99999999999"},
        {"exp": "soon"},
        {"exp": "-1"},
        {"exp": ""},
        {"alt": "other.avif"},
        {"sig": "0" * 64},
        {"sig": ""},
        {"sig": "ü"},
    ],
)
def test_an_address_that_was_altered_opens_nothing(change: dict[str, str]) -> None:
    assert opened(links_at(AT), links_at(AT).to(KEY, name="x-avatar"), **change) is None


def test_another_installation_cannot_sign_for_this_one() -> None:
    assert opened(links_at(AT), links_at(AT, key="z" * 32).to(KEY, name="x-avatar")) is None


def test_a_name_that_could_end_the_header_it_goes_into_is_refused(noon: Callable[[], datetime]) -> None:
    with pytest.raises(ValueError, match="plain name"):
        links_at(noon()).to(KEY, name='a"\r\nset-cookie: x')


def test_what_was_found_good_once_still_ends_and_is_still_good_for_nothing_else() -> None:
    links = links_at(AT)
    url = links.to(KEY, name="x-avatar")
    times = iter([AT, AT + LIFETIME * 3])
    aging = MediaLinks(links.key, lambda: next(times))

    assert media_of(links_at(AT), url) == media_of(links, url) == media_of(links, url)
    assert media_of(links, url, key="variants/0190-owner/other.jpg") is None
    assert [media_of(aging, url) is None for _ in range(2)] == [False, True]


def test_what_is_remembered_of_addresses_has_an_end() -> None:
    links = links_at(AT)

    for number in range(REMEMBERED + 10):
        assert opened(links, links.to(f"variants/{number}", name="n"))
    assert opened(links, links.to(KEY, name="n"), padding="x" * 5000)

    assert len(links._good) == REMEMBERED


def test_an_address_carries_the_same_picture_in_other_formats_and_no_other_picture() -> None:
    links = links_at(AT)
    url = links.to("v/o/sha/plain/j.jpg", name="n", alternatives=["v/o/sha/plain/a.avif", "v/o/sha/plain/w.webp"])

    media = media_of(links, url)

    assert media is not None
    assert media.alternatives == ("v/o/sha/plain/a.avif", "v/o/sha/plain/w.webp")
    for alt in ("", "a.avif", "w.webp,a.avif", "a.avif,w.webp,../../../../originals/o/x.avif"):
        assert opened(links, url, alt=alt) is None
    with pytest.raises(ValueError, match="no file beside"):
        links.to("v/o/sha/plain/j.jpg", name="n", alternatives=["originals/o/a.avif"])
