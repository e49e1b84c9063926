"""Makes every version of one picture, or a preview of one: the entries, to be run in a picture worker."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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

# A larger picture is decoded anew for each preview: 3 or 4 bytes a pixel, and a third more for its halves and quarters,
# are what a worker keeps beside what the next job takes. A job drops it first.
KEPT_PIXELS = 25_000_000


def render(
    source: Path,
    edit: Edit,
    specs: Sequence[RenditionSpec],
    out_dir: Path,
    limits: PictureLimits | None = None,
    beside: Sequence[RenditionSpec] = (),
) -> RenderResult:
    """Makes all versions of the picture file and writes them to `out_dir`. The same input gives the same bytes.

    `beside` are versions that are made with this edit another time, or might be: the picture is decoded as large as for
    all of them, so that a version has the same bytes whichever others it is made with.
    Raises PictureRefused if the file is not an accepted picture. A version that cannot be made does not stop the others.
    """
    _KEPT.drop()
    return _versions(_opened(source, edit, (*specs, *beside), limits), edit, specs, out_dir)


def preview(
    source: Path,
    edit: Edit,
    spec: RenditionSpec,
    out_dir: Path,
    limits: PictureLimits | None = None,
    beside: Sequence[RenditionSpec] = (),
) -> RenderResult:
    """Makes one version as `render` does, byte for byte, for somebody who tries one edit after the other on a picture.

    What was decoded and seen is kept for the next one, which then takes a fraction of the time; so a file of another
    picture has to have another name.
    """
    return _versions(_opened(source, edit, (spec, *beside), limits, _KEPT), edit, [spec], out_dir)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A picture that was decoded, turned and looked at. The only hold on the decoded pixels is the pyramid's."""

    info: PictureInfo
    # Pixels of the turned picture, however small it was decoded.
    width: int
    height: int
    pyramid: Pyramid
    was_converted: bool
    look: Look


class _Kept:
    """The picture that was opened last, if it is worth its memory; one a process."""

    def __init__(self) -> None:
        self._key: object = None
        self._opened: _Opened | None = None

    def of(self, key: object) -> _Opened | None:
        """Returns the picture that was kept under the key. Any other is dropped, to make room for this one."""
        if key != self._key:
            self.drop()
        return self._opened

    def keep(self, key: object, opened: _Opened) -> None:
        if opened.pyramid.pixels <= KEPT_PIXELS:
            self._key, self._opened = key, opened

    def drop(self) -> None:
        self._key = self._opened = None


_KEPT = _Kept()


def _opened(
    source: Path, edit: Edit, specs: Sequence[RenditionSpec], limits: PictureLimits | None, memory: _Kept | None = None
) -> _Opened:
    """For the picture, once: probe, decode, turn, and look."""
    info = probe(source, limits or PictureLimits())
    width, height = turned_size(info.width, info.height, edit)
    # What is seen moves a frame and never shrinks it, so the pixels needed are known before looking.
    unseen = [choose_frame(spec, width, height, edit, Look()) for spec in specs]
    scale = DECODE_HEADROOM * max((frame.scale for frame in unseen), default=1)
    # All that the pixels depend on.
    key = source, edit.quarter_turns, edit.mirrored, _reduction(info, scale)
    if memory is not None and (before := memory.of(key)) is not None:
        return before
    pyramid, was_converted = _pyramid(source, info, edit, scale)
    opened = _Opened(info, width, height, pyramid, was_converted, look_at(pyramid.inside(PREVIEW_SIDE)))
    if memory is not None:
        memory.keep(key, opened)
    return opened


def _pyramid(source: Path, info: PictureInfo, edit: Edit, scale: float) -> tuple[Pyramid, bool]:
    """Decodes and turns the picture; tells as well whether colours were converted."""
    decoded = decode(source, info, scale=scale)
    return Pyramid(turned(decoded.image, edit)), decoded.was_converted


def _reduction(info: PictureInfo, scale: float) -> int:
    """Returns how many times smaller a JPEG is decoded for a scale: 1, 2, 4 or 8, as Pillow chooses."""
    spare = min(side // max(1, int(side * min(scale, 1))) for side in (info.width, info.height))
    return next(times for times in (8, 4, 2, 1) if spare >= times)


def _versions(opened: _Opened, edit: Edit, specs: Sequence[RenditionSpec], out_dir: Path) -> RenderResult:
    """For each part and size that places show: frame, and cut; for each recipe: flatten, encode, and describe."""
    looks = Looks(opened.pyramid, edit.background)
    about_picture = picture_notes(opened.info, was_converted=opened.was_converted)
    recipes = [recipe_version(spec) for spec in specs]
    frames = [choose_frame(spec, opened.width, opened.height, edit, opened.look) for spec in specs]
    made: dict[str, Rendition | RenditionFailure] = {}
    for frame, same_pixels in _by_frame(frames, recipes, specs).items():
        cut = Cut(opened.pyramid.cut(frame.box, frame.width, frame.height), edit.background)
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
        opened.look,
    )


def _by_frame(
    frames: Sequence[Frame], recipes: Sequence[str], specs: Sequence[RenditionSpec]
) -> dict[Frame, dict[str, RenditionSpec]]:
    """Puts the recipes together that show the same pixels, each recipe once."""
    grouped: dict[Frame, dict[str, RenditionSpec]] = {}
    for frame, recipe, spec in zip(frames, recipes, specs, strict=True):
        grouped.setdefault(frame, {}).setdefault(recipe, spec)
    return grouped
