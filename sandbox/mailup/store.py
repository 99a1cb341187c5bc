"""The emulator's state in one SQLite file; one connection per thread, one writer at a time.

Bodies of unfinished imports are separate files: in the database each would be written three times.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.mailup.schema import CONNECTION_PRAGMAS, EMPTIED, PRAGMAS, TABLES, WRITER_PRAGMAS

ImportKey = tuple[int, float]
"""Id of an import and when it was accepted, because ids start again after a reset."""

Parameters = Sequence[Any] | Mapping[str, Any]


def _drop_counted_events(connection: sqlite3.Connection) -> None:
    """Drop the counts of an earlier version, to replace them by events."""
    if any(row["name"] == "count" for row in connection.execute("PRAGMA table_info(event)")):
        connection.execute("DROP TABLE event")


class Store:
    """Opens the database at `path`, created if necessary."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bodies = path.parent / "bodies"
        self._bodies.mkdir(exist_ok=True)
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._writing = threading.RLock()
        connection = self._connection()
        connection.executescript(PRAGMAS)
        _drop_counted_events(connection)
        connection.executescript(TABLES)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.executescript(CONNECTION_PRAGMAS)
            self._local.connection = connection
            self._all.append(connection)
        return connection

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query."""
        found: sqlite3.Row | None = self._connection().execute(sql, parameters).fetchone()
        return found

    def batches(self, sql: str, parameters: Parameters, size: int) -> Iterator[list[sqlite3.Row]]:
        """The rows of a query, `size` at a time."""
        cursor = self._connection().execute(sql, parameters)
        while rows := cursor.fetchmany(size):
            yield rows

    @property
    def version(self) -> int:
        """Increases with every transaction of any process."""
        return int(self.value("SELECT version FROM clock"))

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, parameters)
        return row[0] if row else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end, rolled back on error. Increases `version`."""
        connection = self._connection()
        if not getattr(self._local, "writes", False):
            connection.executescript(WRITER_PRAGMAS)
            self._local.writes = True
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("UPDATE clock SET version = version + 1")
            connection.execute("COMMIT")

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """One statement in its own transaction; returns the last row id."""
        with self.writing() as connection:
            return connection.execute(sql, parameters).lastrowid or 0

    def wipe(self, connection: sqlite3.Connection) -> None:
        """Empty all tables except tokens, inside the caller's transaction.

        The clock runs again; `version` is kept, because cached walks depend on it.
        """
        for table in EMPTIED:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        connection.execute("DELETE FROM detail WHERE id")
        connection.execute("UPDATE clock SET now = NULL")
        for body in self._bodies.glob("*.json"):
            body.unlink(missing_ok=True)

    def keep_body(self, key: ImportKey, body: bytes) -> None:
        """Store the body of an unfinished import."""
        self._body(key).write_bytes(body)

    def body(self, key: ImportKey) -> bytes:
        """The body of an unfinished import."""
        return self._body(key).read_bytes()

    def drop_body(self, key: ImportKey) -> None:
        """Delete the body of an import."""
        self._body(key).unlink(missing_ok=True)

    def _body(self, key: ImportKey) -> Path:
        import_id, accepted = key
        return self._bodies / f"{import_id}-{accepted}.json"

    def close(self) -> None:
        """Close all connections, also those of ended threads."""
        for connection in self._all:
            connection.close()
        self._all.clear()
