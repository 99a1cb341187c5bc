"""Names that grow with the number of lists of an agreement have no limit any more.

PostgreSQL kept to the limit, and SQLite never did: there is nothing to change there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = [
    ("files", "stream"),
    ("exports", "stream"),
    ("journal", "stream"),
    ("leases", "name"),
    ("conditions", "name"),
]


def upgrade() -> None:
    """Make five columns text of any length."""
    if op.get_context().dialect.name == "sqlite":
        return
    for table, column in COLUMNS:
        op.alter_column(table, column, type_=sa.Text)
