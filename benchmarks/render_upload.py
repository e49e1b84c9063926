"""Compares what one upload costs: our pipeline against the obvious Pillow code, `python benchmarks/render_upload.py [PHOTO...]`.

Both make the same 12 centre crops of one photograph as JPEG, quality 85, progressive; the naive code opens the file and
calls `ImageOps.fit` for each. Runs are interleaved, so that a busy machine disturbs both alike, and the smallest CPU
time of each counts. Without arguments it takes a photograph of scikit-learn, enlarged to 12 megapixels: its content is
soft, but decoding and resampling cost the same. Take the ratio to another machine, not the milliseconds.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from math import prod
from pathlib import Path

from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images

from services.processor.pipeline import Edit, RenditionSpec, render

SQUARES = (96, 200, 320, 400, 512, 800, 1080)
SIZES = [(side, side) for side in SQUARES] + [(1500, 500), (1640, 624), (3000, 1000), (2560, 1440), (1200, 630)]
SPECS = [RenditionSpec(f"size.{width}x{height}", width, height, ("image/jpeg",)) for width, height in SIZES]
ROUNDS = 5


def ours(photo: Path, folder: Path) -> None:
    """One decode, halved levels, and everything that uploads need: probing, hashes, notes."""
    render(photo, Edit(), SPECS, folder)


def naive(photo: Path, folder: Path) -> None:
    """One decode and one filter over all pixels for each version."""
    for width, height in SIZES:
        with Image.open(photo) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
            fitted.save(folder / f"{width}x{height}.jpg", quality=85, optimize=True, progressive=True)


def cpu_milliseconds(run: Callable[[Path, Path], None], photo: Path) -> float:
    """CPU time of one run, all threads."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        run(photo, Path(folder))
        return (time.process_time() - started) * 1000


def main() -> None:
    """Prints one line for each photograph, and the geometric mean of the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        photos = [Path(name) for name in sys.argv[1:]] or [sample(Path(folder))]
        ratios = []
        for photo in photos:
            runs = [(cpu_milliseconds(ours, photo), cpu_milliseconds(naive, photo)) for _ in range(ROUNDS)]
            best_ours, best_naive = (min(column) for column in zip(*runs, strict=True))
            ratios.append(best_ours / best_naive)
            with Image.open(photo) as image:
                size = f"{image.width}x{image.height} {image.format}"
            print(f"{photo.name} {size}: ours {best_ours:.0f} ms, naive {best_naive:.0f} ms, ratio {ratios[-1]:.2f}")
        print(f"geometric mean of the ratios: {prod(ratios) ** (1 / len(ratios)):.2f}")


def sample(folder: Path) -> Path:
    """Writes a 12 megapixel photograph."""
    path = folder / "china.jpg"
    samples = load_sample_images()
    china = next(image for name, image in zip(samples.filenames, samples.images, strict=True) if "china" in name)
    Image.fromarray(china).resize((4240, 2830), Image.Resampling.LANCZOS).save(path, quality=90)
    return path


if __name__ == "__main__":
    main()
