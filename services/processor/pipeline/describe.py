"""Describes finished versions: what their files are, and how they look."""

import hashlib
from pathlib import Path

from servicekit.pictures.model import AVIF, JPEG, PNG, WEBP
from servicekit.pictures.perceptual import perceptual_hash
from services.processor.pipeline.flatten import flattened
from services.processor.pipeline.formats import ChosenFile
from services.processor.pipeline.frame import Frame
from services.processor.pipeline.model import Note, Rectangle, Rendition, RenditionSpec
from services.processor.pipeline.resample import Pyramid

SUFFIXES = {JPEG: "jpg", PNG: "png", WEBP: "webp", AVIF: "avif"}
# Pixels of the longer side: a hash of these is that of the full version within what an encoder does, for less.
_HASHED_SIDE = 160


class Looks:
    """How parts of a picture look. Versions of one part look alike whatever their size, so each is hashed once."""

    def __init__(self, pyramid: Pyramid, background: tuple[int, int, int]) -> None:
        self._pyramid = pyramid
        self._background = background
        self._hashes: dict[tuple[Rectangle, bool], str] = {}

    def hash(self, box: Rectangle, *, is_flattened: bool) -> str:
        """Returns the perceptual hash of the part as `PerceptualHash.hex` writes it."""
        key = box, is_flattened
        if key not in self._hashes:
            part = self._pyramid.inside(_HASHED_SIDE, box)
            self._hashes[key] = perceptual_hash(flattened(part, self._background) if is_flattened else part).hex()
        return self._hashes[key]


def describe(
    spec: RenditionSpec,
    recipe: str,
    frame: Frame,
    chosen: ChosenFile,
    looks: Looks,
    notes: tuple[Note, ...],
    out_dir: Path,
) -> Rendition:
    """Writes the file, which is whole as soon as it has its name, and returns what there is to know of it."""
    encoded = chosen.encoded
    path = out_dir / f"{recipe}.{SUFFIXES[encoded.content_type]}"
    unfinished = out_dir / "unfinished"
    unfinished.write_bytes(encoded.content)
    unfinished.rename(path)
    return Rendition(
        key=spec.key,
        recipe_version=recipe,
        content_type=encoded.content_type,
        width=frame.width,
        height=frame.height,
        bytes=len(encoded.content),
        sha256=hashlib.sha256(encoded.content).hexdigest(),
        perceptual_hash=looks.hash(frame.box, is_flattened=chosen.is_flattened),
        box=frame.box,
        frame_reason=frame.reason,
        path=path,
        quality=encoded.quality,
        notes=notes,
    )
