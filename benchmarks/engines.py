"""Measures what one upload costs, with our picture engine and with the others that can be had: `make benchmark`.

usage: .venv/bin/python benchmarks/engines.py [--rounds N] [--mode progressive|baseline] [--photos NAME,…] [--engines NAME,…]

Each engine makes the same 12 centre crops of each photograph as JPEG, 4:2:0, Huffman tables optimised. Each
pair of engine and photograph gets a fresh process a round, in an order shuffled each round, so that a busy machine
disturbs all alike. CPU is user and system time of all threads. Take the ratios to another machine, not the milliseconds.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from statistics import mean, median
from typing import Any

from limits_search import encodings_line
from photographs import Photograph, fetched
from PIL import Image
from plan import versions, write
from quality import Box, Judge

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
sys.path.append(str(ROOT / "tools"))

from node import find_node, install  # noqa: E402

# Where the Python packages are that only the benchmark needs.
PACKAGES = ROOT / "build" / "benchmark"
# In each process; the slow engines, which decode for each version, run once, in the first round.
RUNS = 2
SLOW = {"pillow-naive", "pillow-draft", "vips-thumbnail", "sharp-clone"}
ENGINES = {
    "ours": "ours: the product's `render`, everything included",
    "pillow-naive": "Pillow, `ImageOps.fit` for each version",
    "pillow-draft": "Pillow, `draft` and `reducing_gap` for each version",
    "pillow-pyramid": "Pillow alone: our pyramid with Pillow's filter",
    "vips-thumbnail": "pyvips, `thumbnail` for each version",
    "vips-pyramid": "pyvips, best pyramid that we could write",
    "sharp-clone": "sharp, `clone()` for each version",
    "sharp-pyramid": "sharp, best pyramid that we could write",
    "floor": "floor: one decode, 12 encodes, no resampling",
}


@dataclass
class Figures:
    """What was measured of one engine with one photograph."""

    milliseconds: list[float] = field(default_factory=list)
    peak: int = 0
    bytes: int = 0
    similarity: float = 0


def main() -> None:
    """Prints a table for each mode, and what the byte search needs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mode", choices=("progressive", "baseline"), action="append")
    parser.add_argument("--photos")
    parser.add_argument("--engines")
    asked = parser.parse_args()
    photographs = [photo for photo in fetched() if asked.photos is None or photo.name in asked.photos.split(",")]
    engines = list(ENGINES) if asked.engines is None else asked.engines.split(",")
    install_competitors()
    for mode in asked.mode or ("progressive", "baseline"):
        found = measured(photographs, engines, mode, asked.rounds)
        print_table(found, photographs, engines, mode, asked.rounds)
    print(encodings_line([photo.path for photo in photographs]))


def install_competitors() -> None:
    """Installs pyvips into `build/` and sharp beside its script, each as its file here says."""
    install(HERE / "node")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"]["benchmark"]
    note = PACKAGES / "installed"
    if not note.exists() or note.read_text() != "\n".join(wanted):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(PACKAGES), *wanted]
        subprocess.run(command, check=True)
        note.write_text("\n".join(wanted))


def measured(
    photographs: list[Photograph], engines: list[str], mode: str, rounds: int
) -> dict[tuple[str, str], Figures]:
    """Runs everything, and judges the files of the first round."""
    found: dict[tuple[str, str], Figures] = defaultdict(Figures)
    shown: dict[tuple[str, str], tuple[Path, list[Box]]] = {}
    with tempfile.TemporaryDirectory() as kept:
        for round_number in range(rounds):
            pairs = [(engine, photo) for engine in engines for photo in photographs]
            if round_number > 0:
                pairs = [(engine, photo) for engine, photo in pairs if engine not in SLOW]
            random.shuffle(pairs)
            for index, (engine, photo) in enumerate(pairs):
                if index % 9 == 0:
                    print(f"{mode}, round {round_number + 1}, {index} of {len(pairs)}", file=sys.stderr, flush=True)
                folder = Path(kept, str(round_number), engine, photo.name)
                folder.mkdir(parents=True)
                answer = run(engine, photo.path, folder, mode)
                figures = found[engine, photo.name]
                figures.milliseconds += answer["milliseconds"]
                figures.peak = max(figures.peak, answer["peak"])
                shown.setdefault((engine, photo.name), (folder, answer["boxes"]))
        for photo in photographs:
            judge = Judge(photo.path)
            for engine in engines:
                folder, boxes = shown[engine, photo.name]
                sizes = [(folder / f"{index}.jpg").stat().st_size for index in range(len(boxes))]
                found[engine, photo.name].bytes = sum(sizes)
                found[engine, photo.name].similarity = judge.similarity(folder, boxes)
    return found


