"""Reading a file from its first line to its last: every record ends with exactly one outcome.

Two passes. The first cuts, maps and checks chunk by chunk and lays checked records down on disk;
then all keys are known. The second keeps of several rows for one person the one that counts,
applies the rules of consent where they depend on who it is, and cuts batches: a chunk of which all
records count stays as it was laid down.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from tasks.files.prefetch import prefetched
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import StoredRecords, write_batches
from tasks.records.batching.destinations import Destination, only_destination
from tasks.records.consent.apply import (
    ConsentResult,
    Unsubscribed,
    apply_consent,
    prepare_unsubscribed,
)
from tasks.records.consent.rejoining import PERSON
from tasks.records.consent.settings import Consent
from tasks.records.counts import Counts
from tasks.records.delta.snapshot import Snapshot
from tasks.records.frames import LINE, UNSUBSCRIBED_PEOPLE
from tasks.records.mapping.cells import by_itself
from tasks.records.mapping.resolve import ResolvedMapping, resolve_mapping
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import FileDialect, resolve
from tasks.records.reading.truncation import check_not_truncated
from tasks.records.results.parts import Parts, read_parts
from tasks.records.results.skipped_file import SKIPPED
from tasks.records.stages import AccountFacts, DeltaResult, Prepared
from tasks.records.validation.duplicates import Keys
from tasks.records.validation.row_rules import RowRules, row_rules
from tasks.records.validation.validate import InvalidRows, refuse, validate

REFUSED_AT_ONCE = 10_000
"""Rows to be refused that are gathered before they are looked at and written down."""


def read_file(
    path: Path,
    agreement: ImportAgreement,
    facts: AccountFacts,
    folder: Path,
    *,
    batch_size: int,
    today: date,
    snapshot: Snapshot | None = None,
    granted: Collection[int] = (),
) -> Prepared:
    """Decide about every record of a file and write batches below `folder`.

    Records that `snapshot` knows as they are do not go into batches. The people of the lines in
    `granted` are kept apart, whatever becomes of their records.

    Raises FileHeld where the file as a whole is not what was agreed.
    """
    dialect = resolve(path, agreement.dialect)
    check_not_truncated(path, dialect)
    binding = resolve_mapping(
        agreement.mapping,
        dialect.columns,
        facts.fields,
        list_id=agreement.list_id,
        group=agreement.group,
        groups=facts.groups,
        create_groups=agreement.create_groups,
    )
    desk = _FileReader(
        agreement.consent, binding, asked(facts), today, folder, snapshot, tuple(granted)
    )
    keys = Keys(folder / "keys", last_row_decides_status=agreement.mapping.last_row_decides_status)
    desk.first_pass(path, dialect, keys)
    batches = write_batches(prefetched(desk.second_pass(keys)), folder / "batches", batch_size)
    submitted = sum(batch.rows for batch in batches)
    return Prepared(
        counts=desk.counts(submitted).conserved(),
        reasons=dict(desk.reasons),
        batches=tuple(batches),
        dialect=dialect,
        rejects=desk.rejects.folder,
        skipped=desk.skipped.folder,
        opt_outs=sum(each.rows for each in batches if each.destination.import_type == "optout"),
        opened=path,
        compared=_compared(snapshot, folder / "flags.parquet", desk.unidentified_rows),
        granted=desk.people.folder,
    )


def _compared(snapshot: Snapshot | None, path: Path, nameless: int) -> DeltaResult | None:
    if snapshot is None:
        return None
    flags = snapshot.compared()
    flags.write_parquet(path)
    missing = int(flags["missing"].sum())
    return DeltaResult(
        missing=missing,
        former=(snapshot.path, path),
        known=flags.height,
        unidentified_rows=nameless,
    )


def asked(facts: AccountFacts) -> Unsubscribed | None:
    """Who is not subscribed, as MailUp was asked for a file; None where it was not."""
    if facts.refusals is None:
        return None
    return prepare_unsubscribed(
        pl.concat([pl.DataFrame(schema=UNSUBSCRIBED_PEOPLE), *read_parts(facts.refusals)])
    )


@dataclass
class _FileReader:
    """Where one file is read: counts grow here, records and refusals go to disk."""

    consent: Consent
    binding: ResolvedMapping
    refusals: Unsubscribed | None
    today: date
    folder: Path
    snapshot: Snapshot | None = None
    granted: tuple[int, ...] = ()
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unidentified_rows: int = 0

    def __post_init__(self) -> None:
        # Where nobody has to be looked up, a record is judged as soon as it was checked.
        self.at_once = self.refusals is None and self.snapshot is None
        self.goes_to: list[Destination | None] = []
        self.checked = self.folder / "checked"
        self.checked.mkdir(parents=True)
        self.rejects = Parts(self.folder / "rejects")
        self.skipped = Parts(self.folder / "skipped")
        self.people = Parts(self.folder / "granted")

    def first_pass(self, path: Path, dialect: FileDialect, keys: Keys) -> None:
        """Cut, map and check; note the keys of what is good."""
        agreed = row_rules(self.binding)
        read = (
            (chunk, validate(chunk.frame, agreed))
            for chunk in prefetched(read_chunks(path, dialect))
        )
        waiting = _PendingRejects()
        for number, (chunk, checked) in enumerate(prefetched(read)):
            self.outcomes["records"] += chunk.records
            keys.add(checked.records)
            self._lay_down(number, checked.records)
            waiting.add(chunk.rejects, checked.doubtful)
            if waiting.rows >= REFUSED_AT_ONCE:
                self._refuse(waiting, agreed, keys)
                waiting = _PendingRejects()
        self._refuse(waiting, agreed, keys)

    def _lay_down(self, number: int, records: pl.DataFrame) -> None:
        if self.granted:
            self.people.add(records.filter(pl.col(LINE).is_in(self.granted)).select(PERSON))
        to = None
        if self.at_once:
            records = self._judge(records).send
            to = only_destination(records)
        self.goes_to.append(to)
        records.write_parquet(self._part(number), compression="lz4", statistics=False)

    def second_pass(self, keys: Keys) -> Iterator[pl.DataFrame | StoredRecords]:
        """Yield what is to be sent; set duplicates and blocked records aside."""
        self._skip("duplicate", keys.beaten())
        for number, wins in enumerate(keys.winners()):
            path, to = self._part(number), self.goes_to[number]
            if to is not None and wins.all():
                yield StoredRecords(to, path, wins.len())
                continue
            records = pl.read_parquet(path).filter(wins)
            path.unlink()
            yield records if self.at_once else self._sent(records)

    def _judge(self, records: pl.DataFrame) -> ConsentResult:
        return apply_consent(
            records, None, self.refusals, self.consent, self.binding, today=self.today
        )

    def _sent(self, records: pl.DataFrame) -> pl.DataFrame:
        """Those of the winners of a chunk that are to be sent; the blocked are set aside."""
        judged = self._judge(records)
        self._skip("blocked", _blocked(judged.blocked))
        self._note(_blocked(judged.granted))
        return self._changed(judged, records)

    def _changed(self, judged: ConsentResult, records: pl.DataFrame) -> pl.DataFrame:
        """What MailUp does not have yet of the judged records of a chunk."""
        if self.snapshot is None:
            return judged.send
        changed = self.snapshot.changed(judged.send)
        blocked = judged.blocked["line"].implode()
        self.snapshot.meet(records.filter(pl.col(LINE).is_in(blocked)))
        self.outcomes["unchanged"] += judged.send.height - changed.height
        return changed

    def counts(self, submitted: int) -> Counts:
        """The outcomes so far, and how many records are in batches."""
        return Counts(submitted=submitted, **self.outcomes)

    def _part(self, number: int) -> Path:
        return self.checked / f"{number:06d}.parquet"

    def _refuse(self, waiting: "_PendingRejects", agreed: RowRules, keys: Keys) -> None:
        if not waiting.rows:
            return
        refused = refuse(waiting.doubtful, agreed)
        keys.add_vetoes(refused.unsubscribing)
        if self.snapshot is not None:
            self.snapshot.meet_refused(refused.named)
        rejects = pl.concat([*waiting.rejects, refused.rejects]).sort("line")
        self.unidentified_rows += rejects.height - refused.named.height
        self.rejects.add(rejects)
        self.outcomes["rejected"] += rejects.height
        self.reasons.update(rejects["reasons"].explode().drop_nulls().to_list())

    def _skip(self, outcome: str, skipped: pl.DataFrame) -> None:
        self.outcomes[outcome] += skipped.height
        self._note(skipped)

    def _note(self, skipped: pl.DataFrame) -> None:
        self.skipped.add(skipped)
        self.reasons.update(skipped["reason"].to_list())


@dataclass
class _PendingRejects:
    """What is to be refused of the latest chunks: lines that are no records, doubtful rows."""

    rejects: list[pl.DataFrame] = field(default_factory=list)
    doubtful: list[InvalidRows] = field(default_factory=list)
    rows: int = 0

    def add(self, rejects: pl.DataFrame, doubtful: InvalidRows) -> None:
        self.rejects.append(rejects)
        few = InvalidRows(by_itself(doubtful.cells), by_itself(doubtful.values))
        self.doubtful.append(few)
        self.rows += rejects.height + doubtful.height


def _blocked(judged: pl.DataFrame) -> pl.DataFrame:
    return judged.select(
        "line", reason=pl.col("reasons").list.first(), instead=pl.lit(None, pl.Int64)
    ).cast(SKIPPED)  # type: ignore[arg-type]
