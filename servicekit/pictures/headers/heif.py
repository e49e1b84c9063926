"""Reads the header of HEIC, HEIF and AVIF files (ISO/IEC 23008-12), which differ in the codec only."""

import mmap
import struct
from collections.abc import Iterator
from itertools import pairwise

from servicekit.pictures.exif import tells_place, without_prefix
from servicekit.pictures.headers.base import Header, broken, ends_too_early, no_picture, rare_kind
from servicekit.pictures.headers.bitstream import av1_size, hevc_sizes
from servicekit.pictures.headers.boxes import Box, Items, boxes, read_items
from servicekit.pictures.headers.sequence import Sequence, read_sequence
from servicekit.pictures.model import AVIF, HEIC, PictureLimits

_CODES = {AVIF: b"av01", HEIC: b"hvc1"}
# EXIF orientation by quarter turns to the left and by the axis of a mirror after that (-1: none, 0: top to bottom).
_ORIENTATIONS = {
    (0, -1): 1, (0, 1): 2, (0, 0): 4,
    (1, -1): 8, (1, 1): 7, (1, 0): 5,
    (2, -1): 3, (2, 1): 4, (2, 0): 2,
    (3, -1): 6, (3, 1): 5, (3, 0): 7,
}  # fmt: skip
# Enough for the units before an AV1 picture.
_START_BYTES = 1_024
_MAX_EXIF_BYTES = 1_000_000


def read_avif(data: mmap.mmap, limits: PictureLimits) -> Header:  # noqa: ARG001 - frames are announced, not counted
    """Reads the primary picture, or the first track of a file whose brand says that it is a sequence."""
    meta, sequence = _parts(data)
    items = read_items(data, meta) if meta else Items()
    if data[8:12] == b"avis" and sequence is not None:
        # The decoder plays the track then, and knows no turn for it.
        size, alpha, bits = sequence.size, sequence.has_alpha, 8
        surfaces = [av1_size(data[sequence.first_sample : sequence.first_sample + _START_BYTES])]
        turn = 1
    else:
        size, bits, surfaces = _primary(data, items, AVIF)
        turns = [box for box in items.properties_of(items.primary) if box.kind in (b"irot", b"imir")]
        angle = sum(data[box.start] & 3 for box in turns if box.kind == b"irot") % 4
        axis = next((data[box.start] & 1 for box in turns if box.kind == b"imir"), -1)
        turn, alpha = _ORIENTATIONS[angle, axis], _has_alpha(data, items)
    return _header(data, items, size, alpha, bits, surfaces, turn, sequence)


def read_heic(data: mmap.mmap, limits: PictureLimits) -> Header:  # noqa: ARG001 - frames are announced, not counted
    """Reads the primary picture. Its size is the one after cropping and turning, which the decoder does by itself."""
    meta, sequence = _parts(data)
    if meta is None:
        raise rare_kind(HEIC, "a film without a still picture") if sequence else no_picture()
    items = read_items(data, meta)
    (width, height), bits, surfaces = _primary(data, items, HEIC)
    for box in items.properties_of(items.primary):
        if box.kind == b"clap":
            width, height = _cropped(data, box)
        elif box.kind == b"irot" and data[box.start] & 1:
            width, height = height, width
    return _header(data, items, (width, height), _has_alpha(data, items), bits, surfaces, 1, sequence)


def _parts(data: mmap.mmap) -> tuple[Box | None, Sequence | None]:
    found: dict[bytes, Box] = {}
    # All of them are walked over, so that a file that is cut off is known by its last one.
    for box in boxes(data, 0, len(data)):
        # Which of two the decoder would believe is anyone's guess.
        if found.setdefault(box.kind, box) is not box and box.kind in (b"meta", b"moov"):
            raise broken("it describes itself twice")
    sequence = read_sequence(data, found[b"moov"]) if b"moov" in found else None
    return found.get(b"meta"), sequence


def _header(
    data: mmap.mmap,
    items: Items,
    size: tuple[int, int],
    has_alpha: bool,
    bits: int,
    surfaces: list[tuple[int, int]],
    turn: int,
    sequence: Sequence | None,
) -> Header:
    exif = b""
    has_metadata = has_location = False
    for item, kind in items.kinds.items():
        if kind not in (b"Exif", b"mime"):
            continue
        has_metadata = True
        for start, end in items.extents.get(item, []):
            has_location |= tells_place(data, start, end)
            if kind == b"Exif" and not exif and end - start >= 4:
                (skipped,) = struct.unpack_from(">I", data, start)
                exif = without_prefix(data[start + 4 + skipped : min(end, start + _MAX_EXIF_BYTES)])
    return Header(
        *size,
        exif=exif,
        turn=turn,
        has_metadata=has_metadata,
        has_location=has_location,
        has_alpha=has_alpha,
        frames=max(1, sequence.frames) if sequence else 1,
        bits=bits,
        surface=max(surfaces, key=lambda surface: surface[0] * surface[1]),
    )


