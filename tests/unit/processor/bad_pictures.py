"""Files made to harm, or that nobody meant to make: bombs, lies, endless ones, two kinds in one."""

import functools
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from servicekit.pictures.model import AVIF, BMP, GIF, HEIC, JPEG, PNG, TIFF, WEBP
from tests.unit.pictures.picture_files import encoded, photographs, png_chunk, png_claiming

MADE = "made"
# The largest square within the limit of 50 megapixels.
LARGEST = 7071


@dataclass(frozen=True)
class Bad:
    """A file, and what may come of it: `made`, or reasons of a refusal."""

    name: str
    # None for what is no picture at all.
    content_type: str | None
    build: Callable[[], bytes]
    outcomes: frozenset[str]


BAD: list[Bad] = []


def bad(content_type: str | None, *outcomes: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def add(build: Callable[[], bytes]) -> Callable[[], bytes]:
        BAD.append(Bad(build.__name__, content_type, build, frozenset(outcomes)))
        return build

    return add


@functools.cache
def picture() -> Image.Image:
    return photographs()["china"].resize((96, 64))


def png(width: int, height: int, rows: bytes, *, colour: int = 2, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG of 8 bits a channel with these packed rows, and chunks before and after them."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            before,
            png_chunk(b"IDAT", rows),
            after,
            png_chunk(b"IEND", b""),
        )
    )


def zeros(count: int) -> bytes:
    """So many zero bytes, packed without ever being in memory at once."""
    packer = zlib.compressobj(1)
    block = bytes(2**20)
    packed = [packer.compress(block) for _ in range(count // 2**20)]
    return b"".join((*packed, packer.compress(bytes(count % 2**20)), packer.flush()))


def png_rows() -> bytes:
    return zeros(64 * (64 * 3 + 1))


def replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


# No picture.


@bad(None, "EMPTY")
def empty() -> bytes:
    return b""


@bad(None, "UNSUPPORTED_FORMAT")
def text() -> bytes:
    return b"hello\n" * 1000


@bad(None, "UNSUPPORTED_FORMAT")
def zeros_only() -> bytes:
    return bytes(10_000)


@bad(None, "UNSUPPORTED_FORMAT")
def web_page() -> bytes:
    return b"<!doctype html><script>alert(1)</script>"


@bad(None, "SVG_REFUSED")
def drawing_that_reads_files() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


@bad(None, "UNSUPPORTED_FORMAT")
def postscript() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(/etc/passwd) (r) file\n"


@bad(None, "TOO_MANY_BYTES")
def too_many_bytes() -> bytes:
    return encoded(picture(), "JPEG") + bytes(25_000_000)


# PNG.


@bad(PNG, MADE)
def png_as_large_as_allowed() -> bytes:
    return png(LARGEST, LARGEST, zeros(LARGEST * (LARGEST * 4 + 1)), colour=6)


@bad(PNG, "TOO_MANY_PIXELS")
def png_one_row_too_large() -> bytes:
    return png_claiming(LARGEST, LARGEST + 2)


@bad(PNG, "TOO_MANY_PIXELS")
def png_of_four_gigapixels() -> bytes:
    return png_claiming(65_535, 65_535)


@bad(PNG, "TOO_MANY_PIXELS", "BROKEN")
def png_as_large_as_the_numbers_go() -> bytes:
    return png_claiming(2**31 - 1, 2**31 - 1)


@bad(PNG, "TOO_SMALL")
def png_of_one_row() -> bytes:
    return png(100_000, 1, zeros(300_001))


@bad(PNG, "TOO_SMALL")
def png_of_one_column() -> bytes:
    return png(1, 100_000, zeros(400_000))


@bad(PNG, MADE)
def png_as_thin_as_allowed() -> bytes:
    return png(100_000, 32, zeros(32 * 300_001))


@bad(PNG, MADE)
def png_with_more_pixels_than_it_says() -> bytes:
    return png(64, 64, zeros(100_000_000))


@bad(PNG, "BROKEN")
def png_with_fewer_pixels_than_it_says() -> bytes:
    return png(4000, 4000, png_rows())


@bad(PNG, MADE, "BROKEN")
def png_with_a_text_bomb() -> bytes:
    return png(64, 64, png_rows(), before=png_chunk(b"zTXt", b"Comment\0\0" + zeros(200_000_000)))


@bad(PNG, MADE, "BROKEN")
def png_with_many_text_bombs() -> bytes:
    return png(64, 64, png_rows(), before=png_chunk(b"zTXt", b"Comment\0\0" + zeros(1_000_000)) * 200)


@bad(PNG, MADE, "BROKEN")
def png_with_a_profile_bomb() -> bytes:
    return png(64, 64, png_rows(), before=png_chunk(b"iCCP", b"icc\0\0" + zeros(200_000_000)))


@bad(PNG, MADE)
def png_with_a_broken_profile() -> bytes:
    return png(64, 64, png_rows(), before=png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"no profile" * 99)))


