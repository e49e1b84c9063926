import io

import pytest
from PIL import Image, ImageCms

from sandbox.kit.pictures import BadPictureError, decode, encode, fit_area, initial_picture, sniff


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def test_encoding_drops_metadata_and_keeps_the_colour_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    source = saved(Image.new("RGB", (20, 10)), "JPEG", exif=exif, icc_profile=profile)
    image, form = decode(source, ("JPEG",))
    again = Image.open(io.BytesIO(encode(image, form)))
    assert dict(again.getexif()) == {}
    assert again.info["icc_profile"] == profile


def test_photographs_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image, _ = decode(saved(Image.new("RGB", (20, 10)), "JPEG", exif=exif), ("JPEG",))
    assert image.size == (10, 20)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_every_colour_mode_can_be_encoded(mode: str, form: str) -> None:
    data = encode(Image.new(mode, (8, 8)), form)  # type: ignore[arg-type]
    assert Image.open(io.BytesIO(data)).size == (8, 8)


def test_transparent_palette_stays_transparent() -> None:
    palette = Image.new("P", (8, 8))
    palette.info["transparency"] = 0
    assert Image.open(io.BytesIO(encode(palette, "PNG"))).getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_pictures_of_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    bomb = saved(Image.new("1", (8000, 8000)), "PNG")
    with pytest.raises(BadPictureError, match="8000x8000"):
        decode(bomb, ("PNG",))


def test_only_the_named_formats_are_read() -> None:
    data = saved(Image.new("RGB", (8, 8)), "BMP")
    assert sniff(data, ("PNG", "JPEG")) is None
    with pytest.raises(BadPictureError):
        decode(data, ("PNG", "JPEG"))


def test_area_is_limited_and_ratio_kept() -> None:
    assert fit_area(Image.new("RGB", (3000, 1000)), 750_000).size == (1500, 500)
    assert fit_area(Image.new("RGB", (300, 100)), 750_000).size == (300, 100)


def test_first_pictures_are_always_the_same_and_differ_by_person() -> None:
    initial_picture.cache_clear()
    first = initial_picture("x", "ada", "avatar")
    initial_picture.cache_clear()
    assert initial_picture("x", "ada", "avatar") == first
    assert initial_picture("x", "grace", "avatar") != first
