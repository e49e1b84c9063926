"""What an edit does, beside what naive steps on the pixels do; and a preview beside the job that follows it."""

import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from servicekit.pictures.decode import decode
from services.processor.pipeline import (
    Edit,
    Fit,
    Point,
    Rectangle,
    Rendition,
    RenditionSpec,
    preview,
    render,
    rendering,
)
from tests.unit.pictures.picture_files import encoded, photographs

Pixels = NDArray[np.uint8]

# Small enough that nothing is left out while decoding, and no two of its turns look alike.
WIDTH, HEIGHT = 96, 64
# What is cut out comes out as it is: without loss, and never enlarged.
UNTOUCHED = RenditionSpec("thumbnail.whole", 200, 200, ("image/png",), fit=Fit.INSIDE)
SQUARE = RenditionSpec("place.avatar", 48, 48, ("image/png",))
# Levels of 255 on average: filters reach a little over the edge of a cut, and round in another order.
TOLERANCE = 3

# What each EXIF orientation asks for, by its definition: where row 0 and column 0 of the file are shown.
UPRIGHT = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
orientations = st.sampled_from(sorted(UPRIGHT))
fractions = st.floats(0, 1)
points = st.builds(Point, fractions, fractions)


@st.composite
def spans(draw: Any, length: int, shortest: int = 16) -> tuple[int, int]:
    start = draw(st.integers(0, length - shortest))
    return start, draw(st.integers(start + shortest, length))


@st.composite
def edits(draw: Any, orientation: int) -> Edit:
    """Cut at whole pixels of the turned picture."""
    turns = draw(st.integers(0, 3))
    swapped = (orientation >= 5) != bool(turns % 2)
    width, height = (HEIGHT, WIDTH) if swapped else (WIDTH, HEIGHT)
    left, right = draw(spans(width))
    top, bottom = draw(spans(height))
    crop = Rectangle(left / width, top / height, right / width, bottom / height)
    return Edit(turns, draw(st.booleans()), draw(st.none() | st.just(crop)), draw(points))


oriented_edits = orientations.flatmap(lambda orientation: st.tuples(st.just(orientation), edits(orientation)))


@functools.cache
def file(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    small = photographs()["china"].resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return encoded(small, "JPEG", quality=95, exif=exif)


@contextmanager
def desk(content: bytes) -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "source", Path(name) / "out"
        source.write_bytes(content)
        out.mkdir()
        yield source, out


def pixels_of(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def made(orientation: int, edit: Edit, *specs: RenditionSpec) -> list[tuple[Rendition, Pixels]]:
    with desk(file(orientation)) as (source, out):
        return [(each, pixels_of(each.path)) for each in render(source, edit, specs, out).renditions]


def turned_and_mirrored(pixels: Pixels, edit: Edit) -> Pixels:
    turned = np.rot90(pixels, -edit.quarter_turns)
    return turned[:, ::-1] if edit.mirrored else turned


def cut(pixels: Pixels, box: Rectangle) -> Pixels:
    """Cut at the nearest pixels."""
    height, width = pixels.shape[:2]
    rows = slice(round(box.top * height), round(box.bottom * height))
    return pixels[rows, round(box.left * width) : round(box.right * width)]


def resized(pixels: Pixels, box: Rectangle, width: int, height: int) -> Pixels:
    rows, columns = pixels.shape[:2]
    part = (box.left * columns, box.top * rows, box.right * columns, box.bottom * rows)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box=part))


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@settings(max_examples=60)
@given(oriented_edits)
def test_an_edit_does_what_naive_steps_on_the_upright_picture_do(oriented_edit: tuple[int, Edit]) -> None:
    orientation, edit = oriented_edit
    with desk(file(orientation)) as (source, _):
        shown = turned_and_mirrored(UPRIGHT[orientation](pixels_of(source)), edit)

    (_, whole), (square, small) = made(orientation, edit, UNTOUCHED, SQUARE)

    crop = edit.crop or Rectangle(0, 0, 1, 1)
    np.testing.assert_array_equal(whole, cut(shown, crop))
    box = square.box
    assert crop.left <= box.left < box.right <= crop.right
    assert crop.top <= box.top < box.bottom <= crop.bottom
    assert difference(small, resized(shown, box, SQUARE.width, SQUARE.height)) < TOLERANCE


def test_the_tolerance_tells_every_turn_from_every_other() -> None:
    square = UPRIGHT[1](pixels_of_china())[:HEIGHT, :HEIGHT]
    turns = [turned_and_mirrored(square, Edit(turns, mirrored)) for turns in range(4) for mirrored in (False, True)]
    apart = [difference(one, other) for n, one in enumerate(turns) for other in turns[:n]]
    assert min(apart) > 5 * TOLERANCE


