"""The library of pictures."""

from base64 import b64encode
from typing import Literal, cast

from pydantic import Field

from gateway.media import MediaLinks
from gateway.schemas.common import Answer, Question, Time, time_or_none, word
from gateway.schemas.pictures import Rectangle, Thumbnail, preview_url_of, thumbnails_of
from linkarooie.upload.v1 import upload_pb2
from servicekit.protobuf import moment

ImageState = Literal["processing", "ready", "failed"]


class ImageFailure(Answer):
    """Why a picture cannot be used."""

    code: str
    """UPPER_SNAKE, for programs."""
    message: str
    """What is wrong and what to do, for people."""


class Image(Answer):
    """One picture of the library."""

    id: str
    state: ImageState
    reason: ImageFailure | None
    """Null unless the state is `failed`."""
    width: int
    height: int
    bytes: int
    content_type: str
    sha256: str
    """Of the original."""
    revision: int
    """Grows with every edit."""
    alt_text: str
    file_name: str
    created_at: Time
    ready_at: Time | None
    thumbnails: list[Thumbnail]
    """In WebP and AVIF, smallest first; until an edit is made, of the picture as it was. Empty until it is ready for the first time."""
    preview_url: str | None
    """One address for programs and letters: the picture, 640 pixels at most, as AVIF or WebP for who names these in `Accept`, as JPEG for all
    others. Relative to this API's own address; good for at least a day. Null until the picture is ready."""
    placeholder: str | None
    """ThumbHash in base64, about 25 bytes: a blurred picture to show until a thumbnail has come. Null until the picture is ready."""
    faces: list[Rectangle]
    """The faces that were found, largest first; empty until the picture is ready."""
    title: str
    """What its owner calls it; at first the name of the file."""
    published: bool
    """Anybody who has the address of one of its files may look."""
    edited: bool
    """Something is done to it; see its edits."""
    outdated: bool
    """Platforms have changed their sizes since its files were made; they are being brought up to date."""
    deleted_at: Time | None
    """Null for pictures of the library."""
    restorable_until: Time | None
    """Null for pictures of the library."""

    @classmethod
    def of(cls, image: upload_pb2.Image, links: MediaLinks) -> "Image":
        return cls(
            id=image.id,
            state=cast("ImageState", word(upload_pb2.ImageState, image.state)),
            reason=(
                ImageFailure(code=image.failure_reason, message=image.failure_message) if image.failure_reason else None
            ),
            width=image.width,
            height=image.height,
            bytes=image.bytes,
            content_type=image.content_type,
            sha256=image.sha256,
            revision=image.revision,
            alt_text=image.alt_text,
            file_name=image.file_name,
            created_at=moment(image.create_time),
            ready_at=time_or_none(image.ready_time, present=image.HasField("ready_time")),
            thumbnails=thumbnails_of(image.thumbnails, links),
            preview_url=preview_url_of(image.thumbnails, links),
            placeholder=b64encode(image.look.placeholder).decode() or None,
            faces=[Rectangle.of(face) for face in image.look.faces],
            title=image.title,
            published=image.published,
            edited=image.edited,
            outdated=image.outdated,
            deleted_at=time_or_none(image.delete_time, present=image.HasField("delete_time")),
            restorable_until=time_or_none(image.purge_time, present=image.HasField("purge_time")),
        )


class ImageList(Answer):
    """A page of the library, newest first."""

    items: list[Image]
    next_page_token: str
    """Empty on the last page."""


class ImageChange(Question):
    """Changes what is said about a picture. What is not there, or null, stays as it is."""

    alt_text: str | None = Field(default=None, max_length=6000)
    """What the picture shows, for those who cannot see it; at most 1,500 characters."""
    title: str | None = Field(default=None, max_length=1000)
    """What to call it; at most 200 characters."""
    published: bool | None = None
    """Whether anybody who has the address of one of its files may look."""
