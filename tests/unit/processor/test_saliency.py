import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from services.processor.pipeline.model import Saliency
from services.processor.pipeline.saliency import CELLS, find_saliency
from tests.unit.pictures.picture_files import photographs
from tests.unit.processor.looked_at import faceless, small


def weights(saliency: Saliency) -> np.ndarray:
    return np.frombuffer(saliency.weights, dtype=np.uint8).reshape(saliency.rows, saliency.columns).astype(float)


def part_inside(saliency: Saliency, left: float, top: float, right: float, bottom: float) -> float:
    """How much of all that stands out lies inside a part of the picture, 0 to 1."""
    cells = weights(saliency)
    columns = slice(round(left * saliency.columns), round(right * saliency.columns))
    rows = slice(round(top * saliency.rows), round(bottom * saliency.rows))
    return cells[rows, columns].sum() / cells.sum()


def product(colour: str, backdrop: str) -> Image.Image:
    picture = Image.new("RGB", (320, 240), backdrop)
    ImageDraw.Draw(picture).rounded_rectangle((200, 60, 280, 180), 12, fill=colour)
    return picture


@pytest.mark.parametrize("colours", [("black", "white"), ("#c33", "white"), ("white", "black"), ("#246", "#ddd")])
def test_a_product_stands_out_from_its_backdrop(colours):
    saliency = find_saliency(product(*colours))
    assert part_inside(saliency, 190 / 320, 50 / 240, 290 / 320, 190 / 240) > 0.9


def test_a_large_product_stands_out_with_all_of_it_not_with_its_outline_alone():
    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).rectangle((40, 30, 280, 210), fill="#333")
    cells = weights(find_saliency(picture))
    assert cells[CELLS * 3 // 8, CELLS // 2] > 10


def test_a_flower_stands_out_from_leaves():
    # The flower reaches from 220 to 480 across and from 60 to 360 down.
    assert part_inside(find_saliency(small(photographs()["flower"])), 0.3, 0.1, 0.8, 0.9) > 0.75


def test_the_sky_does_not_stand_out():
    # Of the temple by the lake, sky fills the upper left corner and what is right of the roof.
    saliency = find_saliency(small(photographs()["china"]))
    assert part_inside(saliency, 0, 0, 0.18, 0.35) < 0.02
    assert part_inside(saliency, 0.6, 0, 1, 0.35) < 0.02


def test_the_night_around_a_rocket_does_not_stand_out():
    assert part_inside(find_saliency(small(faceless()["rocket"])), 0, 0, 1, 0.3) < 0.05


def test_a_cat_is_seen_by_its_eyes():
    saliency = find_saliency(small(Image.fromarray(data.chelsea())))
    assert part_inside(saliency, 0.25, 0.2, 0.8, 0.6) > 0.5


def test_writing_stands_out_with_all_of_its_letters():
    picture = Image.new("RGB", (320, 160), "white")
    ImageDraw.Draw(picture).text((90, 60), "Linkarooie", "black", font=ImageFont.load_default(28))
    cells = weights(find_saliency(picture))
    columns = np.flatnonzero(cells.sum(axis=0))
    assert part_inside(find_saliency(picture), 80 / 320, 50 / 160, 245 / 320, 105 / 160) > 0.95
    assert columns[0] / CELLS < 105 / 320
    assert columns[-1] / CELLS > 215 / 320


@pytest.mark.parametrize("colour", ["black", "white", "#e33"])
def test_a_mark_on_transparent_ground_stands_out_in_any_colour(colour):
    mark = Image.new("RGBA", (320, 200))
    ImageDraw.Draw(mark).ellipse((30, 60, 110, 140), fill=colour)
    assert part_inside(find_saliency(mark), 20 / 320, 50 / 200, 120 / 320, 150 / 200) > 0.97


def test_opaque_pictures_look_the_same_with_an_alpha_channel():
    opaque = small(photographs()["flower"])
    assert find_saliency(opaque.convert("RGBA")) == find_saliency(opaque)


@pytest.mark.parametrize("colour", ["white", "black", "#4a90d9"])
def test_in_a_plain_picture_nothing_stands_out(colour):
    assert find_saliency(Image.new("RGB", (320, 200), colour)) is None


def test_in_a_picture_that_is_all_transparent_nothing_stands_out():
    assert find_saliency(Image.new("RGBA", (320, 200))) is None


@given(width=st.integers(1, 320), height=st.integers(1, 320), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_pictures_of_any_shape_are_looked_at(width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    saliency = find_saliency(Image.fromarray(pixels))
    if saliency is not None:
        assert max(saliency.columns, saliency.rows) == CELLS
        assert max(saliency.weights) == 255


def test_the_map_hardly_depends_on_the_size_of_the_preview():
    for name, picture in {**photographs(), **faceless()}.items():
        large, middle = (weights(find_saliency(small(picture, side))) for side in (320, 224))
        assert large.shape == middle.shape
        assert np.abs(large - middle).mean() < 12, name


@pytest.mark.parametrize(("columns", "rows", "count"), [(0, 5, 0), (3, 3, 8), (2, 2, 5)])
def test_a_map_has_a_weight_for_every_cell(columns, rows, count):
    with pytest.raises(ValueError, match="do not fill"):
        Saliency(columns, rows, bytes(count))
