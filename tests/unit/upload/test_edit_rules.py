"""Rules of what an owner wants done to a picture."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import InvalidInputError
from services.processor.consumers import edit_of
from services.upload.domain.edits import (
    CROP_MIN_PIXELS,
    OVERRIDES_MAX,
    PLAIN,
    Edit,
    Edits,
    Point,
    checked_edits,
    edits_json,
    edits_of_json,
)
from services.upload.domain.image import Rectangle
from services.upload.domain.problems import NAMED_MAX
from services.upload.edit_messages import read_edit, write_edit, write_edits

SLOTS = ("bluesky.avatar", "bluesky.banner", "x.avatar")
INFINITY, NO_NUMBER = math.inf, math.nan

sides = st.integers(32, 20_000)
fractions = st.floats(0, 1)
anything = st.one_of(fractions, st.floats(), st.integers(0, 2**32 - 1).map(float))
uint32 = st.integers(0, 2**32 - 1)
any_edit = st.builds(
    Edit,
    quarter_turns=st.one_of(st.integers(0, 3), uint32),
    mirrored=st.booleans(),
    crop=st.none() | st.builds(Rectangle, anything, anything, anything, anything),
    focus=st.none() | st.builds(Point, anything, anything),
    background=st.none() | st.integers(0, 0xFFFFFF) | uint32,
)


@st.composite
def good_edits(draw: st.DrawFn, *, across: tuple[float, float] = (0.0, 0.4)) -> Edit:
    near, far = st.floats(*across), st.floats(0.6, 1)
    return Edit(
        quarter_turns=draw(st.integers(0, 3)),
        mirrored=draw(st.booleans()),
        crop=draw(st.none() | st.builds(Rectangle, near, near, far, far)),
        focus=draw(st.none() | st.builds(Point, fractions, fractions)),
        background=draw(st.none() | st.integers(0, 0xFFFFFF)),
    )


def checked(base: Edit = PLAIN, *overrides: tuple[str, Edit], width: int = 640, height: int = 480) -> Edits:
    return checked_edits(base, overrides, width=width, height=height, slots=SLOTS)


def refused(base: Edit = PLAIN, *overrides: tuple[str, Edit], **sizes: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as refusal:
        checked(base, *overrides, **sizes)
    return refusal.value


def paths(error: InvalidInputError) -> list[str]:
    return [violation.field for violation in error.violations]


@given(any_edit, st.lists(st.tuples(st.sampled_from([*SLOTS, "x.door"]), any_edit), max_size=3), sides, sides)
def test_whatever_comes_in_is_refused_by_name_or_is_what_the_processor_takes(
    base: Edit, overrides: list[tuple[str, Edit]], width: int, height: int
) -> None:
    try:
        edits = checked_edits(base, overrides, width=width, height=height, slots=SLOTS)
    except InvalidInputError as refusal:
        problems = paths(refusal)
    else:
        problems = None
        for edit in (edits.base, *edits.overrides.values()):
            assert_the_processor_takes(edit, width, height)
    assert problems != []


def assert_the_processor_takes(edit: Edit, width: int, height: int) -> None:
    taken = edit_of(write_edit(edit))
    if taken.crop is not None:
        across, down = (height, width) if taken.quarter_turns % 2 else (width, height)
        assert round((taken.crop.right - taken.crop.left) * across, 3) >= CROP_MIN_PIXELS
        assert round((taken.crop.bottom - taken.crop.top) * down, 3) >= CROP_MIN_PIXELS


@given(good_edits(), st.dictionaries(st.sampled_from(SLOTS), good_edits()))
def test_edits_come_back_from_the_database_and_from_the_contract_as_they_were(
    base: Edit, overrides: dict[str, Edit]
) -> None:
    edits = checked(base, *overrides.items())

    message = write_edits(edits)

    assert edits_of_json(json.loads(json.dumps(edits_json(edits)))) == edits
    assert Edits(read_edit(message.base), {one.key: read_edit(one.edit) for one in message.overrides}) == edits
    assert checked(edits.base, *edits.overrides.items()) == edits


def test_what_is_left_alone_is_not_stored() -> None:
    edits = checked(Edit(mirrored=True), ("x.avatar", PLAIN))

    assert edits_json(edits) == {"base": {"mirrored": True}, "overrides": {"x.avatar": {}}}


def test_an_override_that_does_what_is_done_everywhere_is_dropped() -> None:
    turned, blue = Edit(quarter_turns=1), Edit(background=0x0000FF)

    edits = checked(turned, ("x.avatar", turned), ("bluesky.avatar", blue))

    assert edits == Edits(turned, {"bluesky.avatar": blue})


@pytest.mark.parametrize("nothing", [Edit(crop=Rectangle(0, 0, 1, 1)), Edit(background=0xFFFFFF), PLAIN])
def test_what_does_nothing_is_no_edit(nothing: Edit) -> None:
    assert not checked(nothing, ("x.avatar", nothing)).changes_anything
    assert checked(PLAIN, ("x.avatar", Edit(mirrored=True))).changes_anything


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (Edit(quarter_turns=4), "quarter_turns"),
        (Edit(crop=Rectangle(-0.1, 0, 1, 1)), "crop"),
        (Edit(crop=Rectangle(0, 0, 1.01, 1)), "crop"),
        (Edit(crop=Rectangle(0, NO_NUMBER, 1, 1)), "crop"),
        (Edit(crop=Rectangle(0, 0, INFINITY, 1)), "crop"),
        (Edit(crop=Rectangle(0.5, 0, 0.5, 1)), "crop"),
        (Edit(crop=Rectangle(0, 0.9, 1, 0.1)), "crop"),
        (Edit(crop=Rectangle(0, 0, 0.01, 1)), "crop"),
        (Edit(focus=Point(0.5, 1.5)), "focus"),
        (Edit(focus=Point(NO_NUMBER, 0.5)), "focus"),
        (Edit(focus=Point(0.5, -INFINITY)), "focus"),
        (Edit(background=0x1000000), "background"),
    ],
)
def test_each_value_that_makes_no_sense_is_named(edit: Edit, path: str) -> None:
    everywhere, in_one_place = refused(edit), refused(PLAIN, ("x.avatar", edit))

    assert paths(everywhere) == [f"base.{path}"]
    assert paths(in_one_place) == [f"overrides.x.avatar.{path}"]
    assert (everywhere.reason, in_one_place.reason) == ("EDIT_INVALID", "EDIT_INVALID")


def test_a_crop_outside_the_picture_says_what_is_allowed_and_what_it_is() -> None:
    refusal = refused(Edit(crop=Rectangle(0.25, 0, 1.5, 1)))

    assert refusal.metadata == {
        "field": "base.crop",
        "minimum": "0",
        "maximum": "1",
        "actual": "left=0.25 top=0 right=1.5 bottom=1",
    }
    assert refusal.message == (
        "The part to show lies inside the picture, from 0 to 1 in each direction;"
        " this is left=0.25 top=0 right=1.5 bottom=1."
    )


@given(sides, sides, st.data())
def test_a_crop_of_just_enough_pixels_is_taken_wherever_it_lies(width: int, height: int, data: st.DataObject) -> None:
    left = data.draw(st.integers(0, width - CROP_MIN_PIXELS))
    top = data.draw(st.integers(0, height - CROP_MIN_PIXELS))
    right, bottom = left + CROP_MIN_PIXELS, top + CROP_MIN_PIXELS

    checked(
        Edit(crop=Rectangle(left / width, top / height, right / width, bottom / height)), width=width, height=height
    )


def test_the_pixels_of_a_crop_are_those_of_the_turned_picture() -> None:
    narrow = Rectangle(0, 0, 0.02, 1)

    checked(Edit(crop=narrow), width=1000, height=500)
    refusal = refused(Edit(crop=narrow, quarter_turns=1), width=1000, height=500)

    assert "10 × 1000 pixels of the picture's 500 × 1000" in refusal.message


def test_a_place_that_takes_no_picture_and_one_named_twice_are_refused_by_name() -> None:
    refusal = refused(PLAIN, ("x.door", PLAIN), ("x.avatar", PLAIN), ("x.avatar", Edit(mirrored=True)))

    assert paths(refusal) == ["overrides.x.door", "overrides.x.avatar"]
    assert refusal.reason == "SLOT_UNKNOWN"
    assert refusal.metadata == {
        "field": "overrides.x.door",
        "slots": "bluesky.avatar, bluesky.banner, x.avatar",
    }


def test_however_much_is_wrong_the_answer_stays_small() -> None:
    wrong = Edit(
        quarter_turns=9, crop=Rectangle(-1e300, NO_NUMBER, 1e-300, INFINITY), focus=Point(-5, 5), background=2**32
    )
    keys = [f"\n😀{number}" + "x" * 100_000 for number in range(OVERRIDES_MAX)]

    many = refused(wrong, *((key, wrong) for key in keys))
    too_many = refused(PLAIN, *((f"x.{number}", PLAIN) for number in range(OVERRIDES_MAX + 1)))

    assert len(many.violations) == NAMED_MAX
    assert "more" in many.message
    said = [many.message, *many.metadata, *many.metadata.values()]
    said += [part for problem in many.violations for part in (problem.field, problem.description)]
    assert sum(map(len, map(str.encode, said))) < 4_500
    assert paths(too_many) == ["overrides"]
    assert too_many.metadata == {"field": "overrides", "maximum": "100", "actual": "101"}
