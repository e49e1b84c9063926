"""How near the files of an engine come to the best that their size allows.

The reference is the whole photograph, decoded in full, through a Lanczos filter in floating point, without any JPEG;
of the very part that an engine says it shows, so that cutting at whole pixels counts for nothing.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
Pixels = NDArray[np.float32]

# Of Wang et al. 2004: a Gaussian window of 11 × 11, and constants for levels up to 255.
_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class Judge:
    """Compares files with one photograph. Parts that several engines show are filtered once."""

    def __init__(self, photo: Path) -> None:
        with Image.open(photo) as image:
            self._bands = [band.convert("F") for band in image.convert("RGB").split()]
        self._references: dict[tuple[Box, tuple[int, int]], Pixels] = {}

    def similarity(self, folder: Path, boxes: list[Box]) -> float:
        """The mean SSIM of the files `0.jpg`, `1.jpg` … against their references, by brightness."""
        found = []
        for index, box in enumerate(boxes):
            with Image.open(folder / f"{index}.jpg") as image:
                found.append(similarity(_brightness(image.convert("RGB").split()), self._reference(box, image.size)))
        return float(np.mean(found))

    def _reference(self, box: Box, size: tuple[int, int]) -> Pixels:
        key = tuple(box), size
        if key not in self._references:
            left, top = max(box[0], 0), max(box[1], 0)
            right, bottom = min(left + box[2], self._bands[0].width), min(top + box[3], self._bands[0].height)
            part = left, top, right, bottom
            self._references[key] = _brightness(
                [band.resize(size, Image.Resampling.LANCZOS, part) for band in self._bands]
            )
        return self._references[key]


def similarity(first: Pixels, second: Pixels) -> float:
    """SSIM, without the border that the window does not fill."""
    mean_first, mean_second = _blurred(first), _blurred(second)
    variance_first = _blurred(first * first) - mean_first * mean_first
    variance_second = _blurred(second * second) - mean_second * mean_second
    covariance = _blurred(first * second) - mean_first * mean_second
    field = ((2 * mean_first * mean_second + _C1) * (2 * covariance + _C2)) / (
        (mean_first**2 + mean_second**2 + _C1) * (variance_first + variance_second + _C2)
    )
    return float(field[5:-5, 5:-5].mean())


def _brightness(bands: list[Image.Image]) -> Pixels:
    red, green, blue = (np.clip(np.asarray(band, dtype=np.float32), 0, 255) for band in bands)
    return (0.299 * red + 0.587 * green + 0.114 * blue).astype(np.float32)


def _blurred(field: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(field, _WINDOW, _SIGMA), dtype=np.float32)
