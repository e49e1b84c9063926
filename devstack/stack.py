"""Runs all servers of one machine together."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.folder import DataFolder, explain_os_error
from devstack.leftovers import end_leftovers
from devstack.mail import MailCatcher
from devstack.nats_server import NatsServer
from devstack.object_store import APP_KEY, BUCKET, ObjectStore
from devstack.postgres import ADMIN, Postgres
from servicekit.ports import LOOPBACK

# The services that own tables; each gets a role and a schema of its name.
SERVICES = ("auth", "profile", "upload", "sync", "analytics", "notify")


@dataclass(frozen=True)
class Endpoints:
    """Where the servers are and what opens them; what is secret stays out of the `repr`.

    `postgres` maps a service to the SQLAlchemy URL of its role, which owns the schema of the same name and nothing else.
    """

    postgres: dict[str, str] = field(repr=False)
    postgres_admin: str = field(repr=False)
    nats_url: str = field(repr=False)
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str = field(repr=False)
    s3_bucket: str
    smtp_host: str
    smtp_port: int
    mail_url: str


@dataclass(frozen=True)
class _Servers:
    postgres: Postgres
    nats: NatsServer
    object_store: ObjectStore
    mail: MailCatcher


class DevStack:
    """Postgres, NATS, an object store and a mail catcher on one data folder, on loopback alone.

    `mail_port` is the port of the mail page, None for a free one. `report` is told in words what goes on. Without
    `durable` the database may lose data when the machine (not when a process) dies, and is faster.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        mail_port: int | None = None,
        report: Callable[[str], None] = lambda _: None,
        durable: bool = True,
    ) -> None:
        self._folder = DataFolder(data_dir)
        self._mail_port = mail_port
        self._report = report
        self._durable = durable
        self._servers: _Servers | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def endpoints(self) -> Endpoints:
        """Returns where the servers are; only while the stack runs."""
        servers = self._running
        return Endpoints(
            postgres={service: servers.postgres.url(service) for service in SERVICES},
            postgres_admin=servers.postgres.url(ADMIN),
            nats_url=servers.nats.url,
            s3_endpoint=servers.object_store.endpoint,
            s3_access_key=APP_KEY,
            s3_secret_key=servers.object_store.secret_key,
            s3_bucket=BUCKET,
            smtp_host=LOOPBACK,
            smtp_port=servers.mail.smtp_port,
            mail_url=servers.mail.url,
        )

    async def start(self) -> Endpoints:
        """Starts what does not run yet, waits until every server answers, and says where they are.

        Call it on a thread that lives as long as the stack: on Linux the servers end with it. Raises DevStackError;
        then, as when it is cancelled, nothing is left running.
        """
        if self._servers is not None:
            return self.endpoints
        self._folder.open()
        try:
            if await asyncio.to_thread(end_leftovers, self._folder.path):
                self._report("Ended the servers of a run that was killed")
            self._servers = servers = self._make_servers()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start("Mail catcher", servers.mail.start()))
                group.create_task(self._start("Postgres", servers.postgres.start(self._report)))
                group.create_task(self._start("NATS", servers.nats.start()))
                group.create_task(self._start("Object store", servers.object_store.start()))
        except BaseException as error:
            await _to_the_end(self._shut_down())
            cause = _first_cause(error)
            if isinstance(cause, OSError):
                raise explain_os_error(cause, self._folder.path) from cause
            if cause is not error:
                raise cause from cause.__cause__
            raise
        return self.endpoints

    async def stop(self) -> None:
        """Stops every server and lets the data folder go; the data stays. Fine when nothing runs."""
        await _to_the_end(self._shut_down())

    async def start_postgres(self) -> None:
        """Starts Postgres again, on the same port."""
        await self._running.postgres.start(self._report)

    async def stop_postgres(self, *, kill: bool = False) -> None:
        """Stops Postgres alone; with `kill` by SIGKILL, as a crash would."""
        await self._running.postgres.stop(kill=kill)

    async def start_nats(self) -> None:
        """Starts NATS again, on the same port."""
        await self._running.nats.start()

    async def stop_nats(self, *, kill: bool = False) -> None:
        """Stops NATS alone; with `kill` by SIGKILL, as a crash would."""
        await self._running.nats.stop(kill=kill)

    async def start_object_store(self) -> None:
        """Starts the object store again, on the same ports."""
        await self._running.object_store.start()

    async def stop_object_store(self) -> None:
        """Stops the object store alone."""
        await self._running.object_store.stop()

    @property
    def _running(self) -> _Servers:
        if self._servers is None:
            raise RuntimeError("The stack does not run: call start() first.")
        return self._servers

    def _make_servers(self) -> _Servers:
        return _Servers(
            postgres=Postgres(self._folder, SERVICES, durable=self._durable),
            nats=NatsServer(self._folder),
            object_store=ObjectStore(self._folder),
            mail=MailCatcher(self._folder, web_port=self._mail_port),
        )

    async def _start(self, name: str, starting: Coroutine[None, None, None]) -> None:
        await starting
        self._report(f"{name} is ready")

    async def _shut_down(self) -> None:
        servers, self._servers = self._servers, None
        try:
            if servers is not None:
                everything = (servers.mail, servers.object_store, servers.nats, servers.postgres)
                # One that cannot be stopped in good order must not keep the others from it.
                results = await asyncio.gather(*(server.stop() for server in everything), return_exceptions=True)
                for result in results:
                    if result is not None:
                        raise result
        finally:
            self._folder.close()


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Finishes the work even when the caller is cancelled meanwhile, and only then passes the cancellation on."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except BaseException:  # noqa: S110 - raised again below, from the task itself
            pass
    task.result()
    if cancelled is not None:
        raise cancelled


def _first_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
