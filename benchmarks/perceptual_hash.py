"""Measures how far apart the perceptual hash puts equal and different pictures: `python benchmarks/perceptual_hash.py [PHOTO...]`.

Without arguments it takes the two photographs that scikit-learn ships and 24 pieces of them. `same` is each picture
against its encodings and sizes, `other` each against all others and against edited versions of itself.
"""

import io
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images

from servicekit.pictures.perceptual import SAME_PICTURE_DISTANCE, distance, perceptual_hash


def pictures(paths: list[str]) -> dict[str, Image.Image]:
    """The pictures by name."""
    if paths:
        return {Path(path).stem: ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in paths}
    found = {}
    samples = load_sample_images()
    for name, pixels in zip(samples.filenames, samples.images, strict=True):
        image = Image.fromarray(pixels)
        found[Path(name).stem] = image
        for left in range(0, 640, 160):
            for top in (0, 142, 284):
                found[f"{Path(name).stem} at {left},{top}"] = image.crop((left, top, left + 160, top + 142))
    return found


def reopened(image: Image.Image, format: str, quality: int) -> Image.Image:
    """The picture after a round through an encoder."""
    buffer = io.BytesIO()
    image.save(buffer, format, quality=quality)
    return Image.open(buffer).convert("RGB")


def same(image: Image.Image) -> Iterator[Image.Image]:
    """Versions that a platform might make of a picture."""
    for quality in (40, 60, 80, 95):
        yield reopened(image, "JPEG", quality)
    yield reopened(image, "WEBP", 50)
    for width in (48, 96, 200, 400, 1000):
        height = max(1, round(width * image.height / image.width))
        yield reopened(image.resize((width, height), Image.Resampling.LANCZOS), "JPEG", 60)


def edited(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """Versions that are another picture."""
    red, green, blue = image.split()
    yield "mirrored", ImageOps.mirror(image)
    yield "turned", image.rotate(180)
    yield "other colours", Image.merge("RGB", (green, blue, red))
    yield "without colours", image.convert("L").convert("RGB")


def main() -> None:
    """Prints the figures."""
    found = pictures(sys.argv[1:])
    started = time.process_time()
    hashes = {name: perceptual_hash(image) for name, image in found.items()}
    milliseconds = (time.process_time() - started) * 1000 / len(found)
    print(f"{len(found)} pictures, {milliseconds:.1f} ms each; the same up to {SAME_PICTURE_DISTANCE}")
    kept = [
        distance(hashes[name], perceptual_hash(version)) for name, image in found.items() for version in same(image)
    ]
    print(f"same: {len(kept)} pairs, largest {max(kept)}, mean {sum(kept) / len(kept):.1f}")
    apart = [distance(a, b) for a, b in combinations(hashes.values(), 2)]
    print(f"other pictures: {len(apart)} pairs, smallest {min(apart)}, mean {sum(apart) / len(apart):.1f}")
    changed: dict[str, list[int]] = {}
    for name, image in found.items():
        for change, version in edited(image):
            changed.setdefault(change, []).append(distance(hashes[name], perceptual_hash(version)))
    for change, distances in changed.items():
        below = sum(value <= SAME_PICTURE_DISTANCE for value in distances)
        print(
            f"{change}: smallest {min(distances)}, mean {sum(distances) / len(distances):.1f}, taken for the same {below}"
        )


if __name__ == "__main__":
    main()
