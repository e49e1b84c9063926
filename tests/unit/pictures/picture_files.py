"""Real photographs, and picture files made of them."""

import functools
import io
import zlib
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_sample_images


@functools.cache
def photographs() -> dict[str, Image.Image]:
    """The two photographs that scikit-learn ships, 640 × 427, by name."""
    samples = load_sample_images()
    return {
        Path(name).stem: Image.fromarray(pixels) for name, pixels in zip(samples.filenames, samples.images, strict=True)
    }


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(bytes(100)))
        + png_chunk(b"IEND", b"")
    )
