"""Chooses which part of the picture a version shows, and how many pixels it gets."""

from dataclasses import dataclass

from services.processor.pipeline.model import WHOLE, Edit, Fit, FrameReason, Look, Point, Rectangle, RenditionSpec


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


def choose_frame(spec: RenditionSpec, width: int, height: int, edit: Edit, look: Look) -> Frame:  # noqa: ARG001  # the look
    """Frames a picture of `width` × `height`, turned and mirrored already.

    What was seen moves the frame and never shrinks it: its size, and so the pixels needed, are known before looking.
    """
    if spec.fit is Fit.COVER:
        box, reason = choose_box(width, height, spec.width / spec.height, edit)
        size = spec.width, spec.height
    else:
        box, reason = edit.crop or WHOLE, FrameReason.CROP if edit.crop else FrameReason.WHOLE
        shown_width, shown_height = _pixels(box, width, height)
        scale = min(spec.width / shown_width, spec.height / shown_height, 1)
        size = max(1, round(shown_width * scale)), max(1, round(shown_height * scale))
    return Frame(box, reason, *size, *_pixels(box, width, height))


def choose_box(width: int, height: int, ratio: float, edit: Edit) -> tuple[Rectangle, FrameReason]:
    """Returns the largest part of the shape `ratio` (width by height) inside the owner's crop, or the whole picture.

    Where the shape leaves a choice, the part lies around the focus, else in the middle.
    """
    crop = edit.crop or WHOLE
    crop_width, crop_height = _pixels(crop, width, height)
    box_width = min(crop_width, crop_height * ratio) / width
    box_height = min(crop_height, crop_width / ratio) / height
    focus = edit.focus or Point((crop.left + crop.right) / 2, (crop.top + crop.bottom) / 2)
    left, right = _span(focus.x, box_width, crop.left, crop.right)
    top, bottom = _span(focus.y, box_height, crop.top, crop.bottom)
    return Rectangle(left, top, right, bottom), FrameReason.FOCUS if edit.focus else FrameReason.CENTRE


def _pixels(box: Rectangle, width: int, height: int) -> tuple[float, float]:
    return (box.right - box.left) * width, (box.bottom - box.top) * height


def _span(middle: float, length: float, low: float, high: float) -> tuple[float, float]:
    """Lays a span around `middle`, moved as far as needed to stay between `low` and `high`."""
    start = min(max(middle - length / 2, low), high - length)
    # Rounding must not lay it outside.
    return max(start, low), min(start + length, high)
