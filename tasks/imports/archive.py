"""Archive: store a file with its decision inputs before it is sent; delete it when it expires."""

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
from tasks.records.archive.erase import Person, erase_unsubscribed
from tasks.records.archive.forms import erased_as_it_came
from tasks.records.job import ImportJob
from tasks.records.stages import AccountFacts, Claim, Fetched, Prepared
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import fresh_folder

_STORED_AS = "archive"
"""Folder of the ledger's storage."""


def archive(job: ImportJob, fetched: Fetched, claim: Claim, prepared: Prepared) -> None:
    """Archive a file that is about to be sent, if agreed."""
    if job.agreement.archive.days and not prepared.hold and claim.progress == "nothing":
        compared = prepared.compared
        previous = compared.previous if compared and not compared.why else None
        facts = replace(job.facts, snapshot=previous[0] if previous else None)
        _archive(replace(job, facts=facts), fetched, claim)


@retried_task("archive", "archive {fetched.name}")
def _archive(job: ImportJob, fetched: Fetched, claim: Claim) -> None:
    """Store the file with its decision inputs, unless an archive with the same inputs exists."""
    agreement, facts = job.agreement, job.facts
    ledger = load(Ledger, agreement.ledger)
    inputs = decision_inputs(agreement, fetched, facts, claim.seen_at)
    with ledger.open() as store:
        known = archives.newest(store, claim.entry_id, attempt=claim.attempt)
        if known is not None and known.grounds == inputs.hash:
            return
        folder = fresh_folder(job.scratch / "archive")
        packed = write_archive(folder / "archive.zip", inputs, fetched.path, facts)
        key = agreement.archive.key
        storage, packed = ledger.open_storage(), encrypted(packed, key)
        name = storage.new_name(_STORED_AS, f"{agreement.client}-{claim.entry_id}", packed.suffix)
        announced = archives.announce(
            store, claim.entry_id, claim.attempt, stored=name, grounds=inputs.hash, key=key,
            days=agreement.archive.days,
        )  # fmt: skip
        storage.put_as(packed, name)
        archives.keep(store, announced)


def encrypted(path: Path, key: str) -> Path:
    """Encrypt an archive for the key of a block, replacing the original; nothing without a key."""
    if not key:
        return path
    armor = load(GpgKey, key).private_key.get_secret_value()
    target = path.with_suffix(".gpg")
    # Only the public key is used: no passphrase is needed.
    answer = run_gpg("--encrypt", path, target, {f"{RECIPIENT}-0": armor}, passphrase=None)
    path.unlink()
    if answer.exit or "END_ENCRYPTION" not in answer.words:
        raise ConfigurationError(
            f"gpg cannot encrypt the archive for gpg-key/{key}. Replace its private_key (it may "
            "have expired, or be only for signatures), or free space in the scratch folder; "
            "nothing was sent."
        )
    return target


def open_stored(storage: Storage, entry: ArchiveEntry, folder: Path) -> OpenedArchive:
    """Download, decrypt, verify and extract an archive to `folder`."""
    path = storage.get(entry.stored, folder / "stored")
    if entry.key:
        path = _decrypted(path, entry.key, folder)
    return open_archive(path, folder, KnownHashes(entry.grounds, entry.sha256, entry.rewritten))


def _decrypted(path: Path, key: str, folder: Path) -> Path:
    # Archives have no signature, and their size is not limited.
    block = load(GpgKey, key).model_copy(update={"signers": []})
    try:
        return decrypt(path, block, folder, max_bytes=1 << 62)
    except FileHeld:
        raise RunStopped(
            f"The archive cannot be decrypted with gpg-key/{key}: it was encrypted for another "
            "key, or is damaged. Restore the former key on the block."
        ) from None


def delete_expired(agreement: ImportAgreement, lease: Lease | None) -> None:
    """Delete the client's expired archives, except in a dry run."""
    if lease is None:
        return
    with load(Ledger, agreement.ledger).open() as store:
        expired = _expired(store, agreement)
    if expired:
        _delete_expired(agreement)


@retried_task("let go", "delete archives of {agreement.client}")
def _delete_expired(agreement: ImportAgreement) -> None:
    ledger = load(Ledger, agreement.ledger)
    storage = ledger.open_storage()
    with ledger.open() as store:
        expired = _expired(store, agreement)
        remove(store, storage, expired)
    get_run_logger().info("Deleted %d expired archives", len(expired))


def remove(store: Store, storage: Storage, entries: Iterable[ArchiveEntry]) -> None:
    """Delete archives from the storage first, then record it in the ledger."""
    for entry in entries:
        storage.remove(entry.stored)
        archives.removed(store, entry.id)


def _expired(store: Store, agreement: ImportAgreement) -> list[ArchiveEntry]:
    return archives.due_for_removal(
        store, agreement.client, agreement.stream, agreement.archive.days
    )


def erase_from_archive(
    store: Store, storage: Storage, entry: ArchiveEntry, person: Person, folder: Path
) -> int:
    """Replace an archive by one without a person; return how many records were removed.

    The new archive contains the decrypted and unpacked file; of the original only the hash remains.
    Its decision inputs have the hashes of the new content. A replay therefore makes other requests,
    and says so.
    """
    kept = open_stored(storage, entry, folder)
    opened, agreement = kept.fetched.path, kept.inputs.as_kept(kept.inputs.agreement)
    if agreement.decryption_key:
        opened = decrypt(opened, load(GpgKey, agreement.decryption_key), folder)
    records, remaining = erased_as_it_came(opened, folder, agreement, person)
    people = erase_unsubscribed(kept.facts.unsubscribed, person)
    if not records and not people:
        return 0
    inputs = kept.inputs.model_copy(
        update={
            "opened": True,
            "forgotten": kept.inputs.forgotten + records,
            # What could not be verified before stays unverified.
            "content": sha256_of(remaining) if kept.proven else "",
            "refusals": unsubscribed_hash(kept.facts.unsubscribed),
        }
    )
    _replace(store, storage, entry, inputs, remaining, kept.facts)
    return records + people


def _replace(
    store: Store,
    storage: Storage,
    entry: ArchiveEntry,
    inputs: DecisionInputs,
    file: Path,
    facts: AccountFacts,
) -> None:
    packed = encrypted(write_archive(file.with_suffix(".zip"), inputs, file, facts), entry.key)
    name = storage.new_name(_STORED_AS, f"{entry.client}-{entry.file_id}", packed.suffix)
    announced = archives.announce_instead(
        store, entry, stored=name, grounds=inputs.hash, forgotten=inputs.forgotten
    )
    storage.put_as(packed, name)
    archives.keep_instead(store, entry, announced)
    remove(store, storage, [entry])
