"""The ports of the development servers."""

import psutil

from servicekit.ports import free_port, is_free

# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections. A client that keeps
# trying to reach a stopped server on a port inside that range can be given the same port as its own and so connect to
# itself, after which the server cannot come back.
FIRST_PORT, LAST_PORT = 20_000, 32_000


def pick_port(remembered: int | None, taken: set[int]) -> int:
    """Returns the remembered port while it is free, else a free one that is not in `taken`."""
    if remembered is not None and remembered not in taken and is_free(remembered):
        return remembered
    while (port := free_port(FIRST_PORT, LAST_PORT)) in taken:
        pass
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
