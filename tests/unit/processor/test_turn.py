import pytest
from PIL import Image

from services.processor.pipeline import Edit
from services.processor.pipeline.flatten import flattened, opaque
from services.processor.pipeline.turn import turned, turned_size
from tests.unit.pictures.picture_files import photographs

SMALL = photographs()["china"].resize((7, 5))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_a_picture_is_turned_clockwise_and_then_mirrored(quarter_turns, mirrored):
    expected = SMALL.rotate(-90 * quarter_turns, expand=True)
    if mirrored:
        expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    edit = Edit(quarter_turns=quarter_turns, mirrored=mirrored)
    assert turned(SMALL, edit) == expected
    assert turned_size(*SMALL.size, edit) == expected.size


def test_a_picture_without_transparent_pixels_loses_its_alpha_and_no_other_does():
    assert opaque(SMALL.convert("RGBA")) == SMALL
    see_through = SMALL.convert("RGBA")
    see_through.putpixel((3, 3), (1, 2, 3, 254))
    assert opaque(see_through) is see_through
    assert opaque(SMALL) is SMALL


def test_the_background_shows_as_far_as_a_pixel_is_transparent():
    picture = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((0, 51, 255)):
        picture.putpixel((x, 0), (255, 255, 255, alpha))
    flat = flattened(picture, (0, 0, 100))
    assert [flat.getpixel((x, 0)) for x in range(3)] == [(0, 0, 100), (51, 51, 131), (255, 255, 255)]
    assert flattened(SMALL, (0, 0, 100)) is SMALL
