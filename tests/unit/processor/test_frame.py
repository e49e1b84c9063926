from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.processor.pipeline import (
    Edit,
    Fit,
    FrameReason,
    Look,
    Mask,
    Point,
    Rectangle,
    RenditionSpec,
    Zone,
    ZoneKind,
)
from services.processor.pipeline.frame import choose_box, choose_frame
from services.processor.pipeline.model import Saliency

SQUARE = RenditionSpec("x.avatar", 400, 400, ("image/jpeg",))
WHOLE = Rectangle(0, 0, 1, 1)
AVATAR_COVERS = Zone(ZoneKind.COVERED, Rectangle(0, 0.64, 0.28, 1))
MIDDLE_IS_KEPT = Zone(ZoneKind.KEEP, Rectangle(0, 0.14, 1, 0.86))

sides = st.integers(32, 8000)
ratios = st.floats(0.2, 5)
fractions = st.floats(0, 1)
points = st.builds(Point, fractions, fractions)


@st.composite
def rectangles(draw, smallest=0.05):
    left, top = draw(st.floats(0, 0.95 - smallest)), draw(st.floats(0, 0.95 - smallest))
    return Rectangle(left, top, draw(st.floats(left + smallest, 1)), draw(st.floats(top + smallest, 1)))


@st.composite
def saliencies(draw):
    columns, rows = draw(st.integers(1, 48)), draw(st.integers(1, 48))
    seed = draw(st.integers(0, 2**16))
    weights = np.random.default_rng(seed).integers(0, 256, columns * rows, dtype=np.uint8)
    return Saliency(columns, rows, weights.tobytes())


edits = st.builds(Edit, crop=st.none() | rectangles(), focus=st.none() | points)
faces = st.lists(rectangles(0.02), max_size=8).map(tuple)
looks = st.builds(Look, faces=faces, saliency=st.none() | saliencies())
masks = st.sampled_from(Mask)
zones = st.lists(st.builds(Zone, st.sampled_from(ZoneKind), rectangles()), max_size=3).map(tuple)


def size(box: Rectangle) -> tuple[float, float]:
    return box.right - box.left, box.bottom - box.top


def contains(outer: Rectangle, inner: Rectangle) -> bool:
    return (
        outer.left <= inner.left + 1e-6
        and outer.top <= inner.top + 1e-6
        and inner.right <= outer.right + 1e-6
        and inner.bottom <= outer.bottom + 1e-6
    )


