"""Finds the best place for a frame of fixed size that slides over a picture, by what each place would cost.

Lengths are in units of the frame, as `slide` explains.
"""

from functools import cache, lru_cache

import numpy as np

from services.processor.pipeline.model import FrameReason, Look, Mask, Point, Rectangle, Saliency, ZoneKind
from services.processor.pipeline.slide import Boxes, Slide, Values, Window

# Places where one of these many faces just fits are tried too; more would cost more than they could gain.
_FITTED = 4

# What a detector's box (brow to chin, cheek to cheek) must grow by to hold the head, in parts of its height and width,
# and where in it the eyes lie: measured on 29 faces.
_HAIR, _CHIN, _EARS = 0.35, 0.10, 0.2
_EYES = 0.39
# Somebody whose face is smaller than this part of the largest, by area, stands in the background.
_BACKGROUND = 0.15
# Where eyes lie best, from the top: in a close portrait, and where more of the person is seen.
_EYES_CLOSE, _EYES_FAR = 0.43, 0.36
# Heights of a face, as part of the frame's, that make the one and the other.
_CLOSE, _FAR = 0.35, 0.10
# The outline of a head is held against a circle at these angles.
_OUTLINE = np.linspace(0, 2 * np.pi, 12, endpoint=False)
# For reaching out by a part of the radius, on average over the outline; all is lost at 1.
_EXCESS = 4
# A place with rounded corners shows circles in some apps.
_ROUND = (Mask.CIRCLE, Mask.ROUNDED)
# What a focus stands for reaches this far around it.
_AROUND_FOCUS = 0.05
# A square that stands for what a circle shows.
_IN_CIRCLE = (0.1, 0.9, 0.1, 0.9)

# Prices. Losing all that matters costs 1.
_COVERED = 0.9
_OUT_OF_CIRCLE = 0.9
# Lost on some devices only.
_OUT_OF_KEEP = 0.45
_HAIR_LOST = 0.35
# Half a face is worse than none.
_HALVED = 0.6
# One face alone is never cut, whatever else it costs.
_ALONE = 100
# By the square of the distance: what lies nearly right lies right.
_OFF_BALANCE = 0.6
# The same for things that stand out, of which one side may have more.
_TILTED = 0.3
# Of what stands out, the top row counts by this part more than the middle one, and the bottom row by as much less.
_TOP_COUNTS = 0.35
# For what lies this near to an edge of the frame, on both sides of it.
_CUT_THROUGH = 0.8
_EDGE = 0.05
# What must be gained to leave the middle.
_WORTH_LEAVING = 0.03


# Avatars of most platforms have one shape, and so the same best place.
@lru_cache(maxsize=32)
def place(slide: Slide, focus: Point | None, look: Look) -> tuple[float, FrameReason]:
    """Returns the best offset, and what decided: the focus, else faces, else what stands out, else nothing: the middle."""
    if focus is not None:
        return _around_focus(slide, focus), FrameReason.FOCUS
    faces = _worth_framing(slide, look.faces)
    if faces is not None:
        return _around_faces(slide, faces), FrameReason.FACES
    if look.saliency is not None:
        offset = _around_salient(slide, look.saliency)
        if offset is not None:
            return offset, FrameReason.SALIENCY
    return slide.travel / 2, FrameReason.CENTRE


def _around_focus(slide: Slide, focus: Point) -> float:
    along, across = slide.point(focus)
    middle = min(max(along - 0.5, 0), slide.travel)
    if not slide.zones:
        return middle
    # With a part of its surroundings, so that it does not come to lie on the rim of a zone.
    reach = _AROUND_FOCUS
    around = Boxes(*(np.array([edge]) for edge in (along - reach, along + reach, across - reach, across + reach)))

    def cost(offsets: Values) -> Values:
        off = along - offsets - 0.5
        outside = np.clip(np.abs(off) - 0.5, 0, None)
        costs: Values = _hidden(slide, around, offsets)[:, 0] + _OFF_BALANCE * off**2 + _ALONE * outside
        return costs

    fitting = [middle, *_fitting(slide, around), min(max(along, 0), slide.travel), min(max(along - 1, 0), slide.travel)]
    return slide.cheapest(cost, fitting)


