"""Judges a picture file by its content, on the header alone, before anything is decoded.

The file is mapped, not read, so memory stays flat whatever the size. What passes here may still turn out broken when
it is decoded; what is refused here would have been refused there at a higher price.
"""

import mmap
import struct
from collections.abc import Callable
from math import sqrt
from pathlib import Path

from servicekit.pictures.exif import GPS, ORIENTATION, first_tags
from servicekit.pictures.headers.base import Header, ends_too_early, too_many_frames
from servicekit.pictures.headers.bmp import read_bmp
from servicekit.pictures.headers.gif import read_gif
from servicekit.pictures.headers.heif import read_avif, read_heic
from servicekit.pictures.headers.jpeg import read_jpeg
from servicekit.pictures.headers.png import read_png
from servicekit.pictures.headers.tiff import read_tiff
from servicekit.pictures.headers.webp import read_webp
from servicekit.pictures.model import (
    AVIF,
    BMP,
    GIF,
    HEIC,
    HEIF,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    PictureInfo,
    PictureLimits,
    PictureRefused,
    byte_words,
)
from servicekit.pictures.sniff import HEAD_BYTES, SVG, sniff

_READERS: dict[str, Callable[[mmap.mmap, PictureLimits], Header]] = {
    JPEG: read_jpeg,
    PNG: read_png,
    WEBP: read_webp,
    GIF: read_gif,
    AVIF: read_avif,
    HEIC: read_heic,
    HEIF: read_heic,
    TIFF: read_tiff,
    BMP: read_bmp,
}


def probe(path: Path, limits: PictureLimits) -> PictureInfo:
    """Tells what the picture file is, from its header.

    Raises PictureRefused for what is not accepted, OSError if the file cannot be read.
    """
    size = path.stat().st_size
    if size == 0:
        raise PictureRefused("EMPTY", "The file is empty. Choose the picture again.")
    if size > limits.max_bytes:
        raise PictureRefused(
            "TOO_MANY_BYTES",
            f"The file has {byte_words(size)}; at most {byte_words(limits.max_bytes)} are accepted. "
            "Save it with fewer pixels or as JPEG, and upload it again.",
            {"limit": str(limits.max_bytes), "actual": str(size)},
        )
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        content_type = _accepted_type(data[:HEAD_BYTES], limits)
        try:
            header = _READERS[content_type](data, limits)
        except (struct.error, IndexError) as error:
            # Readers take what they expect, and this is how running past the end shows.
            raise ends_too_early() from error
    tags = first_tags(header.exif)
    orientation = tags.get(ORIENTATION, 1) if header.turn is None else header.turn
    if orientation not in range(1, 9):
        orientation = 1
    width, height = header.width, header.height
    if orientation >= 5:
        width, height = height, width
    _check_size(width, height, limits)
    _check_pixels(*header.surface, limits)
    if header.frames > limits.max_frames:
        raise too_many_frames(limits.max_frames, header.frames)
    return PictureInfo(
        content_type,
        width,
        height,
        orientation,
        has_alpha=header.has_alpha,
        has_metadata=header.has_metadata,
        has_location=header.has_location or GPS in tags,
        frames=header.frames,
        bytes=size,
        scans=header.scans,
        bits=header.bits,
    )


def _accepted_type(head: bytes, limits: PictureLimits) -> str:
    kind = sniff(head)
    metadata = {"content_type": kind.content_type, "accepted": ", ".join(sorted(limits.content_types))}
    if kind.content_type == SVG:
        raise PictureRefused(
            "SVG_REFUSED",
            f"The file is {kind.words}. Drawings of this kind can carry programs, so they are not accepted. "
            f"Export it as {limits.format_words}, and upload that.",
            metadata,
        )
    if kind.content_type not in limits.content_types:
        raise PictureRefused(
            "UNSUPPORTED_FORMAT",
            f"The file is {kind.words}. Accepted are {limits.format_words.replace(' or ', ' and ')}: "
            "save or export the picture in one of these, and upload that.",
            metadata,
        )
    return kind.content_type


def _check_size(width: int, height: int, limits: PictureLimits) -> None:
    if min(width, height) < limits.min_side:
        raise PictureRefused(
            "TOO_SMALL",
            f"The picture has {width} × {height} pixels; each side needs at least {limits.min_side}. Choose a larger one.",
            {"limit": str(limits.min_side), "actual": f"{width}x{height}"},
        )
    _check_pixels(width, height, limits)


def _check_pixels(width: int, height: int, limits: PictureLimits) -> None:
    if width * height > limits.max_pixels:
        shrink = sqrt(limits.max_pixels / (width * height))
        raise PictureRefused(
            "TOO_MANY_PIXELS",
            f"The picture has {width} × {height} pixels, which is {width * height / 1e6:.1f} megapixels; at most "
            f"{limits.max_pixels / 1e6:g} megapixels are accepted. Shrink it to {int(width * shrink)} × "
            f"{int(height * shrink)} or less, and upload it again.",
            {"limit": str(limits.max_pixels), "actual": str(width * height)},
        )
