"""Reads the header of a TIFF: directories as in TIFF 6.0, and where they say that the pixels are."""

import mmap
import struct
from dataclasses import dataclass
from math import ceil

from servicekit.pictures.exif import GPS, ORIENTATION, tells_place
from servicekit.pictures.headers.base import (
    Header,
    broken,
    ends_too_early,
    no_picture,
    rare_kind,
    too_many_frames,
)
from servicekit.pictures.model import TIFF, PictureLimits, PictureRefused

_WIDTH, _HEIGHT, _DEPTHS, _COMPRESSION, _COLOURS = 256, 257, 258, 259, 262
_STRIP_STARTS, _SAMPLES, _ROWS, _STRIP_LENGTHS = 273, 277, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_STARTS, _TILE_LENGTHS = 322, 323, 324, 325
_KIND, _SUB_DIRECTORIES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 254, 330, 338, 339
_XMP, _DNG_VERSION = 700, 50706
# Texts, artist, camera, date, IPTC, Photoshop's records, EXIF.
_METADATA = {270, 271, 272, 305, 306, 315, 316, _XMP, 33432, 33723, 34377, 34665, GPS}

_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I"}
_MAX_TAGS = 2_000

_PLAIN, _JPEG = 1, 7
# None, two kinds of fax and run lengths for bilevel, LZW, JPEG, deflate by two names, PackBits.
_READABLE_COMPRESSIONS = {_PLAIN, 2, 3, 4, 5, _JPEG, 8, 32773, 32946}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _YCBCR = 0, 1, 6
# Those two, RGB, palette, CMYK and YCbCr. Sensor data and the spaces of measuring devices are not for pictures.
_READABLE_COLOURS = {_WHITE_IS_ZERO, _BLACK_IS_ZERO, 2, 3, 5, _YCBCR}
_SENSOR_DATA = {32803, 34892}
_MAX_SAMPLES = 6


@dataclass(frozen=True, slots=True)
class _Directory:
    data: mmap.mmap
    # `<` or `>`, for struct.
    order: str
    # Type, count and where the value or its position stands, by tag.
    entries: dict[int, tuple[int, int, int]]
    # Where the next directory is; 0 after the last.
    following: int

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Returns the tag's whole numbers. Raises PictureRefused if they are not in the file."""
        if tag not in self.entries:
            return default
        kind, count, _ = self.entries[tag]
        if kind not in _FORMATS:
            raise broken("it is described in numbers of a wrong kind")
        start, end = self.extent(tag)
        # Not before the end was checked: the count is anybody's.
        return struct.unpack(f"{self.order}{count}{_FORMATS[kind]}", self.data[start:end])

    def value(self, tag: int, default: int) -> int:
        values = self.values(tag, (default,))
        if not values:
            raise broken("it describes itself with nothing")
        return values[0]

    def extent(self, tag: int) -> tuple[int, int]:
        """Returns where the tag's content begins and ends. Raises PictureRefused if that is not in the file."""
        kind, count, position = self.entries[tag]
        length = count * struct.calcsize(f"={_FORMATS.get(kind, 'B')}")
        if length > 4:
            (position,) = struct.unpack_from(f"{self.order}I", self.data, position)
        if position + length > len(self.data):
            raise ends_too_early()
        return position, position + length


def read_tiff(data: mmap.mmap, limits: PictureLimits) -> Header:
    """Reads the first directory, checks that its pixels are there, and counts the directories that follow."""
    order = "<" if data[:2] == b"II" else ">"
    (position,) = struct.unpack_from(f"{order}I", data, 4)
    first = _directory(data, order, position)
    _refuse_camera_raw(first)
    width, height = first.value(_WIDTH, 0), first.value(_HEIGHT, 0)
    if not width or not height:
        raise no_picture()
    bits, samples = _check_colours(first)
    surface = _check_pixels(first, width, height, bits * samples)
    orientation = first.value(ORIENTATION, 1)
    if orientation not in range(1, 9):
        orientation = 1
    return Header(
        width,
        height,
        turn=orientation,
        has_metadata=not _METADATA.isdisjoint(first.entries),
        has_location=GPS in first.entries or (_XMP in first.entries and tells_place(data, *first.extent(_XMP))),
        # Without a word on it, a fourth colour of RGB is taken for alpha.
        has_alpha=any(first.values(_EXTRA_SAMPLES)) or (first.value(_COLOURS, 0) == 2 and samples == 4),
        frames=_count_pages(first, position, limits.max_frames),
        bits=bits,
        surface=surface,
    )


