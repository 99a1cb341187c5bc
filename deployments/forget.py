"""Forget a person.

Takes every record in which an e-mail address or a mobile number occurs out of what we keep of a
client: the archived files in its ledgers, and the lists in its results folder (rejects, skipped,
notes, held); requests that the ledger keeps for a while, to be sent once more, are deleted. What
cannot be read is reported as not looked through, and never as empty.

Not touched are the client's own files, what was delivered to it elsewhere, backups, and MailUp
itself. The ledger, its snapshots and result documents hold no address.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from blocks.errors import ConfigurationError, FileHeld, SyncError
from blocks.ledger import archives, bodies, journal
from blocks.ledger.archives import ArchiveEntry
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.servers import load_server
from blocks.transport.base import Transport
from blocks.transport.delivery import deliver
from tasks.connections.deployed_agreements import agreed
from tasks.files.remote_paths import join
from tasks.imports.archive import erase_from_archive, remove
from tasks.records.agreement import ImportAgreement
from tasks.records.archive.erase import Person, may_contain, require_text, without_person
from tasks.records.archive.forms import erased
from tasks.records.reading.dialect import Dialect
from tasks.records.results.held_file import HELD_ENDING
from tasks.runs.lease import working_alone
from tasks.runs.scratch import scratch_folder

_LISTS = re.compile(r"\.(rejects|skipped|notes|held)(\.\w+)*\Z")
"""Names of the lists in a client's results folder, in whatever form they are."""


@dataclass
class Report:
    """What was done, as lines without the person, and what could not be."""

    lines: list[str] = field(default_factory=list)
    failed: bool = False
    unread: int = 0

    def note_removed(self, what: str, records: int) -> None:
        """Note how many records were removed from something; nothing where there were none."""
        if records:
            self.lines.append(f"{what}: {records} records removed")

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """Continue after what cannot be done, and note it."""
        try:
            yield
        except (SyncError, OSError, ValueError) as error:
            told = error if isinstance(error, SyncError) else type(error).__name__
            self.lines.append(f"{what}: NOT LOOKED THROUGH. {told}")
            self.failed = True
            self.unread += 1


def forget(client: str, person: Person, agreements: Sequence[ImportAgreement]) -> Report:
    """Remove a person from everything that is kept of a client."""
    report = Report()
    with scratch_folder() as scratch:
        for ledger in dict.fromkeys(each.ledger for each in agreements):
            with report.trying(f"archives of ledger/{ledger}"):
                _in_archives(client, person, ledger, scratch, report)
            with report.trying(f"kept requests of ledger/{ledger}"):
                _without_bodies(client, load(Ledger, ledger), report)
        for agreement in agreements:
            with report.trying(f"lists on {agreement.server}"):
                _in_lists(agreement, person, scratch, report)
    return report


def _in_archives(client: str, person: Person, name: str, scratch: Path, report: Report) -> None:
    ledger = load(Ledger, name)
    unread = report.unread
    with ledger.open() as store:
        kept = archives.kept_of(store, client)
        for entry in kept:
            what = f"file {entry.file_id} (archived {entry.kept_at:%Y-%m-%d})"
            with report.trying(what), _alone_in(name, client, entry.stream):
                records = _in_archive(store, ledger, entry, person, scratch)
                report.note_removed(what, records)
        looked = len(kept) - (report.unread - unread)
        for stream in {entry.stream for entry in kept}:
            with report.trying("what was cut off before"), _alone_in(name, client, stream):
                left = archives.due_for_removal(store, client, stream, 0)
                remove(store, ledger.open_storage(), left)
    report.lines.append(f"{looked} archived files of ledger/{name} were looked through")


def _without_bodies(client: str, ledger: Ledger, report: Report) -> None:
    """Delete requests that are kept to be sent once more; a batch that needs one is then held."""
    with ledger.open() as store:
        kept = bodies.of_client(store, client)
        for each in kept:
            ledger.open_storage().remove(each.stored)
            bodies.removed(store, each.id)
    if kept:
        report.lines.append(f"{len(kept)} requests that were kept to be sent again were deleted")


@contextmanager
def _alone_in(ledger: str, client: str, stream: str) -> Iterator[None]:
    with working_alone(ledger, client, stream, dry_run=False):
        yield


def _in_archive(
    store: Store, ledger: Ledger, entry: ArchiveEntry, person: Person, scratch: Path
) -> int:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        return erase_from_archive(store, ledger.open_storage(), entry, person, Path(folder))


def _in_lists(agreement: ImportAgreement, person: Person, scratch: Path, report: Report) -> None:
    """Take a person out of the lists in a client's results folder."""
    folder = join(agreement.source.folder, agreement.results.folder)
    alone = working_alone(agreement.ledger, agreement.client, agreement.stream, dry_run=False)
    with alone, load_server(agreement.server).connect() as server:
        found = [each for each in server.list(folder) if _LISTS.search(each.name)]
        removed, unread = 0, report.unread
        for each in found:
            path = join(folder, each.name)
            with report.trying(path), tempfile.TemporaryDirectory(dir=scratch) as name:
                records = _in_list(server, agreement, person, folder, each.name, Path(name))
                report.note_removed(path, records)
                removed += records
    looked = len(found) - (report.unread - unread)
    report.lines.append(f"{looked} lists in {folder} were looked through")
    if removed:
        detail = {"reject_records": removed}
        with load(Ledger, agreement.ledger).open() as store:
            journal.note(
                store, agreement.client, agreement.stream, "person_forgotten", detail=detail
            )


def _in_list(
    server: Transport,
    agreement: ImportAgreement,
    person: Person,
    folder: str,
    name: str,
    scratch: Path,
) -> int:
    here, changed = scratch / "list", scratch / "changed"
    server.read(join(folder, name), here)
    if name.endswith(HELD_ENDING):  # the client corrects the file, not this list
        found = may_contain(here, person)
        if found:
            server.remove(join(folder, name))
        else:
            require_text(here)
        return int(found)
    try:
        records, left = erased(here, scratch, agreement, person, blank=False)
    except FileHeld:
        # Some lists are in a form of ours, whatever the client's files are like.
        left = changed
        records = without_person(here, Dialect(final_newline="any"), person, left, blank=False)
    if records:
        deliver(server, left, folder, name)
    return records


def import_agreements(client: str, file: str) -> list[ImportAgreement]:
    """The agreements of a client's imports, as they are deployed or as a file has them."""
    found = agreed.fn(client, file)
    for finding in found.findings:
        raise ConfigurationError(f"{finding.subject}: {finding.text}. {finding.remedy}")
    return [each for each in found.agreements if isinstance(each, ImportAgreement)]
