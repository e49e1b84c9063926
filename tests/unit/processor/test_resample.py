import logging

import pytest
from PIL import Image, ImageChops, ImageStat

from services.processor.pipeline import Rectangle
from services.processor.pipeline.lanczos import cykooz_lanczos, fastest_trusted, lanczos, pillow_lanczos
from services.processor.pipeline.resample import Pyramid
from tests.unit.pictures.picture_files import photographs

CHINA = photographs()["china"]
BOX = Rectangle(0.1, 0.2, 0.87, 0.93)
WHOLE = Rectangle(0, 0, 1, 1)


def mean_difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / len(first.getbands())


@pytest.fixture(params=[cykooz_lanczos(), pillow_lanczos], ids=["cykooz", "pillow"])
def resize(request):
    return request.param


@pytest.mark.parametrize("size", [(480, 300), (200, 125), (97, 61), (40, 25), (16, 10)])
def test_a_part_looks_as_if_cut_from_the_full_size(resize, size):
    pixels = (BOX.left * 640, BOX.top * 427, BOX.right * 640, BOX.bottom * 427)
    direct = CHINA.resize(size, Image.Resampling.LANCZOS, box=pixels)
    assert mean_difference(Pyramid(CHINA, resize).cut(BOX, *size), direct) < 3


def test_odd_sizes_stay_in_place_on_every_level(resize):
    # A picture that is half black, half white must keep its edge where it was.
    picture = Image.new("RGB", (1001, 333), "black")
    picture.paste("white", (501, 0, 1001, 333))
    small = Pyramid(picture, resize).cut(WHOLE, 51, 17)
    row = [small.getpixel((x, 8))[0] for x in range(51)]
    # The edge is at 501 / 1001 × 51 = 25.5, in the middle of a pixel; the filter rings a little beside it.
    assert max(row[:24]) < 10
    assert 64 < row[25] < 192
    assert min(row[27:]) > 245


def test_colours_of_transparent_pixels_do_not_bleed(resize):
    # Fully transparent green beside opaque red: a mix by colour alone would turn the edge olive.
    picture = Image.new("RGBA", (400, 400), (0, 255, 0, 0))
    picture.paste((255, 0, 0, 255), (200, 0, 400, 400))
    cut = Pyramid(picture, resize).cut(WHOLE, 41, 41)
    assert cut.mode == "RGBA"
    assert all(green <= 1 for _, green, _, alpha in cut.get_flattened_data() if alpha > 8)


def test_the_result_is_always_a_new_picture(resize):
    assert Pyramid(CHINA, resize).cut(WHOLE, *CHINA.size) is not CHINA


def test_a_box_that_rounding_laid_outside_is_cut_to_the_picture(resize):
    left, right = 1 - 0.7, 1.0
    for height in range(100, 130):
        picture = CHINA.resize((height + 7, height))
        assert Pyramid(picture, resize).cut(Rectangle(left, left, right, right), 21, 21).size == (21, 21)
    hair = cykooz_lanczos()(CHINA, (30, 20), (-1e-13, -1e-13, 640 + 1e-13, 427 + 1e-13))
    assert mean_difference(hair, pillow_lanczos(CHINA, (30, 20), (0, 0, 640, 427))) < 1


def test_a_small_whole_is_never_enlarged():
    assert Pyramid(CHINA).inside(320).size == (320, 214)
    assert Pyramid(CHINA).inside(2000).size == (640, 427)
    assert Pyramid(CHINA).inside(160, Rectangle(0.5, 0, 0.51, 1)).size == (2, 160)


def test_both_filters_agree_on_photographs():
    for size in ((500, 300), (90, 70), (1000, 800)):
        box = (3.3, 1.7, 600.1, 420.9)
        assert mean_difference(cykooz_lanczos()(CHINA, size, box), pillow_lanczos(CHINA, size, box)) < 0.5


def test_the_fast_filter_is_the_one_in_use():
    assert lanczos() is not pillow_lanczos


def missing():
    raise ImportError("no build for this machine")


def shifted():
    return lambda image, size, box: ImageChops.offset(pillow_lanczos(image, size, box), 3)


def of_another_size():
    return lambda image, size, box: pillow_lanczos(image, (size[0] + 1, size[1]), box)


def failing():
    def resize(image, size, box):
        raise ValueError("unknown layout")

    return resize


@pytest.mark.parametrize("load", [missing, shifted, of_another_size, failing])
def test_a_filter_that_cannot_be_trusted_gives_way_to_pillows_and_is_logged(load, caplog):
    with caplog.at_level(logging.WARNING):
        assert fastest_trusted(load) is pillow_lanczos
    (record,) = caplog.records
    assert "resized by Pillow" in record.getMessage()
