"""Reads the header of a BMP, from OS/2's to the fifth of Windows."""

import mmap
import struct

from servicekit.pictures.headers.base import Header, broken, ends_too_early, rare_kind
from servicekit.pictures.model import BMP, PictureLimits

_OS2_HEADER = 12
# Lengths of the headers that the decoder knows.
HEADER_LENGTHS = frozenset({_OS2_HEADER, 40, 52, 56, 64, 108, 124})
_PLAIN, _FIELDS = 0, 3
_DEPTHS = {1, 4, 8, 16, 24, 32}


def read_bmp(data: mmap.mmap, limits: PictureLimits) -> Header:  # noqa: ARG001 - nothing in it repeats
    """Reads the two headers, and checks that the pixels they announce are there."""
    pixels, length = struct.unpack_from("<II", data, 10)
    if length not in HEADER_LENGTHS:
        raise broken("its header has a length that does not exist")
    if length == _OS2_HEADER:
        width, height, depth = struct.unpack_from("<HH2xH", data, 18)
        compression = _PLAIN
    else:
        # A height below zero means that rows run from the top down.
        width, height, depth, compression = struct.unpack_from("<ii2xHI", data, 18)
        height = abs(height)
    if width <= 0 or height == 0 or depth not in _DEPTHS:
        raise broken("it describes a picture that cannot exist")
    if compression not in (_PLAIN, _FIELDS):
        # Run lengths that end early leave a picture half empty, and no decoder tells.
        raise rare_kind(BMP, "compressed")
    row = (width * depth + 31) // 32 * 4
    if pixels < 14 + length or pixels + row * height > len(data):
        raise ends_too_early()
    has_alpha = depth == 32 and length >= 56 and struct.unpack_from("<I", data, 66)[0] != 0
    return Header(width, height, has_alpha=has_alpha)
