"""The small frozen records that tasks hand to each other: paths, counts and names, never people."""

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
from tasks.records.validation.history import UNUSUAL, FileFigures, ledger_figures
from tasks.records.validation.limits import BROKEN_LIMITS

NONE = Counts()
COUNTS_DIFFER = "counts_differ"
"""Reason of a hold behind the sending: MailUp counts other numbers. It can only be released."""
MAYBE_SENT = "maybe_sent"
"""Reason of a hold in the middle of sending: MailUp may have a batch, and it may do harm twice."""

Fate = Literal["imported", "already_imported", "held", "waiting", "refused", "dry_run"]
"""What became of a file in this run. waiting: it is held, and another run asks what to do."""

Done = Literal["nothing", "submitted", "reported", "refused", "waiting"]
"""How far earlier runs came with a file; waiting: another run asks what becomes of it."""


@dataclass(frozen=True)
class FoundFiles:
    """What a look at a client's folder found: files to import, in order, and how many files were
    passed over because no server's protocol carries their names safely."""

    files: tuple[RemoteFile, ...] = ()
    passed_over: int = 0


@dataclass(frozen=True)
class Fetched:
    """A client's file, downloaded. `sha256` is of the bytes as they were on the server; `remote` is
    None where it came out of the archive, and the server has nothing to do with it."""

    name: str
    path: Path
    size: int
    sha256: str
    remote: RemoteFile | None


@dataclass(frozen=True)
class AccountFacts:
    """What MailUp knows that decides about records.

    `fields` dynamic fields, id to name; `groups` per list id, group id to name; `refusals` a
    folder of Parquet files of people who are not subscribed, asked directly before a file is read,
    None where nobody needs it. `today` is the account's day then, `batch_size` how many recipients
    go into one import; `account` tells the account from others, whatever its block is called.
    `snapshot` is what a replayed file was compared with on its day, None in all other runs.
    """

    fields: dict[int, str] = field(default_factory=dict)
    groups: dict[int, dict[int, str]] = field(default_factory=dict)
    refusals: Path | None = None
    today: date = date.min
    batch_size: int = 0
    account: str = ""
    snapshot: Path | None = None


@dataclass(frozen=True)
class Claim:
    """A file's place in the ledger.

    `progress` says how far earlier runs came with it, `earlier_name` and `counts` under which name
    and with which counts; `history` are the figures of the stream's files before it, newest first.
    `decision` is what was decided about its hold, `waiting_run` the run that asked. `released`:
    limits hold it no more, because of that decision or because batches are on their way. `granted`
    are lines of people whom an earlier run may have subscribed, and did not look at again.
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
        """Whether there is something to prepare and to submit."""
        return self.progress in ("nothing", "submitted")


@dataclass(frozen=True)
class Decided:
    """The answer with which this run was resumed, and about which file of the ledger."""

    entry_id: int
    name: str
    verdict: Verdict
    decided_by: str


@dataclass(frozen=True)
class Hold:
    """Why a file is held as a whole; `reason` is a code, `message` a sentence for people."""

    reason: str
    message: str

    @property
    def decidable(self) -> bool:
        """Whether the file may be right, so that somebody can release it, or refuse it."""
        return self.reason in (*BROKEN_LIMITS, *UNUSUAL)


@dataclass(frozen=True)
class DeltaResult:
    """How a full file was compared with what MailUp has confirmed of the one before.

    `why` all of it is sent, "" where only what has changed is. `former` are the snapshot and a file
    with three flags for each of its rows (`Snapshot.compared`), None where there is nothing to
    compare with. `missing` is how many of the `known` people of the snapshot are not in the file,
    `left_because` why they are left as they are, "" where they are to be unsubscribed; `nameless`
    rows, the address of which cannot be read, may be some of them. `unsure` rows of the file before
    are not in the snapshot because MailUp may not have taken them. `full_at` (UTC) is when a file
    was sent as a whole the last time, this one included.
    """

    why: Why = ""
    missing: int | None = None
    known: int = 0
    unsure: int = 0
    former: tuple[Path, Path] | None = None
    full_at: datetime | None = None
    unidentified_rows: int = 0
    left_because: LeftBecause = "report"

    @property
    def unsubscribes(self) -> bool:
        """Whether there are missing people who are to be unsubscribed."""
        return bool(self.missing) and not self.left_because

    def ledger_figures(self, sent: int) -> dict[str, int]:
        """How far the file is from the one before: nothing where it was not compared.

        `sent` is how many records are to be sent, opt-outs aside; those that were not sure to have
        arrived are sent again without being changed.
        """
        if self.missing is None:
            return {}
        people = {"missing": self.missing, "known": self.known}
        return people if self.why else people | {"changed": max(0, sent - self.unsure)}


@dataclass(frozen=True)
class Prepared:
    """A file that was read to its end: what would be sent, and what was refused and why.

    `opened` is the file that was read: decrypted and unpacked. `compared` is None where all of a
    file is sent, as agreed. `granted` are parts with the people of `Claim.granted`.
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

    @property
    def ledger_figures(self) -> dict[str, int]:
        """What the ledger keeps beside the counts, to compare later files with."""
        columns = self.dialect.columns if self.dialect else ()
        compared = (self.compared or DeltaResult()).ledger_figures(
            self.counts.submitted - self.opt_outs
        )
        return ledger_figures(columns, self.opt_outs) | compared

    def held(self, hold: Hold) -> "Prepared":
        """The same with a reason to hold it, and nothing to be sent."""
        return replace(self, hold=hold, batches=())


ReadBackState = Literal["", "complete", "partial", "unclear", "too_many_calls"]
"""How looking for refused recipients ended, empty where there are none.

partial: some are in the list all the same, from before. unclear: more are missing than MailUp
counts, so that nobody is listed. too_many_calls: looking takes more calls than agreed.
"""


@dataclass(frozen=True)
class RejectedByMailUp:
    """Recipients that MailUp refused: how many it counts, and the lines of those who were found."""

    count: int = 0
    lines: tuple[int, ...] = ()
    state: ReadBackState = ""


@dataclass(frozen=True)
class Submission:
    """What MailUp made of a file: the counts as committed, and MailUp's own, one per batch.

    `compared` is how it was compared, as the ledger has it; `unsubscribed` are those of the people
    missing in it whom MailUp has unsubscribed. `extra` is how many imports MailUp may have of the
    file beyond those of an undisturbed run, because batches were sent again. `consent` is how many
    lines have each reason of consent in the end, None where no grant has changed them;
    `second_key` how many rows, by reason, are sent without their second key or are refused for it;
    `second_key_calls` how many calls it takes to compare them all, 0 where they were compared.
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
    """The end of one file in one run; `asks` where this run waits for the decision about it.

    `compared` and `unsubscribed` are those of the Submission, or of what would be sent;
    `not_compared` rows went, or would go, without their second key.
    """

    name: str
    outcome: Fate
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
