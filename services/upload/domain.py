"""Rules of the library of pictures. Pure: no I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from servicekit.errors import InvalidInputError

# As long as the longest that a platform takes (Mastodon's limit for media, 1,500 characters).
ALT_TEXT_MAX_CHARACTERS = 1500
FILE_NAME_MAX_CHARACTERS = 200


class ImageState(StrEnum):
    """How far a picture has come."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Image:
    """One picture of somebody's library. The original is never altered; `revision` grows with every edit."""

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

    def awaits(self, revision: int) -> bool:
        """Tells whether a result for `revision` is news: anything else is late, repeated or overtaken by an edit."""
        return self.state is ImageState.PROCESSING and revision == self.revision


@dataclass(frozen=True)
class Variant:
    """One finished file made from a revision of a picture. `notes` are pairs of code and sentence."""

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
