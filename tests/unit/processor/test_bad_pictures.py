"""Bad files through the whole pipeline, in workers as the product runs them: each costs at most itself."""

import os
import resource
from pathlib import Path

import psutil
import pytest
from PIL import Image

from servicekit.pictures.model import JPEG, READABLE, PictureLimits, PictureRefused
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers, WorkerLimits
from services.processor.pipeline import Edit, Fit, RenderResult, RenditionSpec, render
from services.processor.pipeline.warm_up import warm_up
from tests.unit.processor.bad_pictures import (
    BAD,
    MADE,
    jpeg_that_is_a_web_page_too,
    png_as_large_as_allowed,
    scans_repeated,
)

SPECS = (
    RenditionSpec("x.avatar", 400, 400, ("image/jpeg",), max_bytes=700_000),
    RenditionSpec("x.banner", 1500, 500, ("image/jpeg",)),
    RenditionSpec("thumbnail.320", 320, 320, ("image/webp",), fit=Fit.INSIDE, alpha=True),
)
# Only ends a worker that hangs; what a job may take is counted in processor time.
WALL_SECONDS = 300.0
CPU_SECONDS = 15


def memory() -> dict[str, int]:
    """Bytes of memory of this process: address space now and at most, and resident at most."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[name].split()[0]) * 1024 for name in ("VmSize", "VmPeak", "VmHWM")}


@pytest.fixture(scope="module")
async def workers():
    limits = WorkerLimits(cpu_seconds=CPU_SECONDS)
    # Replaced only if it dies.
    async with PictureWorkers(1, prepare=warm_up, limits=limits, max_idle_bytes=2**40) as started:
        yield started


@pytest.fixture
def attempt(workers, tmp_path):
    async def render_file(content: bytes) -> RenderResult:
        source, out = tmp_path / "upload.png", tmp_path / "out"
        out.mkdir(exist_ok=True)
        source.write_bytes(content)
        return await workers.run(render, source, Edit(), SPECS, out, PictureLimits(), timeout_seconds=WALL_SECONDS)

    return render_file


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_a_bad_file_is_handled_and_its_worker_lives_on(workers, attempt, bad):
    pid = await workers.run(os.getpid, timeout_seconds=WALL_SECONDS)
    try:
        result = await attempt(bad.build())
        outcome = MADE
        assert len(result.renditions) == len(SPECS)
    except PictureRefused as refusal:
        outcome = refusal.reason
    unknown = bad.content_type is not None and bad.content_type not in READABLE
    assert outcome in ({"UNSUPPORTED_FORMAT"} if unknown else bad.outcomes)
    assert await workers.run(os.getpid, timeout_seconds=WALL_SECONDS) == pid


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
async def test_all_of_them_together_kept_within_memory(workers):
    """Runs after those above, in the same worker."""
    most = await workers.run(memory, timeout_seconds=WALL_SECONDS)
    assert most["VmPeak"] < WorkerLimits().memory_bytes
    assert most["VmHWM"] < 1024 * 2**20


async def test_a_picture_that_costs_minutes_is_ended_by_the_clock_of_the_kernel(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    source.write_bytes(scans_repeated(Image.new("RGB", (7000, 7000), "teal"), 85))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    async with PictureWorkers(1, prepare=warm_up, limits=WorkerLimits(cpu_seconds=1)) as workers:
        first = await workers.run(os.getpid, timeout_seconds=WALL_SECONDS)
        with pytest.raises(PictureWorkerError) as caught:
            await workers.run(render, source, Edit(), SPECS, out, timeout_seconds=WALL_SECONDS)
        assert caught.value.reason == "CPU_TIME"
        assert not psutil.pid_exists(first)
        source.write_bytes(jpeg_that_is_a_web_page_too())
        await workers.run(render, source, Edit(), SPECS, out, timeout_seconds=WALL_SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Two workers came up, one job was ended, one was done.
    assert after.ru_utime - before.ru_utime < 6


async def test_a_picture_that_needs_more_memory_than_allowed_fails_alone(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    source.write_bytes(png_as_large_as_allowed())
    async with PictureWorkers(1, prepare=warm_up) as roomy:
        base = (await roomy.run(memory, timeout_seconds=WALL_SECONDS))["VmPeak"]
    limits = WorkerLimits(memory_bytes=base + 60 * 2**20)
    async with PictureWorkers(1, prepare=warm_up, limits=limits) as workers:
        with pytest.raises(PictureWorkerError) as caught:
            await workers.run(render, source, Edit(), SPECS, out, timeout_seconds=WALL_SECONDS)
        assert caught.value.reason == "OUT_OF_MEMORY"
        source.write_bytes(jpeg_that_is_a_web_page_too())
        await workers.run(render, source, Edit(), SPECS, out, timeout_seconds=WALL_SECONDS)


async def test_what_hides_in_a_picture_is_in_none_of_its_versions(attempt):
    result = await attempt(jpeg_that_is_a_web_page_too())
    assert {made.content_type for made in result.renditions} >= {JPEG}
    for made in result.renditions:
        content = made.path.read_bytes()
        assert b"script" not in content
        assert b"html" not in content
