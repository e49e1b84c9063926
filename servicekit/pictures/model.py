"""What is known of a picture file, what is accepted, and how a refusal reads."""

from dataclasses import dataclass, field

from PIL import Image

JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"
GIF = "image/gif"
AVIF = "image/avif"
HEIC = "image/heic"
HEIF = "image/heif"
TIFF = "image/tiff"
BMP = "image/bmp"

NAMES = {
    JPEG: "JPEG",
    PNG: "PNG",
    WEBP: "WebP",
    GIF: "GIF",
    AVIF: "AVIF",
    HEIC: "HEIC",
    HEIF: "HEIF",
    TIFF: "TIFF",
    BMP: "BMP",
}

# What `probe` can judge on the header alone, and `decode` can open.
READABLE = frozenset(NAMES)


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Says which files are accepted. The defaults are the product's; settings may narrow or widen them.

    Raises ValueError for what the code behind it cannot keep.
    """

    content_types: frozenset[str] = READABLE
    max_bytes: int = 25_000_000
    # A decoded pixel takes 3 to 4 bytes, so 50 megapixels fit in a worker's memory with their first copy.
    max_pixels: int = 50_000_000
    # Photographs have about 10; thousands of them make a small file cost minutes.
    max_scans: int = 100
    # Only the first frame is shown; more than this is no profile picture.
    max_frames: int = 500
    # Pixels; below this nothing can be made that looks like anything.
    min_side: int = 32

    def __post_init__(self) -> None:
        if not self.content_types:
            raise ValueError("content_types is empty; name at least one format")
        if unreadable := self.content_types - READABLE:
            raise ValueError(f"cannot read {', '.join(sorted(unreadable))}; choose from {', '.join(sorted(READABLE))}")
        if Image.MAX_IMAGE_PIXELS is not None and self.max_pixels > Image.MAX_IMAGE_PIXELS:
            raise ValueError(f"max_pixels is {self.max_pixels}, the decoder stops at {Image.MAX_IMAGE_PIXELS}")

    @property
    def format_words(self) -> str:
        """The accepted formats for people, such as `JPEG, PNG or WebP`."""
        *names, last = [
            name
            for content_type, name in NAMES.items()
            # To people, HEIF is what HEIC is.
            if content_type in self.content_types and not (content_type == HEIF and HEIC in self.content_types)
        ]
        return f"{', '.join(names)} or {last}" if names else last


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What the header of an accepted file tells."""

    content_type: str
    # Pixels as shown, after the EXIF turn.
    width: int
    height: int
    # The turn that decoding makes, as an EXIF orientation from 1 to 8; 1 where the format's library makes it by itself.
    orientation: int
    has_alpha: bool
    # EXIF, XMP, comments and the like; a colour profile is none.
    has_metadata: bool
    # EXIF or XMP tells where the picture was taken.
    has_location: bool
    # Of an animation, or pages.
    frames: int
    bytes: int
    # Passes over the pixels that a JPEG decoder makes; 1 for every other format.
    scans: int
    # Bits a channel; more than 8 are reduced to 8 when decoding.
    bits: int = 8


@dataclass(eq=False)
class PictureRefused(Exception):  # noqa: N818 - names what happened to the file, not a fault
    """Says why a file is not accepted: `reason` for programs, `message` for people, `metadata` the figures.

    Reasons: UNSUPPORTED_FORMAT, SVG_REFUSED, EMPTY, BROKEN, TOO_SMALL, TOO_MANY_BYTES, TOO_MANY_PIXELS,
    TOO_MANY_FRAMES, TOO_MANY_SCANS.
    """

    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The arguments of the base class are what travels between processes.
        super().__init__(self.reason, self.message, self.metadata)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def byte_words(count: int) -> str:
    """Writes a byte count for people, in the decimal units that platforms and file managers use."""
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} bytes"
