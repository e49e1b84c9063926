"""What a picture worker does with a picture that is put back where it does not fit as it is: writes it anew, as a kind and size that is taken.

Imports next to nothing, because every worker process imports it.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from servicekit.pictures.decode import decode
from servicekit.pictures.model import JPEG, PNG, PictureLimits
from servicekit.pictures.probe import probe

# Of the first nothing is seen; below the last blocks show, so that a smaller picture looks better.
QUALITIES = (92, 85, 75)
# The sides of each try, as shares of the first.
SCALES = (1.0, 0.75, 0.5, 0.35, 0.25)


@dataclass(frozen=True)
class Refitted:
    content: bytes
    content_type: str


def refit(path: Path, limits: PictureLimits, formats: tuple[str, ...], max_bytes: int) -> Refitted | None:
    """Returns a picture file as JPEG or, where something of it is see-through, as PNG: as good and as large as the limit lets it be.

    Of a picture that moves, its first frame. None where neither kind is taken, or the limit is out of reach. Raises `PictureRefused`.
    """
    image = decode(path, probe(path, limits)).image
    for scale in SCALES:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        scaled = image if scale == 1 else image.resize(size, Image.Resampling.LANCZOS)
        for made in _written(scaled, formats):
            if len(made.content) <= max_bytes:
                return made
    return None


def _written(image: Image.Image, formats: tuple[str, ...]) -> Iterator[Refitted]:
    if image.mode == "RGBA" and PNG in formats:
        yield _file(image, PNG)
    elif JPEG in formats:
        flat = _on_white(image)
        yield from (_file(flat, JPEG, quality=quality) for quality in QUALITIES)
    elif PNG in formats:
        yield _file(image, PNG)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _file(image: Image.Image, content_type: str, **options: int) -> Refitted:
    buffer = io.BytesIO()
    image.save(buffer, content_type.removeprefix("image/"), optimize=True, **options)
    return Refitted(buffer.getvalue(), content_type)
