"""Writes picture files, without metadata and within a byte limit. The same pixels always give the same bytes."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

from PIL import Image

from servicekit.pictures.model import AVIF, JPEG, PNG, WEBP

# JPEG 85 is where eyes stop seeing the difference at these sizes; WebP 80 looks the same.
QUALITY = {JPEG: 85, WEBP: 80, AVIF: 63}
# Below this blocks show; a file that needs less is not made.
LOWEST_QUALITY = 40

# An encoding that uses this much of its limit is good enough; the search aims a little higher.
_GOOD_FILL, _AIMED_FILL = 0.95, 0.98
# A photograph's bytes shrink about like this power of the quantiser's scale; after two encodings its own figure is known.
_USUAL_SLOPE = -0.7
_MAX_TRIES = 7


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file's content, and the quality it was written with (None for formats that lose nothing)."""

    content: bytes
    quality: int | None


class ByteLimitUnreachableError(Exception):
    """Says that even the lowest quality gives more bytes than allowed; carries the fewest that were reached."""

    def __init__(self, fewest: int) -> None:
        super().__init__(fewest)
        self.fewest = fewest


def encode(image: Image.Image, content_type: str, max_bytes: int | None) -> Encoded:
    """Encodes an RGB or RGBA picture at the usual quality, or at the best one that keeps within `max_bytes`.

    Raises ByteLimitUnreachableError.
    """
    if content_type == PNG:
        content = _write(image, "PNG")
        if max_bytes is not None and len(content) > max_bytes:
            raise ByteLimitUnreachableError(len(content))
        return Encoded(content, None)

    def at(quality: int) -> bytes:
        if content_type == JPEG:
            return _write(image, "JPEG", quality=quality, subsampling="4:2:0", optimize=True, progressive=True)
        if content_type == AVIF:
            # One thread, since the bytes may depend on how many there are.
            return _write(image, "AVIF", quality=quality, speed=9, max_threads=1)
        return _write(image, "WEBP", quality=quality, method=2)

    content = at(QUALITY[content_type])
    if max_bytes is None or len(content) <= max_bytes:
        return Encoded(content, QUALITY[content_type])
    return _within(max_bytes, at, QUALITY[content_type], len(content))


def _write(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _within(max_bytes: int, at: Callable[[int], bytes], quality: int, size: int) -> Encoded:
    """Searches the best quality below `quality`, whose encoding has `size` bytes, that keeps within the limit.

    Bytes follow a power of the quantiser's scale closely, so a secant on the logarithms of both takes few tries.
    """
    best: Encoded | None = None
    too_high, fitting = quality, LOWEST_QUALITY - 1
    slope, aim = _USUAL_SLOPE, log(max_bytes * _AIMED_FILL)
    x, y = log(_scale(quality)), log(size)
    fewest = size
    for _ in range(_MAX_TRIES):
        if too_high - fitting <= 1:
            break
        wanted = _quality(exp(x + (aim - y) / slope))
        quality = min(max(wanted, fitting + 1), too_high - 1)
        content = at(quality)
        fewest = min(fewest, len(content))
        if len(content) <= max_bytes:
            best, fitting = Encoded(content, quality), quality
            if len(content) >= max_bytes * _GOOD_FILL:
                break
        else:
            too_high = quality
        new_x, new_y = log(_scale(quality)), log(len(content))
        if new_x != x and (new_slope := (new_y - y) / (new_x - x)) < -0.1:
            slope = new_slope
        x, y = new_x, new_y
    if best is None:
        raise ByteLimitUnreachableError(fewest)
    return best


def _scale(quality: int) -> float:
    """The per cent by which libjpeg scales its quantiser tables; WebP behaves much the same."""
    return 5000 / quality if quality < 50 else 200 - 2 * quality


def _quality(scale: float) -> int:
    """The quality with this scale, rounded down."""
    return int(5000 / scale if scale > 100 else (200 - scale) / 2)
