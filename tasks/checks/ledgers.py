"""The ledger and the machine on which the worker runs: database, storage, room on disks."""

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
    look: Callable[[], Store],
    store: Callable[[], Store],
    storage: Callable[[], Storage],
) -> Iterator[Finding]:
    """Whether the database can be read and written, and the storage as well.

    `look` opens the ledger only to look, `store` to write.
    """
    yield from subject.tried(
        "database",
        "Start the database, or correct url on the ledger block; its user must be allowed to write "
        "its tables.",
        lambda: _database(subject, look, store),
    )
    yield from subject.tried(
        "storage",
        "Correct storage on the ledger block, or let the worker's user write there.",
        lambda: _storage(subject, storage),
    )


def _database(
    subject: Subject, look: Callable[[], Store], store: Callable[[], Store]
) -> Iterator[Finding]:
    try:
        with look() as seen:
            new = seen.is_empty
    except ConfigurationError as error:
        if not error.context.get("older"):
            raise
        yield subject.note(
            "database", "its tables are older than this program; a run upgrades them"
        )
        return
    if new:
        yield subject.note("database", "nothing is remembered yet; the first run makes it")
        return
    with store() as ledger:
        # The ledger's own way of writing, under a name that no run uses.
        lease = leases.take(ledger, f"check/{uuid4().hex}")
        if lease is not None:
            leases.release(ledger, lease)
    yield subject.ok("database", "read and written")


def _storage(subject: Subject, storage: Callable[[], Storage]) -> Iterator[Finding]:
    storage().check()
    yield subject.ok("storage", "a file was written, read and deleted")


def check_permissions(subject: Subject, database: Sequence[Path], storage: Storage) -> Finding:
    """Whether other users of this machine can look into the ledger or its storage.

    `database` are the files and the folder of a database that lies on this machine.
    """
    found = [*open_to_others(database), *storage.open_to_others()]
    files = [path for path in found if not path.is_dir()]
    if not found:
        return subject.ok("permissions", "nothing of it is open to other users of this machine")
    what = "files can be read" if files else "folders can be looked into"
    shown = [str(path) for path in files or found]
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return (subject.mend if files else subject.note)(
        "permissions",
        f"{what} by other users of this machine: {', '.join(shown[:MOST_SHOWN])}{more}",
        "Take the rights of group and others away (chmod -R go= on the folder).",
    )


def check_room(subject: Subject, check: str, folder: Path) -> Finding:
    """Room on the disk of a folder, which need not exist yet."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    facts = f"{free / GIB:.1f} GiB free"
    remedy = "Free or add space: a large file needs several times its size for a while."
    if free < TOO_LITTLE_BYTES:
        return subject.mend(check, facts, remedy)
    if free < LITTLE_BYTES:
        return subject.note(check, facts, remedy)
    return subject.ok(check, facts)
