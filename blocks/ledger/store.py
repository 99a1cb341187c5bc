"""The ledger's database: open it, and run transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, ProgrammingError

from blocks.errors import ConfigurationError, LedgerUnavailable
from blocks.ledger import modes, schema
from blocks.ledger.bounds import Connections

BUSY_SECONDS = 30
"""How long a transaction waits for the lock of another one."""
IDLE_SECONDS = 60
"""After this, PostgreSQL ends an idle transaction, whose machine has probably died."""
LEDGER_CONNECT_SECONDS = 15
NETWORK = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""How libpq detects a broken network: in seconds, and the last in milliseconds."""
NOT_ADMITTED = ("password authentication failed", "does not exist", "no pg_hba.conf entry")
"""Parts of PostgreSQL's messages that refuse a connection; libpq has no codes for them."""


def naive_utc_now() -> datetime:
    """The current time in UTC, without offset, as in the ledger's columns."""
    return datetime.now(UTC).replace(tzinfo=None)


class Store:
    """An open ledger. Use as a context manager; every `transaction` is committed or rolled back.

    Opening creates the tables of a new ledger and upgrades those of an older one. With `read_only`
    the database itself refuses to write. `run` is the flow run that opens it, for the journal.
    """

    def __init__(self, url: str, *, read_only: bool = False, run: str = "") -> None:
        self.run = run
        self._engine = _open(url, read_only=read_only)
        self._connections = Connections(self._engine)
        try:
            self._check_schema(read_only=read_only)
        except BaseException:
            self.close()
            raise

    def _check_schema(self, *, read_only: bool) -> None:
        if read_only and self.is_empty:
            return
        with self.transaction() as connection:
            if read_only:
                schema.require_current(connection)
            else:
                schema.create_or_upgrade(connection)

    @property
    def is_empty(self) -> bool:
        """Whether there is no ledger yet."""
        place = self._engine.url.database or ""
        if self._engine.dialect.name == "sqlite" and not Path(place).exists():
            return True  # connecting would create the file
        with self.transaction() as connection:
            return not schema.has_tables(connection)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection inside a transaction; map the database's errors to ours."""
        try:
            with self._connections.bounded(), self._engine.begin() as connection:
                yield connection
        except (ProgrammingError, DataError) as error:
            raise ConfigurationError(
                f"The ledger's database refuses a statement ({type(error.orig).__name__}). The "
                "user in the Ledger block's URL must own the ledger's tables and be allowed to "
                "create tables."
            ) from None
        except DBAPIError as error:
            if _is_not_admitted(error):
                raise ConfigurationError(
                    "The ledger's PostgreSQL refuses the connection: user, password or database in "
                    "the Ledger block's URL is wrong, or pg_hba.conf does not admit this machine."
                ) from None
            raise LedgerUnavailable(
                "The ledger's database did not answer or stayed locked "
                f"({type(error.orig).__name__}). Check that it runs, accepts the user of the "
                "Ledger block's URL, and that its disk is not full; the step is retried."
            ) from None

    def close(self) -> None:
        """Close the database's connections."""
        self._engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_not_admitted(error: DBAPIError) -> bool:
    text = str(error.orig)
    return "connection failed" in text and any(each in text for each in NOT_ADMITTED)


def insert_once(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert a row; False, and nothing is changed, if one with the same key exists."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    adding = dialect.insert(table).values(values).on_conflict_do_nothing()
    return connection.execute(adding.returning(*table.primary_key)).first() is not None


def _open(url: str, *, read_only: bool) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed, read_only=read_only)
        if parsed.get_backend_name() == "postgresql":
            return _open_postgresql(parsed, read_only=read_only)
        raise ArgumentError("neither SQLite nor PostgreSQL")
    except (ArgumentError, ImportError, OSError) as error:
        raise ConfigurationError(
            "The ledger's URL cannot be used. Accepted are sqlite:///folder/ledger.db and "
            "postgresql+psycopg://user:password@host/database "
            f"({type(error).__name__}); correct the Ledger block."
        ) from None


def _open_postgresql(url: URL, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,
        connect_args={"connect_timeout": LEDGER_CONNECT_SECONDS, **NETWORK},
        execution_options={"postgresql_readonly": True} if read_only else {},
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _open_sqlite(url: URL, *, read_only: bool) -> Engine:
    if url.database and url.database != ":memory:":
        place = Path(url.database).expanduser()
        if not read_only:
            modes.make_folder(place.parent)
            modes.make_file(place)  # SQLite gives its journal files the mode of the database
            modes.restrict(_files_of(place))
        url = url.set(database=str(place))
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_read_only if read_only else _prepare_sqlite)
    event.listen(engine, "begin", _begin if read_only else _begin_immediately)
    return engine


def files_on_disk(url: str) -> list[Path]:
    """The files of an SQLite database and their folder; empty for other databases."""
    try:
        parsed = make_url(url)
    except ArgumentError:  # reported when it is opened
        return []
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return []
    place = Path(str(parsed.database)).expanduser()
    return [place.parent, *_files_of(place)]


def _files_of(database: Path) -> list[Path]:
    """An SQLite database and its journal files, which need not exist."""
    return [database.with_name(database.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # Not as connection options, which connection poolers refuse.
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions itself, or BEGIN IMMEDIATE below would be too late.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _prepare_read_only(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")


def _begin_immediately(connection: Connection) -> None:
    # Taking the write lock at the beginning makes read-then-write safe between processes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
