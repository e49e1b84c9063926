"""Turns and mirrors a picture as its owner wants it."""

from PIL import Image

from services.processor.pipeline.model import Edit

_TURNS = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}
_MIRRORED = {
    0: Image.Transpose.FLIP_LEFT_RIGHT,
    1: Image.Transpose.TRANSPOSE,
    2: Image.Transpose.FLIP_TOP_BOTTOM,
    3: Image.Transpose.TRANSVERSE,
}


def turned(image: Image.Image, edit: Edit) -> Image.Image:
    """Returns the upright picture turned, then mirrored: the same picture where the edit does neither."""
    turns = _MIRRORED if edit.mirrored else _TURNS
    return image.transpose(turns[edit.quarter_turns]) if edit.quarter_turns in turns else image


def turned_size(width: int, height: int, edit: Edit) -> tuple[int, int]:
    """Returns width and height of what `turned` makes of an upright picture of this size."""
    return (height, width) if edit.quarter_turns % 2 else (width, height)
