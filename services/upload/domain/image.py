"""Rules of a picture of the library. Pure: no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from servicekit.errors import InvalidInputError, PreconditionError

# As long as the longest that a platform takes (Mastodon's limit for media, 1,500 characters).
ALT_TEXT_MAX_CHARACTERS = 1500
FILE_NAME_MAX_CHARACTERS = 200
TITLE_MAX_CHARACTERS = 200


class ImageState(StrEnum):
    """How far a picture has come."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Rectangle:
    """A part of a picture, in fractions of its width and height from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


class FrameReason(StrEnum):
    """Why a variant shows the part that it shows."""

    WHOLE = "whole"
    CROP = "crop"
    FOCUS = "focus"
    FACES = "faces"
    SALIENCY = "saliency"
    CENTRE = "centre"


@dataclass(frozen=True)
class Frame:
    """The part of a picture that a variant shows, and why this part."""

    box: Rectangle
    reason: FrameReason


@dataclass(frozen=True)
class Look:
    """What was seen in a picture: its faces, largest first, and the ThumbHash that a blurred placeholder is drawn from."""

    faces: Sequence[Rectangle] = ()
    placeholder: bytes = b""


@dataclass(frozen=True)
class Image:
    """One picture of somebody's library. The original is never altered; `revision` grows with every edit.

    `attempt` counts the tries to make variants of the present revision; `asked_at` is when the processor was last asked again, None
    while only the upload has asked; `made_at` is when the variants that are there were made, and `recipes` names how. `version` grows
    with every change by the owner. `look_bits` are of the perceptual hash of the picture as it was uploaded.
    """

    id: str
    owner_id: str
    state: ImageState
    object_key: str
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    created_at: datetime
    revision: int = 1
    alt_text: str = ""
    file_name: str = ""
    failure_reason: str = ""
    failure_message: str = ""
    idempotency_key: str | None = None
    ready_at: datetime | None = None
    attempt: int = 1
    asked_at: datetime | None = None
    made_at: datetime | None = None
    look: Look = Look()
    title: str = ""
    published: bool = False
    version: int = 1
    edited: bool = False
    deleted_at: datetime | None = None
    look_bits: int | None = None
    recipes: str = ""
    refresh_asked_at: datetime | None = None

    def takes_variants(self, revision: int, made_at: datetime) -> bool:
        """Tells whether variants are to be taken: those of the present revision, unless newer ones are there.

        Which attempt made them does not matter. They follow from the original and the revision, so an earlier attempt that comes
        late has made what a later one would: a failed picture is ready after all, and nobody waits for the attempt under way.
        """
        return revision == self.revision and (self.made_at is None or made_at >= self.made_at)

    def takes_failure(self, revision: int, attempt: int) -> bool:
        """Tells whether a failure is news: the end of the attempt under way, and not of an earlier one or of a rendering anew."""
        return self.state is ImageState.PROCESSING and (revision, attempt) == (self.revision, self.attempt)

    def tried_again(self, now: datetime) -> "Image":
        """Returns the picture on its next attempt. Raises `PreconditionError` (IMAGE_NOT_FAILED) where none has failed."""
        if self.state is not ImageState.FAILED:
            raise PreconditionError(
                "This picture has not failed, so there is nothing to try again.", reason="IMAGE_NOT_FAILED"
            )
        return replace(
            self,
            state=ImageState.PROCESSING,
            attempt=self.attempt + 1,
            failure_reason="",
            failure_message="",
            asked_at=now,
        )


@dataclass(frozen=True)
class Variant:
    """One finished file made from a revision of a picture. `notes` are pairs of code and sentence; files made before there were frames
    have none.
    """

    image_id: str
    revision: int
    key: str
    platform: str
    slot: str
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    perceptual_hash: str
    object_key: str
    recipe_version: str
    notes: tuple[tuple[str, str], ...] = ()
    frame: Frame | None = None


def original_key(owner_id: str, sha256: str) -> str:
    """Returns where an original is stored: apart by owner, so that erasing one erases nobody else's."""
    return f"originals/{owner_id}/{sha256}"


def check_alt_text(text: str) -> str:
    """Returns the text trimmed. Raises `InvalidInputError` when it is too long."""
    # Postgres keeps no NUL characters, and nobody means to write one.
    trimmed = text.replace("\0", "").strip()
    if len(trimmed) > ALT_TEXT_MAX_CHARACTERS:
        raise InvalidInputError.of_field(
            "alt_text",
            f"The description has {len(trimmed):,} characters; at most {ALT_TEXT_MAX_CHARACTERS:,} are possible. Shorten it.",
        )
    return trimmed


def tidy_file_name(name: str) -> str:
    """Returns the last part of a file name, without control characters, cut to what the library shows."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable())[:FILE_NAME_MAX_CHARACTERS]
