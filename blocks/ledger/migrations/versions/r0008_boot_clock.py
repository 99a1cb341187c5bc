"""Leases use the boot clock, so older ones are deleted; and when a batch was taken over."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns. A run of the previous version loses its lease and sends nothing more."""
    op.add_column("leases", sa.Column("boot", sa.String(64), nullable=False, server_default=""))
    op.execute("DELETE FROM leases")
    op.add_column("batches", sa.Column("taken_at", sa.DateTime))
