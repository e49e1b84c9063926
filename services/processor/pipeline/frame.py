"""Chooses which part of the picture a version shows, and how many pixels it gets."""

from dataclasses import dataclass

from services.processor.pipeline.model import (
    WHOLE,
    Edit,
    Fit,
    FrameReason,
    Look,
    Mask,
    Rectangle,
    RenditionSpec,
    Zone,
)
from services.processor.pipeline.placement import place
from services.processor.pipeline.slide import Slide

# A frame that could move by no more than this part of itself shows all: a crop is drawn with a mouse, and pixels are whole.
_SAME_SHAPE = 0.005


@dataclass(frozen=True, slots=True)
class Frame:
    """The part that is shown, and its size as rendition."""

    box: Rectangle
    reason: FrameReason
    # Pixels of the rendition.
    width: int
    height: int
    # Pixels of the original that are in the box.
    source_width: float
    source_height: float

    @property
    def scale(self) -> float:
        """Pixels of the rendition per pixel of the original; the larger of both directions."""
        return max(self.width / self.source_width, self.height / self.source_height)


def choose_frame(spec: RenditionSpec, width: int, height: int, edit: Edit, look: Look) -> Frame:
    """Frames a picture of `width` × `height`, turned and mirrored already.

    What was seen moves the frame and never shrinks it: its size, and so the pixels needed, are known before looking.
    """
    if spec.fit is Fit.COVER:
        box, reason = choose_box(width, height, spec.width / spec.height, edit, look, mask=spec.mask, zones=spec.zones)
        size = spec.width, spec.height
    else:
        box = edit.crop or WHOLE
        reason = _all_of(box)
        shown_width, shown_height = _pixels(box, width, height)
        scale = min(spec.width / shown_width, spec.height / shown_height, 1)
        size = max(1, round(shown_width * scale)), max(1, round(shown_height * scale))
    return Frame(box, reason, *size, *_pixels(box, width, height))


def choose_box(
    width: int,
    height: int,
    ratio: float,
    edit: Edit,
    look: Look | None = None,
    *,
    mask: Mask = Mask.NONE,
    zones: tuple[Zone, ...] = (),
) -> tuple[Rectangle, FrameReason]:
    """Returns the largest part of the shape `ratio` (width by height) inside the owner's crop, or the whole picture.

    Where the shape leaves a choice, the part lies around the focus, else around faces, else around what stands out, else
    in the middle, as `placement.place` decides.
    """
    crop = edit.crop or WHOLE
    crop_width, crop_height = _pixels(crop, width, height)
    box_width = min(crop_width, crop_height * ratio) / width
    box_height = min(crop_height, crop_width / ratio) / height
    spare_x, spare_y = crop.right - crop.left - box_width, crop.bottom - crop.top - box_height
    vertical = spare_y * height > spare_x * width
    length, spare = (box_height, spare_y) if vertical else (box_width, spare_x)
    start = Rectangle(
        crop.left, crop.top, min(crop.left + box_width, crop.right), min(crop.top + box_height, crop.bottom)
    )
    slide = Slide(start, vertical, max(spare, 0) / length, mask, zones)
    offset, reason = place(slide, edit.focus, look or Look())
    moved = offset * length
    left, right = _span(crop.left + (0 if vertical else moved), box_width, crop.left, crop.right)
    top, bottom = _span(crop.top + (moved if vertical else 0), box_height, crop.top, crop.bottom)
    box = Rectangle(left, top, right, bottom)
    return box, reason if slide.travel > _SAME_SHAPE else _all_of(crop)


def _all_of(crop: Rectangle) -> FrameReason:
    return FrameReason.WHOLE if crop == WHOLE else FrameReason.CROP


def _pixels(box: Rectangle, width: int, height: int) -> tuple[float, float]:
    return (box.right - box.left) * width, (box.bottom - box.top) * height


def _span(start: float, length: float, low: float, high: float) -> tuple[float, float]:
    """Lays a span at `start`, moved by as much as rounding needs to stay between `low` and `high`."""
    start = max(min(start, high - length), low)
    return start, min(start + length, high)
