"""What all header readers give back, and how they refuse."""

from dataclasses import dataclass

from servicekit.pictures.model import NAMES, PictureRefused

# A 25 MB PNG in 8 kB chunks has about 3,000 parts, a JPEG with 100 scans about as many. More is made to cost time.
MAX_PARTS = 20_000


@dataclass(frozen=True, slots=True)
class Header:
    """What a header tells before limits are applied."""

    # Pixels as they come out of the decoder, before any turn that is left to us.
    width: int
    height: int
    # Begins with the TIFF header; empty where there is none.
    exif: bytes = b""
    # EXIF orientation that the container asks for in its own words; then the one in EXIF is not asked.
    turn: int | None = None
    has_metadata: bool = False
    # Told by something else than EXIF.
    has_location: bool = False
    has_alpha: bool = False
    frames: int = 1
    scans: int = 1
    # Bits a channel.
    bits: int = 8
    # The largest surface for which the decoder takes memory, where it may be larger than the picture.
    surface: tuple[int, int] = (0, 0)


def broken(what: str) -> PictureRefused:
    """Says what is wrong with a damaged file, as the end of a sentence."""
    return PictureRefused("BROKEN", f"The picture file is damaged: {what}. Copy or save it again, and upload that.")


def ends_too_early() -> PictureRefused:
    return broken("it ends too early")


def no_picture() -> PictureRefused:
    return broken("it holds no picture")


def too_many_parts() -> PictureRefused:
    return broken(f"it is cut into more than {MAX_PARTS} parts")


def rare_kind(content_type: str, what: str) -> PictureRefused:
    """Refuses a variant of an accepted format that is not read, such as `with run-length compression`."""
    name = NAMES[content_type]
    return PictureRefused(
        "UNSUPPORTED_FORMAT",
        f"The file is a {name} of a rare kind ({what}). Save it as an ordinary JPEG or PNG, and upload that.",
        {"content_type": content_type},
    )


def too_many_frames(limit: int, actual: int | None = None) -> PictureRefused:
    """`actual` is None where counting stopped at the limit."""
    count = f"more than {limit}" if actual is None else f"{actual}"
    return PictureRefused(
        "TOO_MANY_FRAMES",
        f"The picture has {count} frames or pages; at most {limit} are accepted. Upload a still picture.",
        {"limit": str(limit)} if actual is None else {"limit": str(limit), "actual": str(actual)},
    )
