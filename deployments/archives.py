"""The files that are kept for a replay: which they are, and removing those past their time."""

from blocks.ledger import archives
from blocks.ledger.archives import ArchiveEntry
from blocks.ledger.store import naive_utc_now
from blocks.ledgers import Ledger
from tasks.imports.archive import remove


def archive_line(entry: ArchiveEntry) -> str:
    """One line about an archive; nothing of what is in it."""
    sealed = f"encrypted for gpg-key/{entry.key}" if entry.key else "not encrypted"
    changed = f", {entry.forgotten} records removed since" if entry.forgotten else ""
    return (
        f"{entry.file_id}: {entry.client} {entry.name!r}, archived {entry.kept_at:%Y-%m-%d %H:%M}, "
        f"until {entry.expires_at:%Y-%m-%d}, {sealed}{changed}"
    )


def kept_archives(ledger: Ledger, client: str | None) -> list[ArchiveEntry]:
    """What is kept of a client, or of all."""
    with ledger.open(read_only=True) as store:
        return [] if store.is_empty else archives.kept_of(store, client)


def expire(ledger: Ledger, client: str | None) -> int:
    """Delete what has been kept long enough; how many files that were."""
    storage = ledger.open_storage()
    with ledger.open() as store:
        over = [
            each for each in archives.kept_of(store, client) if each.expires_at <= naive_utc_now()
        ]
        remove(store, storage, over)
    return len(over)
