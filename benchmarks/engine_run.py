"""One engine, one photograph, one fresh process; started by engines.py: `engine_run.py ENGINE PHOTO FOLDER MODE RUNS`.

Prints JSON: the CPU milliseconds of each run (user and system, all threads), the peak memory in MiB, and for each file
the part of the original that it shows. A small photograph comes first, so that nothing pays for what is imported late.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from plan import QUALITY, Version, needed_scale, versions

Box = tuple[float, float, float, float]
# Photograph, folder, progressive. Writes 0.jpg, 1.jpg and so on; returns what part each shows.
Engine = Callable[[Path, Path, bool], list[Box]]

ROOT = Path(__file__).resolve().parent.parent
LANCZOS = Image.Resampling.LANCZOS


def whole(version: Version) -> Box:
    return version.x, version.y, version.box_width, version.box_height


def ours(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """The product's `render` with all it does besides: probing, faces, placeholder, hashes, notes."""
    from services.processor.pipeline import Edit, Point, RenditionSpec, encode, render

    encode.JPEG_OPTIONS["progressive"] = progressive
    with Image.open(photo) as image:
        made = versions(*image.size)
    specs = [
        RenditionSpec(f"version.{index}", version.width, version.height, ("image/jpeg",))
        for index, version in enumerate(made)
    ]
    # A focus in the middle gives the crops of the others; what is in the picture is looked for all the same.
    result = render(photo, Edit(focus=Point(0.5, 0.5)), specs, folder)
    for index, rendition in enumerate(result.renditions):
        (folder / f"{index}.jpg").unlink(missing_ok=True)
        (folder / f"{index}.jpg").hardlink_to(rendition.path)
    return [whole(version) for version in made]


def save(image: Image.Image, folder: Path, index: int, progressive: bool, quality: int = QUALITY) -> None:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0", optimize=True, progressive=progressive)
    (folder / f"{index}.jpg").write_bytes(file.getvalue())


def pillow_naive(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """What one writes first: open and `ImageOps.fit` for each version."""
    for index, version in enumerate(made := _versions(photo)):
        with Image.open(photo) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (version.width, version.height), LANCZOS)
            save(fitted, folder, index, progressive)
    return [whole(version) for version in made]


def pillow_draft(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """Pillow's own fast way: a small decode for each version, and a first reduction by whole numbers."""
    for index, version in enumerate(made := _versions(photo)):
        with Image.open(photo) as image:
            full = image.size
            scale = version.width / version.box_width
            image.draft("RGB", (int(full[0] * scale * 2), int(full[1] * scale * 2)))
            across, down = image.width / full[0], image.height / full[1]
            box = (
                version.x * across,
                version.y * down,
                min((version.x + version.box_width) * across, image.width),
                min((version.y + version.box_height) * down, image.height),
            )
            fitted = image.convert("RGB").resize((version.width, version.height), LANCZOS, box, reducing_gap=2.0)
            save(fitted, folder, index, progressive)
    return [whole(version) for version in made]


def pillow_pyramid(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """Our pipeline's pixels with Pillow's filter, and nothing besides."""
    from services.processor.pipeline.lanczos import pillow_lanczos
    from services.processor.pipeline.model import Rectangle
    from services.processor.pipeline.resample import Pyramid

    made = _versions(photo)
    pyramid = Pyramid(_drafted(photo, made), pillow_lanczos)
    with Image.open(photo) as image:
        width, height = image.size
    for index, version in enumerate(made):
        box = Rectangle(
            version.x / width,
            version.y / height,
            min((version.x + version.box_width) / width, 1),
            min((version.y + version.box_height) / height, 1),
        )
        save(pyramid.cut(box, version.width, version.height), folder, index, progressive)
    return [whole(version) for version in made]


def _versions(photo: Path) -> list[Version]:
    with Image.open(photo) as image:
        return versions(*image.size)


def _drafted(photo: Path, made: list[Version]) -> Image.Image:
    """The photograph decoded once, as small as the largest version allows."""
    with Image.open(photo) as image:
        scale = needed_scale(made)
        if scale < 1:
            image.draft("RGB", (int(image.width * scale), int(image.height * scale)))
        return image.convert("RGB")


def floor(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """What our engine cannot go below: one decode, and all files encoded as ours are, from pixels that are there already."""
    from services.processor.pipeline import encode

    made = _versions(photo)
    _drafted(photo, made)
    for index in range(len(made)):
        save(PREPARED[index], folder, index, progressive, encode.QUALITY["image/jpeg"])
    return [whole(version) for version in made]


# The versions of the photograph, for the floor.
PREPARED: list[Image.Image] = []


def prepare(photo: Path) -> None:
    base = _drafted(photo, made := _versions(photo))
    with Image.open(photo) as image:
        across, down = base.width / image.width, base.height / image.height
    PREPARED[:] = [
        base.resize(
            (version.width, version.height),
            LANCZOS,
            (
                version.x * across,
                version.y * down,
                min((version.x + version.box_width) * across, base.width),
                min((version.y + version.box_height) * down, base.height),
            ),
        )
        for version in made
    ]


def vips_thumbnail(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """The documented way of libvips: `thumbnail` for each version, cut afterwards as its own crop does."""
    import pyvips

    content = photo.read_bytes()
    head = pyvips.Image.new_from_buffer(content, "")
    boxes = []
    for index, version in enumerate(versions(head.width, head.height)):
        scale = max(version.width / head.width, version.height / head.height)
        width = max(version.width, round(head.width * scale))
        height = max(version.height, round(head.height * scale))
        small = pyvips.Image.thumbnail_buffer(content, width, height=height, size="force")
        left, top = (width - version.width) // 2, (height - version.height) // 2
        _vips_save(small.crop(left, top, version.width, version.height), folder, index, progressive)
        across, down = head.width / width, head.height / height
        boxes.append((left * across, top * down, version.width * across, version.height * down))
    return boxes


def vips_pyramid(photo: Path, folder: Path, progressive: bool) -> list[Box]:
    """The best that we could write with libvips: one small decode into memory, halved levels, Lanczos from there."""
    import pyvips

    content = photo.read_bytes()
    head = pyvips.Image.new_from_buffer(content, "")
    made = versions(head.width, head.height)
    scale = needed_scale(made)
    shrink = 1
    if head.get("vips-loader").startswith("jpeg"):
        while shrink < 8 and 1 / (2 * shrink) >= scale:
            shrink *= 2
    base = pyvips.Image.jpegload_buffer(content, shrink=shrink) if shrink > 1 else head
    levels = [base.copy_memory()]
    boxes = []
    for index, version in enumerate(made):
        across, down = levels[0].width / head.width, levels[0].height / head.height
        spare = min(version.box_width * across / version.width, version.box_height * down / version.height)
        depth = 0
        while spare >= 2:
            spare /= 2
            depth += 1
        while len(levels) <= depth:
            levels.append(levels[-1].shrink(2, 2, ceil=True).copy_memory())
        level = levels[depth]
        across, down = across / 2**depth, down / 2**depth
        left, top = min(round(version.x * across), level.width - 1), min(round(version.y * down), level.height - 1)
        width = min(round(version.box_width * across), level.width - left)
        height = min(round(version.box_height * down), level.height - top)
        part = level.crop(left, top, width, height)
        small = part.resize(version.width / width, vscale=version.height / height, kernel="lanczos3")
        if (small.width, small.height) != (version.width, version.height):
            raise RuntimeError(f"libvips made {small.width} × {small.height} of {version}")
        _vips_save(small, folder, index, progressive)
        boxes.append((left / across, top / down, width / across, height / down))
    return boxes


def _vips_save(image: Any, folder: Path, index: int, progressive: bool) -> None:
    content = image.jpegsave_buffer(
        Q=QUALITY, optimize_coding=True, interlace=progressive, subsample_mode="on", keep="none"
    )
    (folder / f"{index}.jpg").write_bytes(content)


ENGINES: dict[str, Engine] = {
    "ours": ours,
    "pillow-naive": pillow_naive,
    "pillow-draft": pillow_draft,
    "pillow-pyramid": pillow_pyramid,
    "vips-thumbnail": vips_thumbnail,
    "vips-pyramid": vips_pyramid,
    "floor": floor,
}


def main(name: str, photo: Path, folder: Path, mode: str, runs: int) -> None:
    """Runs the engine and prints its figures."""
    sys.path.insert(0, str(ROOT))
    engine, progressive = ENGINES[name], mode == "progressive"
    if name.startswith("vips"):
        import pyvips

        pyvips.cache_set_max(0)
    warm_up = ROOT / "build" / "photographs" / "china.jpg"
    if engine is floor:
        prepare(warm_up)
    engine(warm_up, folder, progressive)
    if engine is floor:
        prepare(photo)
    milliseconds, boxes = [], []
    for _ in range(runs):
        began = time.process_time()
        boxes = engine(photo, folder, progressive)
        milliseconds.append((time.process_time() - began) * 1000)
    print(json.dumps({"milliseconds": milliseconds, "peak": peak_mib(), "boxes": boxes}))


def peak_mib() -> int:
    """The largest resident memory so far; getrusage would count that of the process which started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