@bad(PNG, "BROKEN")
def png_in_very_many_parts() -> bytes:
    return png(64, 64, png_rows(), before=png_chunk(b"tEXt", b"a\0b") * 30_000)


@bad(PNG, MADE, "BROKEN")
def png_with_an_archive_behind() -> bytes:
    return png(64, 64, png_rows()) + b"PK\x03\x04" + bytes(2000)


@bad(PNG, "BROKEN")
def png_with_a_wrong_sum() -> bytes:
    content = bytearray(encoded(picture(), "PNG"))
    content[content.index(b"IDAT") + 20] ^= 1
    return bytes(content)


@bad(PNG, "TOO_MANY_FRAMES")
def png_that_moves_for_ever() -> bytes:
    return png(64, 64, png_rows(), before=png_chunk(b"acTL", (2**31 - 1).to_bytes(4) + bytes(4)))


# JPEG.


@functools.cache
def jpeg() -> bytes:
    return encoded(picture(), "JPEG", quality=80)


def scans_repeated(image: Image.Image, count: int) -> bytes:
    """A progressive JPEG whose last pass over the pixels comes `count` times."""
    content = encoded(image, "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * count + content[-2:]


@bad(JPEG, "BROKEN")
def jpeg_cut_in_the_middle() -> bytes:
    return jpeg()[: len(jpeg()) // 2]


@bad(JPEG, "TOO_MANY_SCANS")
def jpeg_with_very_many_passes() -> bytes:
    return scans_repeated(picture(), 5000)


@bad(JPEG, MADE, "BROKEN")
def jpeg_that_says_to_be_larger() -> bytes:
    return replaced(jpeg(), struct.pack(">HH", 64, 96), struct.pack(">HH", 4000, 6000))


@bad(JPEG, "TOO_MANY_PIXELS")
def jpeg_that_says_to_be_huge() -> bytes:
    return replaced(jpeg(), struct.pack(">HH", 64, 96), struct.pack(">HH", 65_500, 65_500))


@bad(JPEG, MADE)
def jpeg_that_is_a_web_page_too() -> bytes:
    return encoded(picture(), "JPEG", comment=b"<html><script>alert(1)</script><!--") + b"--></html>"


@bad(JPEG, MADE)
def jpeg_with_a_huge_broken_profile() -> bytes:
    return encoded(picture(), "JPEG", icc_profile=b"\xff\xd8\xff\xda" * 2_000_000)


@bad(JPEG, MADE)
def jpeg_whose_tags_go_round() -> bytes:
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8825, 4, 1, 8) + struct.pack("<I", 8)
    return encoded(picture(), "JPEG", exif=b"Exif\0\0" + tiff)


# GIF.


@bad(GIF, "BROKEN", "TOO_MANY_PIXELS", "TOO_MANY_FRAMES")
def gif_that_is_a_program_too() -> bytes:
    return b"GIF89a/*\0\0\0\0" + bytes(500) + b"*/=1;alert(1)"


@bad(GIF, "TOO_MANY_FRAMES")
def gif_without_end() -> bytes:
    content = encoded(picture().quantize(4), "GIF")
    start = content.index(b",", 13 + 3 * 4)
    return content[:start] + content[start:-1] * 2000 + b";"


@bad(GIF, "TOO_MANY_PIXELS")
def gif_of_four_gigapixels() -> bytes:
    content = encoded(picture().quantize(4), "GIF")
    return content[:6] + b"\xff\xff\xff\xff" + content[10:]


@bad(GIF, "TOO_MANY_PIXELS")
def gif_with_a_frame_outside_of_it() -> bytes:
    content = bytearray(encoded(picture().quantize(4), "GIF"))
    start = content.index(b",", 13 + 3 * 4)
    content[start + 1 : start + 9] = struct.pack("<4H", 65_000, 65_000, 7000, 7000)
    return bytes(content)


@bad(GIF, "BROKEN")
def gif_cut_in_the_middle() -> bytes:
    content = encoded(picture().quantize(64), "GIF")
    return content[: len(content) // 2]


# WebP.


@functools.cache
def flat_webp(side: int) -> bytes:
    return encoded(Image.new("RGBA", (side, side), (9, 99, 9, 99)), "WEBP", lossless=True, method=0, quality=0)


@bad(WEBP, MADE)
def webp_as_large_as_allowed() -> bytes:
    return flat_webp(LARGEST)


@bad(WEBP, "BROKEN")
def webp_cut_in_the_middle() -> bytes:
    content = encoded(picture(), "WEBP")
    return content[: len(content) // 2]


@bad(WEBP, "BROKEN", "TOO_MANY_PIXELS")
def webp_that_says_to_be_huge() -> bytes:
    content = encoded(picture(), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    return content[:24] + b"\xff\xff\xff\xff\xff\xff" + content[30:]


@bad(WEBP, "TOO_MANY_FRAMES")
def webp_without_end() -> bytes:
    content = encoded(picture(), "WEBP", save_all=True, append_images=[picture().rotate(9)])
    start = content.index(b"ANMF")
    content = content[:start] + content[start:] * 300
    return content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:]


# TIFF.


@bad(TIFF, "BROKEN", MADE)
def tiff_whose_pages_go_round() -> bytes:
    content = bytearray(encoded(picture(), "TIFF"))
    start = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[start : start + 2], "little")
    content[start + 2 + 12 * count : start + 6 + 12 * count] = start.to_bytes(4, "little")
    return bytes(content)


@bad(TIFF, "TOO_MANY_PIXELS")
def tiff_of_four_gigapixels() -> bytes:
    return _tiff(65_535, 65_535, zlib.compress(bytes(1000)))


@bad(TIFF, MADE)
def tiff_as_large_as_allowed() -> bytes:
    return _tiff(LARGEST, LARGEST, zeros(3 * LARGEST * LARGEST))


@bad(TIFF, "BROKEN")
def tiff_with_fewer_pixels_than_it_says() -> bytes:
    return _tiff(4000, 4000, zlib.compress(bytes(1000)))


@bad(TIFF, MADE)
def tiff_with_more_pixels_than_it_says() -> bytes:
    return _tiff(64, 64, zeros(100_000_000))


def _tiff(width: int, height: int, strip: bytes) -> bytes:
    """A deflated RGB TIFF in one strip."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 2)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(strip))]
    # BitsPerSample needs three values, which lie behind the directory.
    directory = 8 + len(strip)
    behind = directory + 2 + 12 * len(entries) + 4
    entries[2] = (258, 3, 3, behind)
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\0" + struct.pack("<I", directory) + strip
        + struct.pack("<H", len(entries)) + packed + bytes(4) + struct.pack("<3H", 8, 8, 8)
    )  # fmt: skip


# BMP.


@bad(BMP, "TOO_MANY_PIXELS", "BROKEN")
def bmp_of_four_gigapixels() -> bytes:
    content = encoded(picture(), "BMP")
    return content[:18] + struct.pack("<ii", 65_535, 65_535) + content[26:]


@bad(BMP, "BROKEN", "TOO_MANY_PIXELS", "TOO_SMALL")
def bmp_less_than_nothing_wide() -> bytes:
    content = encoded(picture(), "BMP")
    return content[:18] + struct.pack("<ii", -96, 64) + content[26:]


# AVIF.


@functools.cache
def avif() -> bytes:
    return encoded(picture(), "AVIF", speed=10)


@bad(AVIF, "BROKEN")
def avif_cut_in_the_middle() -> bytes:
    return avif()[: len(avif()) * 3 // 4]


@bad(AVIF, "TOO_MANY_PIXELS", "BROKEN")
def avif_of_four_gigapixels() -> bytes:
    return replaced(avif(), b"ispe" + bytes(4) + struct.pack(">II", 96, 64), b"ispe" + bytes(4) + b"\0\0\xff\xff" * 2)


# The decoder enlarges what it finds to the size that the container tells.
@bad(AVIF, MADE, "BROKEN")
def avif_that_says_to_be_larger() -> bytes:
    sizes = struct.pack(">II", 96, 64), struct.pack(">II", 6000, 4000)
    return replaced(avif(), b"ispe" + bytes(4) + sizes[0], b"ispe" + bytes(4) + sizes[1])


# HEIC.


@functools.cache
def heic() -> bytes:
    return (Path(__file__).parents[1] / "pictures" / "files" / "corners.heic").read_bytes()


@bad(HEIC, "BROKEN")
def heic_cut_in_the_middle() -> bytes:
    return heic()[: len(heic()) // 2]


@bad(HEIC, "BROKEN")
def heic_whose_part_has_a_name_that_is_no_text() -> bytes:
    return replaced(heic(), b"hvc1", b"h\xea\xea1")


@bad(HEIC, "TOO_MANY_PIXELS")
def heic_of_four_gigapixels() -> bytes:
    start = heic().index(b"ispe") + 8
    return heic()[:start] + b"\0\0\xff\xff" * 2 + heic()[start + 8 :]


@bad(HEIC, "BROKEN")
def heic_that_says_to_be_larger() -> bytes:
    start = heic().index(b"ispe") + 8
    return heic()[:start] + struct.pack(">II", 6000, 4000) + heic()[start + 8 :]


@bad(HEIC, "BROKEN")
def heic_that_describes_itself_twice() -> bytes:
    """The second description is the one that libheif believes, and has a name on which pi_heif crashes."""
    start = heic().index(b"meta") - 4
    length = int.from_bytes(heic()[start : start + 4])
    return heic() + heic()[start : start + length].replace(b"hvc1", b"h\xea\xea1")


@bad(HEIC, "BROKEN")
def heic_that_names_its_parts_twice() -> bytes:
    content = heic()
    start = content.index(b"iinf") - 4
    names = content[start : start + int.from_bytes(content[start : start + 4])]
    meta = content.index(b"meta") - 4
    end = meta + int.from_bytes(content[meta : meta + 4])
    longer = (end - meta + len(names)).to_bytes(4)
    return content[:meta] + longer + content[meta + 4 : end] + names + content[end:]
