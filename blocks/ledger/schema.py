"""The ledger's schema revision, and its upgrade.

A new ledger gets the current tables. An older one (with an older revision, or with tables and no
revision) is upgraded by the steps in `migrations`, under a lock, in one transaction: two processes
that open it at once upgrade it once, and one that dies changes nothing.
"""

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from blocks.errors import ConfigurationError
from blocks.ledger.tables import files, metadata

HEAD = "0009"
"""The newest revision in `migrations`; they are numbered upwards."""

_LOCK = 0x6C656467  # any number; this one spells "ledg"
"""PostgreSQL's advisory lock for creating or upgrading the schema."""

# Not alembic's default name, so that a ledger can share a database with another user of alembic.
revisions = Table("ledger_schema", MetaData(), Column("version_num", String(32), primary_key=True))


def create_or_upgrade(connection: Connection) -> None:
    """Create or upgrade the tables; ConfigurationError if they are newer than this program."""
    if _found(connection) == HEAD:
        return
    if connection.dialect.name == "postgresql":  # in SQLite, a transaction holds the write lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _found(connection)
    if found == HEAD:  # done by another process
        return
    if found is None and not has_tables(connection):
        metadata.create_all(connection)
        revisions.create(connection)
        connection.execute(insert(revisions).values(version_num=HEAD))
        return
    _refuse_newer(found)
    # Imported here, because most runs do not need it and loading alembic is slow.
    from blocks.ledger.migrations.steps import upgrade

    upgrade(connection, revisions.name)


def require_current(connection: Connection) -> None:
    """Raise ConfigurationError unless the tables have this program's revision."""
    found = _found(connection)
    _refuse_newer(found)
    if found != HEAD:
        raise ConfigurationError(
            f"The ledger's tables have revision {found or '0001'}, this program needs {HEAD}, and "
            "a dry run changes nothing. Run any flow once without dry_run: it upgrades the ledger "
            "and keeps its content.",
            older=True,
        )


def has_tables(connection: Connection) -> bool:
    """Whether the database contains a ledger."""
    return inspect(connection).has_table(files.name)


def _found(connection: Connection) -> str | None:
    if not inspect(connection).has_table(revisions.name):
        return None
    return connection.execute(select(revisions.c.version_num)).scalar()


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > HEAD:
        raise ConfigurationError(
            f"The ledger's tables have revision {found}; this program supports revisions up to "
            f"{HEAD}. Install the newer version of this program here, too: workers that share a "
            "ledger need the same version."
        )
