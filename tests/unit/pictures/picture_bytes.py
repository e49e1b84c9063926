"""Picture files put together byte by byte, for what no library would write."""

import struct
import zlib
from pathlib import Path

import numpy as np

CORNERS = (Path(__file__).parent / "files" / "corners.heic").read_bytes()
# In that file: the parameters of the codec, and the coded 64 × 64 pixels.
_HVCC = CORNERS[CORNERS.index(b"hvcC") - 4 :][:120]
_CODED = CORNERS[0x2A0 + 9 :][:0x34D]


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG of filtered rows, with more chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def riff(kind: bytes, content: bytes) -> bytes:
    """A chunk of a WebP."""
    return kind + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)


def webp(*chunks: bytes) -> bytes:
    return riff(b"RIFF", b"WEBP" + b"".join(chunks))


def webp_canvas(width: int, height: int, flags: int = 0) -> bytes:
    return riff(
        b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )


def webp_lossless(width: int, height: int, content: bytes = b"") -> bytes:
    """The start of lossless pixels, without the pixels."""
    return riff(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + content)


def tiff(width: int, height: int, tags: dict[int, tuple[int, ...]], pixels: bytes, order: str = "<") -> bytes:
    """A TIFF with its directory first and one strip after it, or with the tiles that the tags say. Values are shorts up to 65535, and longs above."""
    strips = {} if 324 in tags else {273: (0,), 278: (height,), 279: (len(pixels),)}
    entries = {256: (width,), 257: (height,)} | strips | tags
    start = 8 + 2 + 12 * len(entries) + 4
    values = {tag: _numbers(order, found) for tag, found in entries.items()}
    after = b"".join(content for _, content in values.values() if len(content) > 4)
    if entries.get(273) == (0,):
        entries[273] = (start + len(after),)
        values[273] = _numbers(order, entries[273])
    directory, position = struct.pack(f"{order}H", len(entries)), start
    for tag in sorted(entries):
        kind, content = values[tag]
        where = content.ljust(4, b"\x00")
        if len(content) > 4:
            where, position = struct.pack(f"{order}I", position), position + len(content)
        directory += struct.pack(f"{order}HHI", tag, kind, len(entries[tag])) + where
    outside = b"".join(values[tag][1] for tag in sorted(entries) if len(values[tag][1]) > 4)
    head = b"II*\x00" if order == "<" else b"MM\x00*"
    return head + struct.pack(f"{order}I", 8) + directory + struct.pack(f"{order}I", 0) + outside + pixels


def _numbers(order: str, values: tuple[int, ...]) -> tuple[int, bytes]:
    kind, letter = (3, "H") if max(values) < 65536 else (4, "I")
    return kind, struct.pack(f"{order}{len(values)}{letter}", *values)


def bmp(width: int, height: int, pixels: bytes, *, depth: int = 24, compression: int = 0) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression, len(pixels), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def box(kind: bytes, *content: bytes) -> bytes:
    inner = b"".join(content)
    return struct.pack(">I4s", 8 + len(inner), kind) + inner


def full_box(kind: bytes, *content: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *content)


def irot(quarters_left: int) -> bytes:
    return box(b"irot", bytes([quarters_left]))


def imir(axis: int) -> bytes:
    return box(b"imir", bytes([axis]))


def clap(width: int, height: int) -> bytes:
    """A crop around the middle."""
    return box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1))


def heic(
    *properties: bytes,
    size: tuple[int, int] = (64, 64),
    kind: bytes = b"hvc1",
    brands: bytes = b"heic\x00\x00\x00\x00mif1heic",
    exif: bytes = b"",
    xmp: bytes = b"",
    coded: bytes = _CODED,
    beyond: int = 0,
) -> bytes:
    """A HEIC of the 64 × 64 pixels in `corners.heic`, upright unless properties such as `irot` turn it.

    `size` is what it claims to have; `beyond` moves the place of the pixels on.
    """
    items = [(kind, b"", coded)]
    if exif:
        items.append((b"Exif", b"", bytes(4) + exif))
    if xmp:
        items.append((b"mime", b"application/rdf+xml\x00", xmp))
    described = (_HVCC, full_box(b"ispe", struct.pack(">II", *size)), *properties)
    order = bytes(range(1, 1 + len(described)))

    def meta(start: int) -> bytes:
        places, position = b"", start + beyond
        for number, (_, _, content) in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, position, len(content))
            position += len(content)
        infos = [
            full_box(b"infe", struct.pack(">HH", number, 0), name, b"\x00", more, version=2)
            for number, (name, more, _) in enumerate(items, 1)
        ]
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", struct.pack(">H", 1)),
            full_box(b"iloc", b"\x44\x00", struct.pack(">H", len(items)), places),
            full_box(b"iinf", struct.pack(">H", len(items)), *infos),
            box(
                b"iprp",
                box(b"ipco", *described),
                full_box(b"ipma", struct.pack(">IHB", 1, 1, len(order)), order),
            ),
        )

    head = box(b"ftyp", brands)
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(content for _, _, content in items))


def profile(red: tuple[float, float], green: tuple[float, float], blue: tuple[float, float], gamma: float) -> bytes:
    """An RGB profile of these primaries (x, y in D65 light) and one gamma, without a name that says so."""
    matrix = _to_d50(red, green, blue)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"rXYZ": _xyz(*(row[0] for row in matrix)),
        b"gXYZ": _xyz(*(row[1] for row in matrix)),
        b"bXYZ": _xyz(*(row[2] for row in matrix)),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def _profile(device: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"an example\x00"
    name = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"desc": name, b"cprt": name, b"wtpt": _xyz(0.9642, 1.0, 0.8249)} | tags
    table, content = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        table += struct.pack(">4sII", tag, start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(content), bytes(4), 0x02400000, device, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D) + bytes(48)
    return header + table + content


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _to_d50(*primaries: tuple[float, float]) -> list[list[float]]:
    """The primaries' X, Y and Z by column, scaled to the white of D65 and adapted to D50 after Bradford."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([0.95047, 1.0, 1.08883])
    scaled = columns * np.linalg.solve(columns, white)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    ratio = bradford @ [0.9642, 1.0, 0.8249] / (bradford @ white)
    adapted: list[list[float]] = (np.linalg.inv(bradford) @ np.diag(ratio) @ bradford @ scaled).tolist()
    return adapted


SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))


def grey_profile(gamma: float) -> bytes:
    """A profile for grey pictures."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    return _profile(b"prtr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def cmyk_profile(ink: tuple[int, int, int], paper: tuple[int, int, int] = (255, 128, 128)) -> bytes:
    """A profile for CMYK in which any full ink has one colour, as is no ink; both in Lab as bytes."""
    ramp = bytes(range(256))
    corners = b"".join(bytes(paper if not any(mix) else ink) for mix in _corners(4))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + corners + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def _corners(count: int) -> list[tuple[int, ...]]:
    return [tuple(number >> shift & 1 for shift in reversed(range(count))) for number in range(1 << count)]
