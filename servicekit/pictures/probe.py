"""Judges a picture file by its content, on the header alone, before anything is decoded.

The file is mapped, not read, so memory stays flat whatever the size. What passes here may still turn out broken when
it is decoded; what is refused here would have been refused there at a higher price.
"""

import mmap
import re
import struct
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from servicekit.pictures.exif import GPS, ORIENTATION, first_tags
from servicekit.pictures.model import JPEG, PictureInfo, PictureLimits, PictureRefused, byte_words
from servicekit.pictures.sniff import HEAD_BYTES, SVG, sniff

# In compressed data FF is followed by 00 or by a restart number; anything else is the next marker. FF FF is padding.
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
_END, _SCAN, _APP1 = 0xD9, 0xDA, 0xE1
# EXIF and XMP, Photoshop's records, comments.
_METADATA = {_APP1, 0xED, 0xFE}
_WITHOUT_LENGTH = {0x01, 0xD8}
# Length, precision, height, width and the number of colours.
_FRAME_LENGTH = 8
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Baseline, extended and progressive, in Huffman and in arithmetic coding. The others are lossless or hierarchical.
_READABLE_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}

# A 25 MB PNG in 8 kB chunks has about 3,000, a JPEG with 100 scans about as many segments. More is made to cost time.
_MAX_PARTS = 20_000

_PNG_START = 8
_PNG_METADATA = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}


@dataclass(frozen=True, slots=True)
class _Header:
    # Pixels as stored, before the EXIF turn.
    width: int
    height: int
    exif: bytes
    has_metadata: bool
    has_alpha: bool = False
    frames: int = 1
    scans: int = 1


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
        header = _read_jpeg(data, limits) if content_type == JPEG else _read_png(data)
    tags = first_tags(header.exif)
    orientation = tags.get(ORIENTATION, 1)
    if orientation not in range(1, 9):
        orientation = 1
    width, height = header.width, header.height
    if orientation >= 5:
        width, height = height, width
    _check_size(width, height, limits)
    if header.frames > limits.max_frames:
        raise PictureRefused(
            "TOO_MANY_FRAMES",
            f"The animation has {header.frames} frames; at most {limits.max_frames} are accepted. Upload a still picture.",
            {"limit": str(limits.max_frames), "actual": str(header.frames)},
        )
    return PictureInfo(
        content_type,
        width,
        height,
        orientation,
        has_alpha=header.has_alpha,
        has_metadata=header.has_metadata,
        has_location=GPS in tags,
        frames=header.frames,
        bytes=size,
        scans=header.scans,
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
    if width * height > limits.max_pixels:
        shrink = sqrt(limits.max_pixels / (width * height))
        raise PictureRefused(
            "TOO_MANY_PIXELS",
            f"The picture has {width} × {height} pixels, which is {width * height / 1e6:.1f} megapixels; at most "
            f"{limits.max_pixels / 1e6:g} megapixels are accepted. Shrink it to {int(width * shrink)} × "
            f"{int(height * shrink)} or less, and upload it again.",
            {"limit": str(limits.max_pixels), "actual": str(width * height)},
        )


def _read_jpeg(data: mmap.mmap, limits: PictureLimits) -> _Header:
    """Walks over the segments up to the end marker. What follows that (a phone's film, a gain map) is not looked at."""
    frame: tuple[int, int] | None = None
    exif = b""
    has_metadata = False
    scans = position = 0
    for _ in range(_MAX_PARTS):
        found = _MARKER.search(data, position)
        if found is None:
            raise _ends_too_early()
        marker, position = data[found.start() + 1], found.end()
        if marker == _END:
            break
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2])
        if length < 2 or position + length > len(data):
            raise _ends_too_early()
        content = position + 2
        has_metadata |= marker in _METADATA
        if marker in _FRAMES:
            # A second frame header could announce more pixels than the one that was checked.
            if frame is not None:
                raise _broken("it describes its size twice")
            if length < _FRAME_LENGTH:
                raise _broken("it does not describe its size")
            if marker not in _READABLE_FRAMES or data[content] != 8:
                raise PictureRefused(
                    "UNSUPPORTED_FORMAT",
                    "The file is a JPEG of a rare kind (lossless, or with 12 bits a colour). Save it as an ordinary JPEG.",
                    {"content_type": JPEG},
                )
            height, width = struct.unpack(">HH", data[content + 1 : content + 5])
            frame = width, height
        elif marker == _APP1 and not exif and data[content : content + 6] == b"Exif\x00\x00":
            exif = data[content + 6 : position + length]
        elif marker == _SCAN:
            scans += 1
            if scans > limits.max_scans:
                raise PictureRefused(
                    "TOO_MANY_SCANS",
                    f"The JPEG is split into more than {limits.max_scans} scans, which makes it far too slow to open. "
                    "Open it in a picture editor and save it again.",
                    {"limit": str(limits.max_scans)},
                )
        position += length
    else:
        raise _broken(f"it is cut into more than {_MAX_PARTS} parts")
    if frame is None or scans == 0:
        raise _broken("it holds no picture")
    return _Header(*frame, exif, has_metadata, scans=scans)


def _read_png(data: mmap.mmap) -> _Header:
    """Walks over the chunks up to the last."""
    width = height = colour_type = 0
    exif = b""
    has_alpha = has_pixels = has_metadata = False
    frames, position = 1, _PNG_START
    for index in range(_MAX_PARTS):
        if position + 12 > len(data):
            raise _ends_too_early()
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        content = position + 8
        position = content + length + 4
        if position > len(data):
            raise _ends_too_early()
        if (index == 0) != (kind == b"IHDR") or (index == 0 and length != 13):
            raise _broken("its header is not where it should be")
        has_metadata |= kind in _PNG_METADATA
        if kind == b"IHDR":
            width, height, _, colour_type = struct.unpack(">IIBB", data[content : content + 10])
            has_alpha = colour_type in (4, 6)
        elif kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL" and length == 8:
            frames = max(1, int.from_bytes(data[content : content + 4]))
        elif kind == b"eXIf":
            exif = data[content : content + length]
        elif kind == b"IDAT":
            has_pixels = True
        elif kind == b"IEND":
            break
    else:
        raise _broken(f"it is cut into more than {_MAX_PARTS} parts")
    if not has_pixels:
        raise _broken("it holds no picture")
    return _Header(width, height, exif, has_metadata, has_alpha, frames)


def _ends_too_early() -> PictureRefused:
    return _broken("it ends too early")


def _broken(what: str) -> PictureRefused:
    return PictureRefused("BROKEN", f"The picture file is damaged: {what}. Copy or save it again, and upload that.")
