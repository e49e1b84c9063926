"""Runs ASGI apps inside the caller's event loop, on sockets that are bound beforehand."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator
from typing import ClassVar

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.errors import SandboxError

HOST = "127.0.0.1"


class _Protocol(HttpToolsProtocol):
    """Knows the transport of every open connection, so that a stand-in can cut one off."""

    # By both ends: one port of a caller may be connected to several servers.
    open: ClassVar[dict[tuple[object, object], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self.open[self.client, self.server] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.pop((self.client, self.server), None)
        super().connection_lost(exc)


def cut_connection(request: Request) -> None:
    """Ends the connection of this request at once, without an answer."""
    if transport := _Protocol.open.get((request.scope["client"], request.scope["server"])):
        transport.abort()


def bind(port: int) -> socket.socket:
    """Binds a loopback port (0: a free one); raises `SandboxError` naming a port that is in use."""
    # asyncio turns off Nagle's algorithm only where the protocol is named: without it each answer waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except (OSError, OverflowError) as error:
        sock.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise SandboxError(
                f"Port {port} on {HOST} is in use. Stop the program that uses it, "
                "or choose other ports for the sandbox (LINKAROOIE_SANDBOX_PORT, or --port)."
            ) from error
        raise SandboxError(f"The sandbox cannot listen on {HOST}:{port}: {error}.") from error
    return sock


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Signals belong to the program that hosts the sandbox.
        yield


class RunningApp:
    """One app on one socket."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _QuietServer(config)
        self._sock = sock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the socket accepts connections."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise SandboxError("A sandbox server ended while it started.")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
