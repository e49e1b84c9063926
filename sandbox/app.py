"""Hosts all stand-ins in one event loop: the index page on one port, each platform on the next."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from starlette.types import ASGIApp

from sandbox.control import Control
from sandbox.errors import SandboxError
from sandbox.kit.gallery import Gallery
from sandbox.kit.limits import Limiter
from sandbox.kit.platform import Context, Platform
from sandbox.kit.server import HOST, RunningApp, bind
from sandbox.kit.store import Store, open_database
from sandbox.platforms import BUILDERS

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
        self._running: list[RunningApp] = []
        self._urls: dict[str, str] = {}
        self._contexts: list[Context] = []

    @property
    def urls(self) -> Mapping[str, str]:
        """Returns the origins: "index" and each platform's id. Empty until `start()` has returned."""
        return MappingProxyType(self._urls)

    async def start(self) -> None:
        """Returns when every origin answers; raises `SandboxError`, leaving nothing behind."""
        if self._running:
            raise SandboxError("The sandbox runs already.")
        names = (INDEX, *BUILDERS)
        sockets = []
        try:
            for index in range(len(names)):
                sockets.append(bind(self._port + index if self._port else 0))
            self._database = open_database(self._data_dir)
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        urls = {name: f"http://{HOST}:{sock.getsockname()[1]}" for name, sock in zip(names, sockets, strict=True)}
        platforms = {name: self._build(name, urls[name]) for name in BUILDERS}
        apps: list[ASGIApp] = [Control(platforms).app, *(platform.app for platform in platforms.values())]
        self._running = [RunningApp(app, sock) for app, sock in zip(apps, sockets, strict=True)]
        try:
            for running in self._running:
                await running.start()
        except BaseException:
            await self.stop()
            raise
        self._urls = urls

    def _build(self, name: str, origin: str) -> Platform:
        store = Store(self._database, name)
        context = Context(
            name, origin, store, Gallery(store, self._clock), Limiter(self._clock), self._clock, self._token
        )
        self._contexts.append(context)
        platform = BUILDERS[name](context)
        platform.populate()
        return platform

    async def stop(self) -> None:
        """Ends all servers; the state stays on disk. Does nothing when the sandbox does not run."""
        for context in self._contexts:
            context.closing.set()
        running, self._running, self._contexts, self._urls = self._running, [], [], {}
        await asyncio.gather(*(app.stop() for app in running))
        if running:
            self._database.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