def _primary(data: mmap.mmap, items: Items, content_type: str) -> tuple[tuple[int, int], int, list[tuple[int, int]]]:
    """Returns the primary picture's size, its bits a channel, and every size for which memory may be taken."""
    code = _CODES[content_type]
    kind = items.kinds.get(items.primary)
    parts = [items.primary]
    surfaces = [_size(data, box) for box in items.properties if box.kind == b"ispe"]
    if kind == b"grid":
        parts = [
            part for name, item, to in items.references if name == b"dimg" and item == items.primary for part in to
        ]
        surfaces.append(_check_grid(data, items, parts))
    elif kind is None:
        raise no_picture()
    if {items.kinds.get(part) for part in parts} != {code}:
        raise rare_kind(content_type, "coded in a way that we do not read")
    if not all(items.extents.get(part) for part in parts):
        raise no_picture()
    bits = 8
    for box in items.properties:
        content = data[box.start : box.end]
        if box.kind == b"hvcC" and code == b"hvc1":
            surfaces.extend(hevc_sizes(content))
            bits = max(bits, 8 + (content[17] & 7))
        elif box.kind == b"av1C" and code == b"av01":
            bits = max(bits, 8 + 2 * (content[2] >> 6 & 1) + 2 * (content[2] >> 5 & 1))
    if code == b"av01":
        surfaces.extend(_av1_sizes(data, items))
    return _size_of(data, items, items.primary), bits, surfaces


def _av1_sizes(data: mmap.mmap, items: Items) -> Iterator[tuple[int, int]]:
    """Yields the size of every AV1 picture as coded, which has to be the one that the container tells."""
    for item, kind in items.kinds.items():
        if kind == b"av01" and (extents := items.extents.get(item)):
            start, end = extents[0]
            size = av1_size(data[start : min(end, start + _START_BYTES)])
            if size != _size_of(data, items, item):
                raise broken("it describes its size twice")
            yield size


def _check_grid(data: mmap.mmap, items: Items, tiles: list[int]) -> tuple[int, int]:
    """Checks that a picture of tiles is as large as it says. Returns the surface of all tiles."""
    extents = items.extents.get(items.primary)
    if not extents or not tiles:
        raise no_picture()
    start, end = extents[0]
    flags, rows, columns = struct.unpack_from(">xBBB", data, start)
    width, height = struct.unpack_from(">II" if flags & 1 else ">HH", data, start + 4)
    if start + (12 if flags & 1 else 8) > end:
        raise ends_too_early()
    if len(tiles) != (rows + 1) * (columns + 1) or (width, height) != _size_of(data, items, items.primary):
        raise broken("its tiles do not make up the picture")
    sizes = {_size_of(data, items, tile) for tile in tiles}
    tile_width, tile_height = max(size[0] for size in sizes), max(size[1] for size in sizes)
    surface = tile_width * (columns + 1), tile_height * (rows + 1)
    if surface[0] < width or surface[1] < height:
        raise broken("its tiles do not make up the picture")
    return surface


def _size_of(data: mmap.mmap, items: Items, item: int) -> tuple[int, int]:
    for box in items.properties_of(item):
        if box.kind == b"ispe":
            return _size(data, box)
    raise broken("it does not describe its size")


def _size(data: mmap.mmap, box: Box) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, box.start + 4)
    return width, height


def _cropped(data: mmap.mmap, box: Box) -> tuple[int, int]:
    numbers = struct.unpack_from(">4I", data, box.start)
    if 0 in numbers:
        raise broken("it is cut to nothing")
    width, height = (round(over / under) for over, under in list(pairwise(numbers))[::2])
    return width, height


def _has_alpha(data: mmap.mmap, items: Items) -> bool:
    """Alpha is a picture of its own, known by the name of its purpose."""
    return any(
        box.kind == b"auxC" and data[box.start + 4 : box.end].rstrip(b"\x00").endswith((b":alpha", b":auxid:1"))
        for box in items.properties
    )
