"""Bringing an older ledger to this program's schema; loaded only when there is something to do."""

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

SCRIPTS = ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: Connection, version_table: str) -> None:
    """Run the steps that are missing, in the transaction of `connection`."""
    options = {
        "version_table": version_table,
        "fn": lambda found, _: SCRIPTS._upgrade_revs("head", found),  # as alembic's manual does
    }
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()
