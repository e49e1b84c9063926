"""Writes picture files, without metadata and within a byte limit. The same pixels always give the same bytes."""

import io
from dataclasses import dataclass
from math import cbrt, log

from PIL import Image

from servicekit.pictures.model import AVIF, JPEG, WEBP

# Above JPEG 83 files grow much and nothing is seen of it at these sizes; WebP 80 and AVIF 63 look the same.
QUALITY = {JPEG: 83, WEBP: 80, AVIF: 63}
# Below this blocks show, or textures melt.
LOWEST_QUALITY = {JPEG: 40, WEBP: 40, AVIF: 35}
# For a limit that nothing better keeps: still plain what it shows.
LAST_RESORT_QUALITY = {JPEG: 12, WEBP: 5, AVIF: 10}

# A file that uses this much of its limit is good enough; the search aims a little higher.
_GOOD_FILL, _AIMED_FILL = 0.95, 0.98
# A photograph's bytes shrink about like this power of the quantiser's scale; after two files its own figure is known.
# Headers, bytes in a file that do not shrink, are left out of it.
_USUAL_SLOPE = -0.57
_HEADERS = {JPEG: 700, WEBP: 150, AVIF: 300}
# Measured, so that all formats have that slope.
_WEBP_STEP, _AVIF_STEP = 5.6, 0.063
_MAX_TRIES = 7
# Small files before fast ones: progressive costs twice the time of baseline for a few per cent of the bytes.
JPEG_OPTIONS = {"subsampling": "4:2:0", "optimize": True, "progressive": True}
# What the slowest compression of PNG leaves of a drawing; of a photograph it is more. It takes two to nine times as
# long, so it is tried only where it may decide whether a file fits.
_SQUEEZED = 0.85


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file's content, and the quality it was written with (None for formats that lose nothing)."""

    content: bytes
    content_type: str
    quality: int | None


class ByteLimitUnreachableError(Exception):
    """Says that even the lowest quality gives more bytes than allowed; carries the fewest that were reached."""

    def __init__(self, fewest: int) -> None:
        super().__init__(fewest)
        self.fewest = fewest


class Encoder:
    """Encodes one RGB or RGBA picture. Limits often lead to the same file, so none is written twice."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._written: dict[tuple[str, int | None, bool], bytes] = {}

    @property
    def encodings(self) -> int:
        """How many times pixels were encoded so far."""
        return len(self._written)

    def encode(self, content_type: str, max_bytes: int | None, *, last_resort: bool = False) -> Encoded:
        """Encodes at the usual quality, or at the best one that keeps within `max_bytes`.

        That is none below `LOWEST_QUALITY`; as a last resort, none below `LAST_RESORT_QUALITY`.
        Raises ByteLimitUnreachableError.
        """
        usual = QUALITY.get(content_type)
        encoded = self._at(content_type, usual)
        if max_bytes is None or len(encoded.content) <= max_bytes:
            return encoded
        if usual is None:
            return self._squeezed(max_bytes, content_type, encoded)
        lowest = (LAST_RESORT_QUALITY if last_resort else LOWEST_QUALITY)[content_type]
        return self._within(max_bytes, content_type, usual, lowest)

    def _at(self, content_type: str, quality: int | None, *, squeezed: bool = False) -> Encoded:
        key = content_type, quality, squeezed
        if key not in self._written:
            self._written[key] = _write(self.image, content_type, quality, squeezed=squeezed)
        return Encoded(self._written[key], content_type, quality)

    def _squeezed(self, max_bytes: int, content_type: str, encoded: Encoded) -> Encoded:
        """Tries harder where nothing can be lost, unless that is hopeless."""
        fewest = len(encoded.content)
        if fewest * _SQUEEZED <= max_bytes:
            encoded = self._at(content_type, None, squeezed=True)
            fewest = min(fewest, len(encoded.content))
        if fewest > max_bytes:
            raise ByteLimitUnreachableError(fewest)
        return encoded

    def _within(self, max_bytes: int, content_type: str, too_high: int, lowest: int) -> Encoded:
        """Searches the best quality from `lowest` up to below `too_high` that keeps within the limit.

        Bytes follow a power of the quantiser's scale closely, so a secant on the logarithms of both takes few tries.
        """
        coarseness = _COARSENESS[content_type]
        best: Encoded | None = None
        fitting = lowest - 1
        fewest = len(self._at(content_type, too_high).content)

        def pixels(size: float) -> float:
            return log(max(size - _HEADERS[content_type], 1))

        slope, aim = _USUAL_SLOPE, pixels(max_bytes * _AIMED_FILL)
        x, y = coarseness(too_high), pixels(fewest)
        for _ in range(_MAX_TRIES):
            if too_high - fitting <= 1:
                break
            wanted = x + (aim - y) / slope
            quality = next((q for q in range(too_high - 1, fitting, -1) if coarseness(q) >= wanted), fitting + 1)
            encoded = self._at(content_type, quality)
            size = len(encoded.content)
            fewest = min(fewest, size)
            if size <= max_bytes:
                best, fitting = encoded, quality
                if size >= max_bytes * _GOOD_FILL:
                    break
            else:
                too_high = quality
            new_x, new_y = coarseness(quality), pixels(size)
            if (new_slope := (new_y - y) / (new_x - x)) < -0.1:
                slope = new_slope
            x, y = new_x, new_y
        if best is None:
            raise ByteLimitUnreachableError(fewest)
        return best


def _write(image: Image.Image, content_type: str, quality: int | None, *, squeezed: bool) -> bytes:
    buffer = io.BytesIO()
    if content_type == JPEG:
        image.save(buffer, "JPEG", quality=quality, **JPEG_OPTIONS)
    elif content_type == WEBP:
        image.save(buffer, "WEBP", quality=quality, method=2)
    elif content_type == AVIF:
        # One thread, since the bytes may depend on how many there are.
        image.save(buffer, "AVIF", quality=quality, speed=9, max_threads=1)
    else:
        image.save(buffer, "PNG", optimize=squeezed)
    return buffer.getvalue()


def _jpeg_coarseness(quality: int) -> float:
    """The logarithm of what libjpeg multiplies its quantiser tables by, in per cent."""
    return log(5000 / quality if quality < 50 else 200 - 2 * quality)


def _webp_coarseness(quality: int) -> float:
    """The logarithm of VP8's quantiser step, roughly: libwebp takes the cube root and bends the scale at 75."""
    linear = quality / 150 if quality < 75 else quality / 50 - 1
    return _WEBP_STEP * (1 - cbrt(linear))


def _avif_coarseness(quality: int) -> float:
    """The logarithm of AV1's quantiser step, roughly: its index runs evenly through the qualities."""
    return -_AVIF_STEP * quality


_COARSENESS = {JPEG: _jpeg_coarseness, WEBP: _webp_coarseness, AVIF: _avif_coarseness}
