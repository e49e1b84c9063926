import asyncio
import hashlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import uvloop
from prometheus_client import REGISTRY

from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from servicekit.pictures.workers import Lane, PictureWorkerError, PictureWorkers, WorkerLimits

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


def burn():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def write_file(path, count):
    Path(path).write_bytes(bytes(count))


def open_files(path, count):
    return len([Path(path).open("wb") for _ in range(count)])


def limits_of_cores():
    return resource.getrlimit(resource.RLIMIT_CORE)


def hang_up():
    os.closerange(3, 4096)
    time.sleep(DEADLINE)


def start_a_program():
    subprocess.run([sys.executable, "-c", ""], check=True)


class Hostile:
    """Pickled, it is a call of `os.mkdir`."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


_kept = []


def keep_memory(count):
    _kept.append(os.urandom(count))


def kept_one():
    _kept.append(b"")


def kept():
    return len(_kept)


def fail_to_prepare():
    raise ImportError("no module named cv9")


def counted(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def restarts(reason):
    return counted("linkarooie_picture_worker_restarts_total", reason=reason)


def jobs(lane, outcome):
    return counted("linkarooie_picture_jobs_total", lane=lane, outcome=outcome)


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
        await until(lambda: not workers._places[0].is_alive)
        assert await run(workers, abs, -1) == 1


async def test_a_job_that_needs_too_much_memory_fails_alone():
    async with PictureWorkers(1, limits=WorkerLimits(memory_bytes=512 * 2**20)) as workers:
        with pytest.raises(PictureWorkerError, match="512 MiB") as caught:
            await run(workers, take_memory, 2**30)
        assert caught.value.reason == "OUT_OF_MEMORY"
        assert await run(workers, take_memory, 2**20) == 2**20


async def test_a_job_that_burns_the_processor_ends_by_the_kernels_clock():
    limits = WorkerLimits(cpu_seconds=1)
    async with PictureWorkers(1, limits=limits) as workers:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with pytest.raises(PictureWorkerError, match="more than 1 s") as caught:
            await run(workers, burn)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert caught.value.reason == "CPU_TIME"
        assert await run(workers, abs, -1) == 1
    # Whole seconds are counted, and a fresh process takes a part of one before its job begins.
    assert after.ru_utime - before.ru_utime < 3


async def test_processor_time_is_allowed_for_each_job_anew():
    async with PictureWorkers(1, limits=WorkerLimits(cpu_seconds=1)) as workers:
        pid = await run(workers, os.getpid)
        for _ in range(4):
            await run(workers, hashlib.pbkdf2_hmac, "sha256", b"", b"", 500_000)
        assert await run(workers, os.getpid) == pid


async def test_a_job_that_writes_too_large_a_file_fails_alone(tmp_path):
    async with PictureWorkers(1, limits=WorkerLimits(file_bytes=1_000_000)) as workers:
        await run(workers, write_file, tmp_path / "small", 1_000_000)
        with pytest.raises(PictureWorkerError, match="1000000 bytes") as caught:
            await run(workers, write_file, tmp_path / "large", 1_000_001)
        assert caught.value.reason == "FILE_SIZE"
        assert await run(workers, abs, -1) == 1


async def test_a_worker_opens_few_files_and_leaves_no_core(workers, tmp_path):
    with pytest.raises(OSError, match="Too many open files"):
        await run(workers, open_files, tmp_path / "file", 100)
    assert await run(workers, limits_of_cores) == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters system calls")
@pytest.mark.parametrize("act", [socket.create_server, start_a_program])
async def test_a_worker_has_no_network_and_starts_no_programs(workers, act):
    arguments = [("127.0.0.1", 0)] if act is socket.create_server else []
    pid = await run(workers, os.getpid)
    with pytest.raises(PermissionError):
        await run(workers, act, *arguments)
    assert psutil.pid_exists(pid)


async def test_what_libraries_print_does_not_reach_the_log(capfd):
    async with PictureWorkers(1) as workers:
        for descriptor in (1, 2):
            assert await run(workers, os.write, descriptor, b"forged line\n") == 12
    assert capfd.readouterr() == ("", "")


async def test_a_worker_that_was_taken_over_makes_its_owner_do_nothing(workers, tmp_path):
    with pytest.raises(PictureWorkerError, match=r"posix\.mkdir") as caught:
        await run(workers, Hostile, str(tmp_path / "made"))
    assert caught.value.reason == "CRASHED"
    assert not (tmp_path / "made").exists()
    assert await run(workers, abs, -1) == 1


async def test_a_worker_that_hangs_up_and_goes_on_is_ended(workers):
    with pytest.raises(PictureWorkerError, match="went on") as caught:
        await run(workers, hang_up)
    assert caught.value.reason == "CRASHED"
    assert await run(workers, abs, -1) == 1


async def test_an_answer_without_end_is_not_waited_for(workers, monkeypatch):
    monkeypatch.setattr("servicekit.pictures.worker.MAX_ANSWER_BYTES", 1000)
    with pytest.raises(PictureWorkerError, match="wanted to answer") as caught:
        await run(workers, bytes, 10_000)
    assert caught.value.reason == "CRASHED"
    assert await run(workers, abs, -1) == 1


async def test_what_jobs_need_is_prepared_before_the_first_one():
    async with PictureWorkers(1, prepare=kept_one) as workers:
        assert await run(workers, kept) == 1


async def test_a_replaced_worker_is_prepared_too():
    async with PictureWorkers(1, prepare=kept_one) as workers:
        with pytest.raises(PictureWorkerError):
            await run(workers, kill_oneself)
        assert await run(workers, kept) == 1


@pytest.mark.parametrize(
    ("prepare", "words"),
    [(fail_to_prepare, "fail_to_prepare.*ImportError: no module"), (kill_oneself, "kill_oneself.*signal 9")],
)
async def test_a_failing_preparation_is_told_at_the_start(prepare, words):
    children = {child.pid for child in psutil.Process().children()}
    with pytest.raises(PictureWorkerError, match=words) as caught:
        await PictureWorkers(2, prepare=prepare).start()
    assert caught.value.reason == "NOT_STARTED"
    assert {child.pid for child in psutil.Process().children()} <= children


async def test_where_no_process_can_be_started_the_job_says_so(workers, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    for pid in set(await asyncio.gather(*(run(workers, os.getpid) for _ in range(8)))):
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not any(place.is_alive for place in workers._places))
    with pytest.raises(PictureWorkerError, match="/nowhere/python") as caught:
        await run(workers, abs, -1)
    assert caught.value.reason == "NOT_STARTED"
    monkeypatch.undo()
    assert await run(workers, abs, -1) == 1


async def test_a_worker_that_did_its_share_is_replaced_without_a_job_noticing():
    before = restarts("old")
    async with PictureWorkers(1, jobs_per_worker=3) as workers:
        pids = []
        async with asyncio.timeout(DEADLINE):
            while len(set(pids)) < 3:
                pids.append(await run(workers, os.getpid))
    assert pids == sorted(pids, key=pids.index)
    assert all(pids.count(pid) >= 3 for pid in set(pids[:-1]))
    assert restarts("old") >= before + 2


async def test_a_worker_that_keeps_much_memory_is_replaced():
    before = restarts("large")
    async with PictureWorkers(1, max_idle_bytes=150 * 2**20) as workers:
        pid = await run(workers, os.getpid)
        await run(workers, keep_memory, 200 * 2**20)
        async with asyncio.timeout(DEADLINE):
            while await run(workers, os.getpid) == pid:
                pass
        assert not psutil.pid_exists(pid)
    assert restarts("large") == before + 1


async def test_a_dead_worker_is_replaced_before_anyone_asks():
    before = restarts("crashed")
    async with PictureWorkers(1) as workers:
        with pytest.raises(PictureWorkerError):
            await run(workers, kill_oneself)
        await until(lambda: workers._places[0].is_alive)
    assert restarts("crashed") == before + 1


async def test_bulk_jobs_leave_a_worker_to_people(tmp_path):
    async with PictureWorkers(2) as workers:
        assert (workers.count, workers.room(Lane.BULK), workers.room(Lane.INTERACTIVE)) == (2, 1, 2)
        started = [tmp_path / name for name in ("one", "two")]
        bulk = [
            asyncio.create_task(
                workers.run(note_and_sleep, str(path), timeout_seconds=DEADLINE, lane=Lane.BULK), name=path.name
            )
            for path in started
        ]
        await until(started[0].exists)
        assert await run(workers, abs, -1) == 1
        assert not started[1].exists()
        bulk[0].cancel()
        await until(started[1].exists)
        bulk[1].cancel()
        await asyncio.gather(*bulk, return_exceptions=True)


async def test_jobs_are_counted_by_lane_and_outcome(workers):
    async def outcome(function, *args, lane=Lane.BULK):
        await asyncio.gather(
            workers.run(function, *args, timeout_seconds=DEADLINE, lane=lane), return_exceptions=True
        )  # fmt: skip

    kinds = [("bulk", "done"), ("bulk", "raised"), ("bulk", "crashed"), ("interactive", "done")]
    before = [jobs(*kind) for kind in kinds]
    waits = counted("linkarooie_picture_job_wait_seconds_count", lane="bulk")
    await outcome(abs, -1)
    await outcome(int, "x")
    await outcome(kill_oneself)
    await outcome(abs, -1, lane=Lane.INTERACTIVE)
    assert [jobs(*kind) for kind in kinds] == [count + 1 for count in before]
    assert counted("linkarooie_picture_job_wait_seconds_count", lane="bulk") == waits + 3


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
