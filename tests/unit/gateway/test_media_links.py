"""Whoever holds a signed address may look, until it ends, at that picture alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.media import LIFETIME, MediaLinks

KEY = "variants/0190-owner/ab cd?é.jpg"
AT = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)


def links_at(time: datetime, key: str = "k" * 32) -> MediaLinks:
    return MediaLinks(SecretStr(key), lambda: time)


def opened(links: MediaLinks, url: str, **changes: str) -> int | None:
    parts = urlsplit(url)
    found = {name: values[0] for name, values in parse_qs(parts.query).items()}
    found = {"key": unquote(parts.path.removeprefix("/media/")), **found, **changes}
    return links.seconds_left(found["key"], name=found["name"], expires=int(found["exp"]), signature=found["sig"])


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
