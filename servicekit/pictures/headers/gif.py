"""Reads the header of a GIF: blocks as in GIF 89a."""

import mmap
import re
import struct
from functools import cache

from servicekit.pictures.exif import tells_place
from servicekit.pictures.headers.base import (
    MAX_PARTS,
    Header,
    broken,
    ends_too_early,
    no_picture,
    too_many_frames,
    too_many_parts,
)
from servicekit.pictures.model import PictureLimits

_START = 13
_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF
_XMP = b"\x0bXMP DataXMP"
# Data comes in blocks of up to 255 bytes. Programs write them all of one length, and those are skipped in one go.
_MAX_UNEVEN_BLOCKS = 100_000


def read_gif(data: mmap.mmap, limits: PictureLimits) -> Header:
    """Walks over the blocks up to the trailer, and counts the images."""
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    position = _START + _table_length(packed)
    surface: tuple[int, int] | None = None
    has_alpha = has_metadata = has_location = False
    frames = 0
    steps = _MAX_UNEVEN_BLOCKS
    for _ in range(MAX_PARTS):
        if position >= len(data):
            raise ends_too_early()
        kind = data[position]
        if kind == _END:
            break
        if kind == _EXTENSION:
            label, content = data[position + 1], position + 2
            if label == _CONTROL and frames == 0:
                has_alpha = bool(data[content + 1] & 1)
            is_xmp = label == _APPLICATION and data[content : content + len(_XMP)] == _XMP
            has_metadata |= is_xmp or label == _COMMENT
            position, steps = _after_blocks(data, content, steps)
            has_location |= is_xmp and tells_place(data, content, position)
        elif kind == _IMAGE:
            frames += 1
            if frames > limits.max_frames:
                raise too_many_frames(limits.max_frames)
            left, top, image_width, image_height, packed = struct.unpack_from("<HHHHB", data, position + 1)
            # The decoder makes room for a first image that is larger than the screen. Others are never decoded.
            surface = surface or (max(width, left + image_width), max(height, top + image_height))
            # One byte before the data tells how wide its codes are.
            position, steps = _after_blocks(data, position + 10 + _table_length(packed) + 1, steps)
        elif kind == 0:
            # A block too many ended; decoders pass over it.
            position += 1
        else:
            raise broken("something in it is no part of a GIF")
    else:
        raise too_many_parts()
    if surface is None:
        raise no_picture()
    return Header(*surface, has_metadata=has_metadata, has_location=has_location, has_alpha=has_alpha, frames=frames)


def _table_length(packed: int) -> int:
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _after_blocks(data: mmap.mmap, position: int, steps: int) -> tuple[int, int]:
    """Returns where the next part begins, and how many of the steps are left."""
    end = len(data)
    while position < end:
        length = data[position]
        if length == 0:
            return position + 1, steps
        if steps == 0:
            raise too_many_parts()
        steps -= 1
        run = _run_of(length).match(data, position)
        position = run.end() if run else end
    raise ends_too_early()


@cache
def _run_of(length: int) -> re.Pattern[bytes]:
    """Matches blocks of one length in a row, without a way back, so in steady memory."""
    return re.compile(rb"(?:%b.{%d})++" % (re.escape(bytes([length])), length), re.DOTALL)
