"""Snapshots of a client's files, for sending only what has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a table of snapshots, and one of the keys of their hashes."""
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("client", sa.String(100), nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("files.id"), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("stored", sa.String(400), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("shape", sa.String(64), nullable=False),
        sa.Column("why", sa.String(40), nullable=False),
        sa.Column("missing", sa.Integer),
        sa.Column("full_at", sa.DateTime, nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
    )
    op.create_index("snapshots_of_client", "snapshots", ["client", "id"])
    op.create_table(
        "snapshot_keys",
        sa.Column("client", sa.String(100), primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
