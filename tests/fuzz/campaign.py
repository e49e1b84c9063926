"""Feeds damaged files to the whole pipeline in picture workers, and keeps count of what comes of them."""

import asyncio
import os
import resource
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from servicekit.pictures.model import NAMES, PictureLimits, PictureRefused
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers, WorkerLimits
from services.processor.pipeline import Edit, Fit, RenditionSpec, render
from services.processor.pipeline.warm_up import warm_up
from tests.fuzz.mutations import mutated

SPECS = (
    RenditionSpec("x.avatar", 48, 48, ("image/jpeg",), max_bytes=20_000),
    RenditionSpec("thumbnail.64", 64, 64, ("image/webp",), fit=Fit.INSIDE, alpha=True),
)
# Damaged headers announce any size; what fits is decoded, so this bounds the time that the whole takes.
LIMITS = PictureLimits(max_pixels=2_000_000)
# Seconds; the processor time is what matters, the other one only ends a worker that hangs.
CPU_SECONDS, WALL_SECONDS = 5, 120.0
# A worker's buffers and caches have grown to their size after this many files.
SETTLED_AFTER = 100
# What no healthy run comes to: an exception that is no refusal, or a worker that had to end.
HARMLESS = ("made", "refused")


@dataclass(frozen=True)
class Trial:
    """What came of one file, and the worker's memory after it and at its highest, in bytes."""

    outcome: str
    pid: int
    resident_bytes: int
    peak_bytes: int


@dataclass
class Report:
    """What came of all files."""

    outcomes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # Where the files are kept that did harm, by what they did.
    findings: list[tuple[str, Path]] = field(default_factory=list)
    resident: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    peak_bytes: int = 0

    @property
    def growth_bytes(self) -> int:
        """By how much a worker's memory grew at most, from when it had settled to its last file."""
        settled = [series[SETTLED_AFTER:] for series in self.resident.values() if len(series) > SETTLED_AFTER]
        return max((series[-1] - series[0] for series in settled), default=0)

    def table(self) -> str:
        """The outcomes by format, in Markdown."""
        columns = sorted({outcome for counts in self.outcomes.values() for outcome in counts})
        lines = [["format", "files", *columns], ["---", *["---:"] * (len(columns) + 1)]]
        for content_type, counts in sorted(self.outcomes.items()):
            cells = [counts[column] for column in columns]
            lines.append([NAMES[content_type], *map(str, (sum(cells), *cells))])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def attempt(source: Path, out: Path) -> Trial:
    """Runs in a worker: judges and renders one file. Raises what is neither a result nor a refusal."""
    try:
        render(source, Edit(), SPECS, out, LIMITS)
        outcome = "made"
    except PictureRefused as refusal:
        outcome = f"refused {refusal.reason}"
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Trial(outcome, os.getpid(), pages * resource.getpagesize(), usage.ru_maxrss * 1024)


async def run(seeds: dict[str, list[bytes]], *, files: int, seed: int, workers: int, kept: Path) -> Report:
    """Tries `files` damaged files, the formats in turn. Files that do harm are written to `kept`."""
    report = Report()
    todo = enumerate(damaged(seeds, files, seed))
    limits = WorkerLimits(cpu_seconds=CPU_SECONDS)

    async def work(pool: PictureWorkers, directory: Path) -> None:
        source, out = directory / "source", directory / "out"
        out.mkdir(parents=True)
        for number, (content_type, content) in todo:
            source.write_bytes(content)
            try:
                trial = await pool.run(attempt, source, out, timeout_seconds=WALL_SECONDS)
            except PictureWorkerError as error:
                outcome = error.reason
            except Exception as error:
                outcome = f"raised {type(error).__name__}"
                error.add_note(f"file {number}")
                (kept / f"{number}.txt").write_text(f"{error!r}\n{''.join(error.__notes__)}")
            else:
                outcome = trial.outcome
                report.resident[trial.pid].append(trial.resident_bytes)
                report.peak_bytes = max(report.peak_bytes, trial.peak_bytes)
            report.outcomes[content_type][outcome] += 1
            if not outcome.startswith(HARMLESS):
                path = kept / f"{number}.{NAMES[content_type].lower()}"
                path.write_bytes(content)
                report.findings.append((outcome, path))

    # Never replaced for their age: what a decoder leaks must show.
    async with PictureWorkers(workers, prepare=warm_up, limits=limits, jobs_per_worker=files + 1) as pool:
        with tempfile.TemporaryDirectory(prefix="linkarooie-fuzz-") as name:
            await asyncio.gather(*(work(pool, Path(name) / str(number)) for number in range(workers)))
    return report


def damaged(seeds: dict[str, list[bytes]], files: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Makes the damaged files, each with its media type; the same seed gives the same files."""
    every = [content for contents in seeds.values() for content in contents]
    formats = [content_type for content_type, contents in seeds.items() if contents]
    for number in range(files):
        # Each file has dice of its own: it can be made again alone.
        dice = Random(f"{seed}/{number}")  # repeatable, not secret
        content_type = formats[number % len(formats)]
        same = seeds[content_type]
        yield content_type, mutated(dice, dice.choice(same), same if dice.random() < 0.8 else every)
