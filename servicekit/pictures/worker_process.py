"""What runs inside a picture worker: `python -m servicekit.pictures.worker_process SOCKET PARENT_PID LIMITS…`.

Reads jobs from the socket and writes their outcomes, each a length and a pickle, until the other end closes.
"""

import ctypes
import errno
import os
import pickle
import signal
import socket
import sys

from servicekit.pictures.answers import LENGTH_BYTES, pack_failure, pack_result
from servicekit.pictures.confinement import WorkerLimits, allow_cpu, confine

OUT_OF_MEMORY = b"out of memory"
READY = b"ready"
# Ready too, but the kernel took no filter of system calls.
READY_UNFILTERED = b"ready, unfiltered"

# From linux/prctl.h.
_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent_pid: int, limits: WorkerLimits) -> None:
    """Serves jobs until the owner closes the socket or dies."""
    # Ctrl-C and a stopping supervisor signal the whole group. The owner decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(signal, "SIGXFSZ"):
        # Python ignores it: the job would go on with half a file.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    _end_with(parent_pid)
    _be_silent()
    is_filtered = confine(limits)
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as stream:

        def answer(content: bytes) -> None:
            stream.write(len(content).to_bytes(LENGTH_BYTES) + content)
            stream.flush()

        answer(READY if is_filtered else READY_UNFILTERED)
        while header := stream.read(LENGTH_BYTES):
            request = stream.read(int.from_bytes(header))
            allow_cpu(limits.cpu_seconds)
            try:
                outcome = _outcome(request)
            except MemoryError:
                # What is left of the memory is in pieces: a fresh process takes over.
                answer(OUT_OF_MEMORY)
                return
            answer(outcome)


def _outcome(request: bytes) -> bytes:
    """Does one job and writes its outcome down. Raises MemoryError."""
    try:
        function, args = pickle.loads(request)  # noqa: S301 - written by our owner
        return pack_result(function(*args))
    except MemoryError:
        raise
    # Whatever the job raises is the caller's to judge.
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise MemoryError from error
        return pack_failure(error)


def _be_silent() -> None:
    """Keeps what libraries print out of the service's log: strangers' files say what that is, and how much."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _end_with(parent_pid: int) -> None:
    """Makes the kernel end this process when its owner dies, even in the middle of a job."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The owner may have died before the line above.
    if os.getppid() != parent_pid:
        sys.exit()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), WorkerLimits.from_arguments(sys.argv[3:]))