def face_at(x: float, y: float, width: float, height: float | None = None) -> Rectangle:
    height = height or width
    return Rectangle(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def seen_by(*boxes: Rectangle) -> Look:
    return Look(faces=tuple(sorted(boxes, key=lambda box: -size(box)[0] * size(box)[1])))


def standing_out(columns: int, rows: int, *cells: tuple[int, int]) -> Look:
    weights = np.zeros((rows, columns), dtype=np.uint8)
    for column, row in cells:
        weights[row, column] = 255
    return Look(saliency=Saliency(columns, rows, weights.tobytes()))


# --- What always holds ---


@given(width=sides, height=sides, ratio=ratios, edit=edits, look=looks, mask=masks, zones=zones)
def test_the_part_has_the_shape_and_lies_inside_the_crop(width, height, ratio, edit, look, mask, zones):
    box, _ = choose_box(width, height, ratio, edit, look, mask=mask, zones=zones)
    crop = edit.crop or WHOLE
    assert crop.left <= box.left
    assert crop.top <= box.top
    assert box.right <= crop.right
    assert box.bottom <= crop.bottom
    shape = (box.right - box.left) * width / ((box.bottom - box.top) * height)
    assert shape == pytest.approx(ratio)


@given(width=sides, height=sides, ratio=ratios, edit=edits)
def test_the_part_is_as_large_as_the_crop_allows(width, height, ratio, edit):
    box, _ = choose_box(width, height, ratio, edit)
    crop = edit.crop or WHOLE
    fills_width = box.right - box.left == pytest.approx(crop.right - crop.left)
    fills_height = box.bottom - box.top == pytest.approx(crop.bottom - crop.top)
    assert fills_width or fills_height


@given(width=sides, height=sides, ratio=ratios, edit=edits, look=looks, mask=masks, zones=zones)
def test_what_was_seen_moves_the_part_and_never_changes_its_size(width, height, ratio, edit, look, mask, zones):
    unseen, _ = choose_box(width, height, ratio, edit, Look(), mask=mask, zones=zones)
    seen, _ = choose_box(width, height, ratio, edit, look, mask=mask, zones=zones)
    assert size(seen) == pytest.approx(size(unseen), abs=1e-9)


@given(width=sides, height=sides, ratio=ratios, edit=edits, look=looks, mask=masks, zones=zones)
def test_the_same_look_gives_the_same_part(width, height, ratio, edit, look, mask, zones):
    first, second = (choose_box(width, height, ratio, edit, look, mask=mask, zones=zones) for _ in range(2))
    assert first == second


@given(width=sides, height=sides, ratio=ratios, focus=points, look=looks, mask=masks, zones=zones)
def test_the_focus_is_in_the_part(width, height, ratio, focus, look, mask, zones):
    box, _ = choose_box(width, height, ratio, Edit(focus=focus), look, mask=mask, zones=zones)
    assert box.left - 1e-9 <= focus.x <= box.right + 1e-9
    assert box.top - 1e-9 <= focus.y <= box.bottom + 1e-9


@given(width=sides, height=sides, ratio=ratios, face=rectangles(0.02), mask=masks, zones=zones)
def test_one_face_that_fits_is_never_cut(width, height, ratio, face, mask, zones):
    box, reason = choose_box(width, height, ratio, Edit(), Look(faces=(face,)), mask=mask, zones=zones)
    across, down = size(face)
    if across <= size(box)[0] and down <= size(box)[1]:
        assert contains(box, face)
        assert reason in (FrameReason.FACES, FrameReason.WHOLE)


@given(width=sides, height=sides, ratio=ratios, face=rectangles(0.02), mask=masks)
def test_a_mirrored_picture_is_framed_as_the_mirror_image(width, height, ratio, face, mask):
    mirrored = Rectangle(1 - face.right, face.top, 1 - face.left, face.bottom)
    box, _ = choose_box(width, height, ratio, Edit(), Look(faces=(face,)), mask=mask)
    other, _ = choose_box(width, height, ratio, Edit(), Look(faces=(mirrored,)), mask=mask)
    assert (1 - other.right, other.top) == pytest.approx((box.left, box.top), abs=0.01)


# --- The owner's wishes ---


def test_without_wishes_and_sights_the_middle_is_shown():
    assert choose_box(600, 300, 1, Edit()) == (Rectangle(0.25, 0, 0.75, 1), FrameReason.CENTRE)


def test_the_focus_is_in_the_middle_where_there_is_room():
    box, reason = choose_box(1000, 100, 1, Edit(focus=Point(0.3, 0.5)))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.25, 0, 0.35, 1))
    assert reason is FrameReason.FOCUS


def test_the_focus_wins_over_faces():
    look = seen_by(face_at(0.9, 0.5, 0.1))
    box, reason = choose_box(1000, 100, 1, Edit(focus=Point(0.3, 0.5)), look)
    assert box.left == pytest.approx(0.25)
    assert reason is FrameReason.FOCUS


def test_the_focus_keeps_out_of_covered_zones():
    # Low on the left: a banner laid around its middle is fine, one that shows it lower down would hide it.
    covered = Zone(ZoneKind.COVERED, Rectangle(0, 0.4, 0.5, 1))
    focus = Point(0.2, 0.5)
    box, _ = choose_box(900, 900, 3, Edit(focus=focus), zones=(covered,))
    assert (focus.y - box.top) / (box.bottom - box.top) < 0.36


def test_a_focus_outside_the_crop_pulls_as_far_as_the_crop_goes():
    edit = Edit(crop=Rectangle(0.5, 0, 1, 0.5), focus=Point(0, 0))
    box, _ = choose_box(400, 200, 1, edit)
    assert box.left == 0.5


def test_a_crop_of_the_right_shape_is_shown_as_it_is():
    crop = Rectangle(0.5, 0.25, 0.75, 0.75)
    box, reason = choose_box(400, 200, 1, Edit(crop=crop), seen_by(face_at(0.1, 0.1, 0.1)))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.5, 0.25, 0.75, 0.75))
    assert reason is FrameReason.CROP


def test_a_picture_of_the_right_shape_is_shown_whole():
    box, reason = choose_box(4000, 3000, 4 / 3, Edit(focus=Point(0.1, 0.1)), seen_by(face_at(0.8, 0.5, 0.1)))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0, 0, 1, 1))
    assert reason is FrameReason.WHOLE


def test_a_picture_that_misses_the_shape_by_a_pixel_counts_as_whole():
    _, reason = choose_box(4001, 3000, 4 / 3, Edit())
    assert reason is FrameReason.WHOLE


def test_a_crop_of_another_shape_keeps_its_middle():
    box, reason = choose_box(400, 400, 1, Edit(crop=Rectangle(0, 0, 1, 0.5)))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.25, 0, 0.75, 0.5))
    assert reason is FrameReason.CENTRE


def test_a_face_inside_the_crop_decides_within_it():
    face = face_at(0.85, 0.25, 0.1)
    box, reason = choose_box(400, 400, 1, Edit(crop=Rectangle(0, 0, 1, 0.5)), seen_by(face))
    assert contains(box, face)
    assert reason is FrameReason.FACES


def test_a_face_outside_the_crop_does_not_pull():
    look = seen_by(face_at(0.9, 0.9, 0.1))
    box, reason = choose_box(400, 400, 1, Edit(crop=Rectangle(0, 0, 1, 0.5)), look)
    assert box.left == pytest.approx(0.25)
    assert reason is FrameReason.CENTRE


# --- Faces ---


@pytest.mark.parametrize("mask", [Mask.CIRCLE, Mask.ROUNDED])
@pytest.mark.parametrize("x", [0.2, 0.35, 0.7, 0.83])
def test_a_head_lies_in_the_middle_of_a_circle(x, mask):
    face = face_at(x, 0.4, 0.1, 0.3)
    box, _ = choose_box(3000, 1000, 1, Edit(), seen_by(face), mask=mask)
    assert (box.left + box.right) / 2 == pytest.approx(x, abs=0.01)


@pytest.mark.parametrize("y", [0.25, 0.5, 0.75])
def test_the_eyes_of_a_portrait_lie_above_the_middle(y):
    face = face_at(0.5, y, 0.4, 0.15)
    box, _ = choose_box(1000, 3000, 1, Edit(), seen_by(face), mask=Mask.CIRCLE)
    eyes = y - 0.11 * 0.15
    assert 0.40 <= (eyes - box.top) / (box.bottom - box.top) <= 0.45


def test_a_group_is_shown_with_as_many_faces_as_fit():
    group = [face_at(x, 0.4, 0.08, 0.16) for x in (0.05, 0.45, 0.6, 0.75)]
    box, _ = choose_box(2000, 1000, 1, Edit(), seen_by(*group))
    assert [contains(box, face) for face in group] == [False, True, True, True]


def test_a_group_that_fits_has_equal_margins():
    group = [face_at(x, 0.4, 0.06, 0.12) for x in (0.3, 0.35, 0.6)]
    box, _ = choose_box(2000, 1000, 1, Edit(), seen_by(*group))
    left, right = group[0].left - box.left, box.right - group[-1].right
    assert left == pytest.approx(right, abs=0.05)
    assert min(left, right) > 0.05


def test_the_nearer_of_two_people_is_shown_if_only_one_can_be():
    near, far = face_at(0.1, 0.5, 0.1, 0.4), face_at(0.9, 0.5, 0.06, 0.24)
    box, _ = choose_box(4000, 1000, 1, Edit(), seen_by(near, far))
    assert contains(box, near)
    assert not contains(box, far)


def test_nobody_is_shown_by_half_to_catch_one_more():
    # Three heads side by side, and room for two.
    group = [face_at(x, 0.5, 0.2, 0.4) for x in (0.2, 0.5, 0.8)]
    box, _ = choose_box(2000, 1000, 1, Edit(), seen_by(*group))
    shown = [max(0, min(box.right, face.right) - max(box.left, face.left)) / 0.2 for face in group]
    assert sum(part > 0.99 for part in shown) == 2
    assert min(shown) < 0.01


def test_people_in_the_background_do_not_pull():
    near = face_at(0.5, 0.5, 0.2, 0.4)
    crowd = [face_at(x, 0.3, 0.02, 0.04) for x in (0.9, 0.92, 0.95, 0.97)]
    with_crowd, _ = choose_box(2000, 1000, 1, Edit(), seen_by(near, *crowd))
    alone, _ = choose_box(2000, 1000, 1, Edit(), seen_by(near))
    assert with_crowd == alone


def test_a_face_larger_than_the_part_keeps_its_eyes():
    face = Rectangle(0.1, 0.2, 0.9, 0.8)
    box, reason = choose_box(1000, 1000, 3, Edit(), seen_by(face))
    eyes = 0.2 + 0.39 * 0.6
    assert 0.35 <= (eyes - box.top) / (box.bottom - box.top) <= 0.5
    assert reason is FrameReason.FACES


def test_a_face_keeps_out_of_the_covered_zone():
    # In the left quarter, where the avatar lies over the lower part of the banner.
    face = face_at(0.15, 0.5, 0.1, 0.1)
    box, _ = choose_box(900, 900, 3, Edit(), seen_by(face), zones=(AVATAR_COVERS,))
    chin = (face.bottom - box.top) / (box.bottom - box.top)
    assert contains(box, face)
    assert chin <= 0.64 + 1e-6


