"""One table of picture files: every format in every kind of colour, and what is wrong with files from strangers."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from servicekit.pictures.decode import decode
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from tests.unit.pictures.picture_bytes import (
    ADOBE_RGB,
    CORNERS,
    DISPLAY_P3,
    bmp,
    chunk,
    clap,
    cmyk_profile,
    grey_profile,
    heic,
    imir,
    irot,
    png,
    profile,
    riff,
    tiff,
    webp,
    webp_canvas,
    webp_lossless,
)
from tests.unit.pictures.picture_files import encoded, photographs, png_claiming

SIZE = (96, 64)
PIECE = photographs()["china"].crop((200, 100, 296, 164))
GREY = PIECE.convert("L")
BILEVEL = PIECE.convert("1")
PALETTE = PIECE.quantize(64)
CMYK = PIECE.convert("CMYK")
FRAMES = [PIECE, PIECE.rotate(90), PIECE.rotate(180)]
# Half of it see-through.
VEILED = PIECE.copy()
VEILED.putalpha(Image.linear_gradient("L").resize(SIZE))
P3, ADOBE = profile(*DISPLAY_P3, 2.2), profile(*ADOBE_RGB, 563 / 256)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
HEIC_CORNERS = ((255, 255, 255), (251, 2, 96), (4, 253, 97), (0, 0, 0))


@dataclass(frozen=True)
class Whole:
    """A file that is accepted, what it looks like, and by how many levels of 255 it may be off on average."""

    build: Callable[[], bytes]
    looks: Image.Image
    tolerance: float = 0
    was_converted: bool = False
    was_reduced: bool = False
    frames: int = 1


def through(icc: bytes) -> Image.Image:
    """The piece in the colours of a profile."""
    converted = ImageCms.profileToProfile(
        PIECE, ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(icc))
    )
    assert converted is not None
    return converted


def deep(image: Image.Image, order: str) -> bytes:
    """The picture's pixels with 16 bits a channel; the lower bits are of no use to anybody."""
    return b"".join(struct.pack(f"{order}H", level << 8 | 77) for level in image.tobytes())


def rows(pixels: bytes, height: int) -> bytes:
    """The rows of a PNG, each without a filter."""
    length = len(pixels) // height
    return b"".join(b"\x00" + pixels[start : start + length] for start in range(0, len(pixels), length))


def ycck() -> bytes:
    """A JPEG as Photoshop writes it: CMYK, of which the first three went through YCbCr, all of it inverted."""
    cyan, magenta, yellow, black = CMYK.split()
    bands = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    stored = Image.merge("CMYK", [*(ImageChops.invert(band) for band in bands), black])
    content = encoded(stored, "JPEG", quality=98, subsampling=0)
    transform = content.index(b"Adobe") + 11
    return content[:transform] + b"\x02" + content[transform + 1 :]


def tiled() -> bytes:
    tiles = [PIECE.crop((x, y, x + 32, y + 32)).tobytes() for y in (0, 32) for x in (0, 32, 64)]
    lengths = tuple(len(tile) for tile in tiles)
    tags = tag(PIECE) | {322: (32,), 323: (32,), 324: (1,) * 6, 325: lengths}
    start = len(tiff(*SIZE, tags, b""))
    tags[324] = tuple(start + sum(lengths[:index]) for index in range(6))
    return tiff(*SIZE, tags, b"".join(tiles))


def pierced() -> Image.Image:
    """The palette's picture with holes where one of its colours was."""
    image = PALETTE.copy()
    image.info["transparency"] = 3
    return image.convert("RGBA")


def bottom_up(image: Image.Image, rawmode: str) -> bytes:
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", rawmode)


