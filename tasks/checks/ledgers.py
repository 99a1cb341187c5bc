"""Checks of the ledger and the worker's machine: database, storage, free disk space."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from blocks.errors import ConfigurationError
from blocks.ledger import leases
from blocks.ledger.modes import open_to_others
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from tasks.checks.findings import Finding, Subject

GIB = 1 << 30
LITTLE_BYTES = 2 * GIB
TOO_LITTLE_BYTES = GIB // 4
MOST_SHOWN = 3


def check_ledger(
    subject: Subject,
    read_only: Callable[[], Store],
    store: Callable[[], Store],
    storage: Callable[[], Storage],
) -> Iterator[Finding]:
    """Whether database and storage can be read and written.

    `read_only` opens the ledger for reading, `store` for writing.
    """
    yield from subject.tried(
        "database",
        "Start the database, or correct url on the ledger block; its user must be able to write "
        "the tables.",
        lambda: _database(subject, read_only, store),
    )
    yield from subject.tried(
        "storage",
        "Correct storage on the ledger block, or give the worker's user permission to write there.",
        lambda: _storage(subject, storage),
    )


def _database(
    subject: Subject, read_only: Callable[[], Store], store: Callable[[], Store]
) -> Iterator[Finding]:
    try:
        with read_only() as existing:
            new = existing.is_empty
    except ConfigurationError as error:
        if not error.context.get("older"):
            raise
        yield subject.note(
            "database", "its tables are of an older version; the next run upgrades them"
        )
        return
    if new:
        yield subject.note("database", "it does not exist yet; the first run creates it")
        return
    with store() as ledger:
        # Writes a lease under a name that no run uses.
        lease = leases.take(ledger, f"check/{uuid4().hex}")
        if lease is not None:
            leases.release(ledger, lease)
    yield subject.ok("database", "read and written")


def _storage(subject: Subject, storage: Callable[[], Storage]) -> Iterator[Finding]:
    storage().check()
    yield subject.ok("storage", "a file was written, read and deleted")


def check_permissions(subject: Subject, database: Sequence[Path], storage: Storage) -> Finding:
    """Whether other users of this machine can read the ledger or its storage.

    `database`: files and folder of a database on this machine.
    """
    found = [*open_to_others(database), *storage.open_to_others()]
    files = [path for path in found if not path.is_dir()]
    if not found:
        return subject.ok("permissions", "other users of this machine cannot read it")
    what = "files can be read" if files else "folders can be listed"
    shown = [str(path) for path in files or found]
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return (subject.fix if files else subject.note)(
        "permissions",
        f"{what} by other users of this machine: {', '.join(shown[:MOST_SHOWN])}{more}",
        "Remove the permissions of group and others (chmod -R go= on the folder).",
    )


def check_room(subject: Subject, check: str, folder: Path) -> Finding:
    """Free disk space for a folder, which need not exist yet."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    facts = f"{free / GIB:.1f} GiB free"
    remedy = "Free or add space: a large file temporarily needs several times its size."
    if free < TOO_LITTLE_BYTES:
        return subject.fix(check, facts, remedy)
    if free < LITTLE_BYTES:
        return subject.note(check, facts, remedy)
    return subject.ok(check, facts)
