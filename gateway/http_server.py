"""Serves the API in the loop that runs already, as a part of an `App`."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.settings import GatewaySettings

log = structlog.get_logger()

# Longer than the idle time-out of the usual load balancers (60 s), so that it is they who close.
KEEP_ALIVE_SECONDS = 65
# Connections that the system keeps waiting for us: as many as uvicorn itself would have.
BACKLOG = 2048


class HttpServer:
    """`before_stop` ends what would never end by itself. `address` is known after the start."""

    def __init__(self, api: FastAPI, settings: GatewaySettings, *, before_stop: Callable[[], None]) -> None:
        self._api = api
        self._settings = settings
        self._before_stop = before_stop
        self.address = ""

    async def start(self) -> None:
        """Listens. Raises `OSError` that says what to do when the port is taken."""
        listener = self._listener()
        host, port = listener.getsockname()[:2]
        self.address = f"{host}:{port}"
        config = uvicorn.Config(
            self._api,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(self._settings.trusted_proxies),
            forwarded_allow_ips=list(self._settings.trusted_proxies),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=self._settings.http_stop_grace_seconds,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="http server")
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.01)
        log.info("http_listening", address=self.address)

    def _listener(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0).lower()}); end what uses the port,"
                " or choose another with LINKAROOIE_PORT",
            ) from error

    async def stop(self) -> None:
        """Takes no more connections, lets open requests end, and returns."""
        self._before_stop()
        self._server.should_exit = True
        await self._task


class _Server(uvicorn.Server):
    """Leaves the signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