def _worth_framing(slide: Slide, faces: tuple[Rectangle, ...]) -> Boxes | None:
    """Returns the faces that the frame can reach, without those far behind; None if there is none."""
    if not faces:
        return None
    boxes = slide.boxes(faces)
    along, across = (boxes.start + boxes.end) / 2, (boxes.across_start + boxes.across_end) / 2
    reached = (along > 0) & (along < 1 + slide.travel) & (across > 0) & (across < 1)
    if not reached.any():
        return None
    # Those far behind would pull the frame off the people whom it is about.
    reached &= boxes.areas > _BACKGROUND * boxes.areas[reached].max()
    return Boxes(*(edge[reached] for edge in boxes))


def _around_faces(slide: Slide, faces: Boxes) -> float:
    heads = _heads(faces, vertical=slide.vertical)
    shares = faces.areas / faces.areas.sum()
    lost_price = _ALONE if len(shares) == 1 else 1
    seeable = faces.seeable(slide.travel)

    def cost(offsets: Values) -> Values:
        # A face that is larger than the frame is not cut by being shown as far as it can be.
        seen = faces.seen(offsets) / seeable
        costs = lost_price * _loss(seen) + _HAIR_LOST * (1 - heads.seen(offsets)) + _hidden(slide, faces, offsets)
        if slide.mask in _ROUND:
            costs += _OUT_OF_CIRCLE * _out_of_circle(heads, offsets)
        total: Values = costs @ shares + _OFF_BALANCE * _off_balance(slide, faces, shares * seen, offsets) ** 2
        return total

    return slide.cheapest(cost, [*_fitting(slide, faces), *_fitting(slide, heads)])


def _heads(faces: Boxes, *, vertical: bool) -> Boxes:
    length, breadth = faces.end - faces.start, faces.across_end - faces.across_start
    if vertical:
        return Boxes(
            faces.start - _HAIR * length,
            faces.end + _CHIN * length,
            faces.across_start - _EARS * breadth,
            faces.across_end + _EARS * breadth,
        )
    return Boxes(
        faces.start - _EARS * length,
        faces.end + _EARS * length,
        faces.across_start - _HAIR * breadth,
        faces.across_end + _CHIN * breadth,
    )


def _loss(seen: Values) -> Values:
    """The price of seeing only a part, from 0 for all of it, over more than 1 for half, to 1 for nothing."""
    loss: Values = 1 - seen + _HALVED * 4 * seen * (1 - seen)
    return loss


def _hidden(slide: Slide, boxes: Boxes, offsets: Values) -> Values:
    """The price of lying in zones that are covered, and of not lying in those that are seen everywhere."""
    # The first half that is hidden spoils more than the second.
    hidden = np.zeros((len(offsets), len(boxes.start)))
    for window in slide.windows(ZoneKind.COVERED):
        # Devices cover different parts, and a viewer has one device.
        hidden = np.maximum(hidden, _COVERED * (1 - (1 - boxes.seen(offsets, window)) ** 2))
    for window in slide.windows(ZoneKind.KEEP):
        hidden = np.maximum(hidden, _OUT_OF_KEEP * (1 - boxes.seen(offsets, window) ** 2))
    return hidden


def _out_of_circle(heads: Boxes, offsets: Values) -> Values:
    """How far the outlines of heads reach out of the circle that touches the frame's edges, 0 to 1."""
    middle, radius = (heads.start + heads.end) / 2, (heads.end - heads.start) / 2
    middle_across, radius_across = (
        (heads.across_start + heads.across_end) / 2,
        (heads.across_end - heads.across_start) / 2,
    )
    along = (middle - offsets[:, None])[..., None] + radius[:, None] * np.cos(_OUTLINE) - 0.5
    across = middle_across[:, None] + radius_across[:, None] * np.sin(_OUTLINE) - 0.5
    excess = np.sqrt(along**2 + across**2) * 2 - 1
    # By how far, not only how much of them: a head too large for the circle is cut alike on both sides.
    out: Values = np.minimum(_EXCESS * np.clip(excess, 0, None).mean(axis=-1), 1)
    return out


