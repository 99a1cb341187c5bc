"""Replay: a file out of the archive is decided about once more, and compared with its day."""

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
from tasks.imports.archive import reopened
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
"""With which agreement a file is replayed: the one of its day, or the one that holds now."""


@dataclass(frozen=True)
class Recalled:
    """A file out of the archive, and what it is replayed with.

    `facts` are what MailUp said on the file's day; `claim` is its place in the ledger as it was
    when it was sent, with the counts of then; `kept` its row among the archives. `proven`: the
    ledger knows the hash of what is in it.
    """

    agreement: ImportAgreement
    fetched: Fetched
    facts: AccountFacts
    claim: Claim
    kept: ArchiveEntry
    replay_with: ReplayWith
    proven: bool


@retried_task("take out", "take file {number} out of the archive")
def take_out(
    agreement: ImportAgreement, number: int, replay_with: ReplayWith, scratch: Path
) -> Recalled:
    """The file that has this number in the ledger, as it came, with the agreement asked for.

    ConfigurationError where nothing is kept of it, or it is another client's.
    """
    ledger = load(Ledger, agreement.ledger)
    with ledger.open(read_only=True) as store:
        kept = None if store.is_empty else archives.newest(store, number)
        if kept is None or kept.client != agreement.client:
            raise ConfigurationError(
                f"Nothing is kept of a file {number} of {agreement.client}: it was never archived, "
                "or kept long enough. `mailup-exchange archives` lists what there is."
            )
        counts = Counts.of(files.counts_of(store, number))
    found = reopened(ledger.open_storage(), kept, fresh_folder(scratch / "replay"))
    used = agreement
    if replay_with == "its-day":
        # To whom its results go, and what remembers it, is of today.
        places = {"server": agreement.server, "ledger": agreement.ledger}
        used = found.inputs.agreement.model_copy(update=places)
    claim = Claim(
        kept.name, number, kept.attempt, found.inputs.first_seen_at, "nothing", kept.name,
        counts, (), released=True,
    )  # fmt: skip
    return Recalled(
        found.inputs.as_kept(used), found.fetched, found.facts, claim, kept, replay_with,
        found.proven,
    )  # fmt: skip


def without_grant(recalled: Recalled) -> ImportAgreement:
    """The agreement with which a replayed file may be sent: an old grant is not given once more.

    Whoever is not subscribed now stays so, and is left out and listed. A grant of today's
    agreement holds as for every other file.
    """
    agreement = recalled.agreement
    if not recalled.proven:
        raise RunStopped(
            "A person was taken out of this archived file by an older version of the program, "
            "which wrote no hash of what was left: it can be compared, and is not sent. Ask the "
            "client for the file."
        )
    if recalled.replay_with == "its-day" and any(
        missing_grounds(agreement.consent, agreement.mapping)
    ):
        raise ConfigurationError(
            "The agreement of the file's day does not say on what ground people were sent, so that "
            "it is not sent again. Send it with the agreement of today: replay_with 'today'."
        )
    if recalled.replay_with == "today" or agreement.consent.import_type != "opt-in":
        return agreement
    return agreement.model_copy(update={"consent": without_opt_in(agreement.consent)})


@retried_task("compare", "compare {recalled.fetched.name}")
def compare(recalled: Recalled, prepared: Prepared, facts: AccountFacts) -> Comparison:
    """Hold the requests of a replay against those of the file's day; nothing is sent."""
    agreement, kept = recalled.agreement, recalled.kept
    with load(Ledger, agreement.ledger).open() as store:
        every = batches.of_file(store, kept.file_id, kept.attempt)
        then = [each for each in every if each.purpose == "records"]
        granted = grants.of_file(store, kept.file_id)
        absent = left_out(granted, kept.attempt)
        keys = journal.second_keys(store, kept.file_id, kept.attempt) or journal.NO_KEYS
        comparison = _compared(recalled, prepared, then, facts, absent, keys)
        detail = {
            "archive": kept.id,
            "attempt": kept.attempt,
            "with": recalled.replay_with,
            "changed_since": kept.forgotten,
            **asdict(comparison),
        }
        journal.note(
            store, kept.client, kept.stream, "file_replayed", file_id=kept.file_id, detail=detail
        )
    told = replay_text(kept, recalled.replay_with, comparison)
    create_markdown_artifact(
        key=f"{agreement.client}-replay",
        markdown=replay_summary(told, recalled.claim.counts, prepared),
        description=f"{in_markdown(kept.name)}: replayed",
    )
    return comparison


def concluded(recalled: Recalled, comparison: Comparison) -> State[None]:
    """Failed where the file and all that decided are as they were, and a request is another one."""
    kept = recalled.kept
    told = replay_text(kept, recalled.replay_with, comparison)
    as_it_was = not kept.forgotten and not comparison.left_out
    unlike = recalled.replay_with == "its-day" and as_it_was and not comparison.same
    return Failed(message=told) if unlike else Completed(message=told)


def _compared(
    recalled: Recalled,
    prepared: Prepared,
    then: Sequence[BatchEntry],
    facts: AccountFacts,
    absent: Collection[int],
    keys: ComparedKeys,
) -> Comparison:
    sent = {entry.number: entry for entry in then}
    groups = _groups(prepared, facts, sent)
    requests = batch_requests(recalled.agreement, prepared.batches, groups, absent, keys)
    made = {each.number: each.sha256 for each in requests}
    identical = sum(made.get(number) == entry.sha256 for number, entry in sent.items())
    unlike = max(0, recalled.claim.counts.unchanged - prepared.counts.unchanged)
    return Comparison(len(then), len(made), identical, unlike)


def _groups(
    prepared: Prepared, facts: AccountFacts, sent: Mapping[int, BatchEntry]
) -> dict[tuple[int, str], int]:
    """Id of every group that the batches go to; 0 of one that would have to be created.

    One that was created on the file's day is not among its facts, but in the ledger.
    """
    ids = {}
    for batch in prepared.batches:
        to, then = batch.destination, sent.get(batch.number)
        if to.group:
            known = group_named(facts.groups.get(to.list_id, {}), to.group)
            created = then.target["group_id"] if then else None
            ids[to.list_id, to.group] = known or created or 0
    return ids
