"""Reads the boxes of ISO base media files (ISO/IEC 14496-12), and the items in their `meta` box (14496-12, 8.11)."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from servicekit.pictures.headers.base import MAX_PARTS, broken, ends_too_early, too_many_parts

# A phone's photograph has about 60 items: its tiles, a preview, a depth map. More is made to cost time.
MAX_ITEMS = 4_000
_MAX_PROPERTIES = 1_000
_ONLY_ONCE = {b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat"}

_IN_FILE, _IN_META = 0, 1


@dataclass(frozen=True, slots=True)
class Box:
    """A kind of four letters, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


@dataclass(slots=True)
class Items:
    """What a `meta` box tells. Positions are those in the file."""

    primary: int = 0
    # `hvc1`, `grid`, `Exif` and the like, by item.
    kinds: dict[int, bytes] = field(default_factory=dict)
    # Where the pieces of an item's content begin and end, by item.
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    # Kind, from which item, to which items.
    references: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    # Numbers of properties, from 1 and in order, by item.
    associations: dict[int, list[int]] = field(default_factory=dict)

    def properties_of(self, item: int) -> list[Box]:
        """The item's properties in the order in which they apply."""
        numbers = self.associations.get(item, [])
        return [self.properties[number - 1] for number in numbers if 0 < number <= len(self.properties)]


def boxes(data: mmap.mmap, start: int, end: int) -> Iterator[Box]:
    """Yields the boxes in a part of the file. Raises PictureRefused if one runs beyond its end."""
    position = start
    for _ in range(MAX_PARTS):
        # Less than a box is padding.
        if position + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        content = position + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, content)
            content += 8
        elif length == 0:
            length = end - position
        if position + length < content:
            raise broken("one of its parts has no length")
        position += length
        if position > end:
            raise ends_too_early()
        yield Box(kind, content, position)
    raise too_many_parts()


def read_items(data: mmap.mmap, meta: Box) -> Items:
    """Reads the items of a `meta` box."""
    items = Items()
    # An item may be described before the box that holds its content.
    inside: dict[bytes, Box] = {}
    for box in boxes(data, meta.start + 4, meta.end):
        # The decoder might believe the other one.
        if inside.setdefault(box.kind, box) is not box and box.kind in _ONLY_ONCE:
            raise broken("it describes itself twice")
    if b"pitm" in inside:
        box = inside[b"pitm"]
        (items.primary,) = struct.unpack_from(">I" if data[box.start] else ">H", data, box.start + 4)
    if b"iinf" in inside:
        items.kinds = _read_kinds(data, inside[b"iinf"])
    if b"iloc" in inside:
        items.extents = _read_extents(data, inside[b"iloc"], inside.get(b"idat"))
    if b"iref" in inside:
        items.references = list(_read_references(data, inside[b"iref"]))
    if b"iprp" in inside:
        for box in boxes(data, inside[b"iprp"].start, inside[b"iprp"].end):
            if box.kind == b"ipco" and items.properties:
                raise broken("it describes itself twice")
            if box.kind == b"ipco":
                items.properties = list(boxes(data, box.start, box.end))
                if len(items.properties) > _MAX_PROPERTIES:
                    raise too_many_parts()
            elif box.kind == b"ipma":
                items.associations |= _read_associations(data, box)
    return items


def _read_kinds(data: mmap.mmap, info: Box) -> dict[int, bytes]:
    kinds = {}
    for box in boxes(data, info.start + (8 if data[info.start] else 6), info.end):
        version = data[box.start]
        # The first two versions have no kinds; no picture is written with them.
        if box.kind != b"infe" or version < 2:
            continue
        item, kind = struct.unpack_from(">H2x4s" if version == 2 else ">I2x4s", data, box.start + 4)
        # The library that decodes HEIC takes the kind for text, and crashes on what is none.
        if not kind.isascii() or (kind == b"mime" and not data[box.start : box.end].isascii()):
            raise broken("one of its parts has an impossible name")
        kinds[item] = kind
        if len(kinds) > MAX_ITEMS:
            raise too_many_parts()
    return kinds


def _read_extents(data: mmap.mmap, location: Box, idat: Box | None) -> dict[int, list[tuple[int, int]]]:
    version, sizes, more_sizes = struct.unpack_from(">B3xBB", data, location.start)
    if version > 2:
        raise broken("it says in an unknown way where its pixels are")
    reader = _Numbers(data, location.start + 6)
    offset_size, length_size = sizes >> 4, sizes & 15
    base_size, index_size = more_sizes >> 4, more_sizes & 15 if version else 0
    count = reader.read(4 if version == 2 else 2)
    if count > MAX_ITEMS:
        raise too_many_parts()
    extents: dict[int, list[tuple[int, int]]] = {}
    pieces = 0
    for _ in range(count):
        item = reader.read(4 if version == 2 else 2)
        method = reader.read(2) & 15 if version else _IN_FILE
        reader.read(2)
        base = reader.read(base_size)
        found = []
        for _ in range(reader.read(2)):
            pieces += 1
            if pieces > MAX_PARTS:
                raise too_many_parts()
            reader.read(index_size)
            start = base + reader.read(offset_size)
            length = reader.read(length_size)
            found.append(_piece(len(data), method, start, length, idat))
        # Pieces that are counted again and again make a small file decode like a large one.
        if sum(end - start for start, end in found) > len(data):
            raise broken("its parts are longer than itself")
        extents[item] = found
    return extents


def _piece(size: int, method: int, start: int, length: int, idat: Box | None) -> tuple[int, int]:
    end = size
    if method == _IN_META and idat is not None:
        start, end = idat.start + start, idat.end
    elif method != _IN_FILE:
        raise broken("its pixels are nowhere")
    # Without a length, a piece reaches to the end.
    stop = start + length if length else end
    if start > end or stop > end:
        raise ends_too_early()
    return start, stop


def _read_references(data: mmap.mmap, box: Box) -> Iterator[tuple[bytes, int, list[int]]]:
    size = 4 if data[box.start] else 2
    total = 0
    for inner in boxes(data, box.start + 4, box.end):
        reader = _Numbers(data, inner.start)
        item, count = reader.read(size), reader.read(2)
        total += count
        if total > MAX_PARTS:
            raise too_many_parts()
        if inner.start + size + 2 + count * size > inner.end:
            raise ends_too_early()
        yield inner.kind, item, [reader.read(size) for _ in range(count)]


def _read_associations(data: mmap.mmap, box: Box) -> dict[int, list[int]]:
    version, flags = struct.unpack_from(">B2xB", data, box.start)
    reader = _Numbers(data, box.start + 4)
    count = reader.read(4)
    if count > MAX_ITEMS:
        raise too_many_parts()
    size = 2 if flags & 1 else 1
    # The highest bit says that a reader must know the property.
    mask = 0x7FFF if flags & 1 else 0x7F
    found: dict[int, list[int]] = {}
    total = 0
    for _ in range(count):
        item, length = reader.read(4 if version else 2), reader.read(1)
        total += length
        if total > MAX_PARTS:
            raise too_many_parts()
        found[item] = [reader.read(size) & mask for _ in range(length)]
    return found


class _Numbers:
    """Reads numbers of 0 to 8 bytes, one after the other."""

    def __init__(self, data: mmap.mmap, position: int) -> None:
        self._data = data
        self._position = position

    def read(self, size: int) -> int:
        start, self._position = self._position, self._position + size
        if self._position > len(self._data):
            raise ends_too_early()
        return int.from_bytes(self._data[start : self._position])
