import gzip
from dataclasses import replace

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from servicekit.pictures.model import HEIC, HEIF, JPEG, PNG, PictureInfo, PictureLimits, PictureRefused, byte_words
from servicekit.pictures.probe import probe
from tests.unit.pictures.picture_files import encoded, photographs, png_chunk, png_claiming

CHINA = photographs()["china"]
SVG = b'<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'


TEXT = PngInfo()
TEXT.add_text("Author", "somebody")


def refusal(path, limits=None) -> PictureRefused:
    with pytest.raises(PictureRefused) as caught:
        probe(path, limits or PictureLimits())
    return caught.value


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_a_jpeg_is_described_by_its_content(write):
    content = encoded(CHINA, "JPEG", progressive=True)
    assert probe(write(content), PictureLimits()) == PictureInfo(
        JPEG,
        width=640,
        height=427,
        orientation=1,
        has_alpha=False,
        has_metadata=False,
        has_location=False,
        frames=1,
        bytes=len(content),
        scans=10,
    )


def test_a_png_with_transparency_is_described_by_its_content(write):
    content = encoded(CHINA.convert("RGBA"), "PNG")
    assert probe(write(content), PictureLimits()) == PictureInfo(
        PNG,
        width=640,
        height=427,
        orientation=1,
        has_alpha=True,
        has_metadata=False,
        has_location=False,
        frames=1,
        bytes=len(content),
        scans=1,
    )


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_metadata_and_place_are_noticed(write, format):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    info = probe(write(encoded(CHINA, format, exif=exif)), PictureLimits())
    assert (info.has_metadata, info.has_location) == (True, False)
    exif.get_ifd(0x8825)[1] = "N"
    info = probe(write(encoded(CHINA, format, exif=exif)), PictureLimits())
    assert (info.has_metadata, info.has_location) == (True, True)


@pytest.mark.parametrize(
    "content",
    [
        encoded(CHINA, "JPEG", comment=b"hello"),
        encoded(CHINA, "JPEG", xmp=b"<x/>"),
        encoded(CHINA, "PNG", pnginfo=TEXT),
    ],
    ids=["comment", "xmp", "text"],
)
def test_every_kind_of_metadata_is_noticed(write, content):
    assert probe(write(content), PictureLimits()).has_metadata


def test_a_palette_entry_that_is_transparent_counts_as_alpha(write):
    assert probe(write(encoded(CHINA.quantize(16), "PNG", transparency=3)), PictureLimits()).has_alpha


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_the_size_is_the_one_that_is_shown(write, orientation, format):
    info = probe(write(encoded(CHINA, format, exif=with_orientation(orientation))), PictureLimits())
    assert info.orientation == orientation
    assert (info.width, info.height) == ((427, 640) if orientation >= 5 else (640, 427))


@pytest.mark.parametrize("exif", [b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"Exif\x00\x00nonsense"])
def test_broken_exif_does_not_break_the_picture(write, exif):
    assert probe(write(encoded(CHINA, "JPEG", exif=exif)), PictureLimits()).orientation == 1


def test_an_orientation_that_does_not_exist_is_ignored(write):
    assert probe(write(encoded(CHINA, "JPEG", exif=with_orientation(9))), PictureLimits()).orientation == 1


def test_an_empty_file_is_refused(write):
    assert refusal(write(b"")).reason == "EMPTY"


def test_the_byte_limit_names_limit_and_size(write):
    content = encoded(CHINA, "PNG")
    error = refusal(write(content), PictureLimits(max_bytes=100_000))
    assert error.reason == "TOO_MANY_BYTES"
    assert error.metadata == {"limit": "100000", "actual": str(len(content))}
    assert "100 kB" in error.message
    assert byte_words(len(content)) in error.message


def test_a_tiny_file_that_claims_many_pixels_is_refused_before_decoding(write):
    error = refusal(write(png_claiming(60_000, 60_000)))
    assert error.reason == "TOO_MANY_PIXELS"
    assert error.metadata == {"limit": "50000000", "actual": "3600000000"}
    assert "3600.0 megapixels" in error.message
    assert "7071 × 7071" in error.message


def test_exactly_as_many_pixels_as_allowed_are_accepted(write):
    assert probe(write(png_claiming(10_000, 5_000)), PictureLimits()).width == 10_000
    assert refusal(write(png_claiming(10_000, 5_001))).reason == "TOO_MANY_PIXELS"


def test_a_jpeg_that_announces_its_size_twice_is_refused(write):
    content = encoded(CHINA, "JPEG")
    start = content.index(b"\xff\xc0")
    frame = content[start : start + 19]
    larger = frame[:5] + (60_000).to_bytes(2) * 2 + frame[9:]
    assert refusal(write(content[:start] + frame + larger + content[start + 19 :])).reason == "BROKEN"


def test_a_jpeg_whose_size_is_cut_short_is_refused(write):
    assert refusal(write(b"\xff\xd8\xff\xc0\x00\x02\xff\xda\x00\x02\xff\xd9")).reason == "BROKEN"
    assert refusal(write(b"\xff\xd8\xff\xc0\x00\x02")).reason == "BROKEN"


