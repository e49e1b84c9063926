"""Cuts versions of any size out of one decoded picture. The only place that knows how pixels are resampled."""

from PIL import Image

from services.processor.pipeline.lanczos import Resize, lanczos
from services.processor.pipeline.model import WHOLE, Rectangle

# Pixels that a decoder gives per pixel of the largest version, in each direction. More would let JPEGs be decoded at
# twice the size for a gain that nobody sees.
DECODE_HEADROOM = 1.0
# A version is made from a halved level only if that has this many pixels per pixel of the version: with fewer, the
# coarse filter of the levels shows as blur.
LEVEL_HEADROOM = 1.25


class Pyramid:
    """A picture and its halves, quarters and so on, made when first needed."""

    def __init__(self, base: Image.Image, resize: Resize | None = None) -> None:
        # Resampling mixes neighbours, so colours are weighed by their opacity first, once.
        self._levels = [base.convert("RGBa") if base.mode == "RGBA" else base]
        self._resize = resize or lanczos()

    @property
    def pixels(self) -> int:
        """How many the base has."""
        return self._levels[0].width * self._levels[0].height

    def cut(self, box: Rectangle, width: int, height: int) -> Image.Image:
        """Returns the part as a new RGB or RGBA picture of exactly `width` × `height`."""
        base = self._levels[0]
        spare = min(
            (box.right - box.left) * base.width / width,
            (box.bottom - box.top) * base.height / height,
        )
        depth = 0
        while spare >= 2 * LEVEL_HEADROOM:
            spare /= 2
            depth += 1
        level = self._level(depth)
        # A level's last column may stand for half a pixel only, so the scale is that of the base.
        across, down = base.width / 2**depth, base.height / 2**depth
        part = self._resize(
            level,
            (width, height),
            (
                box.left * across,
                box.top * down,
                min(box.right * across, level.width),
                min(box.bottom * down, level.height),
            ),
        )
        return part.convert("RGBA") if part.mode == "RGBa" else part

    def inside(self, side: int, box: Rectangle = WHOLE) -> Image.Image:
        """Returns the part, small, with no side longer than `side`; it is never enlarged."""
        base = self._levels[0]
        width, height = (box.right - box.left) * base.width, (box.bottom - box.top) * base.height
        scale = min(1, side / max(width, height))
        return self.cut(box, max(1, round(width * scale)), max(1, round(height * scale)))

    def _level(self, depth: int) -> Image.Image:
        while len(self._levels) <= depth:
            self._levels.append(self._levels[-1].reduce(2))
        return self._levels[depth]
