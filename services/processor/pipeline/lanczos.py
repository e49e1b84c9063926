"""The filter that makes pictures smaller or larger: Lanczos with three lobes, by the fastest code that can be trusted.

cykooz-resizer is several times faster than Pillow's own code, but finds a picture's pixels by a memory layout of Pillow
that it has hard-coded. So it has to show once in a process that it gives what Pillow gives; else Pillow does the work.
"""

import logging
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageChops

# A part of a picture in its own pixels: left, top, right, bottom.
Box = tuple[float, float, float, float]
# Picture, size of the result, part that is resized. The result is a new picture of the same mode.
Resize = Callable[[Image.Image, tuple[int, int], Box], Image.Image]

# Levels of 255. Both round the same filter, in another order; a layout that is misread gives noise.
_TOLERANCE = 8

log = logging.getLogger(__name__)


@cache
def lanczos() -> Resize:
    """Returns the filter for RGB and RGBa pictures; decided at the first call."""
    return fastest_trusted(cykooz_lanczos)


def fastest_trusted(load: Callable[[], Resize]) -> Resize:
    """Returns the filter that `load` gives if it does as Pillow does, and Pillow's otherwise, with a warning in the log."""
    try:
        resize = load()
        if _agree(resize, pillow_lanczos):
            return resize
        reason = "its results differ from Pillow's"
    # Whatever is wrong with the library, pictures can be made without it.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    log.warning("Pictures are resized by Pillow, about three times slower: the fast filter is not usable (%s).", reason)
    return pillow_lanczos


def pillow_lanczos(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    """Resizes with Pillow."""
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


def cykooz_lanczos() -> Resize:
    """Returns the filter of cykooz-resizer. Raises ImportError where the package has no build for this machine."""
    from cykooz_resizer import CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer

    resizer = Resizer()
    algorithm = ResizeAlg.convolution(FilterType.lanczos3)

    def resize(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        # It raises for boxes that rounding has laid outside by a hair.
        left, top = min(max(box[0], 0), image.width), min(max(box[1], 0), image.height)
        width, height = min(box[2], image.width) - left, min(box[3], image.height) - top
        # No colour: every pixel is about to be written.
        resized = Image.new(image.mode, size, None)
        resizer.resize_pil(image, resized, ResizeOptions(algorithm, crop_box=CropBox(left, top, width, height)))
        return resized

    return resize


def _agree(first: Resize, second: Resize) -> bool:
    """Tells whether both make the same of a part of a small coloured picture, made smaller and made larger."""
    ramp = Image.linear_gradient("L").resize((61, 47))
    bands = [ramp, ramp.transpose(Image.Transpose.ROTATE_180), Image.radial_gradient("L").resize((61, 47)), ramp]
    for mode in ("RGB", "RGBa"):
        image = Image.merge(mode.upper(), bands[: len(mode)]).convert(mode)
        for size in ((17, 13), (70, 90)):
            box = (3.25, 1.5, 59.75, 44.0)
            both = [_bands(resize(image, size, box)) for resize in (first, second)]
            for one, other in zip(*both, strict=True):
                if one.size != other.size or any(ImageChops.difference(one, other).histogram()[_TOLERANCE + 1 :]):
                    return False
    return True


def _bands(image: Image.Image) -> tuple[Image.Image, ...]:
    return tuple(image.getchannel(index) for index in range(len(image.getbands())))
