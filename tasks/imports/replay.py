"""Replay: processes an archived file again and compares the requests with the original ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.errors import ConfigurationError, RunStopped
from blocks.errors.shown import in_markdown
from blocks.ledger import archives, batches, files, grants, journal
from blocks.ledger.archives import ArchiveEntry
from blocks.ledger.batches import BatchEntry
from blocks.ledger.journal import ComparedKeys
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.imports.archive import open_stored
from tasks.imports.rejoining import left_out
from tasks.imports.submit import batch_requests
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.destinations import group_named
from tasks.records.consent.grounds import missing_grounds
from tasks.records.consent.settings import without_opt_in
from tasks.records.counts import Counts
from tasks.records.stages import AccountFacts, Claim, Fetched, Prepared
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import fresh_folder
from tasks.texts.replay_result import Comparison, replay_summary, replay_text

ReplayWith = Literal["its-day", "today"]
"""Agreement for a replay: the original one, or the current one."""


@dataclass(frozen=True)
class ArchivedFile:
    """An archived file, and the agreement with which it is replayed.

    `facts`: the original account facts. `claim`: its entry in the ledger with the original counts.
    `kept`: its row among the archives. `proven`: its content was verified by a hash in the ledger.
    """

    agreement: ImportAgreement
    fetched: Fetched
    facts: AccountFacts
    claim: Claim
    kept: ArchiveEntry
    replay_with: ReplayWith
    proven: bool


@retried_task("take out", "load archived file {number}")
def load_archived(
    agreement: ImportAgreement, number: int, replay_with: ReplayWith, scratch: Path
) -> ArchivedFile:
    """Load the file with this number in the ledger, with the requested agreement.

    ConfigurationError if it is not archived, or is another client's.
    """
    ledger = load(Ledger, agreement.ledger)
    with ledger.open(read_only=True) as store:
        kept = None if store.is_empty else archives.newest(store, number)
        if kept is None or kept.client != agreement.client:
            raise ConfigurationError(
                f"File {number} of {agreement.client} is not archived: it never was, or its "
                "archive has expired. `mailup-exchange archives` lists the archives."
            )
        counts = Counts.of(files.counts_of(store, number))
    found = open_stored(ledger.open_storage(), kept, fresh_folder(scratch / "replay"))
    used = agreement
    if replay_with == "its-day":
        # Results and ledger are those of today.
        places = {"server": agreement.server, "ledger": agreement.ledger}
        used = found.inputs.agreement.model_copy(update=places)
    claim = Claim(
        kept.name, number, kept.attempt, found.inputs.first_seen_at, "nothing", kept.name,
        counts, (), released=True,
    )  # fmt: skip
    return ArchivedFile(
        found.inputs.as_kept(used), found.fetched, found.facts, claim, kept, replay_with,
        found.proven,
    )  # fmt: skip


def without_grant(archived: ArchivedFile) -> ImportAgreement:
    """The agreement for sending a replayed file, without an old grant.

    People who are not subscribed now are blocked and listed. A grant in today's agreement applies
    as for every other file.
    """
    agreement = archived.agreement
    if not archived.proven:
        raise RunStopped(
            "An older version of the program erased a person from this archived file and stored no "
            "hash of the result: it can be compared, but not sent. Ask the client for the file."
        )
    if archived.replay_with == "its-day" and any(
        missing_grounds(agreement.consent, agreement.mapping)
    ):
        raise ConfigurationError(
            "The file's original agreement has no consent.basis, so the file is not sent again. "
            "Send it with today's agreement: replay_with 'today'."
        )
    if archived.replay_with == "today" or agreement.consent.import_type != "opt-in":
        return agreement
    return agreement.model_copy(update={"consent": without_opt_in(agreement.consent)})


@retried_task("compare", "compare {archived.fetched.name}")
def compare(archived: ArchivedFile, prepared: Prepared, facts: AccountFacts) -> Comparison:
    """Compare the requests of a replay with the original ones; nothing is sent."""
    agreement, kept = archived.agreement, archived.kept
    with load(Ledger, agreement.ledger).open() as store:
        every = batches.of_file(store, kept.file_id, kept.attempt)
        original = [each for each in every if each.purpose == "records"]
        granted = grants.of_file(store, kept.file_id)
        absent = left_out(granted, kept.attempt)
        keys = journal.second_keys(store, kept.file_id, kept.attempt) or journal.NO_KEYS
        comparison = _compared(archived, prepared, original, facts, absent, keys)
        detail = {
            "archive": kept.id,
            "attempt": kept.attempt,
            "with": archived.replay_with,
            "changed_since": kept.forgotten,
            **asdict(comparison),
        }
        journal.note(
            store, kept.client, kept.stream, "file_replayed", file_id=kept.file_id, detail=detail
        )
    text = replay_text(kept, archived.replay_with, comparison)
    create_markdown_artifact(
        key=f"{agreement.client}-replay",
        markdown=replay_summary(text, archived.claim.counts, prepared),
        description=f"{in_markdown(kept.name)}: replayed",
    )
    return comparison


def replay_state(archived: ArchivedFile, comparison: Comparison) -> State[None]:
    """Failed if file and decision inputs are unchanged but a request differs."""
    kept = archived.kept
    text = replay_text(kept, archived.replay_with, comparison)
    unchanged = not kept.forgotten and not comparison.left_out
    differs = archived.replay_with == "its-day" and unchanged and not comparison.same
    return Failed(message=text) if differs else Completed(message=text)


def _compared(
    archived: ArchivedFile,
    prepared: Prepared,
    original: Sequence[BatchEntry],
    facts: AccountFacts,
    absent: Collection[int],
    keys: ComparedKeys,
) -> Comparison:
    sent = {entry.number: entry for entry in original}
    groups = _groups(prepared, facts, sent)
    requests = batch_requests(archived.agreement, prepared.batches, groups, absent, keys)
    made = {each.number: each.sha256 for each in requests}
    identical = sum(made.get(number) == entry.sha256 for number, entry in sent.items())
    fewer_unchanged = max(0, archived.claim.counts.unchanged - prepared.counts.unchanged)
    return Comparison(len(original), len(made), identical, fewer_unchanged)


def _groups(
    prepared: Prepared, facts: AccountFacts, sent: Mapping[int, BatchEntry]
) -> dict[tuple[int, str], int]:
    """Ids of the groups of batches; 0 for one that would have to be created.

    A group that was created by the original import is in the ledger, not in the facts.
    """
    ids = {}
    for batch in prepared.batches:
        to, original = batch.destination, sent.get(batch.number)
        if to.group:
            known = group_named(facts.groups.get(to.list_id, {}), to.group)
            created = original.target["group_id"] if original else None
            ids[to.list_id, to.group] = known or created or 0
    return ids
