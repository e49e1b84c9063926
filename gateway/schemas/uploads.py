"""Other ways for a picture to come in."""

from typing import Literal, cast

from pydantic import Field

from gateway.schemas.common import Answer, Question, Slot, Time, word
from gateway.schemas.images import ImageFailure
from linkarooie.upload.v1 import upload_pb2
from servicekit.protobuf import moment

UploadState = Literal["pending", "completed", "refused", "cancelled", "expired"]


class NewUpload(Question):
    """Declares what will be PUT directly to the store."""

    bytes: int = Field(ge=1, lt=1 << 63)
    """How many will come."""
    content_type: str = Field(max_length=100)
    """Media type of the picture."""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Hash of the file, lower-case hex; what comes must have it. Empty leaves it open."""
    alt_text: str = Field(default="", max_length=6000)
    """What the picture shows, for those who cannot see it; at most 1,500 characters."""
    file_name: str = Field(default="", max_length=1000)


class Upload(Answer):
    """An upload that goes directly to the store."""

    id: str
    state: UploadState
    reason: ImageFailure | None
    """Null unless the state is `refused`."""
    url: str | None
    """Where to PUT the bytes, once; null unless pending."""
    headers: dict[str, str]
    """Headers that the PUT must have, as they are."""
    expires_at: Time
    image_id: str | None
    """The picture, once completed."""

    @classmethod
    def of(cls, upload: upload_pb2.Upload) -> "Upload":
        return cls(
            id=upload.id,
            state=cast("UploadState", word(upload_pb2.UploadState, upload.state)),
            reason=(
                ImageFailure(code=upload.failure_reason, message=upload.failure_message)
                if upload.failure_reason
                else None
            ),
            url=upload.url or None,
            headers=dict(upload.headers),
            expires_at=moment(upload.expire_time),
            image_id=upload.image_id or None,
        )


class ImageImport(Question):
    """Names a picture on the web."""

    url: str = Field(min_length=1, max_length=2000)
    """https, of a public host."""
    alt_text: str = Field(default="", max_length=6000)
    """What the picture shows, for those who cannot see it; at most 1,500 characters."""


class ShownImport(Question):
    """Names a picture that a connection shows."""

    slot: Slot
