"""Reads the first picture track of a moving HEIC or AVIF file (ISO/IEC 14496-12, chapter 8)."""

import mmap
import struct
from dataclasses import dataclass

from servicekit.pictures.headers.base import broken, ends_too_early
from servicekit.pictures.headers.boxes import Box, boxes

# In a sample entry: what stands before the width.
_BEFORE_SIZE = 24


@dataclass(frozen=True, slots=True)
class Sequence:
    """`first_sample` is the position of the first frame's data."""

    size: tuple[int, int]
    frames: int
    has_alpha: bool
    first_sample: int


def read_sequence(data: mmap.mmap, movie: Box) -> Sequence | None:
    """Returns the first track of frames, or None if there is none."""
    tracks = [_inside(data, box) for box in boxes(data, movie.start, movie.end) if box.kind == b"trak"]
    # Alpha is a track of its own, which refers to the one that it belongs to.
    has_alpha = any(_is_auxiliary(data, track) for track in tracks)
    for track in tracks:
        sequence = None if _is_auxiliary(data, track) else _read_track(data, track, has_alpha)
        if sequence is not None:
            return sequence
    return None


def _read_track(data: mmap.mmap, track: dict[bytes, Box], has_alpha: bool) -> Sequence | None:
    table = track
    for kind in (b"mdia", b"minf", b"stbl"):
        if kind not in table:
            return None
        table = _inside(data, table[kind])
    offsets = table.get(b"stco") or table.get(b"co64")
    if b"tkhd" not in track or b"stsd" not in table or b"stsz" not in table or offsets is None:
        return None
    entry = next(boxes(data, table[b"stsd"].start + 8, table[b"stsd"].end), None)
    if entry is None or entry.kind not in (b"av01", b"hvc1"):
        return None
    # The track header ends with the size, in 65536ths.
    shown = struct.unpack_from(">II", data, track[b"tkhd"].end - 8)
    width, height = struct.unpack_from(">HH", data, entry.start + _BEFORE_SIZE)
    if (shown[0] >> 16, shown[1] >> 16) != (width, height):
        raise broken("it describes its size twice")
    (frames,) = struct.unpack_from(">I", data, table[b"stsz"].start + 8)
    (first,) = struct.unpack_from(">Q" if offsets.kind == b"co64" else ">I", data, offsets.start + 8)
    if first >= len(data):
        raise ends_too_early()
    return Sequence((width, height), frames, has_alpha, first)


def _is_auxiliary(data: mmap.mmap, track: dict[bytes, Box]) -> bool:
    return b"tref" in track and b"auxl" in _inside(data, track[b"tref"])


def _inside(data: mmap.mmap, box: Box) -> dict[bytes, Box]:
    return {inner.kind: inner for inner in boxes(data, box.start, box.end)}
