"""People who are missing in a file: which batches unsubscribe them, and why nobody did."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add two columns, with what was true until now in every row."""
    purpose = sa.Column("purpose", sa.String(20), nullable=False, server_default="records")
    op.add_column("batches", purpose)
    left = sa.Column("left_because", sa.String(40), nullable=False, server_default="report")
    op.add_column("snapshots", left)
