"""What the processor's results are named by, and which edits it takes."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkarooie.processor.v1 import processor_pb2
from servicekit.pictures.lanes import Lane
from services.processor.desk import PREFIX, STALE_SECONDS, remove_stale
from services.processor.domain import Job, Recipe, edit_name, event_id, folder
from services.processor.messages import edit_of
from services.processor.pipeline import Edit, Point, Rectangle, RenditionSpec
from services.processor.store import Made

JOB = Job("image", "owner", "originals/owner/abc", "abc", 1, 1, Edit(), Lane.INTERACTIVE)

fractions = st.floats(0, 1, allow_nan=False)
edges = st.tuples(fractions, fractions).filter(lambda pair: pair[0] != pair[1]).map(sorted)
rectangles = st.builds(lambda x, y: Rectangle(x[0], y[0], x[1], y[1]), edges, edges)
edits = st.builds(
    Edit,
    quarter_turns=st.integers(0, 3),
    mirrored=st.booleans(),
    crop=st.none() | rectangles,
    focus=st.none() | st.builds(Point, fractions, fractions),
    background=st.tuples(*[st.integers(0, 255)] * 3),
)


def message_of(edit: Edit) -> processor_pb2.Edit:
    red, green, blue = edit.background
    crop, focus = edit.crop, edit.focus
    return processor_pb2.Edit(
        quarter_turns=edit.quarter_turns,
        mirrored=edit.mirrored,
        crop=crop and processor_pb2.Rectangle(left=crop.left, top=crop.top, right=crop.right, bottom=crop.bottom),
        focus=focus and processor_pb2.Point(x=focus.x, y=focus.y),
        background=red << 16 | green << 8 | blue,
    )


@given(edits)
def test_an_edit_arrives_as_it_was_sent(edit: Edit) -> None:
    assert edit_of(processor_pb2.Edit.FromString(message_of(edit).SerializeToString())) == edit


def test_an_edit_that_says_nothing_changes_nothing() -> None:
    assert edit_of(processor_pb2.Edit()) == Edit()


def test_black_is_a_background_and_not_the_absence_of_one() -> None:
    assert edit_of(processor_pb2.Edit(background=0)).background == (0, 0, 0)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (processor_pb2.Edit(quarter_turns=4), "quarter_turns is 4; it goes from 0 to 3"),
        (processor_pb2.Edit(background=0x1000000), "background is 0x1000000"),
        (processor_pb2.Edit(crop=processor_pb2.Rectangle()), "not a rectangle inside the picture"),
        (processor_pb2.Edit(crop=processor_pb2.Rectangle(right=math.nan, bottom=1)), "not a rectangle"),
        (processor_pb2.Edit(crop=processor_pb2.Rectangle(right=1.01, bottom=1)), "not a rectangle"),
        (processor_pb2.Edit(focus=processor_pb2.Point(x=math.nan)), "not a point inside the picture"),
        (processor_pb2.Edit(focus=processor_pb2.Point(x=-0.1)), "not a point"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_the_part_that_does_not(
    edit: processor_pb2.Edit, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        edit_of(edit)


@given(edits, edits)
def test_edits_have_the_same_name_exactly_when_they_are_the_same(one: Edit, other: Edit) -> None:
    assert (edit_name(one) == edit_name(other)) == (one == other)
    assert (edit_name(one) == "plain") == (one == Edit())


def test_the_name_of_an_edit_stays_what_it_is() -> None:
    # It is in the keys of all files that were made: another way to name edits would make them all anew.
    assert edit_name(Edit(quarter_turns=1, mirrored=True)) == "fdfc9866c9e0948d"


def test_variants_lie_under_their_owner_original_and_edit() -> None:
    assert folder(JOB, Edit()) == "variants/owner/abc/plain"


@pytest.mark.parametrize(
    "other",
    [
        event_id("failed", JOB, "recipes"),
        event_id("ready", replace(JOB, image_id="other"), "recipes"),
        event_id("ready", replace(JOB, revision=2), "recipes"),
        event_id("ready", replace(JOB, attempt=2), "recipes"),
        event_id("ready", JOB, "other recipes"),
    ],
)
def test_whatever_is_told_anew_has_an_id_of_its_own(other: str) -> None:
    assert other != event_id("ready", JOB, "recipes")


def test_a_repetition_is_told_under_the_same_id_whichever_lane_it_came_by() -> None:
    assert event_id("ready", replace(JOB, lane=Lane.BULK), "recipes") == event_id("ready", JOB, "recipes")


@given(st.lists(st.integers(1, 6)), st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)))
def test_each_result_is_made_once_or_was_made_before(sides: list[int], made: set[int], failed: set[int]) -> None:
    def recipe(number: int, side: int) -> Recipe:
        return Recipe(
            f"p{number}.avatar", "p", "avatar", RenditionSpec(f"p{number}.avatar", side, side, ("image/png",))
        )

    recipes = [recipe(number, side) for number, side in enumerate(sides)]
    version = {side: recipe(0, side).version for side in range(1, 7)}
    before = Made(
        variants={version[side]: processor_pb2.Variant(recipe_version=version[side]) for side in made},
        failures={version[side]: processor_pb2.VariantFailure(recipe_version=version[side]) for side in failed - made},
    )

    missing = before.without(recipes)
    variants, failures = before.by(recipes)

    assert {recipe.spec.width for recipe in missing} == set(sides) - made - failed
    assert len({recipe.version for recipe in missing}) == len(missing)
    told = [each.key for each in variants] + [each.key for each in failures]
    assert sorted(told) == sorted(recipe.key for recipe in recipes if recipe.spec.width in made | failed)


def test_folders_of_jobs_that_a_killed_process_left_are_removed_and_those_at_work_kept(tmp_path: Path) -> None:
    now = 1_000_000.0
    for name, age in (("old", STALE_SECONDS + 1), ("fresh", STALE_SECONDS - 1)):
        folder = tmp_path / f"{PREFIX}{name}"
        (folder / "out").mkdir(parents=True)
        (folder / "original").write_bytes(b"picture")
        os.utime(folder, (now - age, now - age))
    (tmp_path / "somebody-elses").mkdir()
    os.utime(tmp_path / "somebody-elses", (0, 0))
    (tmp_path / f"{PREFIX}no-folder").touch()
    os.utime(tmp_path / f"{PREFIX}no-folder", (0, 0))

    remove_stale(tmp_path, now=now)

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"{PREFIX}fresh", "somebody-elses", f"{PREFIX}no-folder"}
