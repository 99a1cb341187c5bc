"""Archive: keep a file, and what decided about it, before anything of it is sent; for so long."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from prefect import get_run_logger

from blocks.errors import ConfigurationError, FileHeld, RunStopped
from blocks.keys import GpgKey
from blocks.ledger import archives
from blocks.ledger.archives import ArchiveEntry
from blocks.ledger.leases import Lease
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.files.hashing import sha256_of
from tasks.gpg.decrypt import decrypt
from tasks.gpg.program import RECIPIENT, run_gpg
from tasks.records.agreement import ImportAgreement
from tasks.records.archive.bundle import (
    DecisionInputs,
    KnownHashes,
    OpenedArchive,
    decision_inputs,
    open_archive,
    unsubscribed_hash,
    write_archive,
)
from tasks.records.archive.erase import Person, erase_unsubscribed, without_person
from tasks.records.job import ImportJob
from tasks.records.open_file import as_csv
from tasks.records.reading.tables import from_csv
from tasks.records.stages import AccountFacts, Claim, Fetched, Prepared
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import fresh_folder

_STORED_AS = "archive"
"""Folder of the ledger's storage."""


def archive(job: ImportJob, fetched: Fetched, claim: Claim, prepared: Prepared) -> None:
    """Keep a file that is about to be sent; nothing where that is not agreed."""
    if job.agreement.archive.days and not prepared.hold and claim.progress == "nothing":
        compared = prepared.compared
        used = compared.previous if compared and not compared.why else None
        facts = replace(job.facts, snapshot=used[0] if used else None)
        _archive(replace(job, facts=facts), fetched, claim)


@retried_task("archive", "archive {fetched.name}")
def _archive(job: ImportJob, fetched: Fetched, claim: Claim) -> None:
    """Store the file with its grounds; once for the same grounds, however often it is begun."""
    agreement, facts = job.agreement, job.facts
    ledger = load(Ledger, agreement.ledger)
    grounds = decision_inputs(agreement, fetched, facts, claim.seen_at)
    with ledger.open() as store:
        known = archives.newest(store, claim.entry_id, attempt=claim.attempt)
        if known is not None and known.grounds == grounds.hash:
            return
        folder = fresh_folder(job.scratch / "archive")
        packed = write_archive(folder / "archive.zip", grounds, fetched.path, facts)
        key = agreement.archive.key
        storage, packed = ledger.open_storage(), encrypted(packed, key)
        name = storage.new_name(_STORED_AS, f"{agreement.client}-{claim.entry_id}", packed.suffix)
        announced = archives.announce(
            store, claim.entry_id, claim.attempt, stored=name, grounds=grounds.hash, key=key,
            days=agreement.archive.days,
        )  # fmt: skip
        storage.put_as(packed, name)
        archives.keep(store, announced)


def encrypted(path: Path, key: str) -> Path:
    """An archive encrypted for the key of a block, and the open one gone; itself without a key."""
    if not key:
        return path
    armor = load(GpgKey, key).private_key.get_secret_value()
    target = path.with_suffix(".gpg")
    # The public half alone is used: no passphrase is needed.
    answer = run_gpg("--encrypt", path, target, {f"{RECIPIENT}-0": armor}, passphrase=None)
    path.unlink()
    if answer.exit or "END_ENCRYPTION" not in answer.words:
        raise ConfigurationError(
            f"gpg cannot encrypt the archive for gpg-key/{key}. Mend its private_key (it may have "
            "expired, or be for signatures alone), or free space in the scratch folder; nothing "
            "was sent."
        )
    return target


def reopened(storage: Storage, entry: ArchiveEntry, folder: Path) -> OpenedArchive:
    """A kept archive, fetched, decrypted and laid down in `folder`, as the ledger knows it."""
    path = storage.get(entry.stored, folder / "stored")
    if entry.key:
        path = _decrypted(path, entry.key, folder)
    return open_archive(path, folder, KnownHashes(entry.grounds, entry.sha256, entry.rewritten))


