"""Makes every version of one picture: the single entry, to be run in a picture worker."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from servicekit.pictures.decode import decode
from servicekit.pictures.model import PictureInfo, PictureLimits
from servicekit.pictures.probe import probe
from services.processor.pipeline.describe import Looks, describe
from services.processor.pipeline.encode import ByteLimitUnreachableError
from services.processor.pipeline.formats import Cut, choose_file
from services.processor.pipeline.frame import Frame, choose_frame
from services.processor.pipeline.look import PREVIEW_SIDE, look_at
from services.processor.pipeline.model import (
    Edit,
    Look,
    RenderResult,
    Rendition,
    RenditionFailure,
    RenditionSpec,
    recipe_version,
)
from services.processor.pipeline.notes import picture_notes, size_notes, unreachable
from services.processor.pipeline.resample import DECODE_HEADROOM, Pyramid
from services.processor.pipeline.turn import turned, turned_size


def render(
    source: Path, edit: Edit, specs: Sequence[RenditionSpec], out_dir: Path, limits: PictureLimits | None = None
) -> RenderResult:
    """Makes all versions of the picture file and writes them to `out_dir`. The same input gives the same bytes.

    Raises PictureRefused if the file is not an accepted picture. A version that cannot be made does not stop the others.
    """
    # For the picture, once: probe, decode, turn, and look.
    info = probe(source, limits or PictureLimits())
    width, height = turned_size(info.width, info.height, edit)
    # What is seen moves a frame and never shrinks it, so the pixels needed are known before looking.
    unseen = [choose_frame(spec, width, height, edit, Look()) for spec in specs]
    pyramid, was_converted = _pyramid(source, info, edit, max((frame.scale for frame in unseen), default=1))
    look = look_at(pyramid.inside(PREVIEW_SIDE))
    looks = Looks(pyramid, edit.background)
    about_picture = picture_notes(info, was_converted=was_converted)

    # For each part and size that places show: frame, and cut; for each recipe: flatten, encode, and describe.
    recipes = [recipe_version(spec) for spec in specs]
    frames = [choose_frame(spec, width, height, edit, look) for spec in specs]
    made: dict[str, Rendition | RenditionFailure] = {}
    for frame, same_pixels in _by_frame(frames, recipes, specs).items():
        cut = Cut(pyramid.cut(frame.box, frame.width, frame.height), edit.background)
        for recipe, spec in same_pixels.items():
            try:
                chosen = choose_file(cut, spec)
            except ByteLimitUnreachableError as error:
                message = unreachable(spec, error.fewest)
                made[recipe] = RenditionFailure(spec.key, "BYTE_LIMIT_UNREACHABLE", message)
            else:
                notes = (*size_notes(frame), *chosen.notes, *about_picture)
                made[recipe] = describe(spec, recipe, frame, chosen, looks, notes, out_dir)

    outcomes = [replace(made[recipe], key=spec.key) for recipe, spec in zip(recipes, specs, strict=True)]
    return RenderResult(
        tuple(outcome for outcome in outcomes if isinstance(outcome, Rendition)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, RenditionFailure)),
        look,
    )


def _pyramid(source: Path, info: PictureInfo, edit: Edit, scale: float) -> tuple[Pyramid, bool]:
    """Decodes and turns the picture; tells as well whether colours were converted.

    The only hold on the decoded pixels is the pyramid's.
    """
    decoded = decode(source, info, scale=DECODE_HEADROOM * scale)
    return Pyramid(turned(decoded.image, edit)), decoded.was_converted


def _by_frame(
    frames: Sequence[Frame], recipes: Sequence[str], specs: Sequence[RenditionSpec]
) -> dict[Frame, dict[str, RenditionSpec]]:
    """Puts the recipes together that show the same pixels, each recipe once."""
    grouped: dict[Frame, dict[str, RenditionSpec]] = {}
    for frame, recipe, spec in zip(frames, recipes, specs, strict=True):
        grouped.setdefault(frame, {}).setdefault(recipe, spec)
    return grouped