def veiled_bmp() -> bytes:
    """A BMP whose fourth header says where alpha is."""
    pixels = bottom_up(VEILED, "BGRA")
    header = struct.pack("<IiiHHIIiiII", 108, *SIZE, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    header += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
    return b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + header + pixels


def tag(image: Image.Image) -> dict[int, tuple[int, ...]]:
    """What a TIFF says of a plain RGB or grey picture."""
    bands = len(image.getbands())
    return {258: (8,) * bands, 259: (1,), 262: (2 if bands > 1 else 1,), 277: (bands,)}


RGB16 = {258: (16,) * 3, 259: (1,), 262: (2,), 277: (3,)}
GREY16 = {258: (16,), 259: (1,), 262: (1,), 277: (1,)}
SEPARATED = Image.new("CMYK", SIZE, (255, 0, 0, 0))

WHOLE: dict[str, Whole] = {
    "JPEG": Whole(lambda: encoded(PIECE, "JPEG", quality=95), PIECE, 6),
    "JPEG, progressive": Whole(lambda: encoded(PIECE, "JPEG", quality=95, progressive=True), PIECE, 6),
    "JPEG, grey": Whole(lambda: encoded(GREY, "JPEG", quality=95), GREY, 3),
    "JPEG, CMYK": Whole(lambda: encoded(CMYK, "JPEG", quality=98, subsampling=0), PIECE, 3, was_converted=True),
    "JPEG, YCCK": Whole(ycck, PIECE, 3, was_converted=True),
    "JPEG, CMYK through its profile": Whole(
        lambda: encoded(SEPARATED, "JPEG", quality=98, icc_profile=cmyk_profile((118, 76, 180))),
        Image.new("RGB", SIZE, (0, 128, 0)),
        6,
        was_converted=True,
    ),
    "JPEG, CMYK with a profile for RGB": Whole(
        lambda: encoded(CMYK, "JPEG", quality=98, subsampling=0, icc_profile=P3), PIECE, 3, was_converted=True
    ),
    "JPEG, grey through its profile": Whole(
        lambda: encoded(Image.new("L", SIZE, 128), "JPEG", quality=98, icc_profile=grey_profile(1)),
        Image.new("RGB", SIZE, (188, 188, 188)),
        3,
        was_converted=True,
    ),
    "JPEG, Display P3": Whole(
        lambda: encoded(through(P3), "JPEG", quality=98, subsampling=0, icc_profile=P3), PIECE, 4, was_converted=True
    ),
    "JPEG of a phone, more pictures after it": Whole(
        lambda: encoded(PIECE, "MPO", save_all=True, append_images=FRAMES[1:], quality=95), PIECE, 6
    ),
    "PNG": Whole(lambda: encoded(PIECE, "PNG"), PIECE),
    "PNG, grey": Whole(lambda: encoded(GREY, "PNG"), GREY),
    "PNG, grey and alpha": Whole(lambda: encoded(VEILED.convert("LA"), "PNG"), VEILED.convert("LA").convert("RGBA")),
    "PNG, RGBA": Whole(lambda: encoded(VEILED, "PNG"), VEILED),
    "PNG, RGBA without a hole": Whole(lambda: encoded(PIECE.convert("RGBA"), "PNG"), PIECE),
    "PNG, bilevel": Whole(lambda: encoded(BILEVEL, "PNG"), BILEVEL),
    "PNG, palette": Whole(lambda: encoded(PALETTE, "PNG"), PALETTE),
    "PNG, palette with alpha": Whole(lambda: encoded(VEILED.quantize(64), "PNG"), VEILED.quantize(64).convert("RGBA")),
    "PNG, 16-bit grey": Whole(lambda: png(*SIZE, 16, 0, rows(deep(GREY, ">"), 64)), GREY, 1, was_reduced=True),
    "PNG, 16-bit RGB": Whole(lambda: png(*SIZE, 16, 2, rows(deep(PIECE, ">"), 64)), PIECE, 1, was_reduced=True),
    "PNG, 16-bit RGBA": Whole(lambda: png(*SIZE, 16, 6, rows(deep(VEILED, ">"), 64)), VEILED, 1, was_reduced=True),
    "PNG, Adobe RGB": Whole(lambda: encoded(through(ADOBE), "PNG", icc_profile=ADOBE), PIECE, 3, was_converted=True),
    "PNG, sRGB profile": Whole(lambda: encoded(PIECE, "PNG", icc_profile=SRGB_PROFILE), PIECE),
    "PNG, broken profile": Whole(lambda: encoded(PIECE, "PNG", icc_profile=b"nonsense"), PIECE),
    "PNG, moving": Whole(lambda: encoded(PIECE, "PNG", save_all=True, append_images=FRAMES[1:]), PIECE, frames=3),
    "PNG, an archive after it": Whole(lambda: encoded(PIECE, "PNG") + b"PK\x03\x04" + bytes(500), PIECE),
    "WebP": Whole(lambda: encoded(PIECE, "WEBP", quality=95), PIECE, 5),
    "WebP, lossless": Whole(lambda: encoded(PIECE, "WEBP", lossless=True), PIECE),
    "WebP, alpha": Whole(lambda: encoded(VEILED, "WEBP", lossless=True, exact=True), VEILED),
    "WebP, lossy with alpha": Whole(lambda: encoded(VEILED, "WEBP", quality=95, exact=True), VEILED, 5),
    "WebP, Display P3": Whole(
        lambda: encoded(through(P3), "WEBP", lossless=True, icc_profile=P3), PIECE, 3, was_converted=True
    ),
    "WebP, moving": Whole(
        lambda: encoded(PIECE, "WEBP", save_all=True, append_images=FRAMES[1:], lossless=True), PIECE, frames=3
    ),
    "GIF": Whole(lambda: encoded(PALETTE, "GIF"), PALETTE),
    "GIF, interlaced grey": Whole(lambda: encoded(GREY, "GIF", interlace=1), GREY),
    "GIF, transparent": Whole(lambda: encoded(PALETTE, "GIF", transparency=3), pierced()),
    "GIF, moving": Whole(
        lambda: encoded(PALETTE, "GIF", save_all=True, append_images=[frame.quantize(64) for frame in FRAMES[1:]]),
        PALETTE,
        frames=3,
    ),
    "AVIF": Whole(lambda: encoded(PIECE, "AVIF", quality=95), PIECE, 5),
    "AVIF, grey": Whole(lambda: encoded(GREY, "AVIF", quality=95), GREY, 4),
    "AVIF, alpha": Whole(lambda: encoded(VEILED, "AVIF", quality=95), VEILED, 5),
    "AVIF, Display P3": Whole(
        lambda: encoded(through(P3), "AVIF", quality=98, subsampling="4:4:4", icc_profile=P3),
        PIECE,
        5,
        was_converted=True,
    ),
    "AVIF, moving": Whole(
        lambda: encoded(PIECE, "AVIF", save_all=True, append_images=FRAMES[1:], quality=95), PIECE, 5, frames=3
    ),
    "TIFF": Whole(lambda: encoded(PIECE, "TIFF"), PIECE),
    "TIFF, LZW": Whole(lambda: encoded(PIECE, "TIFF", compression="tiff_lzw"), PIECE),
    "TIFF, deflate": Whole(lambda: encoded(PIECE, "TIFF", compression="tiff_adobe_deflate"), PIECE),
    "TIFF, PackBits": Whole(lambda: encoded(PIECE, "TIFF", compression="packbits"), PIECE),
    "TIFF, JPEG": Whole(lambda: encoded(PIECE, "TIFF", compression="jpeg", quality=95), PIECE, 5),
    "TIFF, fax": Whole(lambda: encoded(BILEVEL, "TIFF", compression="group4"), BILEVEL),
    "TIFF, grey": Whole(lambda: encoded(GREY, "TIFF"), GREY),
    "TIFF, white is zero": Whole(lambda: tiff(*SIZE, tag(GREY) | {262: (0,)}, ImageChops.invert(GREY).tobytes()), GREY),
    "TIFF, palette": Whole(lambda: encoded(PALETTE, "TIFF"), PALETTE),
    "TIFF, alpha": Whole(lambda: encoded(VEILED, "TIFF"), VEILED),
    "TIFF, CMYK": Whole(lambda: encoded(CMYK, "TIFF"), PIECE, 1, was_converted=True),
    "TIFF, 16-bit grey": Whole(lambda: tiff(*SIZE, GREY16, deep(GREY, "<")), GREY, 1, was_reduced=True),
    "TIFF, 16-bit grey, big endian": Whole(
        lambda: tiff(*SIZE, GREY16, deep(GREY, ">"), ">"), GREY, 1, was_reduced=True
    ),
    "TIFF, 16-bit RGB": Whole(lambda: tiff(*SIZE, RGB16, deep(PIECE, "<")), PIECE, 1, was_reduced=True),
    "TIFF, 16-bit RGB, big endian": Whole(
        lambda: tiff(*SIZE, RGB16, deep(PIECE, ">"), ">"), PIECE, 1, was_reduced=True
    ),
    "TIFF, tiles": Whole(tiled, PIECE),
    "TIFF, pages": Whole(
        lambda: encoded(PIECE.copy(), "TIFF", save_all=True, append_images=[frame.copy() for frame in FRAMES[1:]]),
        PIECE,
        frames=3,
    ),
    "TIFF, Display P3": Whole(lambda: encoded(through(P3), "TIFF", icc_profile=P3), PIECE, 3, was_converted=True),
    "BMP": Whole(lambda: encoded(PIECE, "BMP"), PIECE),
    "BMP, grey": Whole(lambda: encoded(GREY, "BMP"), GREY),
    "BMP, bilevel": Whole(lambda: encoded(BILEVEL, "BMP"), BILEVEL),
    "BMP, palette": Whole(lambda: encoded(PALETTE, "BMP"), PALETTE),
    "BMP, 32 bits": Whole(lambda: bmp(*SIZE, bottom_up(PIECE.convert("RGBA"), "BGRA"), depth=32), PIECE),
    "BMP, alpha": Whole(veiled_bmp, VEILED),
    "BMP, top down": Whole(lambda: bmp(96, -64, PIECE.tobytes("raw", "BGR")), PIECE),
}


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE.keys())
def test_every_kind_of_picture_is_read_as_it_looks(write, case):
    path = write(case.build())
    info = probe(path, PictureLimits())
    picture = decode(path, info)
    assert (info.width, info.height) == picture.image.size == SIZE
    assert info.frames == case.frames
    assert (picture.was_converted, picture.was_reduced) == (case.was_converted, case.was_reduced)
    looks = case.looks if case.looks.mode == "RGBA" else case.looks.convert("RGB")
    assert picture.image.mode == looks.mode
    assert info.has_alpha or looks.mode == "RGB"
    off = ImageStat.Stat(ImageChops.difference(picture.image, looks)).mean
    assert max(off) <= case.tolerance
    assert picture.image.info == {}


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE.keys())
def test_the_limit_of_pixels_is_kept_to_the_pixel(write, case):
    path = write(case.build())
    assert probe(path, PictureLimits(max_pixels=96 * 64)).width == 96
    with pytest.raises(PictureRefused, match="TOO_MANY_PIXELS"):
        probe(path, PictureLimits(max_pixels=96 * 64 - 1))