def _decrypted(path: Path, key: str, folder: Path) -> Path:
    # Our own archives carry no signature, and what comes out of them is not limited.
    ours = load(GpgKey, key).model_copy(update={"signers": []})
    try:
        return decrypt(path, ours, folder, max_bytes=1 << 62)
    except FileHeld:
        raise RunStopped(
            f"The archive cannot be opened with gpg-key/{key}: it was encrypted for another key, "
            "or is damaged. Put the key of its day back on the block."
        ) from None


def delete_expired(agreement: ImportAgreement, lease: Lease | None) -> None:
    """Delete the client's archives that are kept long enough; nothing in a dry run."""
    if lease is None:
        return
    with load(Ledger, agreement.ledger).open() as store:
        due = _expired(store, agreement)
    if due:
        _delete_expired(agreement)


@retried_task("let go", "delete archives of {agreement.client}")
def _delete_expired(agreement: ImportAgreement) -> None:
    ledger = load(Ledger, agreement.ledger)
    storage = ledger.open_storage()
    with ledger.open() as store:
        due = _expired(store, agreement)
        remove(store, storage, due)
    get_run_logger().info("%d archived files were kept long enough and are deleted", len(due))


def remove(store: Store, storage: Storage, entries: Iterable[ArchiveEntry]) -> None:
    """Delete archives from the storage first, then say so in the ledger."""
    for entry in entries:
        storage.remove(entry.stored)
        archives.removed(store, entry.id)


def _expired(store: Store, agreement: ImportAgreement) -> list[ArchiveEntry]:
    return archives.due_for_removal(
        store, agreement.client, agreement.stream, agreement.archive.days
    )


def take_person_out(
    store: Store, storage: Storage, entry: ArchiveEntry, person: Person, folder: Path
) -> int:
    """Put an archive without a person in the place of one with; how many records that took.

    The file in it is the opened one then, and the hash of the one that came is all that is left of
    it: a replay makes other requests than on its day, and says so. The new grounds, whose hash
    the ledger gets with the new archive, hold the hashes of what is left.
    """
    kept = reopened(storage, entry, folder)
    opened, agreement = kept.fetched.path, kept.inputs.as_kept(kept.inputs.agreement)
    if agreement.decryption_key:
        opened = decrypt(opened, load(GpgKey, agreement.decryption_key), folder)
    opened = as_csv(agreement, opened, folder)
    changed = folder / "changed"
    records = without_person(
        opened, agreement.csv_dialect, person, changed, blank=True, wanted=agreement.wanted
    )
    known = erase_unsubscribed(kept.facts.unsubscribed, person)
    if not records and not known:
        return 0
    left, _ = from_csv(changed if records else opened, agreement.table, agreement.dialect)
    grounds = kept.inputs.model_copy(
        update={
            "opened": True,
            "forgotten": kept.inputs.forgotten + records,
            # What the ledger could not prove before is not proven by what came of it.
            "content": sha256_of(left) if kept.proven else "",
            "refusals": unsubscribed_hash(kept.facts.unsubscribed),
        }
    )
    _replace(store, storage, entry, grounds, left, kept.facts)
    return records + known


def _replace(
    store: Store,
    storage: Storage,
    entry: ArchiveEntry,
    grounds: DecisionInputs,
    file: Path,
    facts: AccountFacts,
) -> None:
    packed = encrypted(write_archive(file.with_suffix(".zip"), grounds, file, facts), entry.key)
    name = storage.new_name(_STORED_AS, f"{entry.client}-{entry.file_id}", packed.suffix)
    announced = archives.announce_instead(
        store, entry, stored=name, grounds=grounds.hash, forgotten=grounds.forgotten
    )
    storage.put_as(packed, name)
    archives.keep_instead(store, entry, announced)
    remove(store, storage, [entry])
