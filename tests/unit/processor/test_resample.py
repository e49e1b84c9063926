import pytest
from PIL import Image, ImageChops, ImageStat

from services.processor.pipeline import Rectangle
from services.processor.pipeline.resample import Pyramid
from tests.unit.pictures.picture_files import photographs

CHINA = photographs()["china"]
BOX = Rectangle(0.1, 0.2, 0.87, 0.93)


def mean_difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / len(first.getbands())


@pytest.mark.parametrize("size", [(480, 300), (200, 125), (97, 61), (40, 25), (16, 10)])
def test_a_part_looks_as_if_cut_from_the_full_size(size):
    pixels = (BOX.left * 640, BOX.top * 427, BOX.right * 640, BOX.bottom * 427)
    direct = CHINA.resize(size, Image.Resampling.LANCZOS, box=pixels)
    assert mean_difference(Pyramid(CHINA).cut(BOX, *size), direct) < 3


def test_odd_sizes_stay_in_place_on_every_level():
    # A picture that is half black, half white must keep its edge where it was.
    picture = Image.new("RGB", (1001, 333), "black")
    picture.paste("white", (501, 0, 1001, 333))
    small = Pyramid(picture).cut(Rectangle(0, 0, 1, 1), 51, 17)
    row = [small.getpixel((x, 8))[0] for x in range(51)]
    # The edge is at 501 / 1001 × 51 = 25.5, in the middle of a pixel; the filter rings a little beside it.
    assert max(row[:24]) < 10
    assert 64 < row[25] < 192
    assert min(row[27:]) > 245


def test_colours_of_transparent_pixels_do_not_bleed():
    # Fully transparent green beside opaque red: a mix by colour alone would turn the edge olive.
    picture = Image.new("RGBA", (400, 400), (0, 255, 0, 0))
    picture.paste((255, 0, 0, 255), (200, 0, 400, 400))
    cut = Pyramid(picture).cut(Rectangle(0, 0, 1, 1), 41, 41)
    assert all(green <= 1 for _, green, _, alpha in cut.get_flattened_data() if alpha > 8)


def test_the_result_is_always_a_new_picture():
    assert Pyramid(CHINA).cut(Rectangle(0, 0, 1, 1), *CHINA.size) is not CHINA