# What follows the picture, or its first page, is not looked at.
WHOLE_TO_THE_END = sorted(name for name in WHOLE if not name.endswith((" after it", "pages")))


@pytest.mark.parametrize("name", WHOLE_TO_THE_END)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_anywhere_is_never_half_decoded(write, name, kept):
    content = WHOLE[name].build()
    path = write(content)
    info = probe(path, PictureLimits())
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(PictureRefused, match="BROKEN"):
        probe(path, PictureLimits())
    # Between judging and decoding nothing should happen to a file, but then it might. Of an animation, the first
    # frame may still be whole.
    if info.frames == 1:
        with pytest.raises(PictureRefused, match="BROKEN"):
            decode(path, info)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.8, 0.99])
def test_a_heic_that_is_cut_off_anywhere_is_never_half_decoded(write, kept):
    content = heic()
    path = write(content)
    info = probe(path, PictureLimits())
    path.write_bytes(content[: int(len(content) * kept)])
    for read in (lambda: probe(path, PictureLimits()), lambda: decode(path, info)):
        with pytest.raises(PictureRefused, match="BROKEN"):
            read()


TURNS = {
    "upright": ((), HEIC_CORNERS),
    "turned to the left": ((irot(1),), (HEIC_CORNERS[1], HEIC_CORNERS[3], HEIC_CORNERS[0], HEIC_CORNERS[2])),
    "upside down": ((irot(2),), HEIC_CORNERS[::-1]),
    "turned to the right": ((irot(3),), (HEIC_CORNERS[2], HEIC_CORNERS[0], HEIC_CORNERS[3], HEIC_CORNERS[1])),
    "mirrored": ((imir(1),), (HEIC_CORNERS[1], HEIC_CORNERS[0], HEIC_CORNERS[3], HEIC_CORNERS[2])),
    "flipped": ((imir(0),), (HEIC_CORNERS[2], HEIC_CORNERS[3], HEIC_CORNERS[0], HEIC_CORNERS[1])),
    "turned and flipped": ((irot(1), imir(0)), (HEIC_CORNERS[0], HEIC_CORNERS[2], HEIC_CORNERS[1], HEIC_CORNERS[3])),
}


