"""Draws what stands for an avatar that is not there: a silhouette, nothing at all, or a pattern made from a name."""

import colorsys
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from services.upload.domain.avatars import StandIn

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

# Of the WCAG for what is not text is 3; a little more, since these are shown small.
CONTRAST = 3.5
LIGHT: Colour = (240, 242, 245)
DARK: Colour = (24, 27, 33)
_SILHOUETTE_GROUND: Colour = (198, 203, 211)
_SILHOUETTE: Colour = (255, 255, 255)
# Patterns with fewer or more cells than this look like nothing, or like a square.
_FEWEST, _MOST = 0.3, 0.7
# What is drawn on more pixels than wanted, and made smaller, has smooth edges; beyond this nobody sees them.
_SMOOTH_UP_TO = 2048
_SMALLEST_CANVAS = 256


@dataclass(frozen=True)
class Style:
    """How a pattern looks: how many cells a side has, what fills a cell, on which ground, with how strong a colour."""

    cells: int
    ground: Colour
    saturation: float
    draw_cell: Callable[[ImageDraw.ImageDraw, Box, Colour], None]


def _square(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    draw.rectangle(box, fill=colour)


def _dot(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    draw.ellipse(box, fill=colour)


def _diamond(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    left, top, right, bottom = box
    across, down = (left + right) / 2, (top + bottom) / 2
    draw.polygon(((across, top), (right, down), (across, bottom), (left, down)), fill=colour)


def _tile(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    draw.rounded_rectangle(box, radius=(box[2] - box[0]) / 3, fill=colour)


STYLES: Mapping[StandIn, Style] = {
    StandIn.IDENTICON: Style(5, LIGHT, 0.55, _square),
    StandIn.RETRO: Style(8, DARK, 0.9, _square),
    StandIn.MONSTERID: Style(6, LIGHT, 0.7, _dot),
    StandIn.WAVATAR: Style(5, LIGHT, 0.75, _diamond),
    StandIn.ROBOHASH: Style(7, DARK, 0.45, _tile),
}


def draw_stand_in(stand_in: StandIn, name: str, size: int) -> Image.Image:
    """Draws it with so many pixels on each side. Raises `ValueError` for the one that stands for an error instead."""
    match stand_in:
        case StandIn.NONE:
            raise ValueError("nothing is drawn where an error is wanted")
        case StandIn.BLANK:
            return Image.new("RGBA", (size, size), (0, 0, 0, 0))
        case StandIn.SILHOUETTE:
            return _silhouette(size)
        case _:
            return _pattern(STYLES[stand_in], f"{stand_in}/{name}", size)


def cells_of(style: Style, seed: str) -> list[list[bool]]:
    """Returns which cells of a pattern are filled: its right side mirrors the left."""
    half = (style.cells + 1) // 2
    for round_number in range(100):
        bits = int.from_bytes(hashlib.sha256(f"{round_number}/{seed}".encode()).digest())
        rows = []
        for _ in range(style.cells):
            left = [bool(bits >> column & 1) for column in range(half)]
            bits >>= half
            rows.append(left + left[: style.cells - half][::-1])
        filled = sum(map(sum, rows)) / style.cells**2
        if _FEWEST <= filled <= _MOST:
            return rows
    raise AssertionError("a hash gave a hundred patterns that are nearly full or nearly empty")


def colour_of(style: Style, seed: str) -> Colour:
    """Returns a pattern's colour: of any hue, and plain to see on its ground."""
    hue = int.from_bytes(hashlib.sha256(f"colour/{seed}".encode()).digest()[:2]) / 0x10000
    is_dark = luminance(style.ground) < 0.5
    for step in range(100):
        lightness = 0.5 + step / 200 if is_dark else 0.5 - step / 200
        red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb(hue, lightness, style.saturation))
        if contrast((red, green, blue), style.ground) >= CONTRAST:
            return red, green, blue
    raise AssertionError("white and black stand out from every ground that we have")


def contrast(one: Colour, other: Colour) -> float:
    """Returns how much two colours stand out from each other, as the WCAG have it: 1 for not at all, 21 for black on white."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Colour) -> float:
    """Returns how bright a colour is to the eye, from 0 to 1."""
    red, green, blue = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _pattern(style: Style, seed: str, size: int) -> Image.Image:
    image, draw = _canvas(size, style.ground)
    colour = colour_of(style, seed)
    # Half a cell stays free at each edge: many sites cut a circle out.
    unit = image.width / (style.cells + 1)
    for row, cells in enumerate(cells_of(style, seed)):
        for column, is_filled in enumerate(cells):
            if is_filled:
                # Whole pixels, and no gap to the next one.
                left, top, right, bottom = (round((place + 0.5) * unit) for place in (column, row, column + 1, row + 1))
                style.draw_cell(draw, (left, top, right - 1, bottom - 1), colour)
    return _scaled(image, size)


def _silhouette(size: int) -> Image.Image:
    image, draw = _canvas(size, _SILHOUETTE_GROUND)
    side = image.width
    draw.ellipse((side * 0.31, side * 0.18, side * 0.69, side * 0.56), fill=_SILHOUETTE)
    draw.ellipse((side * 0.14, side * 0.64, side * 0.86, side * 1.36), fill=_SILHOUETTE)
    return _scaled(image, size)


def _canvas(size: int, ground: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    side = max(size, _SMALLEST_CANVAS, min(4 * size, _SMOOTH_UP_TO))
    image = Image.new("RGB", (side, side), ground)
    return image, ImageDraw.Draw(image)


def _scaled(image: Image.Image, size: int) -> Image.Image:
    return image if image.width == size else image.resize((size, size), Image.Resampling.BOX)
