"""Looks at a picture once, small, for everything that depends on what it shows: framing and the placeholder."""

import thash
from PIL import Image

from services.processor.pipeline.faces import find_faces
from services.processor.pipeline.model import Look
from services.processor.pipeline.saliency import find_saliency

# Pixels of the longer side: enough to find what is worth framing, small enough to cost a few milliseconds.
PREVIEW_SIDE = 320
# The longest side that a ThumbHash takes.
_PLACEHOLDER_SIDE = 100


def look_at(preview: Image.Image) -> Look:
    """Returns what is seen in an RGB or RGBA picture, turned and mirrored as edited, of at most `PREVIEW_SIDE` pixels."""
    return Look(faces=find_faces(preview), placeholder=_placeholder(preview), saliency=find_saliency(preview))


def _placeholder(preview: Image.Image) -> bytes:
    small = preview.copy()
    small.thumbnail((_PLACEHOLDER_SIDE, _PLACEHOLDER_SIDE))
    return bytes(thash.encode(small))
