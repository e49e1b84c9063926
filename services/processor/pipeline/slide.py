"""A frame of fixed size that slides over a picture along one axis, and the search for its cheapest place.

Lengths are in units of the frame: at offset 0 it reaches from 0 to 1 in both directions. It moves by an offset from 0 to
`travel` along one axis; the other axis is called across.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.processor.pipeline.model import Mask, Point, Rectangle, Zone, ZoneKind

Values = NDArray[np.float64]
# A part of the frame: start and end along, start and end across.
Window = tuple[float, float, float, float]

# Places tried: this many steps over the whole travel, and as many smaller ones around the best.
_STEPS = 40


class Boxes(NamedTuple):
    """Rectangles where they lie when the frame is at offset 0; each field a number for every one."""

    start: Values
    end: Values
    across_start: Values
    across_end: Values

    @property
    def areas(self) -> Values:
        """In areas of the frame."""
        areas: Values = (self.end - self.start) * (self.across_end - self.across_start)
        return areas

    def seen(self, offsets: Values, window: Window = (0, 1, 0, 1)) -> Values:
        """Returns the part of each (column) that is in the window of the frame at each offset (row), 0 to 1."""
        start, end, across_start, across_end = window
        moved = offsets[:, None]
        along = np.minimum(self.end - moved, end) - np.maximum(self.start - moved, start)
        across = np.minimum(self.across_end, across_end) - np.maximum(self.across_start, across_start)
        seen: Values = np.clip(along, 0, None) * np.clip(across, 0, None) / self.areas
        return seen

    def seeable(self, travel: float) -> Values:
        """Returns the largest part of each that the frame can show at any offset, more than 0 to 1."""
        within = np.minimum(np.minimum(self.end, 1 + travel) - np.maximum(self.start, 0), 1)
        across = np.minimum(self.across_end, 1) - np.maximum(self.across_start, 0)
        seeable: Values = within * across / self.areas
        return seeable


@dataclass(frozen=True)
class Slide:
    """A frame and the way that it can go."""

    # The frame at offset 0, in fractions of the picture.
    start: Rectangle
    vertical: bool
    travel: float
    mask: Mask = Mask.NONE
    zones: tuple[Zone, ...] = ()

    def boxes(self, faces: Iterable[Rectangle]) -> Boxes:
        """Returns places of the picture in units of the frame."""
        left, top, right, bottom = np.array([(face.left, face.top, face.right, face.bottom) for face in faces]).T
        width, height = self.start.right - self.start.left, self.start.bottom - self.start.top
        x = (left - self.start.left) / width, (right - self.start.left) / width
        y = (top - self.start.top) / height, (bottom - self.start.top) / height
        return Boxes(*y, *x) if self.vertical else Boxes(*x, *y)

    def point(self, place: Point) -> tuple[float, float]:
        """Returns a place of the picture, along and across."""
        x = (place.x - self.start.left) / (self.start.right - self.start.left)
        y = (place.y - self.start.top) / (self.start.bottom - self.start.top)
        return (y, x) if self.vertical else (x, y)

    def windows(self, kind: ZoneKind) -> list[Window]:
        """Returns the zones of one kind; they move with the frame."""
        boxes = [zone.box for zone in self.zones if zone.kind is kind]
        if self.vertical:
            return [(box.top, box.bottom, box.left, box.right) for box in boxes]
        return [(box.left, box.right, box.top, box.bottom) for box in boxes]

    def cheapest(self, cost: Callable[[Values], Values], also: Iterable[float] = ()) -> float:
        """Returns the offset that costs least, of several the one nearest to the middle. `also` are offsets worth a try."""
        tried = np.array([*np.linspace(0, self.travel, _STEPS + 1), *also]).clip(0, self.travel)
        best = self._least(cost(tried), tried)
        step = self.travel / _STEPS
        around = np.array([best, *np.linspace(best - step, best + step, _STEPS + 1)]).clip(0, self.travel)
        return self._least(cost(around), around)

    def _least(self, costs: Values, offsets: Values) -> float:
        # Costs that only rounding tells apart are the same.
        order = np.lexsort((offsets, np.abs(offsets - self.travel / 2), costs.round(9)))
        return float(offsets[order[0]])
