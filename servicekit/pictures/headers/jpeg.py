"""Reads the header of a JPEG: ITU-T T.81, annex B, and the EXIF and XMP segments that cameras add."""

import mmap
import re
import struct

from servicekit.pictures.exif import tells_place
from servicekit.pictures.headers.base import (
    MAX_PARTS,
    Header,
    broken,
    ends_too_early,
    no_picture,
    rare_kind,
    too_many_parts,
)
from servicekit.pictures.model import JPEG, PictureLimits, PictureRefused

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


def read_jpeg(data: mmap.mmap, limits: PictureLimits) -> Header:
    """Walks over the segments up to the end marker. What follows that (a phone's film, a gain map) is not looked at."""
    frame: tuple[int, int] | None = None
    exif = b""
    has_metadata = has_location = False
    scans = position = 0
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, position)
        if found is None:
            raise ends_too_early()
        marker, position = data[found.start() + 1], found.end()
        if marker == _END:
            break
        if marker in _WITHOUT_LENGTH:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2 or position + length > len(data):
            raise ends_too_early()
        content = position + 2
        has_metadata |= marker in _METADATA
        if marker in _FRAMES:
            # A second frame header could announce more pixels than the one that was checked.
            if frame is not None:
                raise broken("it describes its size twice")
            if length < _FRAME_LENGTH:
                raise broken("it does not describe its size")
            if marker not in _READABLE_FRAMES or data[content] != 8:
                raise rare_kind(JPEG, "lossless, or with 12 bits a colour")
            height, width = struct.unpack_from(">HH", data, content + 1)
            frame = width, height
        elif marker == _APP1:
            if not exif and data[content : content + 6] == b"Exif\x00\x00":
                exif = data[content + 6 : position + length]
            else:
                has_location |= tells_place(data, content, position + length)
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
        raise too_many_parts()
    if frame is None or scans == 0:
        raise no_picture()
    return Header(*frame, exif=exif, has_metadata=has_metadata, has_location=has_location, scans=scans)
