"""Cuts versions of any size out of one decoded picture. The only place that knows how pixels are resampled."""

from PIL import Image

from services.processor.pipeline.model import WHOLE, Rectangle

# A version is made from at least this many source pixels per pixel in each direction, where the picture has them: with
# less, the halved levels below show as blur.
HEADROOM = 1.25


class Pyramid:
    """A picture and its halves, quarters and so on, made when first needed."""

    def __init__(self, base: Image.Image) -> None:
        # Resampling mixes neighbours, so colours are weighed by their opacity first, once.
        self._levels = [base.convert("RGBa") if base.mode == "RGBA" else base]

    def cut(self, box: Rectangle, width: int, height: int) -> Image.Image:
        """Returns the part as a new RGB or RGBA picture of exactly `width` × `height`."""
        base = self._levels[0]
        spare = min(
            (box.right - box.left) * base.width / width,
            (box.bottom - box.top) * base.height / height,
        )
        depth = 0
        while spare >= 2 * HEADROOM:
            spare /= 2
            depth += 1
        level = self._level(depth)
        # A level's last column may stand for half a pixel only, so the scale is that of the base.
        across, down = base.width / 2**depth, base.height / 2**depth
        part = level.resize(
            (width, height),
            Image.Resampling.LANCZOS,
            box=(
                box.left * across,
                box.top * down,
                min(box.right * across, level.width),
                min(box.bottom * down, level.height),
            ),
        )
        return part.convert("RGBA") if part.mode == "RGBa" else part

    def inside(self, side: int) -> Image.Image:
        """Returns the whole picture, small, with no side longer than `side`; it is never enlarged."""
        base = self._levels[0]
        scale = min(1, side / max(base.size))
        return self.cut(WHOLE, max(1, round(base.width * scale)), max(1, round(base.height * scale)))

    def _level(self, depth: int) -> Image.Image:
        while len(self._levels) <= depth:
            self._levels.append(self._levels[-1].reduce(2))
        return self._levels[depth]
