"""Rules of a picture of the library. Pure: no I/O."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from servicekit.errors import ConflictError, InvalidInputError, PreconditionError

# As long as the longest that a platform takes (Mastodon's limit for media, 1,500 characters).
ALT_TEXT_MAX_CHARACTERS = 1500
FILE_NAME_MAX_CHARACTERS = 200
TITLE_MAX_CHARACTERS = 200
SEARCH_MAX_CHARACTERS = 200
SLOTS = ("avatar", "banner")
# What the keys of the variants begin with that show a picture as a whole, in the library.
THUMBNAILS = "thumbnail."


# The class of pictures has a field `bytes`.
Colours: TypeAlias = bytes


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
    with every change by the owner. `look_bits` and `look_colours` are the perceptual hash of the picture as it was uploaded, None and
    empty until it was ready once.
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
    look_colours: Colours = b""
    recipes: str = ""
    refresh_asked_at: datetime | None = None

    @property
    def etag(self) -> str:
        return str(self.version)

    def expect_etag(self, etag: str) -> None:
        """Raises `ConflictError` (ETAG_MISMATCH) when the picture has changed since it had this etag; an empty one fits any."""
        if etag and etag != self.etag:
            raise ConflictError(
                "This picture has changed since you read it. Look at it again, then change it.",
                reason="ETAG_MISMATCH",
                metadata={"etag": self.etag},
            )

    def changed(self, change: "Change") -> "Image":
        """Returns the picture after a change; itself where nothing would be different."""
        new = replace(
            self,
            alt_text=self.alt_text if change.alt_text is None else change.alt_text,
            title=self.title if change.title is None else change.title,
            published=self.published if change.published is None else change.published,
        )
        return self if new == self else replace(new, version=self.version + 1)

    def deleted(self, now: datetime) -> "Image":
        """Returns the picture out of the library. Its upload has no key any more: who sends the file again means it."""
        return replace(self, deleted_at=now, idempotency_key=None, version=self.version + 1)

    def restored(self, now: datetime) -> "Image":
        """Returns the picture back in the library, its variants asked for.

        It is another attempt: who has heard of an earlier one and forgotten the picture since would take its outcome for a repetition.
        """
        return replace(self, deleted_at=None, attempt=self.attempt + 1, asked_at=now, version=self.version + 1)

    def restorable_until(self, restorable: timedelta) -> datetime | None:
        """Returns until when a deleted picture can be restored; None for pictures of the library."""
        return None if self.deleted_at is None else self.deleted_at + restorable

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
class Change:
    """What its owner wants said of a picture from now on. None leaves it as it is."""

    alt_text: str | None = None
    title: str | None = None
    published: bool | None = None


@dataclass(frozen=True)
class ImageFilter:
    """Which pictures a list has. Made by `checked`."""

    state: ImageState | None = None
    slot: str = ""
    text: str = ""
    sha256: str = ""
    deleted: bool = False

    def checked(self) -> "ImageFilter":
        """Returns the filter trimmed. Raises `InvalidInputError` that names a value that cannot be looked for."""
        text = self.text.replace("\0", " ").strip()
        if len(text) > SEARCH_MAX_CHARACTERS:
            raise InvalidInputError.of_field(
                "text",
                f"The search has {len(text):,} characters; at most {SEARCH_MAX_CHARACTERS} are possible. Search for fewer words.",
            )
        if self.slot not in ("", *SLOTS):
            raise InvalidInputError.of_field("slot", f"There is no such slot; there are {' and '.join(SLOTS)}.")
        if self.sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInputError.of_field("sha256", "A SHA-256 hash has 64 digits, 0 to 9 and a to f.")
        return replace(self, text=text)


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


def check_title(text: str) -> str:
    """Returns a title trimmed and without control characters. Raises `InvalidInputError` when it is too long."""
    # Not whatever cannot be printed: what joins the parts of an emoji cannot either.
    kept = (character for character in re.sub(r"\s", " ", text) if unicodedata.category(character) != "Cc")
    trimmed = "".join(kept).strip()
    if len(trimmed) > TITLE_MAX_CHARACTERS:
        raise InvalidInputError.of_field(
            "title",
            f"The title has {len(trimmed):,} characters; at most {TITLE_MAX_CHARACTERS} are possible. Shorten it.",
        )
    return trimmed


def title_of(file_name: str) -> str:
    """Returns what a picture is called at first: the name of its file without the ending."""
    return re.sub(r"\.[^.]*$", "", file_name).strip()


def tidy_file_name(name: str) -> str:
    """Returns the last part of a file name, without control characters, cut to what the library shows."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable())[:FILE_NAME_MAX_CHARACTERS]
