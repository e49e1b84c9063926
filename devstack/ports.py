"""Finds ports on loopback that nobody listens on."""

import random
import socket

import psutil

LOOPBACK = "127.0.0.1"

# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections. A client that keeps
# trying to reach a stopped server on a port inside that range can be given the same port as its own and so connect to
# itself, after which the server cannot come back.
FIRST_PORT, LAST_PORT = 20_000, 32_000


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


def pick_port(remembered: int | None, taken: set[int], randomness: random.Random) -> int:
    """Returns the remembered port while it is free, else a random free one that is not in `taken`."""
    if remembered is not None and remembered not in taken and is_free(remembered):
        return remembered
    while True:
        port = randomness.randint(FIRST_PORT, LAST_PORT)
        if port not in taken and is_free(port):
            return port


def who_listens_on(port: int) -> str:
    """Names the process that listens on the port, as far as the system tells us."""
    try:
        for connection in psutil.net_connections("tcp"):
            at = connection.laddr
            if connection.status == psutil.CONN_LISTEN and at and at.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # macOS shows other processes' sockets to root alone
    return "another program"
