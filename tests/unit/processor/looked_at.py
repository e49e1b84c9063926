"""Photographs to look at, and pictures made of them."""

import functools

from PIL import Image
from skimage import data

from services.processor.pipeline.look import PREVIEW_SIDE
from services.processor.pipeline.model import Rectangle

# The head in the portrait, hair and chin included, and the face in it, in its 512 × 512 pixels; measured by hand.
HEAD = (164, 22, 286, 186)
FACE = (180, 62, 270, 176)


@functools.cache
def portrait() -> Image.Image:
    """Eileen Collins by NASA, 512 × 512, in the public domain."""
    return Image.fromarray(data.astronaut())


@functools.cache
def faceless() -> dict[str, Image.Image]:
    """Photographs without people, by name."""
    return {name: Image.fromarray(getattr(data, name)()) for name in ("coffee", "rocket")}


def portrait_on(width: int, height: int, left: int, top: int) -> Image.Image:
    """The portrait on a grey wall."""
    wall = Image.new("RGB", (width, height), (120, 124, 128))
    wall.paste(portrait(), (left, top))
    return wall


def small(picture: Image.Image, side: int = PREVIEW_SIDE) -> Image.Image:
    """The picture as it is looked at."""
    preview = picture.copy()
    preview.thumbnail((side, side))
    return preview


def in_pixels(box: Rectangle, picture: Image.Image) -> tuple[float, float, float, float]:
    return (
        box.left * picture.width,
        box.top * picture.height,
        box.right * picture.width,
        box.bottom * picture.height,
    )
