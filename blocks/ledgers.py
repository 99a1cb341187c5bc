"""The block of the ledger: its database and its storage."""

from prefect.blocks.core import Block
from prefect.runtime import flow_run
from pydantic import Field, SecretStr

from blocks.ledger.storage import Storage
from blocks.ledger.store import Store


class Ledger(Block):
    """
    The database that records which files, batches and exports have been processed.

    All runs of one MailUp account must share one ledger: it prevents that a file is imported
    twice and that two runs work for the same client. SQLite is enough for one machine; use
    PostgreSQL when workers run on several.

    Attributes:
        url: SQLAlchemy URL of the database.
        storage: Folder or URL for snapshots and staged exports.

    Example:
        Load a ledger and open it:
        ```python
        from blocks.ledgers import Ledger

        ledger = Ledger.load("BLOCK_NAME")
        with ledger.open() as store:
            print(store.is_new)
        ```
    """

    _block_type_name = "Ledger"
    _block_type_slug = "ledger"
    _logo_url = "https://www.sqlite.org/images/sqlite370_banner.gif"  # type: ignore[assignment]
    _documentation_url = "https://docs.sqlalchemy.org/en/20/core/engines.html"  # type: ignore[assignment]

    url: SecretStr = Field(
        default=SecretStr("sqlite:///~/.mailup-file-exchange/ledger.db"),
        title="URL",
        description=(
            "SQLAlchemy URL of the database: sqlite:///folder/ledger.db on one machine, "
            "postgresql+psycopg://user:password@host/database for workers on several."
        ),
    )

    storage: str = Field(
        default="~/.mailup-file-exchange/storage",
        title="Storage",
        description=(
            "Folder, or URL of an object store (s3://..., gs://...), for snapshots and staged "
            "exports; shared by all workers, like the database."
        ),
    )

    def open_storage(self) -> Storage:
        """Open the storage."""
        return Storage(self.storage)

    def open(self, *, read_only: bool = False) -> Store:
        """Open the ledger; unless `read_only`, create or upgrade its tables where needed."""
        run = str(flow_run.id or "")
        return Store(self.url.get_secret_value(), read_only=read_only, run=run)
