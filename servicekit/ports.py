"""Ports of the loopback address that nobody uses."""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


def listen_on(port: int) -> socket.socket:
    """Binds a TCP socket on loopback; raises OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of a server that has just stopped may linger; they do not make the port taken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock


def is_free(port: int) -> bool:
    """Says whether a server could listen on the port now."""
    try:
        listen_on(port).close()
    except OSError:
        return False
    return True


def free_port(first: int, last: int, *, count: int = 1) -> int:
    """Returns the first of `count` ports in a row, between `first` and `last`, that nobody uses at the moment.

    Whoever asks next on this machine, in whatever process, gets others: between a look at a port and a server that listens on it
    there is time enough for somebody else to look. Only after the last port does the first have its turn again.
    """
    with _last_given(first, last) as turn:
        while True:
            begin = turn.next(count)
            if all(is_free(port) for port in range(begin, begin + count)):
                return begin


class _Turn:
    def __init__(self, first: int, last: int, given: int) -> None:
        self._first, self._last, self.given = first, last, given

    def next(self, count: int) -> int:
        begin = self.given + 1
        if not self._first <= begin <= self._last - count + 1:
            begin = self._first
        self.given = begin + count - 1
        return begin


@contextlib.contextmanager
def _last_given(first: int, last: int) -> Iterator[_Turn]:
    """Holds the note of the port that was given last, for all processes of this user; without a note it begins anywhere."""
    try:
        path = f"{tempfile.gettempdir()}/linkarooie-ports-{os.geteuid()}-{first}"
        note = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield _Turn(first, last, random.randint(first, last))  # noqa: S311  # no secret depends on it
        return
    try:
        fcntl.flock(note, fcntl.LOCK_EX)
        text = os.read(note, 16)
        turn = _Turn(first, last, int(text) if text.isdigit() else random.randint(first, last))  # noqa: S311
        yield turn
        os.truncate(note, 0)
        os.pwrite(note, str(turn.given).encode(), 0)
    finally:
        os.close(note)