def run(engine: str, photo: Path, folder: Path, mode: str) -> dict[str, Any]:
    """Runs one engine on one photograph in a process of its own."""
    runs = str(1 if engine in SLOW else RUNS)
    if engine.startswith("sharp"):
        warm_up = ROOT / "build" / "photographs" / "china.jpg"
        plans = []
        for picture in (photo, warm_up):
            with Image.open(picture) as image:
                plans.append(folder / f"{picture.name}.json")
                write(plans[-1], versions(*image.size))
        script = [str(find_node()[0]), str(HERE / "node" / "sharp_engines.mjs")]
        command = [*script, engine, str(photo), str(folder), mode, runs, str(warm_up), *map(str, plans)]
    else:
        command = [sys.executable, str(HERE / "engine_run.py"), engine, str(photo), str(folder), mode, runs]
    answer = subprocess.run(command, env=environment(), capture_output=True, text=True)
    if answer.returncode:
        sys.exit(f"\n{engine} failed on {photo.name}:\n{answer.stderr}")
    figures: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def environment() -> dict[str, str]:
    """All engines get the settings of our workers: an allocator that keeps large buffers, and one thread."""
    return {
        **os.environ,
        "MALLOC_MMAP_THRESHOLD_": str(2**30),
        "MALLOC_TRIM_THRESHOLD_": str(2**28),
        **dict.fromkeys(("VIPS_CONCURRENCY", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(PACKAGES)]),
    }


def print_table(
    found: dict[tuple[str, str], Figures], photographs: list[Photograph], engines: list[str], mode: str, rounds: int
) -> None:
    """Prints markdown: a row for each engine, and our ratios to the others."""
    names = [photo.name for photo in photographs]
    print(f"\n### {mode}, optimised\n")
    print(f"CPU ms for 12 versions: smallest / median of {rounds} processes × {RUNS} runs; the slow engines run once.")
    print("MiB: peak of a process with the first photograph / with any. SSIM: mean over all files.")
    print("Ours ÷: geometric mean over the photographs of our smallest CPU time by theirs.\n")
    print(f"| engine | {' | '.join(names)} | ours ÷ | MiB | bytes, kB | SSIM |")
    print(f"| --- |{' ---: |' * (len(names) + 4)}")
    for engine in engines:
        row = [found[engine, name] for name in names]
        cells = [f"{min(figures.milliseconds):.0f} / {median(figures.milliseconds):.0f}" for figures in row]
        ratio = f"{mean_ratio(found, names, engine):.2f}" if ("ours", names[0]) in found else ""
        peak = f"{row[0].peak} / {max(figures.peak for figures in row)}"
        kilobytes = sum(figures.bytes for figures in row) / 1000
        similar = f"{mean(figures.similarity for figures in row):.4f}"
        print(f"| {ENGINES[engine]} | {' | '.join(cells)} | {ratio} | {peak} | {kilobytes:,.0f} | {similar} |")
    print()


def mean_ratio(found: dict[tuple[str, str], Figures], names: list[str], other: str) -> float:
    ratios = [min(found["ours", name].milliseconds) / min(found[other, name].milliseconds) for name in names]
    return float(prod(ratios) ** (1 / len(ratios)))


if __name__ == "__main__":
    main()
