"""Writes square pictures of any size in the format that is wanted, without metadata."""

import io
from collections.abc import Sequence
from typing import Any

import PIL
from PIL import Image

from servicekit.pictures.model import AVIF, JPEG, PNG, WEBP

FORMATS = (AVIF, WEBP, JPEG, PNG)
# Raise the number when the same source would become other bytes; another Pillow, with its codecs, may do that as well.
ENCODER = f"1/{PIL.__version__}"
# The figures of the processor: above them files grow, and nothing is seen of it.
_OPTIONS: dict[str, dict[str, Any]] = {  # what each codec takes
    JPEG: {"quality": 83, "optimize": True, "progressive": True},
    WEBP: {"quality": 80, "method": 2},
    # One thread, since the bytes may depend on how many there are.
    AVIF: {"quality": 63, "speed": 9, "max_threads": 1},
    PNG: {},
}
_CODECS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", AVIF: "AVIF"}
# Colours that are halved show on edges of small pictures; in large ones they cost bytes alone.
_FULL_COLOUR_MAX_SIZE = 256
# What fits into an answer between services, with room for the rest of it (`servicekit.grpc_client` takes 8 MiB).
_MAX_BYTES = 7_000_000


def known_formats(wanted: Sequence[str]) -> tuple[str, ...]:
    """Returns the formats that we write of those that are wanted, in their order; JPEG where there is none."""
    return tuple(dict.fromkeys(format for format in wanted if format in FORMATS)) or (JPEG,)


def squared(content: bytes, size: int) -> Image.Image:
    """Reads a file of our own, cuts the middle square out of it, and scales that to exactly so many pixels.

    Raises `OSError` for what is no picture.
    """
    with Image.open(io.BytesIO(content), formats=tuple(_CODECS.values())) as opened:
        # Lets JPEG decode at a fraction where the result is still larger than what is needed.
        opened.draft(None, (2 * size, 2 * size))
        opened.load()
        image = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cut before it is scaled: else a little of what was cut off would show at the edges.
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.LANCZOS)


def encode(image: Image.Image, formats: Sequence[str]) -> tuple[bytes, str]:
    """Returns a file and its media type: the first of the formats; of a picture that one can see through, not JPEG where PNG will do."""
    chosen = formats[0]
    if image.mode == "RGBA" and _is_opaque(image):
        image = image.convert("RGB")
    if chosen == JPEG and image.mode == "RGBA":
        if PNG in formats:
            chosen = PNG
        else:
            image = _on_white(image)
    # Copies keep what was known of the file that they come from; some codecs would write it down again.
    image.info.clear()
    content = _written(image, chosen)
    if chosen == PNG and len(content) > _MAX_BYTES:
        content = _written(image.quantize(256, Image.Quantize.FASTOCTREE), PNG)
    return content, chosen


def _written(image: Image.Image, content_type: str) -> bytes:
    buffer = io.BytesIO()
    options = dict(_OPTIONS[content_type])
    if content_type == JPEG:
        options["subsampling"] = "4:4:4" if image.width <= _FULL_COLOUR_MAX_SIZE else "4:2:0"
    image.save(buffer, _CODECS[content_type], **options)
    return buffer.getvalue()


def _is_opaque(image: Image.Image) -> bool:
    return image.getchannel("A").getextrema()[0] == 255


def _on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground
