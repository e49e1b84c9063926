"""What every engine makes of a photograph in the benchmark: 12 centre crops, never enlarged."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

SQUARES = (96, 200, 320, 400, 512, 800, 1080)
SIZES = [(side, side) for side in SQUARES] + [(1500, 500), (1640, 624), (3000, 1000), (2560, 1440), (1200, 630)]
# What the other engines write. Ours writes its own, lower: a sharper picture may lose more and still be nearer to the original.
QUALITY = 85


@dataclass(frozen=True)
class Version:
    """One version: a part of the original, in its pixels, and the size that it gets."""

    x: float
    y: float
    box_width: float
    box_height: float
    width: int
    height: int


def versions(width: int, height: int) -> list[Version]:
    """The versions of a photograph of this size."""
    made = []
    for wanted_width, wanted_height in SIZES:
        ratio = wanted_width / wanted_height
        box_width, box_height = min(width, height * ratio), min(height, width / ratio)
        scale = min(1, box_width / wanted_width)
        made.append(
            Version(
                (width - box_width) / 2,
                (height - box_height) / 2,
                box_width,
                box_height,
                max(1, round(wanted_width * scale)),
                max(1, round(wanted_height * scale)),
            )
        )
    return made


def needed_scale(made: list[Version]) -> float:
    """Pixels that the largest version needs per pixel of the original."""
    return max(version.width / version.box_width for version in made)


def write(path: Path, made: list[Version]) -> None:
    """Writes the versions for engines in other languages."""
    path.write_text(json.dumps([asdict(version) for version in made]))
