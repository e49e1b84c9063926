"""Pictures to upload."""

import io
import os
from importlib.util import find_spec
from pathlib import Path

from PIL import Image as Picture


def unlike_any_other() -> bytes:
    """Returns a picture that no other resembles: large soft spots of random colours."""
    file = io.BytesIO()
    spots = Picture.frombytes("RGB", (9, 6), os.urandom(9 * 6 * 3))
    spots.resize((1200, 800), Picture.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def photograph(name: str = "china.jpg") -> bytes:
    """Returns a real photograph, 640 × 427: china.jpg or flower.jpg."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("datasets").joinpath("images", name).read_bytes()
