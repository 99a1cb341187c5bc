"""Leases go by a clock that nobody sets, none that was taken before counts; and when a batch was
taken over from another run."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns. A run of the version before loses its lease and sends nothing more."""
    op.add_column("leases", sa.Column("boot", sa.String(64), nullable=False, server_default=""))
    op.execute("DELETE FROM leases")
    op.add_column("batches", sa.Column("taken_at", sa.DateTime))