def _directory(data: mmap.mmap, order: str, position: int) -> _Directory:
    (count,) = struct.unpack_from(f"{order}H", data, position)
    if count > _MAX_TAGS:
        raise broken(f"it is described in more than {_MAX_TAGS} ways")
    entries = {}
    for entry in range(position + 2, position + 2 + count * 12, 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, entry)
        entries[tag] = kind, length, entry + 8
    after = position + 2 + count * 12
    # Some programs forget to write that nothing follows.
    (following,) = struct.unpack_from(f"{order}I", data, after) if after + 4 <= len(data) else (0,)
    return _Directory(data, order, entries, following)


def _refuse_camera_raw(directory: _Directory) -> None:
    """Cameras put a preview first, and what the sensor saw into another directory; developing that is another craft."""
    is_preview = directory.value(_KIND, 0) & 1 and _SUB_DIRECTORIES in directory.entries
    if _DNG_VERSION in directory.entries or is_preview or directory.value(_COLOURS, 0) in _SENSOR_DATA:
        raise PictureRefused(
            "UNSUPPORTED_FORMAT",
            "The file is a camera raw file, which has to be developed first. Export it as JPEG, and upload that.",
            {"content_type": TIFF},
        )


def _check_colours(directory: _Directory) -> tuple[int, int]:
    """Returns the bits of a channel and the number of channels."""
    compression, colours = directory.value(_COMPRESSION, _PLAIN), directory.value(_COLOURS, -1)
    depths = directory.values(_DEPTHS, (1,))
    samples = directory.value(_SAMPLES, len(depths))
    if compression not in _READABLE_COMPRESSIONS:
        raise rare_kind(TIFF, "with a compression that we do not read")
    if colours not in _READABLE_COLOURS or (colours == _YCBCR and compression != _JPEG):
        raise rare_kind(TIFF, "with a colour space that we do not read")
    if set(directory.values(_SAMPLE_FORMAT, (1,))) != {1}:
        raise rare_kind(TIFF, "with measured values instead of colours")
    if len(set(depths)) != 1 or depths[0] not in (1, 2, 4, 8, 16) or not 1 <= samples <= _MAX_SAMPLES:
        raise rare_kind(TIFF, "with channels that we do not read")
    if depths[0] == 16 and colours == _WHITE_IS_ZERO:
        # The decoder would take white for black.
        raise rare_kind(TIFF, "with 16 bits that count down from white")
    return depths[0], samples


def _check_pixels(directory: _Directory, width: int, height: int, bits: int) -> tuple[int, int]:
    """Checks that strips or tiles lie inside the file. Returns the largest surface that is decoded at once."""
    is_tiled = _TILE_STARTS in directory.entries
    # Decoders do not agree which of them count.
    if is_tiled and _STRIP_STARTS in directory.entries:
        raise broken("it describes its pixels twice")
    starts = directory.values(_TILE_STARTS if is_tiled else _STRIP_STARTS)
    lengths = directory.values(_TILE_LENGTHS if is_tiled else _STRIP_LENGTHS)
    if not starts or len(starts) != len(lengths) or not sum(lengths):
        raise no_picture()
    if max(start + length for start, length in zip(starts, lengths, strict=True)) > len(directory.data):
        raise ends_too_early()
    if directory.value(_COMPRESSION, _PLAIN) == _PLAIN and sum(lengths) < ceil(width * bits / 8) * height:
        raise ends_too_early()
    if not is_tiled:
        return width, height
    tile_width, tile_height = directory.value(_TILE_WIDTH, 0), directory.value(_TILE_HEIGHT, 0)
    if not tile_width or not tile_height:
        raise broken("its tiles have no size")
    return ceil(width / tile_width) * tile_width, ceil(height / tile_height) * tile_height


def _count_pages(first: _Directory, position: int, limit: int) -> int:
    seen, directory = {position}, first
    while directory.following:
        if directory.following in seen:
            raise broken("its pages run in a circle")
        seen.add(directory.following)
        if len(seen) > limit:
            raise too_many_frames(limit)
        directory = _directory(first.data, first.order, directory.following)
    return len(seen)