def _off_balance(slide: Slide, faces: Boxes, shares: Values, offsets: Values) -> Values:
    """How far the faces that are seen lie from where they look best; `shares` is how much each counts at each offset."""
    if slide.vertical:
        lines = faces.start + _EYES * (faces.end - faces.start)
        height = float((faces.end - faces.start).max())
        best = float(np.interp(height, (_FAR, _CLOSE), (_EYES_FAR, _EYES_CLOSE)))
    else:
        lines, best = (faces.start + faces.end) / 2, 0.5
    mean = (shares @ lines) / np.maximum(shares.sum(axis=1), 1e-9)
    # The middle between the outermost, too: equal margins matter as much as where most of them are.
    counts = shares > 0.5 * shares.max(axis=0)
    first = np.where(counts, lines, lines.max()).min(axis=1)
    last = np.where(counts, lines, lines.min()).max(axis=1)
    off: Values = np.where(counts.any(axis=1), (mean + (first + last) / 2) / 2 - offsets - best, 1)
    return off


def _around_salient(slide: Slide, saliency: Saliency) -> float | None:
    """Returns the offset that keeps most of what stands out; None if the middle is about as good."""
    weights = np.frombuffer(saliency.weights, dtype=np.uint8).reshape(saliency.rows, saliency.columns).astype(float)
    x, y = np.linspace(0, 1, saliency.columns + 1), np.linspace(0, 1, saliency.rows + 1)
    x = (x - slide.start.left) / (slide.start.right - slide.start.left)
    y = (y - slide.start.top) / (slide.start.bottom - slide.start.top)
    along, across = (y, x) if slide.vertical else (x, y)
    if slide.vertical:
        # People, animals and buildings carry what makes them known at the top.
        weights *= np.linspace(1 + _TOP_COUNTS, 1 - _TOP_COUNTS, len(weights))[:, None]
    else:
        weights = weights.T

    widths = np.diff(across)

    @cache
    def sums_within(across_start: float, across_end: float) -> Values:
        """The mass of the lines up to each place along, as far as they lie between two places across."""
        overlap = np.minimum(across[1:], across_end) - np.maximum(across[:-1], across_start)
        return np.concatenate(([0.0], (weights @ (np.maximum(overlap, 0) / widths)).cumsum()))

    def mass(offsets: Values, window: Window) -> Values:
        start, end, across_start, across_end = window
        sums = sums_within(across_start, across_end)
        summed: Values = np.interp(end + offsets, along, sums) - np.interp(start + offsets, along, sums)
        return summed

    def edge(offsets: Values, at: int) -> Values:
        # What lies on both sides of the frame's edge is cut through; what ends there is not.
        return np.minimum(mass(offsets, (at - _EDGE, at, 0, 1)), mass(offsets, (at, at + _EDGE, 0, 1)))

    total = float(mass(np.zeros(1), (0, 1 + slide.travel, 0, 1))[0])
    if total <= 0:
        return None

    def cost(offsets: Values) -> Values:
        seen = mass(offsets, (0, 1, 0, 1)) / total
        costs = 1 - seen
        for window in slide.windows(ZoneKind.COVERED):
            costs = costs + _COVERED * mass(offsets, window) / total
        for window in slide.windows(ZoneKind.KEEP):
            costs = costs + _OUT_OF_KEEP * (seen - mass(offsets, window) / total)
        if slide.mask in _ROUND:
            costs = costs + _OUT_OF_KEEP * (seen - mass(offsets, _IN_CIRCLE) / total)
        costs = costs + _CUT_THROUGH * (edge(offsets, 0) + edge(offsets, 1)) / total
        # Of what is seen, as much on one side of the middle as on the other.
        tilt = (mass(offsets, (0, 0.5, 0, 1)) - mass(offsets, (0.5, 1, 0, 1))) / total
        return costs + _TILTED * tilt**2

    middle = slide.travel / 2
    best = slide.cheapest(cost)
    before, after = cost(np.array([middle, best]))
    return best if before - after > _WORTH_LEAVING else None


def _fitting(slide: Slide, boxes: Boxes) -> list[float]:
    """Returns the offsets at which a box just lies inside the frame or a keep zone, or just beside a covered zone."""
    starts, ends = boxes.start[:_FITTED], boxes.end[:_FITTED]
    offsets = [starts, ends - 1]
    for start, end, _, _ in slide.windows(ZoneKind.KEEP):
        offsets += [starts - start, ends - end]
    for start, end, _, _ in slide.windows(ZoneKind.COVERED):
        offsets += [starts - end, ends - start]
    return list(np.concatenate(offsets).clip(0, slide.travel))
