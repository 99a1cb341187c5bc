"""Which schema a ledger has, and bringing it to this program's one.

A new ledger is made as the tables are now. An older one, known by its revision or by having tables
and no revision, takes the steps in `migrations`, under a lock, in one transaction: two processes
that open it at once upgrade it once, and one that dies leaves it as it was.
"""

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from blocks.errors import ConfigurationError
from blocks.ledger.tables import files, metadata

HEAD = "0008"
"""The newest revision in `migrations`; they are numbered upwards."""

_LOCK = 0x6C656467  # any number will do; it spells "ledg"
"""PostgreSQL's advisory lock under which a schema is made or upgraded."""

# Not alembic's usual name, so that a ledger may share a database with another user of alembic.
revisions = Table("ledger_schema", MetaData(), Column("version_num", String(32), primary_key=True))


def bring_up_to_date(connection: Connection) -> None:
    """Make or upgrade the tables; ConfigurationError where they are newer than this program."""
    if _found(connection) == HEAD:
        return
    if connection.dialect.name == "postgresql":  # SQLite's transactions begin with its write lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _found(connection)
    if found == HEAD:  # another process was faster
        return
    if found is None and not has_tables(connection):
        metadata.create_all(connection)
        revisions.create(connection)
        connection.execute(insert(revisions).values(version_num=HEAD))
        return
    _refuse_newer(found)
    # Imported here, because most runs never need it and loading alembic takes longer than opening.
    from blocks.ledger.migrations.steps import upgrade

    upgrade(connection, revisions.name)


def require_current(connection: Connection) -> None:
    """Raise ConfigurationError unless the tables are as this program reads them."""
    found = _found(connection)
    _refuse_newer(found)
    if found != HEAD:
        raise ConfigurationError(
            f"The ledger's tables are of revision {found or 'the first one'}, this program needs "
            f"{HEAD}, and a dry run changes nothing. Run anything once that is not a dry run: it "
            "upgrades the ledger and keeps what is in it.",
            older=True,
        )


def has_tables(connection: Connection) -> bool:
    """Whether this is a ledger at all."""
    return inspect(connection).has_table(files.name)


def _found(connection: Connection) -> str | None:
    if not inspect(connection).has_table(revisions.name):
        return None
    return connection.execute(select(revisions.c.version_num)).scalar()


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > HEAD:
        raise ConfigurationError(
            f"The ledger's tables are of revision {found}, newer than this program, which knows "
            f"them up to {HEAD}. Install the program's newer version here too; workers that share "
            "a ledger run the same one."
        )
