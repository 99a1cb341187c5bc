"""People who are missing in a file: batches that unsubscribe them, or the reason why none does."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add two columns, with the previous behaviour as default."""
    purpose = sa.Column("purpose", sa.String(20), nullable=False, server_default="records")
    op.add_column("batches", purpose)
    left = sa.Column("left_because", sa.String(40), nullable=False, server_default="report")
    op.add_column("snapshots", left)
