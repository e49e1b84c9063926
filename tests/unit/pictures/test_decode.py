import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat
from PIL.PngImagePlugin import PngInfo

from servicekit.pictures.decode import decode
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.probe import probe
from tests.unit.pictures.picture_bytes import chunk, png
from tests.unit.pictures.picture_files import encoded, photographs

CHINA = photographs()["china"]


def opened(path, scale=1.0):
    return decode(path, probe(path, PictureLimits()), scale=scale)


def difference(first: Image.Image, second: Image.Image) -> float:
    """The mean difference of two pictures in levels."""
    return sum(ImageStat.Stat(ImageChops.difference(first.convert("RGB"), second.convert("RGB"))).mean) / 3


def linear_profile() -> bytes:
    """An RGB profile with other primaries than sRGB's: LCMS builds it from the sRGB one by swapping two of them."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red], profile[green] = profile[green], profile[red]
    return bytes(profile)


SMALL = CHINA.resize((96, 64))
# Formats that can be written without loss, and how.
LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(write, format, orientation):
    # What a camera held that way would have stored.
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = SMALL if orientation == 1 else SMALL.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(encoded(stored, format, exif=exif.tobytes(), **LOSSLESS[format]))
    info = probe(path, PictureLimits())
    assert (info.orientation, info.width, info.height) == (orientation, *SMALL.size)
    assert difference(opened(path).image, SMALL) < 1


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_a_turn_that_only_xmp_asks_for_is_not_made(write, format):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    options = {"tiffinfo": {700: xmp}} if format == "TIFF" else {"xmp": xmp}
    if format == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": text}
    path = write(encoded(SMALL, format, **options, **LOSSLESS[format]))
    assert probe(path, PictureLimits()).has_metadata
    assert difference(opened(path).image, SMALL) == 0


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "RGB"])
def test_every_png_mode_becomes_rgb_or_rgba_that_looks_the_same(write, mode):
    source = CHINA.convert(mode)
    picture = opened(write(encoded(source, "PNG")))
    assert picture.image.mode == "RGB"
    assert difference(picture.image, source) == 0


def test_16_bits_are_scaled_not_clipped(write):
    grey = CHINA.convert("L")
    deep = Image.frombytes("I;16", grey.size, b"".join(bytes([77, level]) for level in grey.tobytes()))
    assert difference(opened(write(encoded(deep, "PNG"))).image, grey) < 1


def test_cmyk_becomes_rgb(write):
    picture = opened(write(encoded(CHINA.convert("CMYK"), "JPEG", quality=95)))
    assert picture.image.mode == "RGB"
    assert picture.was_converted
    assert difference(picture.image, CHINA) < 5


def test_transparency_is_kept_where_there_is_some(write):
    see_through = CHINA.copy()
    see_through.putalpha(128)
    picture = opened(write(encoded(see_through, "PNG")))
    assert picture.image.mode == "RGBA"
    assert picture.image.getpixel((5, 5))[3] == 128


def test_a_foreign_colour_profile_is_converted_and_dropped(write):
    plain = opened(write(encoded(CHINA, "PNG")))
    swapped = opened(write(encoded(CHINA, "PNG", icc_profile=linear_profile())))
    assert (plain.was_converted, swapped.was_converted) == (False, True)
    # With red and green primaries swapped, a picture is the sRGB one with these channels swapped.
    red, green, blue = CHINA.split()
    assert difference(swapped.image, Image.merge("RGB", (green, red, blue))) < 2
    assert swapped.image.info == {}


@pytest.mark.parametrize("profile", [b"nonsense", linear_profile()[:300]])
def test_a_broken_colour_profile_is_ignored(write, profile):
    picture = opened(write(encoded(CHINA, "PNG", icc_profile=profile)))
    assert not picture.was_converted
    assert difference(picture.image, CHINA) == 0


def test_an_srgb_profile_changes_nothing(write):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = opened(write(encoded(CHINA, "PNG", icc_profile=profile)))
    assert not picture.was_converted
    assert difference(picture.image, CHINA) == 0


def test_a_phones_file_of_several_pictures_gives_the_first(write):
    path = write(encoded(CHINA, "MPO", save_all=True, append_images=[CHINA.rotate(180)]))
    assert opened(path).image.size == CHINA.size
    assert difference(opened(path).image, CHINA) < 8
    assert opened(path, scale=0.4).image.size == (320, 214)


def test_a_small_scale_decodes_fewer_pixels_but_never_too_few(write):
    path = write(encoded(CHINA, "JPEG"))
    assert opened(path, scale=0.3).image.size == (320, 214)
    assert opened(path, scale=0.25).image.size == (160, 107)
    assert opened(path, scale=0.9).image.size == (640, 427)


def test_metadata_is_left_behind(write):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    assert opened(write(encoded(CHINA, "JPEG", exif=exif, comment=b"hello"))).image.info == {}


@pytest.mark.parametrize("exif", [b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"Exif\x00\x00nonsense"])
def test_broken_metadata_does_not_break_the_picture(write, exif):
    assert opened(write(encoded(CHINA, "JPEG", exif=exif))).image.size == (640, 427)


@pytest.mark.parametrize(
    ("depth", "level", "shown"), [(1, 1, 255), (2, 1, 85), (4, 5, 85), (8, 85, 85), (16, 0x5555, 85)]
)
def test_one_grey_that_is_see_through_is_found_at_every_depth(write, depth, level, shown):
    first = (level << (8 - depth if depth < 8 else 0)).to_bytes(max(1, depth // 8))
    row = b"\x00" + first.ljust(5 * depth, b"\x00")
    content = png(40, 40, depth, 0, row * 40, chunk(b"tRNS", level.to_bytes(2)))
    image = opened(write(content)).image
    assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == ((shown, shown, shown, 0), (0, 0, 0, 255))


def test_one_deep_colour_that_is_see_through_is_found(write):
    row = b"\x00" + b"\x12\x34\x56\x78\x9a\xbc" + bytes(6 * 39)
    content = png(40, 40, 16, 2, row * 40, chunk(b"tRNS", b"\x12\x34\x56\x78\x9a\xbc"))
    image = opened(write(content)).image
    assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == ((0x12, 0x56, 0x9A, 0), (0, 0, 0, 255))


def test_a_png_that_ends_in_black_is_whole(write):
    for image in (Image.new("RGB", (50, 50)), Image.new("L", (50, 50)), Image.new("1", (50, 50))):
        assert opened(write(encoded(image, "PNG"))).image.getextrema() == ((0, 0),) * 3


def test_an_interlaced_png_that_ends_in_black_is_whole(write):
    # Seven passes over 40 × 40 pixels: 75 rows, each with a byte before it.
    content = png(40, 40, 8, 2, bytes(40 * 40 * 3 + 75))
    header = chunk(b"IHDR", content[16:28] + b"\x01")
    assert opened(write(content[:8] + header + content[33:])).image.getextrema() == ((0, 0),) * 3
