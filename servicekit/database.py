"""The service's own Postgres schema: engine, units of work, and the outbox and inbox that make events exact.

A unit of work is one transaction. Rolled back unless `commit()` was called. Events recorded in it are rows of the
outbox in the same transaction; the relay (`servicekit.outbox`) publishes them afterwards.

Queries are SQLAlchemy's. Those few that a worker runs for every piece of work are a `Statement`: made once, and run by the driver.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from google.protobuf.message import Message
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from servicekit.errors import UnavailableError
from servicekit.ids import Clock, new_id, utc_now
from servicekit.migrations import newest_revision
from servicekit.settings import DatabaseSettings
from servicekit.subjects import envelope, subject_of

log = structlog.get_logger()

# Sent rows are kept this long: JetStream acknowledges before it syncs its files, so after an unclean stop of the
# broker the last minutes can be sent again (their ids make the repetition harmless).
SENT_KEPT_FOR = timedelta(minutes=15)
# A connection that was used within this time is taken to be alive.
FRESH_SECONDS = 1.0


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Adds the outbox to a service's tables: events that were decided, and whether they were sent."""
    table = sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("headers", postgresql.JSONB, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
    )
    sa.Index("outbox_unsent", table.c.id, postgresql_where=table.c.sent_at.is_(None))
    sa.Index("outbox_sent", table.c.sent_at, postgresql_where=table.c.sent_at.is_not(None))
    return table


def inbox_table(metadata: sa.MetaData) -> sa.Table:
    """Adds the inbox to a service's tables: ids of the messages whose effect is already here."""
    table = sa.Table(
        "inbox",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    sa.Index("inbox_received", table.c.received_at)
    return table


class Database:
    """One engine a service. A part of an `App`; connections are opened when they are needed."""

    def __init__(self, settings: DatabaseSettings, *, schema: str) -> None:
        self.schema = schema
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_overflow,
            pool_timeout=5,
            pool_recycle=1800,
            hide_parameters=True,  # else the values of a failed statement are in its message, and so in the log
            connect_args={
                "connect_timeout": 5,
                "application_name": f"linkarooie-{schema}",
                "options": f"-c search_path={schema} -c statement_timeout=10000 -c lock_timeout=3000"
                " -c idle_in_transaction_session_timeout=15000 -c timezone=UTC",
            },
        )
        _ping_what_was_idle(self.engine)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    async def start(self) -> None:
        """Does nothing: readiness asks by `ping`."""

    async def stop(self) -> None:
        await self.engine.dispose()

    async def expect_revision(self, migrations: Path) -> None:
        """Readiness: returns when Postgres answers and the schema is the one that the code expects.

        Raises `RuntimeError` that says what to do for another schema, and what the driver raises when Postgres is away.
        """
        async with self.engine.connect() as connection:
            found = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
        expected = newest_revision(migrations)
        if found != expected:
            raise RuntimeError(
                f"the schema is at revision {found}, the code expects {expected}: run `linkarooie migrate`"
            )


class Statement:
    """A statement that is turned into SQL once, with `sa.bindparam` for what changes from run to run. For a choice of values it has
    `= ANY` of an array, since `IN` is another statement for each number of them.

    SQLAlchemy's building and running of a statement costs several times what the driver does with it.
    """

    def __init__(self, query: sa.Select[Any] | sa.sql.dml.UpdateBase) -> None:
        dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
        compiled = query.compile(dialect=dialect)
        self.sql = compiled.string
        self._fixed = {name: bind.value for bind, name in compiled.bind_names.items() if not bind.required}
        self._to_driver = {
            name: convert
            for bind, name in compiled.bind_names.items()
            if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }
        self._columns = [
            (str(column.key), column.type.dialect_impl(dialect).result_processor(dialect, None))
            for column in query.exported_columns
        ]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:  # as the driver takes them
        """Returns all values of a run as the driver takes them."""
        values = {**self._fixed, **given}
        for name, convert in self._to_driver.items():
            values[name] = convert(values[name])
        return values

    def row(self, found: Sequence[Any]) -> dict[str, Any]:  # as the driver gives them, and as SQLAlchemy would
        """Returns a row by the names of its columns."""
        return {
            name: value if convert is None or value is None else convert(value)
            for (name, convert), value in zip(self._columns, found, strict=True)
        }


