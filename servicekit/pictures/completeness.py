"""Finds PNGs whose pixels end early in good order, which Pillow fills up with zeros and takes for whole."""

import struct
import zlib
from typing import BinaryIO

from PIL import Image

_START = 8
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Where the seven passes of an interlaced picture begin and in which steps they go: x, y, step in x, step in y.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20


def lacks_rows(image: Image.Image, file: BinaryIO) -> bool:
    """Tells whether a decoded PNG has fewer pixels in its file than it should.

    Only a picture whose last row is all zero can have been filled up. That is seen at once; the pixels of such a
    picture are then unpacked a second time and counted.
    """
    last = image.crop((0, image.height - 1, image.width, image.height))
    if last.getbbox(alpha_only=False) is not None:
        return False
    file.seek(_START + 8)
    width, height, depth, colour_type, is_interlaced = struct.unpack(">IIBB2xB", file.read(13))
    expected = _unpacked_length(width, height, depth * _CHANNELS[colour_type], bool(is_interlaced))
    return _count_unpacked(file, expected) < expected


def _unpacked_length(width: int, height: int, bits: int, is_interlaced: bool) -> int:
    """Returns the number of bytes of all rows, each with the byte that names its filter."""
    total = 0
    for x, y, step_x, step_y in _PASSES if is_interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _count_unpacked(file: BinaryIO, enough: int) -> int:
    """Counts the bytes that are packed in the file, up to `enough`."""
    unpacker = zlib.decompressobj()
    count = 0
    file.seek(_START)
    while count < enough and not unpacker.eof and len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            break
        if kind == b"IDAT":
            packed = file.read(length)
            while packed and count < enough:
                count += len(unpacker.decompress(packed, _PIECE))
                packed = unpacker.unconsumed_tail
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)
    return count
