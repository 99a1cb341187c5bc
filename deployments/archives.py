"""List the files that are kept for a replay: `python -m deployments.archives --ledger default`.

    --client acme     only this client's
    --expired         delete what has been kept long enough, of every client; a client's own runs do
                      so by themselves, this is for clients that have none any more

One line per file: its number in the ledger, client, name, when (UTC) it was archived and until when
it stays, and whether it is encrypted. The number is what the parameter `replay` of the client's
import takes.
"""

import argparse
import sys
from collections.abc import Sequence

from blocks.errors import SyncError
from blocks.ledger import archives
from blocks.ledger.archives import ArchiveEntry
from blocks.ledger.store import naive_utc_now
from blocks.ledgers import Ledger
from blocks.loading import load
from deployments.prompts.terminal import say
from tasks.imports.archive import remove


def archive_line(entry: ArchiveEntry) -> str:
    """One line about an archive; nothing of what is in it."""
    sealed = f"encrypted for gpg-key/{entry.key}" if entry.key else "not encrypted"
    changed = f", {entry.forgotten} records removed since" if entry.forgotten else ""
    return (
        f"{entry.file_id}: {entry.client} {entry.name!r}, archived {entry.kept_at:%Y-%m-%d %H:%M}, "
        f"until {entry.expires_at:%Y-%m-%d}, {sealed}{changed}"
    )


def listed(ledger: Ledger, client: str | None) -> list[str]:
    """The lines about what is kept."""
    with ledger.open(read_only=True) as store:
        return [] if store.is_empty else list(map(archive_line, archives.kept_of(store, client)))


def expire(ledger: Ledger, client: str | None) -> int:
    """Delete what has been kept long enough; how many files that were."""
    storage = ledger.open_storage()
    with ledger.open() as store:
        over = [
            each for each in archives.kept_of(store, client) if each.expires_at <= naive_utc_now()
        ]
        remove(store, storage, over)
    return len(over)


def main(arguments: Sequence[str] | None = None) -> int:
    """List the archives, or delete the expired ones; 1 where ledger or storage do not answer."""
    parser = argparse.ArgumentParser(description="List the files that are kept for a replay.")
    parser.add_argument("--ledger", required=True, help="name of the Ledger block")
    parser.add_argument("--client", help="only this client's")
    parser.add_argument("--expired", action="store_true", help="delete what was kept long enough")
    wanted = parser.parse_args(arguments)
    try:
        ledger = load(Ledger, wanted.ledger)
        if wanted.expired:
            print(f"{expire(ledger, wanted.client)} archived files were deleted.")
            return 0
        say("\n".join(listed(ledger, wanted.client)) or "Nothing is kept for a replay.")
    except SyncError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
