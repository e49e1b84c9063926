"""Keeps the sandbox's state in one SQLite file, so that it survives a restart."""

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError

# What a stand-in remembers about a token, an app or an account: JSON, shaped by that stand-in alone.
Document = dict[str, Any]  # Any: JSON values differ from platform to platform

_TABLES = """
CREATE TABLE IF NOT EXISTS documents (
    platform TEXT NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (platform, collection, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    platform TEXT NOT NULL, key TEXT NOT NULL, content_type TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (platform, key)
);
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, platform TEXT NOT NULL, account TEXT NOT NULL, slot TEXT NOT NULL,
    at REAL NOT NULL, visible_at REAL NOT NULL, initial INTEGER NOT NULL, token TEXT
);
CREATE INDEX IF NOT EXISTS changes_by_slot ON changes (platform, account, slot, seq);
CREATE INDEX IF NOT EXISTS changes_by_token ON changes (platform, slot, token);
"""


def open_database(data_dir: Path) -> sqlite3.Connection:
    """Opens (and creates) the state file; raises `SandboxError` where the folder cannot hold one."""
    connection = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # One event loop is the only user, but pytest and the command may build the loop in different threads.
        connection = sqlite3.connect(data_dir / "sandbox.db", isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_TABLES)
    except (OSError, sqlite3.Error) as error:
        if connection is not None:
            connection.close()
        raise SandboxError(
            f"The sandbox cannot keep its state in {data_dir}: {error}. Choose a folder that can be written to, or delete a damaged sandbox.db in it."
        ) from error
    return connection


class Store:
    """One platform's part of the state."""

    def __init__(self, connection: sqlite3.Connection, platform: str) -> None:
        self.connection = connection
        self.platform = platform

    @contextmanager
    def together(self) -> Generator[None]:
        """Keeps all that is written inside, or nothing of it; may be nested."""
        self.connection.execute("SAVEPOINT together")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO together")
            raise
        finally:
            self.connection.execute("RELEASE together")

    def get(self, collection: str, key: str) -> Document | None:
        row = self.connection.execute(
            "SELECT body FROM documents WHERE platform = ? AND collection = ? AND key = ?",
            (self.platform, collection, key),
        ).fetchone()
        if row is None:
            return None
        document: Document = json.loads(row[0])
        return document

    def put(self, collection: str, key: str, document: Document) -> None:
        self.connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (self.platform, collection, key, json.dumps(document)),
        )

    def delete(self, collection: str, key: str) -> None:
        self.connection.execute(
            "DELETE FROM documents WHERE platform = ? AND collection = ? AND key = ?",
            (self.platform, collection, key),
        )

    def items(self, collection: str) -> Iterator[tuple[str, Document]]:
        """Yields every key and document of a collection; the collection may be changed meanwhile."""
        rows = self.connection.execute(
            "SELECT key, body FROM documents WHERE platform = ? AND collection = ? ORDER BY key",
            (self.platform, collection),
        ).fetchall()
        for key, body in rows:
            yield key, json.loads(body)

    def put_blob(self, key: str, content_type: str, body: bytes) -> None:
        self.connection.execute(
            "INSERT INTO blobs VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (self.platform, key, content_type, body),
        )

    def blob(self, key: str) -> tuple[str, bytes] | None:
        """Returns content type and bytes, or None."""
        row = self.connection.execute(
            "SELECT content_type, body FROM blobs WHERE platform = ? AND key = ?", (self.platform, key)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def clear(self) -> None:
        """Forgets everything of this platform."""
        for table in ("documents", "blobs", "changes"):
            self.connection.execute(f"DELETE FROM {table} WHERE platform = ?", (self.platform,))  # noqa: S608 - constant names
