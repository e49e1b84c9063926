"""Hosts all stand-ins in one event loop: the index page on one port, each platform on the next."""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from sandbox.control import Control
from sandbox.errors import SandboxError
from sandbox.kit.gallery import Gallery
from sandbox.kit.limits import Limiter
from sandbox.kit.platform import Context, Platform
from sandbox.kit.server import HOST, RunningApp, bind
from sandbox.kit.store import Store, open_database
from sandbox.platforms import Builder, find_builders

INDEX = "index"


class Sandbox:
    """Runs the stand-ins on 127.0.0.1. Accounts, tokens and pictures stay in `data_dir`; switches do not.

    `port` is the index page's; the platforms take the ports after it, in the order of `urls`. Port 0 takes free ports
    for all.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 8090,
        clock: Callable[[], float] = time.time,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._data_dir = data_dir
        self._port = port
        self._clock = clock
        self._token = token
        self._running: AsyncExitStack | None = None
        self._urls: dict[str, str] = {}
        self._closing = asyncio.Event()

    @property
    def urls(self) -> Mapping[str, str]:
        """Returns the origins: "index" and each platform's id. Empty until `start()` has returned."""
        return MappingProxyType(self._urls)

    @property
    def settings(self) -> Mapping[str, str]:
        """Returns what an operator would set, after `LINKAROOIE_`, to have the product talk to these stand-ins.

        Empty until `start()` has returned.
        """
        return {
            name: value.format(origin=self._urls[builder.id], host=urlsplit(self._urls[builder.id]).netloc)
            for builder in find_builders()
            if builder.id in self._urls
            for name, value in builder.settings.items()
        }

    async def start(self) -> None:
        """Returns when every origin answers; raises `SandboxError`, leaving nothing behind."""
        if self._running:
            raise SandboxError("The sandbox runs already.")
        self._closing = asyncio.Event()
        builders = find_builders()
        offsets = {INDEX: 0, **{builder.id: builder.port_offset for builder in builders}}
        async with AsyncExitStack() as undo:
            sockets = {}
            for name, offset in offsets.items():
                sockets[name] = bind(self._port + offset if self._port else 0)
                undo.callback(sockets[name].close)
            database = open_database(self._data_dir)
            undo.callback(database.close)
            urls = {name: f"http://{HOST}:{sock.getsockname()[1]}" for name, sock in sockets.items()}
            try:
                platforms = {builder.id: self._build(builder, database, urls[builder.id]) for builder in builders}
            except sqlite3.Error as error:
                raise SandboxError(f"The sandbox cannot keep its state in {self._data_dir}: {error}.") from error
            apps: dict[str, ASGIApp] = {INDEX: Control(platforms).app}
            apps |= {name: platform.app for name, platform in platforms.items()}
            servers = [RunningApp(app, sockets[name]) for name, app in apps.items()]
            undo.push_async_callback(_stop, servers)
            for server in servers:
                await server.start()
            self._urls = urls
            self._running = undo.pop_all()

    def _build(self, builder: Builder, database: sqlite3.Connection, origin: str) -> Platform:
        store = Store(database, builder.id)
        gallery = Gallery(store, self._clock)
        context = Context(
            builder.id, origin, store, gallery, Limiter(self._clock), self._clock, self._token, self._closing
        )
        platform = builder.build(context)
        with store.together():
            platform.populate()
        return platform

    async def stop(self) -> None:
        """Ends all servers; the state stays on disk. Does nothing when the sandbox does not run."""
        self._closing.set()
        running, self._running, self._urls = self._running, None, {}
        if running:
            await running.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def _stop(servers: list[RunningApp]) -> None:
    await asyncio.gather(*(server.stop() for server in servers))
