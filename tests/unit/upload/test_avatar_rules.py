"""Names, versions and sizes of the avatar that every site can pull."""

import hashlib

import pytest

from servicekit.errors import InvalidInputError
from services.upload.domain.avatars import (
    Avatar,
    NameKind,
    StandIn,
    check_size,
    email_hashes,
    etag_of,
    kind_of,
    stand_in_of,
)

ADA = "ada@example.org"


def test_hashes_are_those_that_other_sites_make_of_the_address() -> None:
    sha256, md5 = email_hashes("  Ada@Example.ORG ")

    assert sha256 == hashlib.sha256(ADA.encode()).hexdigest()
    assert md5 == hashlib.md5(ADA.encode(), usedforsecurity=False).hexdigest()


def test_nothing_is_open_until_its_owner_opens_it() -> None:
    told = Avatar("ada").with_handle("Ada", 1).with_email(ADA, 0)

    assert told.open_names == frozenset()
    assert Avatar("ada", by_handle=True, by_email=True).open_names == frozenset()
    opened = Avatar("ada", by_handle=True, by_email=True).with_handle("Ada", 1).with_email(ADA, 0)
    assert opened.open_names == {"ada", *email_hashes(ADA)}


def test_what_comes_late_does_not_undo_what_is_newer() -> None:
    newest = Avatar("ada").with_handle("ada-lovelace", 3).with_email(ADA, 2)

    assert newest.with_handle("ada", 1) == newest
    # Registrations have no version, and are older than every change.
    assert newest.with_email("old@example.org", 0) == newest
    assert newest.with_handle("countess", 4).handle == "countess"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ada-lovelace", NameKind.HANDLE),
        ("a" * 64, NameKind.SHA256),
        ("0" * 32, NameKind.MD5),
        ("g" * 64, NameKind.HANDLE),
        ("", None),
        ("nul\0", None),
        ("ada%", None),
        ("ada--lovelace", None),
        ("-ada", None),
        ("ädä", None),
        ("../../etc/passwd", None),
        ("x" * 10_000, None),
    ],
)
def test_a_name_is_a_handle_a_hash_or_nobody(name: str, kind: NameKind | None) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize("word", ["", "mm", "http://evil.example/x.png", "//evil.example", "unknown", "404x"])
def test_an_unknown_stand_in_is_the_silhouette_and_leads_nowhere_else(word: str) -> None:
    assert stand_in_of(word) is StandIn.SILHOUETTE


def test_a_stand_in_is_known_in_any_case() -> None:
    assert stand_in_of(" Identicon ") is StandIn.IDENTICON


def test_a_size_has_a_usual_value_and_a_limit() -> None:
    assert (check_size(0), check_size(1), check_size(2048)) == (80, 1, 2048)
    with pytest.raises(InvalidInputError, match="at most 2,048 pixels") as refused:
        check_size(2049)
    assert refused.value.violations[0].field == "size"


def test_everything_that_the_bytes_follow_from_is_in_the_etag() -> None:
    usual = etag_of("key", 80, ("image/webp",), encoder="1")
    others = (
        etag_of("other", 80, ("image/webp",), encoder="1"),
        etag_of("key", 81, ("image/webp",), encoder="1"),
        etag_of("key", 80, ("image/jpeg",), encoder="1"),
        etag_of("key", 80, ("image/webp",), encoder="2"),
    )

    assert len({usual, *others}) == 5
    assert etag_of("key", 80, ("image/webp",), encoder="1") == usual