def pixels_of_china() -> Pixels:
    with desk(file(1)) as (source, _):
        return pixels_of(source)


def another_quarter(edit: Edit) -> Edit:
    """The edit that shows what `edit` shows, turned clockwise by a quarter."""
    crop, focus = edit.crop, edit.focus
    return replace(
        edit,
        # Mirrored comes last, and what is turned before it seems to turn the other way.
        quarter_turns=(edit.quarter_turns + (-1 if edit.mirrored else 1)) % 4,
        crop=crop and Rectangle(1 - crop.bottom, crop.left, 1 - crop.top, crop.right),
        focus=focus and Point(1 - focus.y, focus.x),
    )


@settings(max_examples=40)
@given(oriented_edits)
def test_turning_picture_crop_and_focus_together_shows_the_same_turned(oriented_edit: tuple[int, Edit]) -> None:
    orientation, edit = oriented_edit
    (_, whole), (_, square) = made(orientation, edit, UNTOUCHED, SQUARE)
    (_, turned_whole), (_, turned_square) = made(orientation, another_quarter(edit), UNTOUCHED, SQUARE)
    np.testing.assert_array_equal(turned_whole, np.rot90(whole, -1))
    assert difference(turned_square, np.rot90(square, -1)) < TOLERANCE


def test_four_quarters_are_none() -> None:
    edit = Edit(1, True, Rectangle(0.25, 0.125, 0.75, 0.5), Point(0.5, 0.25))
    again = functools.reduce(lambda before, _: another_quarter(before), range(4), edit)
    assert again == edit


# Places of several shapes and sizes, as a catalogue has them.
PLACES = (
    RenditionSpec("a.avatar", 80, 80, ("image/jpeg",)),
    RenditionSpec("b.avatar", 200, 200, ("image/jpeg", "image/png"), max_bytes=6_000),
    RenditionSpec("c.banner", 300, 100, ("image/webp",)),
    RenditionSpec("thumbnail.64", 64, 64, ("image/png",), fit=Fit.INSIDE),
)
crops = st.builds(
    lambda left, top, width, height: Rectangle(left, top, left + width * (1 - left), top + height * (1 - top)),
    *[st.floats(0, 0.7)] * 2,
    *[st.floats(0.1, 1)] * 2,
)
any_edits = st.builds(Edit, st.integers(0, 3), st.booleans(), st.none() | crops, st.none() | points)


@functools.cache
def photograph(format: str) -> bytes:
    """Large enough that a JPEG is decoded smaller for small places."""
    return encoded(photographs()["flower"].resize((1280, 854)), format)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@settings(max_examples=8)
@given(tried=st.lists(st.tuples(any_edits, st.sampled_from(PLACES)), min_size=2, max_size=4))
def test_a_preview_is_the_file_that_the_job_makes_whatever_was_tried_before(
    format: str, tried: list[tuple[Edit, RenditionSpec]]
) -> None:
    with desk(photograph(format)) as (source, out):
        previews = []
        for edit, place in tried:
            [previewed] = preview(source, edit, place, out, None, PLACES).renditions
            previews.append((previewed, previewed.path.read_bytes()))
        # After all of them, since a job drops what previews keep.
        for (edit, place), (previewed, content) in zip(tried, previews, strict=True):
            job = render(source, edit, PLACES, out, None, PLACES)
            [made] = [each for each in job.renditions if each.key == place.key]
            assert replace(made, path=previewed.path) == previewed
            assert made.path.read_bytes() == content


def test_a_picture_is_decoded_once_for_previews_that_differ_in_their_cut_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        decoded.append(1)
        return decode(*arguments, **named)

    monkeypatch.setattr(rendering, "decode", counted)
    tried = [Edit(crop=Rectangle(0.1 * n, 0.1, 0.1 * n + 0.4, 0.7)) for n in range(4)]
    with desk(photograph("JPEG")) as (source, out), desk(photograph("JPEG")) as (another, _):
        for edit in tried:
            preview(source, edit, PLACES[0], out)
        assert len(decoded) == 1
        preview(source, replace(tried[0], quarter_turns=1), PLACES[0], out)
        preview(another, tried[0], PLACES[0], out)
        assert len(decoded) == 3
        # A job needs the room.
        render(another, tried[0], PLACES[:1], out)
        preview(another, tried[0], PLACES[0], out)
        assert len(decoded) == 5
        monkeypatch.setattr(rendering, "KEPT_PIXELS", 1000)
        preview(source, tried[0], PLACES[0], out)
        preview(source, tried[0], PLACES[0], out)
        assert len(decoded) == 7
