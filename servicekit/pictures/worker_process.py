"""What runs inside a picture worker: `python -m servicekit.pictures.worker_process SOCKET PARENT_PID MEMORY_BYTES`.

Reads jobs from the socket and writes their outcomes, each a length and a pickle, until the other end closes.
"""

import ctypes
import os
import pickle
import resource
import signal
import socket
import sys
import traceback

LENGTH_BYTES = 4
OUT_OF_MEMORY = b"out of memory"
READY = b"ready"

# From linux/prctl.h.
_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent_pid: int, memory_bytes: int) -> None:
    """Serves jobs until the owner closes the socket or dies."""
    # Ctrl-C and a stopping supervisor signal the whole group. The owner decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_with(parent_pid)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as stream:

        def answer(content: bytes) -> None:
            stream.write(len(content).to_bytes(LENGTH_BYTES) + content)
            stream.flush()

        answer(READY)
        while header := stream.read(LENGTH_BYTES):
            try:
                outcome = _outcome(stream.read(int.from_bytes(header)))
            except MemoryError:
                # What is left of the memory is in pieces: a fresh process takes over.
                answer(OUT_OF_MEMORY)
                return
            answer(outcome)


def _outcome(request: bytes) -> bytes:
    """Does one job: (True, result) or (False, exception), pickled. Raises MemoryError."""
    try:
        function, args = pickle.loads(request)  # noqa: S301 - written by our own process
        return pickle.dumps((True, function(*args)))
    except MemoryError:
        raise
    # Whatever the job raises is the caller's to judge.
    except Exception as error:
        error.add_note(f"in a picture worker:\n{traceback.format_exc()}")
        try:
            return pickle.dumps((False, error))
        except (pickle.PicklingError, TypeError, AttributeError):
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _end_with(parent_pid: int) -> None:
    """Makes the kernel end this process when its owner dies, even in the middle of a job."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The owner may have died before the line above.
    if os.getppid() != parent_pid:
        sys.exit()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
