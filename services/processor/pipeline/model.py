"""What is asked of the pipeline and what it answers. Everything here travels between processes."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from servicekit.pictures.model import AVIF, JPEG, PNG, WEBP

# Raise it when the same recipe gives other pixels than before; everything is then made anew.
PIPELINE_VERSION = 2

WRITABLE = frozenset({JPEG, PNG, WEBP, AVIF})
KEEPS_ALPHA = frozenset({PNG, WEBP, AVIF})

_KEY = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a picture, in fractions of its width and height from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise ValueError(f"not a rectangle inside the picture: {self}")


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a picture, in fractions of its width and height from the top left corner."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise ValueError(f"not a point inside the picture: {self}")


WHOLE = Rectangle(0, 0, 1, 1)


@dataclass(frozen=True, slots=True)
class Edit:
    """What the owner wants done to the upright picture: first turned, then mirrored, then cut.

    `crop` and `focus` are places in the turned and mirrored picture, which is what the owner sees when choosing them.
    """

    # Clockwise, 0 to 3.
    quarter_turns: int = 0
    # Left and right swapped.
    mirrored: bool = False
    # Nothing outside is ever shown.
    crop: Rectangle | None = None
    # What should stay in view, and near the middle, where a shape cuts more off.
    focus: Point | None = None
    # Red, green, blue; shows through where a place knows no transparency.
    background: tuple[int, int, int] = (255, 255, 255)

    def __post_init__(self) -> None:
        if self.quarter_turns not in range(4):
            raise ValueError(f"quarter_turns is {self.quarter_turns}; it goes from 0 to 3")


class Fit(StrEnum):
    """How a picture comes to its size."""

    # Exactly the width and height asked for; what does not fit the shape is cut off.
    COVER = "cover"
    # All of it, within width and height, never enlarged.
    INSIDE = "inside"


class Mask(StrEnum):
    """The shape in which a place shows a picture."""

    CIRCLE = "circle"
    ROUNDED = "rounded"
    SQUARE = "square"
    NONE = "none"


class ZoneKind(StrEnum):
    """What a zone of a place means."""

    # Seen everywhere: what matters belongs inside.
    KEEP = "keep"
    # Lies under something, such as the avatar.
    COVERED = "covered"


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a place, in fractions of the rendition, that framing has to mind."""

    kind: ZoneKind
    box: Rectangle


@dataclass(frozen=True, slots=True)
class RenditionSpec:
    """One version to make."""

    # Such as `x.avatar` or `thumbnail.320`.
    key: str
    width: int
    height: int
    # Media types that the place takes, best first; those that cannot be written are passed over.
    formats: tuple[str, ...]
    max_bytes: int | None = None
    # The place shows transparency.
    alpha: bool = False
    fit: Fit = Fit.COVER
    mask: Mask = Mask.NONE
    zones: tuple[Zone, ...] = ()

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"a key looks like `x.avatar`, not {self.key!r}")
        if min(self.width, self.height) < 1 or (self.max_bytes is not None and self.max_bytes < 1):
            raise ValueError(f"{self.key}: sizes are positive")
        if not WRITABLE.intersection(self.formats):
            raise ValueError(f"{self.key}: cannot write any of {self.formats}; can write {sorted(WRITABLE)}")


def recipe_version(spec: RenditionSpec) -> str:
    """Returns 16 hex digits that change when the result would, and are the same for specs with the same result."""
    recipe = {name: value for name, value in asdict(spec).items() if name != "key"} | {"pipeline": PIPELINE_VERSION}
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


class FrameReason(StrEnum):
    """Why a version shows the part that it shows."""

    # All of the picture is shown.
    WHOLE = "whole"
    # The owner's crop has the shape of the place.
    CROP = "crop"
    # It lies around the owner's focus.
    FOCUS = "focus"
    FACES = "faces"
    # It lies around what catches the eye.
    SALIENCY = "saliency"
    # Nothing stands out: the middle.
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Saliency:
    """Where a picture has something to look at, in cells of equal size."""

    columns: int
    rows: int
    # One byte a cell, row by row: 0 for nothing, 255 for the most striking cell.
    weights: bytes

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 1 or len(self.weights) != self.columns * self.rows:
            raise ValueError(f"{len(self.weights)} weights do not fill {self.columns} × {self.rows} cells")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in a picture, turned and mirrored as edited."""

    # Largest first.
    faces: tuple[Rectangle, ...] = ()
    # ThumbHash, about 25 bytes: a blurred placeholder is drawn from it.
    placeholder: bytes = b""
    # For framing alone, where no faces decide; None where nothing stands out. Not told to anybody else.
    saliency: Saliency | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was changed on the way, and why: `code` for programs, `text` one sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """One finished file. Versions with the same recipe share one file."""

    key: str
    recipe_version: str
    content_type: str
    width: int
    height: int
    bytes: int
    # Lower-case hex.
    sha256: str
    # As `PerceptualHash.hex` writes it.
    perceptual_hash: str
    # The part of the turned and mirrored picture that it shows, and why this part.
    box: Rectangle
    frame_reason: FrameReason
    path: Path
    # None for formats that lose nothing.
    quality: int | None
    # Most important first.
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class RenditionFailure:
    """One version that cannot be made. Reasons: BYTE_LIMIT_UNREACHABLE."""

    key: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RenderResult:
    """Every version that was asked for, made or not, each in the order asked."""

    renditions: tuple[Rendition, ...]
    failures: tuple[RenditionFailure, ...]
    look: Look
