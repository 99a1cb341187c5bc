"""The frozen records that tasks exchange: paths, counts and names, no personal data."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from blocks.ledger.decisions import Decision, Verdict
from blocks.ledger.snapshots import LeftBecause, Why
from blocks.transport.base import RemoteFile
from tasks.records.batching.batches import Batch
from tasks.records.counts import Counts
from tasks.records.reading.dialect import FileDialect
from tasks.records.results.reasons import LEFT_OUT
from tasks.records.validation.history import UNUSUAL, FileFigures, ledger_figures
from tasks.records.validation.limits import BROKEN_LIMITS

NONE = Counts()
COUNTS_DIFFER = "counts_differ"
"""Reason of a hold after sending: MailUp's counts differ. It can only be released."""
MAYBE_SENT = "maybe_sent"
"""Reason of a hold during sending: MailUp may have a batch that must not be sent twice."""

OutcomeName = Literal["imported", "already_imported", "held", "waiting", "refused", "dry_run"]
"""Outcome of a file in this run. waiting: it is held, and another run waits for the decision."""

Done = Literal["nothing", "submitted", "reported", "refused", "waiting"]
"""Progress of a file in earlier runs; waiting: another run waits for the decision."""


@dataclass(frozen=True)
class FoundFiles:
    """Files found in a client's folder: those to import, in order, and how many were skipped
    because the protocol cannot transfer their names safely."""

    files: tuple[RemoteFile, ...] = ()
    skipped_names: int = 0


@dataclass(frozen=True)
class Fetched:
    """A client's file, downloaded; `sha256` is of the bytes on the server. `remote` is None for a
    file from the archive."""

    name: str
    path: Path
    size: int
    sha256: str
    remote: RemoteFile | None


@dataclass(frozen=True)
class AccountFacts:
    """Data of the MailUp account that the processing of records depends on.

    `fields`: dynamic fields, id to name. `groups`: per list id, group id to name. `unsubscribed`: a
    folder of Parquet files of people who are not subscribed, requested directly before a file is
    read; None if not needed. `today`: the account's day then. `batch_size`: recipients per import.
    `account` identifies the account, whatever its block is called. `snapshot`: what a replayed
    file was originally compared with; None in all other runs.
    """

    fields: dict[int, str] = field(default_factory=dict)
    groups: dict[int, dict[int, str]] = field(default_factory=dict)
    unsubscribed: Path | None = None
    today: date = date.min
    batch_size: int = 0
    account: str = ""
    snapshot: Path | None = None


