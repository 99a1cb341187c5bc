"""Reads a whole file: every record ends with exactly one outcome.

Two passes. The first parses, maps and validates chunk by chunk and stores valid records on disk;
then all keys are known. The second removes duplicates, applies consent and delta if they depend on
the person, and makes batches: a stored chunk without duplicates is used as it is.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from tasks.files.prefetch import prefetched
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import StoredRecords, write_batches
from tasks.records.batching.destinations import Destination, only_destination, repetitions
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
from tasks.records.reading.tables import with_names
from tasks.records.reading.truncation import check_not_truncated
from tasks.records.results.parts import Parts, read_parts
from tasks.records.results.reasons import LEFT_OUT
from tasks.records.results.skipped_file import SKIPPED
from tasks.records.stages import AccountFacts, DeltaResult, Prepared
from tasks.records.validation.duplicates import Keys
from tasks.records.validation.row_rules import RowRules, row_rules
from tasks.records.validation.validate import InvalidRows, reject, validate

REJECTS_AT_ONCE = 10_000
"""Number of invalid rows that are collected before their faults are determined and stored."""


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
    """Determine the outcome of every record of a file and write batches below `folder`.

    Records that are unchanged since `snapshot` do not go into batches. The people on the lines
    `granted` are stored separately, whatever the outcome of their records.

    Raises FileHeld if the file as a whole is not as agreed.
    """
    dialect = resolve(path, agreement.csv_dialect, agreement.wanted)
    dialect = with_names(agreement.table, dialect)
    check_not_truncated(path, dialect)
    resolved = resolve_mapping(
        agreement.mapping,
        dialect.columns,
        facts.fields,
        list_id=agreement.list_id,
        group=agreement.group,
        groups=facts.groups,
        create_groups=agreement.create_groups,
        basis=agreement.consent.basis,
        today=today,
    )
    reader = _FileReader(
        agreement.consent, resolved, load_unsubscribed(facts), today, folder, snapshot,
        tuple(granted),
    )  # fmt: skip
    keys = Keys(folder / "keys", last_row_decides_status=agreement.mapping.last_row_decides_status)
    reader.first_pass(path, dialect, keys)
    batches = write_batches(prefetched(reader.second_pass(keys)), folder / "batches", batch_size)
    submitted = sum(batch.rows for batch in batches) - reader.repeated
    return Prepared(
        counts=reader.counts(submitted).conserved(),
        reasons=dict(reader.reasons),
        batches=tuple(batches),
        dialect=dialect,
        rejects=reader.rejects.folder,
        skipped=reader.skipped.folder,
        notes=reader.notes.folder,
        blanked=dict(reader.blanked),
        opt_outs=sum(each.rows for each in batches if each.destination.import_type == "optout"),
        opened=path,
        compared=_compared(snapshot, folder / "flags.parquet", reader.unidentified_rows),
        granted=reader.people.folder,
        repeated=reader.repeated,
    )


def _compared(snapshot: Snapshot | None, path: Path, unidentified: int) -> DeltaResult | None:
    if snapshot is None:
        return None
    flags = snapshot.compared()
    flags.write_parquet(path)
    missing = int(flags["missing"].sum())
    return DeltaResult(
        missing=missing,
        previous=(snapshot.path, path),
        known=flags.height,
        unidentified_rows=unidentified,
    )


def load_unsubscribed(facts: AccountFacts) -> Unsubscribed | None:
    """The people who are not subscribed, as MailUp reported; None if it was not asked."""
    if facts.unsubscribed is None:
        return None
    return prepare_unsubscribed(
        pl.concat([pl.DataFrame(schema=UNSUBSCRIBED_PEOPLE), *read_parts(facts.unsubscribed)])
    )


@dataclass
class _FileReader:
    """Reads one file: counts outcomes, and stores records and rejects on disk."""

    consent: Consent
    resolved: ResolvedMapping
    unsubscribed: Unsubscribed | None
    today: date
    folder: Path
    snapshot: Snapshot | None = None
    granted: tuple[int, ...] = ()
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    blanked: Counter[str] = field(default_factory=Counter)
    unidentified_rows: int = 0
    repeated: int = 0

    def __post_init__(self) -> None:
        # If no person has to be looked up, consent is applied in the first pass.
        self.consent_first = self.unsubscribed is None and self.snapshot is None
        self.destinations: list[Destination | None] = []
        self.consented: list[bool] = []
        self.checked = self.folder / "checked"
        self.checked.mkdir(parents=True)
        self.rejects = Parts(self.folder / "rejects")
        self.skipped = Parts(self.folder / "skipped")
        self.notes = Parts(self.folder / "notes")
        self.people = Parts(self.folder / "granted")

    def first_pass(self, path: Path, dialect: FileDialect, keys: Keys) -> None:
        """Parse, map and validate; collect the keys of valid records."""
        rules = row_rules(self.resolved)
        read = (
            (chunk, validate(chunk.frame, rules))
            for chunk in prefetched(read_chunks(path, dialect))
        )
        pending = _PendingRejects()
        for number, (chunk, checked) in enumerate(prefetched(read)):
            self.outcomes["records"] += chunk.records
            self._list(_around(chunk.around))
            keys.add(checked.records)
            self._store(number, checked.records)
            self.notes.add(checked.notes)
            self.blanked.update(checked.notes["reason"].to_list())
            pending.add(chunk.rejects, checked.invalid)
            if pending.rows >= REJECTS_AT_ONCE:
                self._reject(pending, rules, keys)
                pending = _PendingRejects()
        self._reject(pending, rules, keys)

    def _store(self, number: int, records: pl.DataFrame) -> None:
        if self.granted:
            self.people.add(records.filter(pl.col(LINE).is_in(self.granted)).select(PERSON))
        destination = None
        # A part keeps all of its records until it is known which of them count.
        consented = self.consent_first and not (records["status"] == "leave_out").any()
        if consented:
            records = self._apply_consent(records).send
            destination = only_destination(records)
        self.consented.append(consented)
        self.destinations.append(destination)
        records.write_parquet(self._part(number), compression="lz4", statistics=False)

    def second_pass(self, keys: Keys) -> Iterator[pl.DataFrame | StoredRecords]:
        """Yield the records to be sent; list duplicates and blocked records as skipped."""
        self._skip("duplicate", keys.duplicates())
        for number, wins in enumerate(keys.winners()):
            path, destination = self._part(number), self.destinations[number]
            if destination is not None and wins.all():
                yield StoredRecords(destination, path, wins.len())
                continue
            records = pl.read_parquet(path).filter(wins)
            path.unlink()
            records = records if self.consented[number] else self._to_send(records)
            self.repeated += repetitions(records)
            yield records

    def _apply_consent(self, records: pl.DataFrame) -> ConsentResult:
        return apply_consent(
            records, None, self.unsubscribed, self.consent, self.resolved, today=self.today
        )

    def _to_send(self, records: pl.DataFrame) -> pl.DataFrame:
        """The records of a chunk, without duplicates, that are to be sent."""
        result = self._apply_consent(records)
        self._skip("blocked", _as_skipped(result.blocked))
        self._list(_as_skipped(result.granted))
        return self._changed(result, records)

    def _changed(self, result: ConsentResult, records: pl.DataFrame) -> pl.DataFrame:
        """The new and changed records of a chunk after consent."""
        if self.snapshot is None:
            return result.send
        changed = self.snapshot.changed(result.send)
        left_out = pl.col("reasons").list.first() == LEFT_OUT
        for blocked, mark in (
            (result.blocked.filter(~left_out), self.snapshot.mark_present),
            # MailUp keeps what it had of them.
            (result.blocked.filter(left_out), self.snapshot.mark_rejected),
        ):
            mark(records.filter(pl.col(LINE).is_in(blocked["line"].implode())))
        self.outcomes["unchanged"] += result.send.height - changed.height
        return changed

    def counts(self, submitted: int) -> Counts:
        """The outcomes so far, and how many records are in batches."""
        return Counts(submitted=submitted, **self.outcomes)

    def _part(self, number: int) -> Path:
        return self.checked / f"{number:06d}.parquet"

    def _reject(self, pending: "_PendingRejects", rules: RowRules, keys: Keys) -> None:
        if not pending.rows:
            return
        rejected = reject(pending.invalid, rules)
        keys.add_vetoes(rejected.unsubscribing)
        if self.snapshot is not None:
            self.snapshot.mark_rejected(rejected.identified)
        rejects = pl.concat([*pending.rejects, rejected.rejects]).sort("line")
        self.unidentified_rows += rejects.height - rejected.identified.height
        self.rejects.add(rejects)
        self.outcomes["rejected"] += rejects.height
        self.reasons.update(rejects["reasons"].explode().drop_nulls().to_list())

    def _skip(self, outcome: str, skipped: pl.DataFrame) -> None:
        self.outcomes[outcome] += skipped.height
        self._list(skipped)

    def _list(self, skipped: pl.DataFrame) -> None:
        self.skipped.add(skipped)
        self.reasons.update(skipped["reason"].to_list())


@dataclass
class _PendingRejects:
    """Rejects of the latest chunks: lines that are no records, and invalid rows."""

    rejects: list[pl.DataFrame] = field(default_factory=list)
    invalid: list[InvalidRows] = field(default_factory=list)
    rows: int = 0

    def add(self, rejects: pl.DataFrame, invalid: InvalidRows) -> None:
        self.rejects.append(rejects)
        self.invalid.append(InvalidRows(by_itself(invalid.cells), by_itself(invalid.values)))
        self.rows += rejects.height + invalid.height


def _around(lines: Sequence[tuple[int, str]]) -> pl.DataFrame:
    columns = {"line": [line for line, _ in lines], "reason": [code for _, code in lines]}
    return pl.DataFrame(columns, {name: SKIPPED[name] for name in columns}).with_columns(
        instead=pl.lit(None, pl.Int64)
    )


def _as_skipped(listed: pl.DataFrame) -> pl.DataFrame:
    return listed.select(
        "line", reason=pl.col("reasons").list.first(), instead=pl.lit(None, pl.Int64)
    ).cast(SKIPPED)  # type: ignore[arg-type]
