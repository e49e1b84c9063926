"""Measures whether twice the workers do twice the work: `python benchmarks/workers.py [WORKERS] [JOBS]`.

Renders one photograph over and over, by one worker and by as many as there are cores (or as asked), in turns, and compares
jobs a second. Needs a machine with nothing else to do; virtual cores that share a real one give less. So it says as well
how much CPU a job took in both cases: what grows there is lost to shared caches and cores, not to our code.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from photographs import fetched
from PIL import Image
from plan import versions

from servicekit.pictures.workers import PictureWorkers
from services.processor.pipeline import Edit, RenditionSpec, render

ROUNDS = 3


async def jobs_a_second(workers: int, jobs: int, photo: Path, specs: list[RenditionSpec]) -> tuple[float, float]:
    """Runs the jobs. Returns how many a second were done, and the CPU seconds that one took."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(number)) for number in range(workers + jobs)]
        for folder in folders:
            folder.mkdir()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        async with PictureWorkers(workers) as pool:

            async def run(folder: Path) -> None:
                await pool.run(render, photo, Edit(), specs, folder, timeout_seconds=120)

            # The first job of a worker pays for imports.
            await asyncio.gather(*map(run, folders[:workers]))
            began = time.monotonic()
            await asyncio.gather(*map(run, folders[workers:]))
            seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return jobs / seconds, cpu / (jobs + workers)


async def main(workers: int, jobs: int) -> None:
    """Prints the best of each, and the ratio."""
    photo = next(photo.path for photo in fetched() if photo.name == "pug.jpg")
    with Image.open(photo) as image:
        made = versions(*image.size)
    specs = [RenditionSpec(f"version.{i}", one.width, one.height, ("image/jpeg",)) for i, one in enumerate(made)]
    one, many = [], []
    for _ in range(ROUNDS):
        one.append(await jobs_a_second(1, jobs, photo, specs))
        many.append(await jobs_a_second(workers, jobs * workers, photo, specs))
    rates = max(rate for rate, _ in one), max(rate for rate, _ in many)
    cpu = min(seconds for _, seconds in one), min(seconds for _, seconds in many)
    print(f"1 worker: {rates[0]:.2f} jobs/s, {cpu[0]:.3f} s CPU each, start of the process included")
    print(f"{workers} workers: {rates[1]:.2f} jobs/s, {cpu[1]:.3f} s CPU each")
    print(f"{rates[1] / rates[0]:.2f} times the work of one, {rates[1] / rates[0] / workers:.2f} of {workers}")


if __name__ == "__main__":
    asyncio.run(main(*(int(argument) for argument in sys.argv[1:]), *(os.cpu_count() or 1, 10)[len(sys.argv) - 1 :]))
