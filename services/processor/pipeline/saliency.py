"""Tells where a picture without faces has something to look at: a small map, made in a millisecond or two.

What differs from the picture's rim, from its surroundings, or has the colour of skin counts. What is alike over a large
part does not, be it sky, a white background or grass.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.processor.pipeline.model import Saliency

# Cells along the longer side, whatever the size of the preview, so that frames do not depend on it.
CELLS = 48
# Pixels along a cell's side: edges are found in these before averaging hides them.
_FINE = 4
# The part of the picture's area that can be striking; faint differences all over would pull every frame to the middle.
_STRIKING_PART = 0.3
# The weight that this part of the cells stays under is what striking means in this picture.
_PLAINLY = 0.95
# Each side of the rim is this many stretches of background: a sky and a shore can meet it in the same picture.
_STRETCHES = 4
# Differences on scales of 0 to 255: at `_NOISE` a colour begins to differ, at `_PLAIN` it plainly does.
_NOISE, _PLAIN = 16.0, 112.0
# The same for edges, as the mean step from pixel to pixel.
_EDGE_NOISE, _EDGE_PLAIN = 2.0, 26.0
_SKIN = 0.25
# What is opaque in a picture that is transparent elsewhere was cut out by hand.
_CUT_OUT = 0.6
# Under this nothing stands out. A plain colour has 0, a photograph of anything 0.3 and more.
_PEAK_MIN = 0.05

_Map = NDArray[np.float32]


def find_saliency(preview: Image.Image) -> Saliency | None:
    """Returns what stands out in an RGB or RGBA picture, or None where nothing does."""
    longer = max(preview.size)
    columns, rows = (max(1, round(side * CELLS / longer)) for side in preview.size)
    opacity = _opacity(preview, columns, rows)
    if opacity is not None:
        # On grey, white and black marks are both seen.
        preview = Image.alpha_composite(Image.new("RGBA", preview.size, "grey"), preview)
    fine = preview.convert("RGB").resize((columns * _FINE, rows * _FINE), Image.Resampling.BILINEAR)
    cells = np.asarray(fine.reduce(_FINE), dtype=np.float32)
    colours = _opponent(cells)
    weights = _unlike_the_rim(colours) + _unlike_around(colours) + _edges(fine.convert("L")) + _SKIN * _skin(cells)
    if opacity is not None:
        weights = (weights + _CUT_OUT) * opacity
    usual, plain = np.quantile(weights, (1 - _STRIKING_PART, _PLAINLY))
    # A large thing must not be left with its outlines only because it is more than the striking part.
    weights = np.maximum(weights - min(usual, plain / 2), 0)
    peak = float(weights.max())
    if peak < _PEAK_MIN:
        return None
    return Saliency(columns, rows, np.round(weights * (255 / peak)).astype(np.uint8).tobytes())


def _opacity(preview: Image.Image, columns: int, rows: int) -> _Map | None:
    """Returns the opacity of each cell, 0 to 1, or None where all is opaque."""
    if preview.mode != "RGBA" or preview.getchannel("A").getextrema() == (255, 255):
        return None
    alpha = preview.getchannel("A").resize((columns, rows), Image.Resampling.BOX)
    opacity: _Map = np.asarray(alpha, dtype=np.float32) / np.float32(255)
    return opacity


def _opponent(cells: _Map) -> _Map:
    """Colours as lightness and two opponent colours, so that a shadow differs less than another paint does."""
    red, green, blue = cells[..., 0], cells[..., 1], cells[..., 2]
    return np.stack((0.7 * (red + green + blue) / 3, red - green, (red + green) / 2 - blue), axis=-1)


def _unlike_the_rim(colours: _Map) -> _Map:
    """How far each cell's colour is from every colour that the picture's sides have, 0 to 1."""
    sides = (colours[0], colours[-1], colours[:, 0], colours[:, -1])
    stretches = (stretch for side in sides for stretch in np.array_split(side, _STRETCHES) if len(stretch))
    rim = [stretch.mean(axis=0) for stretch in stretches]
    squares = np.min([((colours - colour) ** 2).sum(axis=-1) for colour in rim], axis=0)
    return _graded(np.sqrt(squares), _NOISE, _PLAIN)


def _unlike_around(colours: _Map) -> _Map:
    """How far each cell's colour is from that of its surroundings, 0 to 1."""
    around = np.stack([_surroundings(colours[..., channel]) for channel in range(3)], axis=-1)
    return _graded(np.linalg.norm(colours - around, axis=-1), _NOISE, _PLAIN)


def _edges(fine: Image.Image) -> _Map:
    """How much finer each cell is drawn than its surroundings, 0 to 1."""
    light = np.asarray(fine, dtype=np.float32)
    steps = np.zeros_like(light)
    steps[1:] += np.abs(light[1:] - light[:-1])
    steps[:, 1:] += np.abs(light[:, 1:] - light[:, :-1])
    rows, columns = light.shape[0] // _FINE, light.shape[1] // _FINE
    density = steps.reshape(rows, _FINE, columns, _FINE).mean(axis=(1, 3))
    return _graded(density - 0.7 * _surroundings(density), _EDGE_NOISE, _EDGE_PLAIN)


def _surroundings(cells: _Map) -> _Map:
    """The mean over the third of the picture around each cell."""
    rows, columns = cells.shape
    sums = np.pad(cells.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    top, bottom = _window(rows)
    left, right = _window(columns)
    inside = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    mean: _Map = inside / np.outer(bottom - top, right - left)
    return mean


def _window(length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    at, reach = np.arange(length), max(1, length // 6)
    return np.maximum(at - reach, 0), np.minimum(at + reach + 1, length)


def _skin(cells: _Map) -> _Map:
    """1 where a cell may be skin: redder than green and greener than blue, by as much as skin in most lights."""
    red, green, blue = cells[..., 0], cells[..., 1], cells[..., 2]
    ratio = (red + 1) / (green + 1)
    likely = (red > 60) & (green > blue) & (ratio > 1.1) & (ratio < 1.9) & (red - blue > 15) & (red - blue < 140)
    return likely.astype(np.float32)


def _graded(values: _Map, low: float, high: float) -> _Map:
    graded: _Map = np.clip((values - low) / (high - low), 0, 1)
    return graded