def test_a_jpeg_of_thousands_of_scans_is_refused(write):
    content = encoded(CHINA.resize((64, 64)), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    error = refusal(write(content[:last] + content[last:-2] * 5_000 + b"\xff\xd9"))
    assert error.reason == "TOO_MANY_SCANS"
    assert error.metadata == {"limit": "100"}


def test_bytes_that_look_like_scans_inside_other_data_are_not_counted(write):
    assert probe(write(encoded(CHINA, "JPEG", comment=b"\xff\xda" * 500)), PictureLimits()).scans == 1


def test_what_follows_the_picture_is_not_looked_at(write):
    content = encoded(CHINA, "JPEG")
    assert probe(write(content + content + b"film" * 1000), PictureLimits()).scans == 1


def test_a_jpeg_cut_into_countless_segments_is_refused(write):
    content = encoded(CHINA, "JPEG")
    assert refusal(write(content[:2] + b"\xff\xfe\x00\x02" * 100_000 + content[2:])).reason == "BROKEN"


def test_a_png_cut_into_countless_chunks_is_refused(write):
    content = encoded(CHINA, "PNG")
    assert refusal(write(content[:33] + png_chunk(b"tEXt", b"") * 100_000 + content[33:])).reason == "BROKEN"


def test_a_png_whose_header_comes_late_is_refused(write):
    content = encoded(CHINA, "PNG")
    assert refusal(write(content[:8] + png_chunk(b"tEXt", b"a\x00b") + content[8:])).reason == "BROKEN"


def test_animations_are_counted_and_limited(write):
    frames = [CHINA.rotate(angle) for angle in range(5)]
    path = write(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    assert probe(path, PictureLimits()).frames == 5
    error = refusal(path, PictureLimits(max_frames=4))
    assert (error.reason, error.metadata) == ("TOO_MANY_FRAMES", {"limit": "4", "actual": "5"})


def test_a_picture_with_a_side_too_short_is_refused(write):
    error = refusal(write(encoded(CHINA.resize((640, 31)), "JPEG")))
    assert (error.reason, error.metadata) == ("TOO_SMALL", {"limit": "32", "actual": "640x31"})


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_refused(write, format, kept):
    content = encoded(CHINA, format)
    assert refusal(write(content[: int(len(content) * kept)])).reason == "BROKEN"


@pytest.mark.parametrize(
    "content",
    [
        SVG,
        gzip.compress(SVG, mtime=0),
        SVG.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + SVG,
        b"  \n" + SVG.replace(b"svg", b"SVG"),
    ],
    ids=["plain", "gzip", "utf-16", "byte order mark", "upper case"],
)
def test_svg_is_refused_in_every_wrapping(write, content):
    error = refusal(write(content))
    assert error.reason == "SVG_REFUSED"
    assert "JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP" in error.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "a camera raw file"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01", "a camera raw file"),
        (b"II+\x00\x08\x00\x00\x00", "a TIFF of the large kind"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        (b"\xff\x4f\xff\x51\x00", "a JPEG 2000"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"\xff\x0a\x00\x00", "a JPEG XL"),
        (b"8BPS\x00\x01", "a Photoshop file"),
        (b"\x00\x00\x01\x00\x01\x00", "an icon file"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00", "a video"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "a video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a video"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a sound"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
        (b"<!DOCTYPE html><html><svg></svg></html>", "a web page"),
        (b"<?xml version='1.0'?><feed/>", "an XML document"),
        (gzip.compress(b"hello", mtime=0), "a gzip archive"),
        (b"hello", "a text"),
        (b"BM is how this text begins, and it goes on", "a text"),
        ("ä".encode() * 800, "a text"),
        (b"\x00\x01\x02\xff", "not a picture that we know"),
        (b"RIFF\x00\x00\x00\x00????", "not a picture that we know"),
    ],
)
def test_other_formats_are_named_and_refused(write, content, words):
    error = refusal(write(content))
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert f"The file is {words}" in error.message
    assert "JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF and BMP" in error.message
    assert error.metadata["accepted"].startswith("image/avif, image/bmp")


def test_settings_can_narrow_the_formats(write):
    error = refusal(write(encoded(CHINA, "PNG")), PictureLimits(content_types=frozenset({JPEG})))
    assert (error.reason, error.metadata["accepted"]) == ("UNSUPPORTED_FORMAT", JPEG)


@pytest.mark.parametrize(
    ("content_types", "words"),
    [({JPEG}, "JPEG"), ({JPEG, PNG}, "JPEG or PNG"), ({HEIF}, "HEIF"), ({HEIC, HEIF, PNG}, "PNG or HEIC")],
)
def test_formats_are_put_into_words(content_types, words):
    assert PictureLimits(content_types=frozenset(content_types)).format_words == words


def test_settings_cannot_ask_for_what_the_code_cannot_keep():
    with pytest.raises(ValueError, match="image/svg"):
        PictureLimits(content_types=frozenset({JPEG, "image/svg+xml"}))
    with pytest.raises(ValueError, match="at least one format"):
        PictureLimits(content_types=frozenset())
    with pytest.raises(ValueError, match="max_pixels"):
        replace(PictureLimits(), max_pixels=10**9)