class UnitOfWork:
    """One transaction. A service's `store.py` inherits this and adds its queries.

    The block raises `UnavailableError` when Postgres is away, too busy, or went away in the middle.

    async with self._stores() as store:
        image = await store.image(image_id)
        ...
        store.record(ImageReady(...), owner_id=image.owner_id)
        await store.commit()
    """

    outbox: sa.Table
    inbox: sa.Table

    def __init__(
        self, database: Database, *, clock: Clock = utc_now, committed: Callable[[], None] | None = None
    ) -> None:
        """`committed` is called after each commit that recorded events: the relay's wake-up."""
        self._database = database
        self._schema = database.schema
        self._committed = committed
        self._events: list[dict[str, Any]] = []  # rows of the outbox
        self.clock = clock

    async def __aenter__(self) -> Self:
        self._session: AsyncSession | None = None
        self._connection: AsyncConnection | None = None
        self._driver: psycopg.AsyncConnection | None = None
        self._events.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._connection is not None:
            await self._connection.close()
        if error is not None and _is_away(error):
            log.warning("database_unavailable", error=str(error))
            raise UnavailableError(
                "The database does not answer at the moment. Try again in a few seconds.", retry_after_seconds=5
            ) from error

    @property
    def session(self) -> AsyncSession:
        """What queries go through that are no `Statement`. A transaction of statements alone has none: it costs more than they do."""
        if self._session is None:
            self._session = self._database.sessions(bind=self._connection or self._database.engine)
        return self._session

    async def run(self, statement: Statement, **values: Any) -> list[dict[str, Any]]:  # of columns of many types
        """Runs a statement in the transaction and returns its rows."""
        if self._connection is None:
            if self._session is None:
                self._connection = await self._database.engine.connect()
            else:
                self._connection = await self._session.connection()
            self._driver = (await self._connection.get_raw_connection()).driver_connection
        assert self._driver is not None  # noqa: S101  # the pool gives none that is closed
        try:
            cursor = await self._driver.execute(statement.sql, statement.values(values))
            return [] if cursor.description is None else [statement.row(row) for row in await cursor.fetchall()]
        except psycopg.Error:
            if self._driver.closed:
                # Noticed by us alone: the pool must not keep it.
                await self._connection.invalidate()
            raise

    def record(self, event: Message, *, owner_id: str, subject: str | None = None) -> str:
        """Notes an event that becomes true with the commit. Returns its id.

        `subject` is given for jobs, whose subject is not fixed by their type.
        """
        event_id = new_id()
        now = self.clock()
        chosen = subject or subject_of(type(event))
        self._events.append(
            {
                "id": event_id,
                "created_at": now,
                "subject": chosen,
                "payload": event.SerializeToString(),
                "headers": envelope(event_id, type(event), source=self._schema, time=now, owner_id=owner_id),
            }
        )
        return event_id

    async def first_delivery(self, consumer: str, message_id: str) -> bool:
        """Takes a message into the inbox. False when its effect is already here: then there is nothing to do."""
        statement = (
            insert(self.inbox)
            .values(consumer=consumer, message_id=message_id, received_at=self.clock())
            .on_conflict_do_nothing()
            .returning(self.inbox.c.message_id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def commit(self) -> None:
        """Makes all of it true at once, recorded events included."""
        if self._events:
            insert_event = _insert_of(self.outbox)
            for event in self._events:
                await self.run(insert_event, **event)
        if self._driver is not None:
            # The session's statements went the same way; what it would do beside this is for objects in it.
            await self._driver.commit()
        elif self._session is not None:
            await self._session.commit()
        if self._events and self._committed is not None:
            self._committed()
        self._events.clear()


def _ping_what_was_idle(engine: AsyncEngine) -> None:
    """Asks a pooled connection whether it is alive before it is used: else the first query after a restart of Postgres fails.

    Not one that was used a moment ago, since a busy service would spend a good part of its time on that: no restart is as quick.
    """
    pool, dialect = engine.sync_engine.pool, engine.dialect

    @sa.event.listens_for(pool, "checkin")
    def note(_connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @sa.event.listens_for(pool, "checkout")
    def ping(connection: DBAPIConnection, record: sa.pool.ConnectionPoolEntry, _proxy: object) -> None:
        used_at = record.info.get("used_at")
        if used_at is None or time.monotonic() - used_at < FRESH_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # The pool drops it, and all that are older than this moment, and connects anew.
            raise sa.exc.InvalidatePoolError from error


@cache
def _insert_of(table: sa.Table) -> Statement:
    names = ("id", "created_at", "subject", "payload", "headers")
    return Statement(sa.insert(table).values({name: sa.bindparam(name) for name in names}))


def _is_away(error: BaseException) -> bool:
    """Says whether the same statement may work later: no connection, or one that was lost, or a server under load."""
    if isinstance(error, sa.exc.OperationalError | sa.exc.TimeoutError | psycopg.OperationalError):
        return True
    return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated


StoreType = TypeVar("StoreType", bound=UnitOfWork, covariant=True)


class OpenStore(Protocol[StoreType]):
    """Makes a fresh unit of work; what use cases are given."""

    def __call__(self) -> StoreType: ...
