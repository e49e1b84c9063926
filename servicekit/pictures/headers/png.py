"""Reads the header of a PNG: chunks as in PNG 3, which includes animations."""

import mmap
import struct

from servicekit.pictures.exif import tells_place, without_prefix
from servicekit.pictures.headers.base import (
    MAX_PARTS,
    Header,
    broken,
    ends_too_early,
    no_picture,
    too_many_parts,
)
from servicekit.pictures.model import PictureLimits

_START = 8
_METADATA = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_PALETTE = 3
# The colour types, and the bits that each may have.
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_WITH_ALPHA = {4, 6}


def read_png(data: mmap.mmap, limits: PictureLimits) -> Header:  # noqa: ARG001 - frames are announced, not counted
    """Walks over the chunks up to the last. What follows that, such as an archive, is not looked at."""
    width = height = depth = colour_type = 0
    exif = b""
    has_alpha = has_pixels = has_metadata = has_location = False
    frames, position = 1, _START
    for index in range(MAX_PARTS):
        if position + 12 > len(data):
            raise ends_too_early()
        length, kind = struct.unpack_from(">I4s", data, position)
        content = position + 8
        position = content + length + 4
        if position > len(data):
            raise ends_too_early()
        if (index == 0) != (kind == b"IHDR") or (index == 0 and length != 13):
            raise broken("its header is not where it should be")
        has_metadata |= kind in _METADATA
        if kind == b"IHDR":
            width, height, depth, colour_type = struct.unpack_from(">IIBB", data, content)
            if depth not in _DEPTHS.get(colour_type, ()):
                raise broken("it describes colours that do not exist")
            has_alpha = colour_type in _WITH_ALPHA
        elif kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL" and length == 8:
            frames = max(1, *struct.unpack_from(">I", data, content))
        elif kind == b"eXIf":
            exif = without_prefix(data[content : content + length])
        elif kind == b"iTXt":
            has_location |= tells_place(data, content, content + length)
        elif kind == b"IDAT":
            has_pixels = True
        elif kind == b"IEND":
            break
    else:
        raise too_many_parts()
    if not has_pixels:
        raise no_picture()
    return Header(
        width,
        height,
        exif,
        has_metadata=has_metadata,
        has_location=has_location,
        has_alpha=has_alpha,
        frames=frames,
        # The bits of a palette are those of its numbers, not of its colours.
        bits=8 if colour_type == _PALETTE else depth,
    )
