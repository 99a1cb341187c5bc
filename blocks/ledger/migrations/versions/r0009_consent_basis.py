"""On what ground the people of a file were written to, as its entry says it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add a column; of files sent before nothing was said."""
    op.add_column("files", sa.Column("basis", sa.JSON, nullable=False, server_default="{}"))
