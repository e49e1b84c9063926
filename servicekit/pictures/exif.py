"""Reads the few things that matter here from EXIF and XMP, from whatever a camera or an attacker wrote."""

import mmap
import struct

ORIENTATION = 0x0112
# Points to the tags that say where the picture was taken.
GPS = 0x8825

_SHORT, _LONG = 3, 4
# Cameras write about 20 main tags.
_MAX_TAGS = 1_000
_PREFIX = b"Exif\x00\x00"


def first_tags(exif: bytes) -> dict[int, int]:
    """Returns the whole numbers among the main tags, by tag. Damaged data gives what can be read of it.

    `exif` begins with the TIFF header; see TIFF 6.0, section 2.
    """
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    tags: dict[int, int] = {}
    if order is None:
        return tags
    try:
        (position,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, position)
        for entry in range(position + 2, position + 2 + min(count, _MAX_TAGS) * 12, 12):
            tag, kind = struct.unpack_from(f"{order}HH", exif, entry)
            if kind in (_SHORT, _LONG):
                (tags[tag],) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), exif, entry + 8)
    except struct.error:
        pass
    return tags


def without_prefix(exif: bytes) -> bytes:
    """Takes away what JPEG writes before EXIF, and some programs elsewhere, too."""
    return exif.removeprefix(_PREFIX)


def tells_place(data: mmap.mmap, start: int, end: int) -> bool:
    """Tells whether XMP between these positions says where the picture was taken. Compressed XMP is not looked into."""
    return data.find(b"GPSLatitude", start, end) >= 0