def test_a_face_lies_in_the_zone_that_is_seen_everywhere():
    face = face_at(0.6, 0.06, 0.1, 0.1)
    box, _ = choose_box(900, 900, 1.5, Edit(), seen_by(face), zones=(MIDDLE_IS_KEPT,))
    # It is at the very top of the picture, so the banner can go no further.
    assert box.top == 0
    lower = face_at(0.6, 0.5, 0.1, 0.1)
    box, _ = choose_box(900, 900, 1.5, Edit(), seen_by(lower), zones=(MIDDLE_IS_KEPT,))
    assert (lower.top - box.top) / (box.bottom - box.top) >= 0.14
    assert (lower.bottom - box.top) / (box.bottom - box.top) <= 0.86


# --- What stands out ---


def test_what_stands_out_decides_where_there_are_no_faces():
    box, reason = choose_box(2000, 1000, 1, Edit(), standing_out(40, 20, (34, 10), (35, 10), (36, 10)))
    assert box.left <= 34 / 40
    assert box.right >= 37 / 40
    assert reason is FrameReason.SALIENCY


def test_faces_win_over_what_stands_out():
    face = face_at(0.1, 0.5, 0.1, 0.2)
    look = replace(standing_out(40, 20, (35, 10)), faces=(face,))
    box, reason = choose_box(2000, 1000, 1, Edit(), look)
    assert contains(box, face)
    assert reason is FrameReason.FACES


def test_a_picture_that_is_alike_everywhere_is_shown_in_the_middle():
    alike = Look(saliency=Saliency(40, 20, bytes([200]) * 800))
    assert choose_box(2000, 1000, 1, Edit(), alike) == (Rectangle(0.25, 0, 0.75, 1), FrameReason.CENTRE)


def test_what_stands_out_beside_the_crop_does_not_count():
    look = standing_out(40, 20, (35, 18))
    _, reason = choose_box(2000, 1000, 1, Edit(crop=Rectangle(0, 0, 1, 0.8)), look)
    assert reason is FrameReason.CENTRE


def test_a_thing_keeps_out_of_the_covered_zone():
    thing = [(column, row) for column in range(2, 8) for row in range(18, 23)]
    box, _ = choose_box(900, 900, 3, Edit(), standing_out(40, 40, *thing), zones=(AVATAR_COVERS,))
    assert (23 / 40 - box.top) / (box.bottom - box.top) <= 0.66
    assert box.top <= 18 / 40


def test_a_thing_that_fits_is_not_cut_through():
    thing = [(column, row) for column in range(20, 26) for row in range(26, 36)]
    box, _ = choose_box(900, 900, 3, Edit(), standing_out(48, 48, *thing))
    assert box.top <= 26 / 48 + 0.005
    assert box.bottom + 0.005 >= 36 / 48


# --- Sizes ---


def test_cover_always_has_the_exact_size():
    frame = choose_frame(SQUARE, 100, 50, Edit(), Look())
    assert (frame.width, frame.height, frame.scale) == (400, 400, 8)


def test_the_mask_and_the_zones_of_a_place_are_minded():
    spec = replace(SQUARE, width=1500, height=500, zones=(AVATAR_COVERS,))
    face = face_at(0.15, 0.5, 0.1, 0.1)
    frame = choose_frame(spec, 900, 900, Edit(), seen_by(face))
    assert frame.box == choose_box(900, 900, 3, Edit(), seen_by(face), zones=(AVATAR_COVERS,))[0]
    assert frame.reason is FrameReason.FACES


def test_inside_shows_everything_in_its_own_shape():
    frame = choose_frame(replace(SQUARE, fit=Fit.INSIDE), 4000, 1000, Edit(), seen_by(face_at(0.2, 0.5, 0.1)))
    assert (frame.width, frame.height) == (400, 100)
    assert (frame.box, frame.reason) == (WHOLE, FrameReason.WHOLE)


def test_inside_never_enlarges_and_never_vanishes():
    inside = replace(SQUARE, fit=Fit.INSIDE)
    assert choose_frame(inside, 300, 200, Edit(), Look()).width == 300
    assert choose_frame(inside, 40_000, 40, Edit(), Look()).height == 1


def test_inside_shows_only_the_crop():
    frame = choose_frame(replace(SQUARE, fit=Fit.INSIDE), 1000, 1000, Edit(crop=Rectangle(0, 0, 0.5, 0.25)), Look())
    assert (frame.width, frame.height) == (400, 200)
    assert frame.reason is FrameReason.CROP


@pytest.mark.parametrize("corners", [(0.5, 0, 0.5, 1), (0, 0.6, 1, 0.5), (-0.1, 0, 1, 1), (0, 0, 1.1, 1)])
def test_a_crop_must_lie_inside_the_picture(corners):
    with pytest.raises(ValueError, match="rectangle"):
        Rectangle(*corners)


def test_a_focus_must_lie_inside_the_picture():
    with pytest.raises(ValueError, match="point"):
        Point(0.5, 1.5)
