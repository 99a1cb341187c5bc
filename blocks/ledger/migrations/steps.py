"""Upgrade an older ledger to the current schema; loaded only when needed."""

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

SCRIPTS = ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: Connection, version_table: str) -> None:
    """Run the missing upgrades in the transaction of `connection`."""
    options = {
        "version_table": version_table,
        "fn": lambda found, _: SCRIPTS._upgrade_revs("head", found),  # as in alembic's manual
    }
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()
