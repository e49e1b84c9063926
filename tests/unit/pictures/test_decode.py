import random

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from servicekit.pictures.decode import decode
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
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
    return bytes(profile).replace(b"s\x00R\x00G\x00B", b"s\x00w\x00a\x00p").replace(b"sRGB", b"swap")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(write, orientation):
    # What a camera held that way would have stored.
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = CHINA if orientation == 1 else CHINA.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = opened(write(encoded(stored, "PNG", exif=exif))).image
    assert upright.tobytes() == CHINA.tobytes()


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


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_file_that_is_cut_off_after_it_was_judged_is_never_half_decoded(write, format):
    path = write(encoded(CHINA, format))
    info = probe(path, PictureLimits())
    path.write_bytes(path.read_bytes()[: info.bytes // 2])
    with pytest.raises(PictureRefused, match="BROKEN"):
        decode(path, info)


def test_damaged_content_is_refused_or_decoded_but_raises_nothing_else(write):
    chance = random.Random(11)
    outcomes = set()
    for format in ("JPEG", "PNG"):
        content = encoded(CHINA.resize((200, 133)), format, icc_profile=linear_profile())
        for _ in range(150):
            damaged = bytearray(content)
            for _ in range(chance.randrange(1, 30)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                outcomes.add(opened(write(bytes(damaged))).image.mode)
            except PictureRefused:
                outcomes.add("refused")
    assert {"RGB", "refused"} <= outcomes
