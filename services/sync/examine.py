"""What a picture worker does with a file that a platform served: judges it by content, hashes it and how it looks.

Imports next to nothing, because every worker process imports it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.perceptual import hash_file
from servicekit.pictures.sniff import HEAD_BYTES, SVG, sniff


@dataclass(frozen=True)
class Examined:
    """`perceptual_hash` is empty for a file that we cannot read."""

    content_type: str
    perceptual_hash: str
    sha256: str


def is_picture(content_type: str) -> bool:
    """Tells whether a file is a picture made of pixels, readable or not. Drawings can hold scripts: they are none."""
    return content_type.startswith("image/") and content_type != SVG


def examine(path: Path, limits: PictureLimits) -> Examined:
    """Looks at a file. Never raises for what is in it."""
    with path.open("rb") as file:
        content_type = sniff(file.read(HEAD_BYTES)).content_type
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        return Examined(content_type, hash_file(path, limits).hex(), sha256)
    except PictureRefused:
        return Examined(content_type, "", sha256)
