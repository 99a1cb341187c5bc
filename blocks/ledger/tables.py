"""The ledger's tables. Times are UTC without offset, the same in SQLite and PostgreSQL.

A change here needs a step in `migrations` that upgrades older ledgers.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("client", String(100), nullable=False),
    Column("stream", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(40), nullable=False, default=""),
    Column("attempt", Integer, nullable=False, default=1),
    Column("agreement", String(64), nullable=False),
    Column("counts", JSON, nullable=False, default=dict),
    Column("run", String(64), nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("waiting_run", String(64), nullable=False, server_default=""),
    Column("basis", JSON, nullable=False, server_default="{}"),
    UniqueConstraint("client", "stream", "sha256"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", Integer, ForeignKey("files.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("target", JSON, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("after_import", Integer, nullable=False),
    Column("import_id", Integer),
    Column("sending_id", Integer),
    Column("counters", JSON, nullable=False, default=dict),
    Column("changed_at", DateTime, nullable=False),
    Column("purpose", String(20), nullable=False, server_default="records"),
    Column("account", String(64), nullable=False, server_default=""),
    Column("list_id", Integer, nullable=False, server_default="0"),
    Column("again", Integer, nullable=False, server_default="0"),
    Column("extra", Integer, nullable=False, server_default="0"),
    Column("taken_at", DateTime),
    UniqueConstraint("file_id", "attempt", "number"),
    Index("batches_by_state", "state", "list_id"),
    Index("batches_by_import", "import_id"),
)

bodies = Table(
    "bodies",
    metadata,
    Column("batch_id", Integer, ForeignKey("batches.id"), primary_key=True, autoincrement=False),
    Column("stored", String(400), nullable=False),
    Column("kept_at", DateTime, nullable=False),
)

exports = Table(
    "exports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("client", String(100), nullable=False),
    Column("stream", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("window_start", DateTime),
    Column("window_end", DateTime, nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("staged", String(400), nullable=False),
    Column("snapshot", String(400), nullable=False),
    Column("agreement", String(64), nullable=False),
    Column("run", String(64), nullable=False),
    Column("changed_at", DateTime, nullable=False),
    UniqueConstraint("client", "stream", "number"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("boot", String(64), nullable=False, server_default=""),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", Integer, ForeignKey("files.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("run", String(64), nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Index("decisions_of_file", "file_id", "attempt"),
)

archives = Table(
    "archives",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", Integer, ForeignKey("files.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("stored", String(400), nullable=False),
    Column("grounds", String(64), nullable=False),
    Column("key", String(100), nullable=False),
    Column("forgotten", Integer, nullable=False),
    Column("run", String(64), nullable=False),
    Column("kept_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Index("archives_of_file", "file_id", "attempt"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("client", String(100), nullable=False),
    Column("stream", Text, nullable=False),
    Column("file_id", Integer, ForeignKey("files.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("stored", String(400), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("shape", String(64), nullable=False),
    Column("why", String(40), nullable=False),
    Column("missing", Integer),
    Column("full_at", DateTime, nullable=False),
    Column("run", String(64), nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("left_because", String(40), nullable=False, server_default="report"),
    Index("snapshots_of_client", "client", "id"),
)

snapshot_keys = Table(
    "snapshot_keys",
    metadata,
    Column("client", String(100), primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("made_at", DateTime, nullable=False),
)

conditions = Table(
    "conditions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("since", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("client", String(100), nullable=False),
    Column("stream", Text, nullable=False),
    Column("file_id", Integer, ForeignKey("files.id")),
    Column("step", String(40), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("run", String(64), nullable=False),
    Index("journal_of_client", "client", "id"),
)