@pytest.mark.parametrize(("properties", "corners"), TURNS.values(), ids=TURNS.keys())
def test_heic_is_turned_once_as_its_container_says(write, properties, corners):
    # EXIF in a HEIC repeats the turn for programs that cannot turn it themselves.
    exif = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" + bytes(4)
    path = write(heic(*properties, exif=exif))
    info = probe(path, PictureLimits())
    picture = decode(path, info).image
    found = [picture.getpixel(at) for at in ((0, 0), (63, 0), (0, 63), (63, 63))]
    assert (info.orientation, info.has_metadata) == (1, True)
    assert max(abs(a - b) for f, c in zip(found, corners, strict=True) for a, b in zip(f, c, strict=True)) <= 4


def test_a_heic_that_is_cropped_and_turned_has_the_size_that_is_left(write):
    path = write(heic(clap(48, 40), irot(3)))
    info = probe(path, PictureLimits())
    assert (info.width, info.height) == decode(path, info).image.size == (40, 48)


def test_a_heic_of_a_library_is_read(write):
    path = write(CORNERS)
    info = probe(path, PictureLimits())
    picture = decode(path, info).image
    # It is turned to the right.
    assert picture.getpixel((63, 0))[1] > 200
    assert picture.getpixel((0, 63)) == (0, 0, 0)


