"""No length limit for names that grow with the number of lists of an agreement.

Only PostgreSQL enforced the limit; SQLite needs no change.
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
    """Change five columns to text of any length."""
    if op.get_context().dialect.name == "sqlite":
        return
    for table, column in COLUMNS:
        op.alter_column(table, column, type_=sa.Text)
