import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import uvloop

from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers

DEADLINE = 60.0


async def run(workers, function, *args):
    return await workers.run(function, *args, timeout_seconds=DEADLINE)


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


def take_memory(count):
    return len(bytearray(count))


def fail_unpicklably():
    raise ValueError(lambda: None)


def environment():
    return dict(os.environ)


def note_and_sleep(path):
    Path(path).touch()
    time.sleep(DEADLINE)


async def until(condition):
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def workers():
    async with PictureWorkers(2) as started:
        yield started


async def test_a_job_runs_in_another_process(workers):
    assert await run(workers, os.getpid) != os.getpid()


async def test_jobs_share_the_workers(workers):
    pids = await asyncio.gather(*(run(workers, os.getpid) for _ in range(20)))
    assert len(set(pids)) <= 2


async def test_large_arguments_and_results_arrive_whole(workers):
    content = os.urandom(3_000_000)
    assert await run(workers, bytes.__add__, content, b"!") == content + b"!"


async def test_a_refusal_comes_back_whole(workers, write):
    path = write(b"hello")
    with pytest.raises(PictureRefused) as expected:
        probe(path, PictureLimits())
    with pytest.raises(PictureRefused) as caught:
        await run(workers, probe, path, PictureLimits())
    assert (caught.value.reason, caught.value.message, caught.value.metadata) == (
        expected.value.reason,
        expected.value.message,
        expected.value.metadata,
    )
    assert "in a picture worker" in caught.value.__notes__[0]


async def test_an_exception_that_cannot_travel_comes_back_in_words(workers):
    with pytest.raises(RuntimeError, match="ValueError"):
        await run(workers, fail_unpicklably)
    assert await run(workers, abs, -1) == 1


async def test_a_job_that_takes_too_long_fails_alone(workers):
    slow = asyncio.create_task(workers.run(time.sleep, DEADLINE, timeout_seconds=0.2))
    assert await run(workers, abs, -1) == 1
    with pytest.raises(PictureWorkerError) as caught:
        await slow
    assert caught.value.reason == "TIMEOUT"
    assert await asyncio.gather(*(run(workers, abs, -n) for n in range(4))) == [0, 1, 2, 3]


async def test_a_crash_fails_its_own_job_alone(workers, tmp_path):
    other = asyncio.create_task(run(workers, time.sleep, 0.2))
    with pytest.raises(PictureWorkerError, match="signal 9") as caught:
        await run(workers, kill_oneself)
    assert caught.value.reason == "CRASHED"
    await other
    assert await asyncio.gather(*(run(workers, abs, -n) for n in range(4))) == [0, 1, 2, 3]


async def test_a_worker_killed_while_idle_costs_no_job():
    async with PictureWorkers(1) as workers:
        os.kill(await run(workers, os.getpid), signal.SIGKILL)
        await until(lambda: not workers._workers[0].is_alive)
        assert await run(workers, abs, -1) == 1


async def test_a_job_that_needs_too_much_memory_fails_alone():
    async with PictureWorkers(1, memory_bytes=512 * 2**20) as workers:
        with pytest.raises(PictureWorkerError, match="512 MiB") as caught:
            await run(workers, take_memory, 2**30)
        assert caught.value.reason == "OUT_OF_MEMORY"
        assert await run(workers, take_memory, 2**20) == 2**20


async def test_cancelling_a_job_ends_it_and_frees_the_worker(tmp_path):
    async with PictureWorkers(1) as workers:
        pid = await run(workers, os.getpid)
        started = tmp_path / "started"
        job = asyncio.create_task(run(workers, note_and_sleep, str(started)))
        await until(started.exists)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert not psutil.pid_exists(pid)
        assert await run(workers, abs, -1) == 1


async def test_cancelling_a_job_that_waits_disturbs_nothing(tmp_path):
    async with PictureWorkers(1) as workers:
        pid = await run(workers, os.getpid)
        first = asyncio.create_task(run(workers, time.sleep, 0.2))
        waiting = asyncio.create_task(run(workers, abs, -1))
        await asyncio.sleep(0)
        waiting.cancel()
        await first
        assert await run(workers, os.getpid) == pid


async def test_closing_leaves_no_process_and_fails_what_runs(tmp_path):
    workers = PictureWorkers(2)
    await workers.start()
    pids = set(await asyncio.gather(*(run(workers, os.getpid) for _ in range(8))))
    started = tmp_path / "started"
    jobs = [asyncio.create_task(run(workers, note_and_sleep, str(started))) for _ in range(4)]
    await until(started.exists)
    await workers.stop()
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [PictureWorkerError] * 2 + [RuntimeError] * 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(RuntimeError, match="closed"):
        await run(workers, abs, -1)
    await workers.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_for_the_whole_group_do_not_end_a_job(workers, number):
    pids = set(await asyncio.gather(*(run(workers, os.getpid) for _ in range(8))))
    for pid in pids:
        os.kill(pid, number)
    assert set(await asyncio.gather(*(run(workers, os.getpid) for _ in range(8)))) <= pids


async def test_a_worker_sees_none_of_its_owners_secrets(monkeypatch):
    monkeypatch.setenv("LINKAROOIE_S3_SECRET_KEY", "secret")
    async with PictureWorkers(1) as workers:
        assert "LINKAROOIE_S3_SECRET_KEY" not in await run(workers, environment)


OWNER = """
import asyncio, os, time
from servicekit.pictures.workers import PictureWorkers

async def main():
    workers = PictureWorkers(1)
    await workers.start()
    print(await workers.run(os.getpid, timeout_seconds=60), flush=True)
    await workers.run(time.sleep, 600, timeout_seconds=600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a busy child with its parent")
async def test_a_busy_worker_dies_with_its_owner():
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(DEADLINE):
        worker = psutil.Process(int(await owner.stdout.readline()))
        owner.kill()
        await owner.wait()
    await until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_it_works_on_uvloop():
    async def main():
        async with PictureWorkers(1) as workers:
            with pytest.raises(PictureWorkerError, match="TIMEOUT"):
                await workers.run(time.sleep, DEADLINE, timeout_seconds=0.1)
            return await run(workers, abs, -1)

    assert uvloop.run(main()) == 1
