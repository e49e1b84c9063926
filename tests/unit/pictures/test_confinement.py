import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from servicekit.pictures import worker as owner
from servicekit.pictures.confinement import WorkerLimits
from servicekit.pictures.worker_process import READY
from servicekit.pictures.workers import PictureWorkers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


def alone(code: str) -> str:
    """Runs code in a process of its own, since confinement cannot be taken back, and returns what it prints."""
    prelude = (
        "import os, resource, socket\n"
        "from types import SimpleNamespace\n"
        "from servicekit.pictures.confinement import WorkerLimits, allow_cpu, confine\n"
    )
    done = subprocess.run([sys.executable, "-c", prelude + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@given(st.builds(WorkerLimits, *[st.integers(min_value=1)] * 4))
def test_limits_travel_on_a_command_line(limits):
    assert WorkerLimits.from_arguments(limits.arguments()) == limits


@pytest.mark.parametrize("wrong", [{"memory_bytes": 0}, {"cpu_seconds": -1}, {"file_bytes": 0}, {"open_files": 0}])
def test_a_limit_that_allows_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="positive"):
        WorkerLimits(**wrong)


def test_limits_that_are_narrower_already_stay():
    code = (
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (9, 9))\n"
        "confine(WorkerLimits())\n"
        "allow_cpu(30)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CPU))"
    )
    assert alone(code) == "(20, 20) (9, 9)"


def test_a_confined_process_keeps_what_it_has_open_and_opens_no_connection():
    code = (
        "ours, theirs = socket.socketpair()\n"
        "filtered = confine(WorkerLimits())\n"
        "ours.sendall(b'x')\n"
        "received = theirs.recv(1)\n"
        "try:\n"
        "    socket.socket()\n"
        "except PermissionError as error:\n"
        "    print(filtered, received, error.errno)"
    )
    assert alone(code) == "True b'x' 1"


def test_on_a_machine_of_another_kind_there_are_limits_and_no_filter():
    code = (
        "os.uname = lambda: SimpleNamespace(machine='riscv64')\n"
        "print(confine(WorkerLimits()), resource.getrlimit(resource.RLIMIT_CORE), bool(socket.socket()))"
    )
    assert alone(code) == "False (0, 0) True"


async def test_a_worker_without_a_filter_says_so_and_works(monkeypatch):
    monkeypatch.setattr(owner, "READY_UNFILTERED", READY)
    with capture_logs() as logs:
        async with PictureWorkers(1) as workers:
            assert await workers.run(abs, -1, timeout_seconds=60) == 1
    assert [entry["event"] for entry in logs] == ["picture_worker_unfiltered"]
