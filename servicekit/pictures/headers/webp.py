"""Reads the header of a WebP: RIFF chunks (RFC 9649), and the sizes that the frames within announce."""

import mmap
import struct
from collections.abc import Iterator

from servicekit.pictures.exif import tells_place, without_prefix
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

_START = 12
_ALPHA_FLAG = 0x10
# Before the chunks of an animation's frame: its place, size, duration and flags.
_FRAME_HEADER = 16
_LOSSY_START_CODE = b"\x9d\x01\x2a"
_LOSSLESS_START = 0x2F


def read_webp(data: mmap.mmap, limits: PictureLimits) -> Header:
    """Walks over the chunks within the length that RIFF announces. What follows that is not looked at."""
    (length,) = struct.unpack_from("<I", data, 4)
    if 8 + length > len(data):
        raise ends_too_early()
    canvas: tuple[int, int] | None = None
    picture: tuple[int, int] | None = None
    exif = b""
    has_alpha = has_metadata = has_location = False
    frames = 0
    for kind, start, end in _chunks(data, _START, 8 + length):
        if kind == b"VP8X":
            canvas = _three_bytes(data, start + 4) + 1, _three_bytes(data, start + 7) + 1
            has_alpha |= bool(data[start] & _ALPHA_FLAG)
        elif kind in (b"VP8 ", b"VP8L"):
            if picture is not None:
                raise broken("it holds two pictures")
            picture = _frame_size(data, kind, start, end)
            has_alpha |= kind == b"VP8L" and bool(data[start + 4] & _ALPHA_FLAG)
        elif kind == b"ANMF":
            frames += 1
            if frames > limits.max_frames:
                raise too_many_frames(limits.max_frames)
            _check_animation_frame(data, start, end, canvas)
        elif kind == b"EXIF":
            has_metadata = True
            exif = exif or without_prefix(data[start:end])
        elif kind == b"XMP ":
            has_metadata = True
            has_location |= tells_place(data, start, end)
    size = canvas or picture
    if size is None or (picture is None and not frames):
        raise no_picture()
    if picture is not None and picture != size:
        raise broken("it describes its size twice")
    return Header(
        *size,
        exif=exif,
        has_metadata=has_metadata,
        has_location=has_location,
        has_alpha=has_alpha,
        frames=max(1, frames),
    )


def _chunks(data: mmap.mmap, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields kind, start and end of each chunk's content."""
    for _ in range(MAX_PARTS):
        # The padding byte of the last chunk may be missing, or be counted in the file's length.
        if position + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        position += 8
        if position + length > end:
            raise ends_too_early()
        yield kind, position, position + length
        position += length + length % 2
    raise too_many_parts()


def _check_animation_frame(data: mmap.mmap, start: int, end: int, canvas: tuple[int, int] | None) -> None:
    """A frame that is larger than the canvas, or than it says itself, would take memory that nobody checked."""
    if end - start < _FRAME_HEADER or canvas is None:
        raise broken("one of its frames is cut short")
    left, top = 2 * _three_bytes(data, start), 2 * _three_bytes(data, start + 3)
    size = _three_bytes(data, start + 6) + 1, _three_bytes(data, start + 9) + 1
    if left + size[0] > canvas[0] or top + size[1] > canvas[1]:
        raise broken("one of its frames is larger than the picture")
    for kind, inner_start, inner_end in _chunks(data, start + _FRAME_HEADER, end):
        if kind in (b"VP8 ", b"VP8L"):
            if _frame_size(data, kind, inner_start, inner_end) != size:
                raise broken("it describes its size twice")
            return
    raise broken("one of its frames holds no picture")


def _frame_size(data: mmap.mmap, kind: bytes, start: int, end: int) -> tuple[int, int]:
    """Reads the size from a lossy (RFC 6386, section 9.1) or a lossless bit stream."""
    if kind == b"VP8L":
        if end - start < 5 or data[start] != _LOSSLESS_START:
            raise broken("its pixels do not begin as they should")
        (bits,) = struct.unpack_from("<I", data, start + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if end - start < 10 or data[start] & 1 or data[start + 3 : start + 6] != _LOSSY_START_CODE:
        raise broken("its pixels do not begin as they should")
    if _three_bytes(data, start) >> 5 > end - start - 10:
        raise ends_too_early()
    width, height = struct.unpack_from("<HH", data, start + 6)
    return width & 0x3FFF, height & 0x3FFF


def _three_bytes(data: mmap.mmap, position: int) -> int:
    low, high = struct.unpack_from("<HB", data, position)
    value: int = low | high << 16
    return value
