"""Finds and ends the servers that a killed run left behind."""

import signal
from pathlib import Path

import psutil

# Every server of a stack runs inside the data folder, and nothing else of these names does. That tells them from
# strangers more surely than a noted process number, which the system may have given to somebody else since.
SERVER_NAMES = frozenset({"initdb", "postgres", "nats-server", "weed"})

# Postgres and NATS end within a second of the signal; SeaweedFS may take longer, and loses nothing when killed.
GRACE_SECONDS = 3.0


def find_leftovers(folder: Path) -> list[psutil.Process]:
    """Lists the servers that run inside the data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in SERVER_NAMES and runs_in(folder, process):
                found.append(process)
        except psutil.Error:
            continue  # gone meanwhile, or another user's, and then not ours
    return found


def runs_in(folder: Path, process: psutil.Process) -> bool:
    """Says whether a process works inside the folder, or was started on something inside it."""
    try:
        if Path(process.cwd()).is_relative_to(folder.resolve()):
            return True
    except psutil.AccessDenied:
        # In most containers root may not ask this of another user's process, and Postgres is one; its command line is
        # open to all.
        pass
    return any(Path(argument).is_relative_to(folder) for argument in process.cmdline())


def end_leftovers(folder: Path) -> int:
    """Ends every server that runs inside the data folder and waits until they are gone; returns how many there were.

    The caller holds the folder's lock, so whatever runs there has lost its owner. Blocks for up to some seconds.
    """
    leftovers = find_leftovers(folder)
    _signal(leftovers, signal.SIGINT)
    _, alive = psutil.wait_procs(leftovers, timeout=GRACE_SECONDS)
    _signal(alive, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)
    return len(leftovers)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
