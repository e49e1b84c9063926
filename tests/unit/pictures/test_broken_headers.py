"""What is wrong inside headers, one fault at a time."""

import io
import struct
import zlib
from dataclasses import replace

import pytest
from PIL import Image

from servicekit.pictures.completeness import lacks_rows
from servicekit.pictures.decode import decode
from servicekit.pictures.headers.bitstream import av1_size, hevc_sizes
from servicekit.pictures.headers.boxes import Box, read_items
from servicekit.pictures.headers.sequence import read_sequence
from servicekit.pictures.model import PictureLimits, PictureRefused, byte_words
from servicekit.pictures.probe import probe
from tests.unit.pictures.picture_bytes import box, chunk, full_box, heic, png, tiff
from tests.unit.pictures.picture_files import encoded, photographs

PIECE = photographs()["china"].crop((200, 100, 296, 164))
RGB = {258: (8, 8, 8), 259: (1,), 262: (2,), 277: (3,)}
PIXELS = bytes(40 * 40 * 3)


def info_box(number: int, version: int = 2) -> bytes:
    return full_box(b"infe", struct.pack(">HH", number, 0), b"hvc1", b"\x00", version=version)


def locations(*items: bytes, count: int = 1, version: int = 1, sizes: bytes = b"\x00\x00") -> bytes:
    return full_box(b"iloc", sizes, struct.pack(">H", count), *items, version=version)


def items_of(*parts: bytes):
    content = full_box(b"meta", *parts)
    return read_items(content, Box(b"meta", 8, len(content)))


BROKEN_ITEMS = {
    "twice the first picture": (full_box(b"pitm", bytes(2)), full_box(b"pitm", bytes(2))),
    "twice the properties": (box(b"iprp", *[box(b"ipco", full_box(b"ispe", bytes(8)))] * 2),),
    "countless items": (full_box(b"iinf", bytes(2), *(info_box(number) for number in range(4_002))),),
    "places of an unknown version": (locations(version=3),),
    "countless places": (locations(count=5_000),),
    "countless pieces": (locations(struct.pack(">HHHH", 1, 0, 0, 65_535)),),
    "pieces longer than the file": (locations(struct.pack(">HHHH", 1, 0, 0, 2)),),
    "pieces inside another item": (locations(struct.pack(">HHHH", 1, 2, 0, 1)),),
    "pieces in a box that is not there": (locations(struct.pack(">HHHH", 1, 1, 0, 1)),),
    "places that end": (locations(b"\x00"),),
    "countless references": (full_box(b"iref", box(b"dimg", struct.pack(">HH", 1, 65_535))),),
    "references that end": (full_box(b"iref", box(b"dimg", struct.pack(">HH", 1, 100))),),
    "countless items with properties": (box(b"iprp", full_box(b"ipma", struct.pack(">I", 5_000))),),
    "countless properties of items": (
        box(b"iprp", full_box(b"ipma", struct.pack(">I", 100), *[b"\x00\x01\xff" + bytes(255)] * 100)),
    ),
}


@pytest.mark.parametrize("parts", BROKEN_ITEMS.values(), ids=BROKEN_ITEMS.keys())
def test_a_container_that_describes_its_items_wrongly_is_refused(parts):
    with pytest.raises(PictureRefused, match="BROKEN"):
        items_of(*parts)


def test_items_of_the_first_versions_have_no_kinds():
    assert items_of(full_box(b"iinf", bytes(2), info_box(1, version=0), info_box(2))).kinds == {2: b"hvc1"}


HEIC_FAULTS = {
    "no place for its pixels": heic().replace(b"\x44\x00\x00\x01\x00\x01", b"\x44\x00\x00\x01\x00\x07"),
    "no size": heic().replace(b"ispe", b"free"),
    "twice its items": heic() + full_box(b"meta"),
}


@pytest.mark.parametrize("content", HEIC_FAULTS.values(), ids=HEIC_FAULTS.keys())
def test_a_heic_with_one_fault_is_refused(write, content):
    with pytest.raises(PictureRefused, match="BROKEN"):
        probe(write(content), PictureLimits())


def track(*, kind: bytes = b"av01", shown: int = 64, first: int = 8, without: bytes = b"") -> bytes:
    table = [
        full_box(b"stsd", struct.pack(">I", 1), box(kind, struct.pack(">HH", 64, 64).rjust(28, b"\x00"))),
        full_box(b"stsz", struct.pack(">II", 0, 9)),
        full_box(b"co64", struct.pack(">IQ", 1, first)),
    ]
    kept = box(b"stbl", *(part for part in table if part[4:8] != without))
    media = box(b"mdia", box(b"minf", b"" if without == b"stbl" else kept))
    return box(b"trak", full_box(b"tkhd", bytes(72), struct.pack(">II", shown << 16, 64 << 16)), media)


def sequence_of(*tracks: bytes):
    content = box(b"moov", *tracks)
    return read_sequence(content, Box(b"moov", 8, len(content)))


def test_the_first_track_of_pictures_is_taken():
    sound = track(kind=b"mp4a")
    sequence = sequence_of(sound, track())
    assert (sequence.size, sequence.frames, sequence.has_alpha) == ((64, 64), 9, False)


