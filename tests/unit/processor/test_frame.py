from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.processor.pipeline import Edit, Fit, Look, Point, Rectangle, RenditionSpec
from services.processor.pipeline.frame import choose_box, choose_frame

SQUARE = RenditionSpec("x.avatar", 400, 400, ("image/jpeg",))
sides = st.integers(32, 8000)
fractions = st.floats(0, 1)


@st.composite
def rectangles(draw):
    left, top = draw(st.floats(0, 0.9)), draw(st.floats(0, 0.9))
    return Rectangle(left, top, draw(st.floats(left + 0.05, 1)), draw(st.floats(top + 0.05, 1)))


edits = st.builds(Edit, crop=st.none() | rectangles(), focus=st.none() | st.builds(Point, fractions, fractions))


@given(width=sides, height=sides, ratio=st.floats(0.2, 5), edit=edits)
def test_the_part_has_the_shape_and_lies_inside_the_crop(width, height, ratio, edit):
    box, _ = choose_box(width, height, ratio, edit)
    crop = edit.crop or Rectangle(0, 0, 1, 1)
    assert crop.left <= box.left
    assert crop.top <= box.top
    assert box.right <= crop.right
    assert box.bottom <= crop.bottom
    shape = (box.right - box.left) * width / ((box.bottom - box.top) * height)
    assert shape == pytest.approx(ratio)


@given(width=sides, height=sides, ratio=st.floats(0.2, 5), edit=edits)
def test_the_part_is_as_large_as_the_crop_allows(width, height, ratio, edit):
    box, _ = choose_box(width, height, ratio, edit)
    crop = edit.crop or Rectangle(0, 0, 1, 1)
    fills_width = box.right - box.left == pytest.approx(crop.right - crop.left)
    fills_height = box.bottom - box.top == pytest.approx(crop.bottom - crop.top)
    assert fills_width or fills_height


@given(width=sides, height=sides, ratio=st.floats(0.2, 5), focus=st.builds(Point, fractions, fractions))
def test_the_focus_is_in_the_part(width, height, ratio, focus):
    box, _ = choose_box(width, height, ratio, Edit(focus=focus))
    assert box.left - 1e-9 <= focus.x <= box.right + 1e-9
    assert box.top - 1e-9 <= focus.y <= box.bottom + 1e-9


def test_without_wishes_the_middle_is_shown():
    assert choose_box(600, 300, 1, Edit())[0] == Rectangle(0.25, 0, 0.75, 1)


def test_the_focus_is_in_the_middle_where_there_is_room():
    assert choose_box(1000, 100, 1, Edit(focus=Point(0.3, 0.5)))[0] == Rectangle(0.25, 0, 0.35, 1)


def test_a_crop_of_the_right_shape_is_shown_as_it_is():
    crop = Rectangle(0.5, 0.25, 0.75, 0.75)
    box, _ = choose_box(400, 200, 1, Edit(crop=crop))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.5, 0.25, 0.75, 0.75))


def test_a_crop_of_another_shape_keeps_its_middle():
    box, _ = choose_box(400, 400, 1, Edit(crop=Rectangle(0, 0, 1, 0.5)))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.25, 0, 0.75, 0.5))


def test_cover_always_has_the_exact_size():
    frame = choose_frame(SQUARE, 100, 50, Edit(), Look())
    assert (frame.width, frame.height, frame.scale) == (400, 400, 8)


def test_inside_shows_everything_in_its_own_shape():
    frame = choose_frame(replace(SQUARE, fit=Fit.INSIDE), 4000, 1000, Edit(), Look())
    assert (frame.width, frame.height) == (400, 100)
    assert frame.box == Rectangle(0, 0, 1, 1)


def test_inside_never_enlarges_and_never_vanishes():
    inside = replace(SQUARE, fit=Fit.INSIDE)
    assert choose_frame(inside, 300, 200, Edit(), Look()).width == 300
    assert choose_frame(inside, 40_000, 40, Edit(), Look()).height == 1


def test_inside_shows_only_the_crop():
    frame = choose_frame(replace(SQUARE, fit=Fit.INSIDE), 1000, 1000, Edit(crop=Rectangle(0, 0, 0.5, 0.25)), Look())
    assert (frame.width, frame.height) == (400, 200)


@pytest.mark.parametrize("corners", [(0.5, 0, 0.5, 1), (0, 0.6, 1, 0.5), (-0.1, 0, 1, 1), (0, 0, 1.1, 1)])
def test_a_crop_must_lie_inside_the_picture(corners):
    with pytest.raises(ValueError, match="rectangle"):
        Rectangle(*corners)


def test_a_focus_must_lie_inside_the_picture():
    with pytest.raises(ValueError, match="point"):
        Point(0.5, 1.5)
