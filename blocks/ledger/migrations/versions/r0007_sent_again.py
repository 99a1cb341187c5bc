"""Batches that are sent again: which account and list they went to, and bodies that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add columns, and a table; what is on its way gets its list, the account is not known."""
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
    _tell_the_lists_of_what_is_on_its_way()


def _tell_the_lists_of_what_is_on_its_way() -> None:
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
