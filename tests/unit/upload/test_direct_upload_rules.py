"""What is declared before an upload, and where it may be sent."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from servicekit.errors import AlreadyExistsError, InvalidInputError
from servicekit.object_store import ObjectStore
from servicekit.pictures.model import PictureLimits
from servicekit.settings import ObjectStoreSettings
from services.upload.domain.direct_uploads import Declaration, DirectUpload, UploadState, check_declaration

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LIMITS = PictureLimits(max_bytes=1000)
FOX = Declaration(10, "image/jpeg", "a" * 64, "A fox", "fox.jpg")


def upload(declared: Declaration = FOX, state: UploadState = UploadState.PENDING) -> DirectUpload:
    return DirectUpload("u", "o", state, "uploads/o/u", declared, "key", NOW, NOW + timedelta(hours=1))


def test_a_declaration_is_kept_in_one_form() -> None:
    written = Declaration(10, " Image/JPEG ", "A" * 64, " A fox\0 ", "C:\\pictures\\fox.jpg")
    assert check_declaration(written, LIMITS) == FOX


def test_a_type_that_is_not_accepted_is_told_which_are() -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_declaration(Declaration(10, "image/jpg"), LIMITS)
    assert "image/jpeg" in refused.value.metadata["accepted"]


def test_a_limit_is_met_and_not_passed() -> None:
    assert check_declaration(Declaration(1000, "image/png"), LIMITS).bytes == 1000
    with pytest.raises(InvalidInputError) as refused:
        check_declaration(Declaration(1001, "image/png"), LIMITS)
    assert refused.value.metadata == {"max_bytes": "1000", "bytes": "1001"}


def test_a_key_is_for_one_declaration() -> None:
    upload().check_same(FOX)
    with pytest.raises(AlreadyExistsError):
        upload().check_same(Declaration(11, "image/jpeg"))


def test_a_hash_that_was_left_open_may_be_any() -> None:
    upload(Declaration(10, "image/jpeg")).check_received(size_bytes=10, content_type="image/jpeg", sha256="b" * 64)
    with pytest.raises(InvalidInputError) as refused:
        upload().check_received(size_bytes=10, content_type="image/jpeg", sha256="b" * 64)
    assert refused.value.metadata == {"field": "sha256", "declared": "a" * 64, "actual": "b" * 64}


def test_bytes_are_accepted_until_the_address_ends() -> None:
    assert upload().accepts_bytes(NOW + timedelta(minutes=59))
    assert not upload().accepts_bytes(NOW + timedelta(hours=1))
    assert not upload(state=UploadState.CANCELLED).accepts_bytes(NOW)


@pytest.mark.parametrize("state", [UploadState.REFUSED, UploadState.CANCELLED, UploadState.EXPIRED])
def test_an_upload_that_is_over_says_why(state: UploadState) -> None:
    assert upload(state=state).why_not_completed().reason == f"UPLOAD_{state.upper()}"


@pytest.mark.parametrize(
    ("public", "host"), [("https://files.example.org/", "files.example.org"), ("", "store.internal:8333")]
)
def test_an_address_names_the_store_as_programs_outside_reach_it(public: str, host: str) -> None:
    secret = "a secret of the store"
    settings = ObjectStoreSettings(
        s3_endpoint="http://store.internal:8333",
        s3_public_endpoint=public,
        s3_access_key=SecretStr("key"),
        s3_secret_key=SecretStr(secret),
    )
    address = ObjectStore(settings).put_address(
        "uploads/o/u", content_type="image/png", size_bytes=10, signed_at=NOW, valid_for=timedelta(minutes=5)
    )

    parts = urlsplit(address.url)
    assert (parts.netloc, parts.path) == (host, "/linkarooie/uploads/o/u")
    asked = {name: value for name, [value] in parse_qs(parts.query).items()}
    assert asked["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert (asked["X-Amz-Date"], asked["X-Amz-Expires"]) == ("20261122T080000Z", "300")
    assert secret not in address.url
