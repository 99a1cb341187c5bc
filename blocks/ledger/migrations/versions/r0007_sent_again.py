"""Batches that are sent again: their account and list, and kept bodies."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add columns and a table; batches that are being sent get their list id."""
    account = sa.Column("account", sa.String(64), nullable=False, server_default="")
    op.add_column("batches", account)
    for name in ("list_id", "again", "extra"):
        op.add_column("batches", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_index("batches_by_state", "batches", ["state", "list_id"])
    op.create_index("batches_by_import", "batches", ["import_id"])
    op.create_table(
        "bodies",
        sa.Column(
            "batch_id",
            sa.Integer,
            sa.ForeignKey("batches.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("stored", sa.String(400), nullable=False),
        sa.Column("kept_at", sa.DateTime, nullable=False),
    )
    _set_list_ids()


def _set_list_ids() -> None:
    batches = sa.table(
        "batches",
        sa.column("id", sa.Integer),
        sa.column("state", sa.String),
        sa.column("target", sa.JSON),
        sa.column("list_id", sa.Integer),
    )
    connection = op.get_bind()
    sending = sa.select(batches.c.id, batches.c.target).where(batches.c.state == "sending")
    for row in connection.execute(sending).all():
        values = {"list_id": row.target.get("list_id", 0)}
        connection.execute(sa.update(batches).where(batches.c.id == row.id).values(values))