@pytest.mark.parametrize("without", [b"stbl", b"stsd", b"stsz", b"co64"])
def test_a_track_that_lacks_a_part_is_passed_over(without):
    assert sequence_of(track(without=without)) is None
    assert sequence_of() is None


@pytest.mark.parametrize("fault", [{"shown": 65}, {"first": 1 << 40}])
def test_a_track_that_contradicts_itself_is_refused(fault):
    with pytest.raises(PictureRefused, match="BROKEN"):
        sequence_of(track(**fault))


def packed(bits: str) -> bytes:
    length = -(-len(bits) // 8)
    return int(bits.ljust(length * 8, "0"), 2).to_bytes(length)


def test_av1_with_timing_and_delays_is_read():
    timing = "1" + "0" * 64 + "1" + "1" + "1" + "00100" + "0" * 42
    point = "0" * 12 + "00001" + "1" + "0" * 11 + "1" + "0000"
    size = "0110" + "0110" + f"{95:07b}" + f"{63:07b}"
    header = packed("000" + "0" + "0" + timing + "1" + "00000" + point + size)
    assert av1_size(bytes([0x0A, len(header)]) + header) == (96, 64)
    # Without a length, and with the byte for layers.
    assert av1_size(b"\x0c\x00" + header) == (96, 64)


def hevc(parameters: str, count: int = 1) -> bytes:
    unit = b"\x42\x01" + packed(parameters)
    return bytes(22) + b"\x01\x21" + struct.pack(">H", count) + (struct.pack(">H", len(unit)) + unit) * count


def test_hevc_of_several_layers_and_of_three_planes_is_read():
    numbers = "1" + "00100" + "0" + "00111" + "00110"
    layers = "0000" + "001" + "0" + "0" * 96 + "11" + "0" * 14 + "0" * 96
    # Chroma of the third kind says whether its planes are apart. The sizes here are 6 and 5.
    assert list(hevc_sizes(hevc(layers + numbers))) == [(6, 5)]
    assert list(hevc_sizes(bytes(22) + b"\x01\x20\x00\x01\x00\x01x")) == []
    with pytest.raises(PictureRefused, match="BROKEN"):
        list(hevc_sizes(hevc(layers + numbers, count=17)))


OTHER_FAULTS = {
    "JPEG, no picture": b"\xff\xd8\xff\xfe\x00\x02\xff\xd9",
    "PNG, a chunk beyond its end": png(40, 40, 8, 2, b"").replace(b"\x00\x00\x00\x0dIHDR", b"\x00\x00\xff\xffIHDR"),
    "PNG, no pixels": png(40, 40, 8, 2, b"").replace(b"IDAT", b"none"),
    "TIFF, nothing said": tiff(40, 40, RGB, PIXELS).replace(b"\x00\x01\x03\x00\x01", b"\x00\x01\x03\x00\x00", 1),
    "TIFF, something said elsewhere": tiff(40, 40, RGB, PIXELS).replace(
        b"\x02\x01\x03\x00\x03\x00\x00\x00", b"\x02\x01\x03\x00\xff\xff\xff\x00"
    ),
}


@pytest.mark.parametrize("content", OTHER_FAULTS.values(), ids=OTHER_FAULTS.keys())
def test_a_file_with_one_fault_is_refused(write, content):
    with pytest.raises(PictureRefused, match="BROKEN"):
        probe(write(content), PictureLimits())


def test_a_turn_of_a_tiff_that_does_not_exist_is_ignored(write):
    assert probe(write(tiff(40, 40, RGB | {274: (9,)}, PIXELS)), PictureLimits()).orientation == 1


def test_a_broken_gzip_archive_is_still_one(write):
    with pytest.raises(PictureRefused, match="a gzip archive"):
        probe(write(b"\x1f\x8b" + bytes(50)), PictureLimits())


def test_a_bmp_of_os2_is_read(write):
    header = struct.pack("<IHHHH", 12, 40, 40, 1, 24)
    path = write(b"BM" + struct.pack("<IHHI", 26 + len(PIXELS), 0, 0, 26) + header + b"\x10\x20\x30" * 1600)
    assert decode(path, probe(path, PictureLimits())).image.getpixel((5, 5)) == (0x30, 0x20, 0x10)


def test_grey_that_was_multiplied_with_alpha_is_divided_again(write):
    path = write(tiff(40, 40, {258: (8, 8), 259: (1,), 262: (1,), 277: (2,), 338: (1,)}, b"\x40\x80" * 1600))
    assert decode(path, probe(path, PictureLimits())).image.getpixel((5, 5)) == (127, 127, 127, 128)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
def test_a_picture_of_another_size_than_the_limits_saw_is_refused(write, format):
    path = write(encoded(PIECE, format))
    info = probe(path, PictureLimits())
    with pytest.raises(PictureRefused, match="BROKEN"):
        decode(path, replace(info, width=info.width - 1))


@pytest.mark.parametrize("rows", [zlib.compress(PIXELS)[:12], b""])
def test_packed_rows_that_break_off_are_noticed(rows):
    content = png(40, 40, 8, 2, b"")
    start = content.index(b"IDAT") - 4
    file = io.BytesIO(content[:start] + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    assert lacks_rows(Image.new("RGB", (40, 40)), file)


def test_few_bytes_are_put_into_words():
    assert byte_words(5) == "5 bytes"