@pytest.mark.parametrize(
    "brands", [b"mif1\x00\x00\x00\x00mif1heic", b"mif1\x00\x00\x00\x00mif1miaf", b"heix\x00\x00\x00\x00mif1heix"]
)
def test_a_heic_may_name_its_kind_in_other_words(write, brands):
    path = write(heic(brands=brands))
    assert decode(path, probe(path, PictureLimits())).image.size == (64, 64)


RGB = {258: (8, 8, 8), 259: (1,), 262: (2,), 277: (3,)}
PIXELS = bytes(40 * 40 * 3)


def circle() -> bytes:
    """A TIFF whose first page says that it follows itself."""
    content = tiff(40, 40, RGB, PIXELS)
    end = 8 + 2 + 12 * 9
    return content[:end] + struct.pack("<I", 8) + content[end + 4 :]


def interlaced(rows: bytes) -> bytes:
    content = png(40, 40, 8, 2, rows)
    header = bytearray(content[16:29])
    header[12] = 1
    return content[:8] + chunk(b"IHDR", bytes(header)) + content[33:]


DEFLATED = zlib.compress(bytes(60_000 * 60_000 // 8 // 1000))

REFUSED: dict[str, tuple[str, bytes]] = {
    "nothing": ("EMPTY", b""),
    "text": ("UNSUPPORTED_FORMAT", b"hello"),
    "SVG": ("SVG_REFUSED", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "packed SVG": ("SVG_REFUSED", gzip.compress(b"<svg/>")),
    "SVG in UTF-16": ("SVG_REFUSED", "<svg/>".encode("utf-16")),
    "a page that begins like a GIF": ("BROKEN", b"GIF89a/*<script>*/=1;" + bytes(100)),
    "PNG, too many pixels": ("TOO_MANY_PIXELS", png_claiming(10_000, 5_001)),
    "PNG, a line": ("TOO_SMALL", png_claiming(100_000, 1)),
    "PNG, colours that do not exist": ("BROKEN", png(40, 40, 3, 7, bytes(10))),
    "PNG, deflated nothing": ("BROKEN", png(40, 40, 8, 2, b"")),
    "PNG, half of its rows": ("BROKEN", png(40, 40, 8, 2, bytes(121 * 20))),
    "PNG, no rows of the last pass": ("BROKEN", interlaced(bytes(700))),
    "JPEG, a start only": ("BROKEN", b"\xff\xd8\xff\xe0"),
    "JPEG, lossless": ("UNSUPPORTED_FORMAT", b"\xff\xd8\xff\xc3\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00\xff\xd9"),
    "WebP, too many pixels": ("TOO_MANY_PIXELS", webp(webp_lossless(10_000, 5_001))),
    "WebP, a canvas of too many pixels": (
        "TOO_MANY_PIXELS",
        webp(webp_canvas(16_000, 16_000, 2), riff(b"ANMF", bytes(6) + b"\x1f\x00\x00" * 2 + bytes(4) + webp_lossless(32, 32))),
    ),
    "WebP, a picture larger than its canvas": ("BROKEN", webp(webp_canvas(40, 40), webp_lossless(16_000, 16_000))),
    "WebP, a frame larger than its canvas": (
        "BROKEN",
        webp(webp_canvas(40, 40, 2), riff(b"ANMF", bytes(6) + b"\xff\x3f\x00" * 2 + bytes(4) + webp_lossless(16_384, 16_384))),
    ),
    "WebP, a frame larger than it says": (
        "BROKEN",
        webp(webp_canvas(40, 40, 2), riff(b"ANMF", bytes(6) + b"\x1f\x00\x00" * 2 + bytes(4) + webp_lossless(16_384, 16_384))),
    ),
    "WebP, frames without pictures": ("BROKEN", webp(webp_canvas(40, 40, 2), riff(b"ANMF", bytes(16)))),
    "WebP, a frame before the canvas": ("BROKEN", webp(riff(b"ANMF", bytes(16)), webp_lossless(40, 40))),
    "WebP, two pictures": ("BROKEN", webp(webp_lossless(40, 40), webp_lossless(40, 40))),
    "WebP, no picture": ("BROKEN", webp(webp_canvas(40, 40))),
    "WebP, pixels of another kind": ("BROKEN", webp(riff(b"VP8L", bytes(20)))),
    "WebP, lossy pixels of another kind": ("BROKEN", webp(riff(b"VP8 ", bytes(20)))),
    "WebP, lossy pixels cut short": ("BROKEN", webp(riff(b"VP8 ", b"\x10\xff\x7f\x9d\x01\x2a\x40\x00\x40\x00"))),
    "WebP, a chunk beyond its end": ("BROKEN", webp(b"VP8L\xff\xff\x00\x00" + bytes(20))),
    "WebP, countless chunks": ("BROKEN", webp(webp_lossless(40, 40), riff(b"none", b"") * 30_000)),
    "WebP, no pixels behind the header": ("BROKEN", webp(webp_lossless(40, 40))),
    "GIF, too many pixels": ("TOO_MANY_PIXELS", b"GIF89a" + struct.pack("<HHBBB", 10_000, 5_001, 0, 0, 0) + b"," + bytes(8) + b"\x00\x02\x00;"),
    "GIF, an image larger than its screen": (
        "TOO_MANY_PIXELS",
        b"GIF89a" + struct.pack("<HHBBB", 40, 40, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x00;",
    ),
    "GIF, no image": ("BROKEN", b"GIF89a\x40\x00\x40\x00\x00\x00\x00;"),
    "GIF, no end": ("BROKEN", encoded(PALETTE, "GIF").removesuffix(b";")),
    "GIF, no pixels": ("BROKEN", b"GIF89a\x40\x00\x40\x00\x00\x00\x00," + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x02\x00;"),
    "GIF, other things in it": ("BROKEN", b"GIF89a\x40\x00\x40\x00\x00\x00\x00A;"),
    "GIF, countless blocks": ("BROKEN", b"GIF89a\x40\x00\x40\x00\x00\x00\x00!\xfe" + b"\x01a\x02bb" * 60_000 + b"\x00;"),
    "GIF, countless parts": ("BROKEN", b"GIF89a\x40\x00\x40\x00\x00\x00\x00" + b"!\xfe\x00" * 30_000 + b";"),
    "GIF, codes that end at once": (
        "BROKEN",
        b"GIF89a\x40\x00\x40\x00\x00\x00\x00," + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x02\x01\x2c\x00;",
    ),
    "GIF, endless": (
        "TOO_MANY_FRAMES",
        b"GIF89a\x40\x00\x40\x00\x00\x00\x00" + (b"," + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x02\x00") * 600 + b";",
    ),
    "AVIF, another size than its pixels": ("BROKEN", encoded(PIECE, "AVIF").replace(struct.pack(">II", *SIZE), struct.pack(">II", 97, 64))),
    "AVIF, no parts": ("BROKEN", b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1"),
    "HEIC, no parts": ("BROKEN", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"),
    "HEIC, too many pixels": ("TOO_MANY_PIXELS", heic(size=(10_000, 5_001))),
    "HEIC, another size than its pixels": ("BROKEN", heic(size=(80, 64))),
    "HEIC, cut to nothing": ("BROKEN", heic(clap(40, 0).replace(struct.pack(">I", 1), bytes(4)))),
    "HEIC, pixels beyond the end": ("BROKEN", heic(beyond=10_000)),
    "HEIC, of another codec": ("UNSUPPORTED_FORMAT", heic(kind=b"jpeg")),
    "HEIC, a name that is no text": ("BROKEN", heic(exif=b"x").replace(b"Exif", b"E\xeaif")),
    "HEIC, zeros for pixels": ("BROKEN", heic(coded=bytes(400))),
    "HEIC, no picture is the first": ("BROKEN", heic().replace(b"pitm\x00\x00\x00\x00\x00\x01", b"pitm\x00\x00\x00\x00\x00\x09")),
    "TIFF, too many pixels": ("TOO_MANY_PIXELS", tiff(10_000, 5_001, RGB | {259: (8,)}, DEFLATED)),
    "TIFF, a tile of too many pixels": (
        "TOO_MANY_PIXELS",
        tiff(40, 40, RGB | {259: (8,), 322: (65_520,), 323: (65_520,), 324: (8,), 325: (50,)}, bytes(50)),
    ),
    "TIFF, tiles and strips": ("BROKEN", tiff(40, 40, RGB | {273: (8,), 279: (4800,), 324: (8,), 325: (4800,)}, PIXELS)),
    "TIFF, pages in a circle": ("BROKEN", circle()),
    "TIFF, tiles without a size": ("BROKEN", tiff(40, 40, RGB | {324: (8,), 325: (4800,)}, PIXELS)),
    "TIFF, pixels beyond the end": ("BROKEN", tiff(40, 40, RGB | {273: (5_000,)}, PIXELS)),
    "TIFF, fewer pixels than it says": ("BROKEN", tiff(40, 40, RGB, PIXELS[:-1])),
    "TIFF, no pixels": ("BROKEN", tiff(40, 40, RGB | {279: (0,)}, b"")),
    "TIFF, no size": ("BROKEN", tiff(0, 40, RGB, PIXELS)),
    "TIFF, deflated too little": ("BROKEN", tiff(40, 40, RGB | {259: (8,)}, zlib.compress(PIXELS[:2000]))),
    "TIFF, deflated and cut": ("BROKEN", tiff(40, 40, RGB | {259: (8,)}, zlib.compress(PIXELS)[:-9])),
    "TIFF, no directory": ("BROKEN", b"II*\x00\xff\xff\xff\x00"),
    "TIFF, a directory of everything": ("BROKEN", b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(100_000)),
    "TIFF, numbers of a wrong kind": ("BROKEN", tiff(40, 40, RGB, PIXELS).replace(b"\x00\x01\x03\x00", b"\x00\x01\x0c\x00", 1)),
    "TIFF, measured values": ("UNSUPPORTED_FORMAT", tiff(40, 40, RGB | {339: (3, 3, 3)}, PIXELS)),
    "TIFF, colours of a laboratory": ("UNSUPPORTED_FORMAT", tiff(40, 40, RGB | {262: (8,)}, PIXELS)),
    "TIFF, a rare compression": ("UNSUPPORTED_FORMAT", tiff(40, 40, RGB | {259: (34_676,)}, PIXELS)),
    "TIFF, 12 bits": ("UNSUPPORTED_FORMAT", tiff(40, 40, RGB | {258: (12, 12, 12)}, PIXELS * 2)),
    "TIFF, 16 bits that count down": ("UNSUPPORTED_FORMAT", tiff(40, 40, GREY16 | {262: (0,)}, PIXELS)),
    "camera raw, DNG": ("UNSUPPORTED_FORMAT", tiff(40, 40, RGB | {50706: (1, 4)}, PIXELS)),
    "camera raw, preview first": ("UNSUPPORTED_FORMAT", tiff(160, 120, RGB | {254: (1,), 330: (8,)}, bytes(57_600))),
    "camera raw, sensor data": ("UNSUPPORTED_FORMAT", tiff(40, 40, RGB | {262: (32_803,)}, PIXELS)),
    "BMP, too many pixels": ("BROKEN", bmp(60_000, 60_000, bytes(100))),
    "BMP, fewer pixels than it says": ("BROKEN", bmp(40, 40, PIXELS[:-1])),
    "BMP, compressed": ("UNSUPPORTED_FORMAT", bmp(40, 40, PIXELS, depth=8, compression=1)),
    "BMP, no width": ("BROKEN", bmp(0, 40, PIXELS)),
    "BMP, a header of another length": ("BROKEN", b"BM" + bytes(12) + b"\x10" + bytes(100)),
}  # fmt: skip


@pytest.mark.parametrize(("reason", "content"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_with_its_reason_and_what_to_do(write, reason, content):
    path = write(content)
    with pytest.raises(PictureRefused) as caught:
        decode(path, probe(path, PictureLimits()))
    assert caught.value.reason == reason
    # What is wrong, and then what to do.
    assert caught.value.message.count(". ") + caught.value.message.count(": ") >= 1
    if reason.startswith("TOO_"):
        assert caught.value.metadata["limit"] in ("32", "500", "50000000")