@dataclass(frozen=True)
class Claim:
    """A file's entry in the ledger.

    `progress`: how far earlier runs came, under `earlier_name` and with `counts`. `history`: the
    figures of the stream's earlier files, newest first. `decision`: the decision about its hold;
    `waiting_run`: the run that waits for one. `released`: limits no longer hold it, because of
    that decision or because batches were already sent. `granted`: lines of people whom an earlier
    run may have subscribed without verifying them afterwards.
    """

    name: str
    entry_id: int
    attempt: int
    seen_at: datetime
    progress: Done
    earlier_name: str
    counts: Counts
    history: tuple[FileFigures, ...]
    reason: str = ""
    released: bool = False
    decision: Decision | None = None
    waiting_run: str = ""
    granted: frozenset[int] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether the file still has to be prepared and submitted."""
        return self.progress in ("nothing", "submitted")


@dataclass(frozen=True)
class Decided:
    """The decision with which this run was resumed, and the file that it is about."""

    entry_id: int
    name: str
    verdict: Verdict
    decided_by: str


@dataclass(frozen=True)
class Hold:
    """Why a file is held; `reason` is a code, `message` a sentence for people."""

    reason: str
    message: str

    @property
    def decidable(self) -> bool:
        """Whether somebody can release or refuse the file, as it may be correct."""
        return self.reason in (*BROKEN_LIMITS, *UNUSUAL)


@dataclass(frozen=True)
class DeltaResult:
    """Result of comparing a full file with what MailUp confirmed of the previous one.

    `why`: why all rows are sent, "" if only new and changed ones are. `previous`: the snapshot, and
    a file with three flags per row (`Snapshot.compared`); None if there is no snapshot. `missing`:
    how many of the `known` people of the snapshot are not in the file. `left_because`: why these
    are not unsubscribed, "" if they are. `unidentified_rows`: rows without a readable address, so
    possibly of missing people. `unconfirmed`: rows of the previous file that are not in the
    snapshot because MailUp may not have imported them. `full_at` (UTC): when all rows of a file
    were last sent, this one included.
    """

    why: Why = ""
    missing: int | None = None
    known: int = 0
    unconfirmed: int = 0
    previous: tuple[Path, Path] | None = None
    full_at: datetime | None = None
    unidentified_rows: int = 0
    left_because: LeftBecause = "report"

    @property
    def unsubscribes(self) -> bool:
        """Whether missing people are to be unsubscribed."""
        return bool(self.missing) and not self.left_because

    def ledger_figures(self, sent: int) -> dict[str, int]:
        """Differences from the previous file; empty if it was not compared.

        `sent`: records to be sent, without opt-outs. Unconfirmed records are sent again although
        they have not changed.
        """
        if self.missing is None:
            return {}
        people = {"missing": self.missing, "known": self.known}
        return people if self.why else people | {"changed": max(0, sent - self.unconfirmed)}


@dataclass(frozen=True)
class Prepared:
    """A file that was read completely: batches to send, rejects and reasons.

    `opened`: the file that was read, decrypted and unpacked. `compared`: None without delta.
    `granted`: parts with the people of `Claim.granted`. `blanked`: how many cells were not sent
    although their record was, by reason; they are listed in `notes`. `repeated`: how many more rows
    the batches have than there are records, for a record is in a batch of each of its groups.
    """

    counts: Counts = NONE
    reasons: dict[str, int] = field(default_factory=dict)
    batches: tuple[Batch, ...] = ()
    dialect: FileDialect | None = None
    rejects: Path | None = None
    skipped: Path | None = None
    opt_outs: int = 0
    hold: Hold | None = None
    opened: Path | None = None
    compared: DeltaResult | None = None
    granted: Path | None = None
    notes: Path | None = None
    blanked: dict[str, int] = field(default_factory=dict)
    repeated: int = 0

    @property
    def left_out(self) -> int:
        """Records of people of whom the file does not say that they may be written to."""
        return self.reasons.get(LEFT_OUT, 0)

    @property
    def ledger_figures(self) -> dict[str, int]:
        """What the ledger stores next to the counts, to compare later files with."""
        columns = self.dialect.columns if self.dialect else ()
        compared = (self.compared or DeltaResult()).ledger_figures(
            self.counts.submitted - self.opt_outs
        )
        return ledger_figures(columns, self.opt_outs, self.left_out) | compared

    def held(self, hold: Hold) -> "Prepared":
        """This file, held: nothing is sent."""
        return replace(self, hold=hold, batches=())


ReadBackState = Literal["", "complete", "partial", "unclear", "too_many_calls"]
"""Result of reading back the recipients that MailUp rejected; empty if there are none.

partial: some were in the list before and still are. unclear: more are missing than MailUp counts,
so none is listed. too_many_calls: it would take more calls than agreed.
"""


@dataclass(frozen=True)
class RejectedByMailUp:
    """Recipients that MailUp rejected: its count, and the lines of those that were found."""

    count: int = 0
    lines: tuple[int, ...] = ()
    state: ReadBackState = ""


@dataclass(frozen=True)
class Submission:
    """Result of sending a file: the committed counts, and MailUp's own per batch (`imports`).

    `compared`: the result of delta, as in the ledger. `unsubscribed`: how many missing people were
    unsubscribed. `extra`: imports that MailUp may have in excess because batches were sent again.
    `consent`: final number of lines per consent reason, None if no grant changed them.
    `second_key`: rows, by reason, that were sent without their second key or rejected for it.
    `second_key_calls`: calls needed to compare all of them, 0 if they were compared.
    """

    counts: Counts = NONE
    imports: tuple[dict[str, Any], ...] = ()
    refused: RejectedByMailUp = RejectedByMailUp()
    hold: Hold | None = None
    compared: DeltaResult | None = None
    unsubscribed: int = 0
    extra: int = 0
    consent: dict[str, int] | None = None
    second_key: dict[str, int] = field(default_factory=dict)
    second_key_calls: int = 0


@dataclass(frozen=True)
class FileOutcome:
    """Outcome of one file in one run; `asks`: this run waits for the decision about it.

    `compared` and `unsubscribed` are those of the submission, in a dry run of the plan.
    `not_compared`: number of rows sent without their second key. `reasons`: of a held file, how
    many records have each reason.
    """

    name: str
    outcome: OutcomeName
    counts: Counts
    hold: Hold | None = None
    refused: RejectedByMailUp = RejectedByMailUp()
    entry_id: int = 0
    asks: bool = False
    waiting_run: str = ""
    decision: Decision | None = None
    compared: DeltaResult | None = None
    unsubscribed: int = 0
    not_compared: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
