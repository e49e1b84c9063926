"""What stands for an avatar, and how avatars of any size are written."""

import io
import struct

import pytest
from PIL import Image

from servicekit.pictures.model import AVIF, JPEG, PNG, WEBP
from services.upload.domain.avatars import StandIn
from services.upload.pictures.encode import encode, known_formats, squared
from services.upload.pictures.stand_ins import CONTRAST, STYLES, cells_of, colour_of, contrast, draw_stand_in

DRAWN = [one for one in StandIn if one is not StandIn.NONE]
PILLOW_NAMES = {AVIF: "AVIF", WEBP: "WEBP", JPEG: "JPEG", PNG: "PNG"}


def file_of(image: Image.Image, codec: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, codec, **options)
    return buffer.getvalue()


def halves(mode: str = "RGB") -> Image.Image:
    """A picture whose left half is red; the right is blue, or with alpha nothing."""
    image = Image.new(mode, (400, 400), "red")
    image.paste("blue" if mode == "RGB" else (0, 0, 0, 0), (200, 0, 400, 400))
    return image


@pytest.mark.parametrize("stand_in", DRAWN)
@pytest.mark.parametrize("size", [1, 7, 80, 600])
def test_stand_ins_have_any_size(stand_in: StandIn, size: int) -> None:
    assert draw_stand_in(stand_in, "ada", size).size == (size, size)


def test_blank_lets_everything_show_through() -> None:
    assert draw_stand_in(StandIn.BLANK, "", 8).getchannel("A").getextrema() == (0, 0)


def test_nothing_is_drawn_for_an_error() -> None:
    with pytest.raises(ValueError, match="error"):
        draw_stand_in(StandIn.NONE, "ada", 80)


@pytest.mark.parametrize("stand_in", STYLES)
def test_patterns_are_symmetric_told_apart_and_plain_to_see(stand_in: StandIn) -> None:
    style = STYLES[stand_in]
    names = [f"name {number}" for number in range(300)]

    for name in names:
        rows = cells_of(style, name)
        assert all(row == row[::-1] for row in rows)
        assert 0.3 <= sum(map(sum, rows)) / style.cells**2 <= 0.7
        assert contrast(colour_of(style, name), style.ground) >= CONTRAST
    looks = {(str(cells_of(style, name)), colour_of(style, name)) for name in names}
    assert len(looks) == len(names)


def test_a_pattern_is_drawn_as_its_cells_say() -> None:
    image = draw_stand_in(StandIn.RETRO, "ada", 900)
    style, seed = STYLES[StandIn.RETRO], "retro/ada"

    for row, cells in enumerate(cells_of(style, seed)):
        for column, is_filled in enumerate(cells):
            seen = image.getpixel((100 * column + 100, 100 * row + 100))
            assert seen == (colour_of(style, seed) if is_filled else style.ground)


@pytest.mark.parametrize("content_type", [AVIF, WEBP, JPEG, PNG])
@pytest.mark.parametrize("size", [1, 33, 700])
def test_a_picture_has_exactly_the_size_and_format_asked_for(content_type: str, size: int) -> None:
    content, written = encode(squared(file_of(halves(), "JPEG"), size), (content_type,))

    with Image.open(io.BytesIO(content)) as opened:
        assert (opened.size, opened.format, written) == ((size, size), PILLOW_NAMES[content_type], content_type)
        if size == 700:
            red, _, blue = opened.convert("RGB").getpixel((100, 350))
            assert (red > 200, blue < 60) == (True, True)


def test_the_middle_is_cut_out_of_what_is_not_square() -> None:
    wide = Image.new("RGB", (900, 300), "green")
    wide.paste("white", (300, 0, 600, 300))

    assert squared(file_of(wide), 30).getextrema() == ((255, 255),) * 3


def test_the_first_format_that_we_write_is_taken() -> None:
    assert known_formats(["image/jxl", WEBP, "text/html", WEBP, JPEG]) == (WEBP, JPEG)
    assert known_formats([]) == known_formats(["x/y"]) == (JPEG,)


def test_what_one_can_see_through_is_not_flattened_where_another_format_will_do() -> None:
    see_through = file_of(halves("RGBA"))

    png, as_png = encode(squared(see_through, 100), (JPEG, PNG))
    webp, as_webp = encode(squared(see_through, 100), (WEBP, JPEG, PNG))
    jpeg, as_jpeg = encode(squared(see_through, 100), (JPEG,))

    assert (as_png, as_webp, as_jpeg) == (PNG, WEBP, JPEG)
    for content in (png, webp):
        with Image.open(io.BytesIO(content)) as opened:
            assert [opened.getchannel("A").getpixel((x, 50)) for x in (10, 90)] == [255, 0]
    with Image.open(io.BytesIO(jpeg)) as opened:
        assert min(opened.getpixel((90, 50))) > 250


def test_a_png_whose_alpha_hides_nothing_becomes_a_jpeg() -> None:
    assert encode(squared(file_of(Image.new("RGBA", (50, 50), "red")), 20), (JPEG, PNG))[1] == JPEG


@pytest.mark.parametrize("content_type", [AVIF, WEBP, JPEG, PNG])
def test_nothing_that_was_written_beside_the_picture_is_passed_on(content_type: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "my secret garden"
    profile = struct.pack(">I", 132) + b"SECRETS!" * 16
    source = file_of(halves(), "JPEG", exif=exif, icc_profile=profile, comment="my secret garden")

    content, _ = encode(squared(source, 64), (content_type,))

    assert b"secret" not in content
    assert b"SECRETS" not in content


def test_a_large_png_still_fits_into_an_answer() -> None:
    noise = Image.effect_noise((1600, 1600), 90)
    image = Image.merge("RGBA", (noise, noise.rotate(90), noise.rotate(180), noise.rotate(270)))

    content, written = encode(image, (PNG,))

    assert (written, len(content) < 7_000_000) == (PNG, True)
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.has_transparency_data


def test_a_broken_file_is_an_error_and_no_picture() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        squared(b"not a picture", 80)
