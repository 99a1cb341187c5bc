"""Files as shops, CRM systems, spreadsheets and telephones write them, and what becomes of each.

They lie in `tests/cases/real_world/KIND/`, described by that folder's `cases.json`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from blocks.errors import FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.read_file import read_file
from tasks.records.reading.unpack import unpack
from tasks.records.results.parts import read_parts
from tasks.records.stages import AccountFacts, Prepared
from tasks.records.validation.limits import exceeded_limits

FOLDER = Path(__file__).resolve().parents[1] / "cases/real_world"
FIELDS = {1: "nome", 2: "cognome", 3: "cap", 4: "città", 27: "data di nascita"}
TODAY = date(2026, 5, 15)
BATCH = 3

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One file: its kind, its description in `cases.json`, and what is expected of it.

    `told` has `condition` in words, `agreement` (what differs from the shared one),
    `groups` of list 1, and `expected`: see `outcome`. `open` says why it does not end so yet.
    """

    kind: str
    path: Path
    told: dict[str, Any]

    @property
    def expected(self) -> Outcome:
        """What has to become of the file."""
        return dict(self.told["expected"])

    @property
    def agreement(self) -> ImportAgreement:
        """The shared agreement with what this case changes."""
        shared = json.loads((FOLDER / "agreement.json").read_text(encoding="utf-8"))
        return ImportAgreement(**shared | self.told["agreement"])


def all_cases() -> Iterator[Case]:
    """Every case of every kind, in the order in which they are described."""
    for described in sorted(FOLDER.glob("*/cases.json")):
        for name, entry in json.loads(described.read_text(encoding="utf-8")).items():
            yield Case(described.parent.name, described.parent / entry.get("file", name), entry)


def outcome(case: Case, folder: Path) -> Outcome:
    """What became of a file.

    `held`, the code of the reason; or `sent` as {address or number: {what is sent with it}},
    `unsubscribed` (addresses), `rejects` and `notes` as [line, column, reason], `skipped` as
    [line, reason].
    """
    try:
        read = _read(case, folder)
    except FileHeld as held:
        return {"held": held.context["reason"]}
    limits, outs, left = case.agreement.thresholds, read.opt_outs, read.left_out
    for broken in exceeded_limits(
        limits, read.counts, opt_outs=outs, left_out=left, before=0, full=False
    ):
        return {"held": broken.reason}
    parts = [batch.records() for batch in read.batches]
    rows = pl.concat(parts, how="diagonal").rows(named=True) if parts else []
    found = {
        "sent": {_key(row): _values(row) for row in rows if row["import_type"] != "optout"},
        "unsubscribed": sorted(_key(row) for row in rows if row["import_type"] == "optout"),
        "rejects": sorted(_rejects(read)),
        "skipped": sorted(
            [*row]
            for part in read_parts(read.skipped)
            for row in part.select("line", "reason").rows()
        ),
        "notes": sorted([*row] for part in read_parts(read.notes) for row in part.rows()),
    }
    return {name: value for name, value in found.items() if value}


def _read(case: Case, folder: Path) -> Prepared:
    agreement = case.agreement
    groups = {int(number): name for number, name in case.told.get("groups", {}).items()}
    facts = AccountFacts(fields=FIELDS, groups={1: groups})
    path = unpack(case.path, folder, agreement.unpacking)
    return read_file(path, agreement, facts, folder, batch_size=BATCH, today=TODAY)


def _key(row: dict[str, Any]) -> str:
    return row["email"] if row["channel"] == "email" else row["prefix"] + row["number"]


def _values(row: dict[str, Any]) -> dict[str, str]:
    """What is sent beside the key, under MailUp's names of the fields."""
    named = {f"field_{number}": name for number, name in FIELDS.items()} | {"group": "group"}
    values = {name: row[own] for own, name in named.items() if row.get(own) is not None}
    if row["channel"] == "email" and row["number"] is not None:
        values["mobile"] = row["prefix"] + row["number"]
    return values


def _rejects(read: Prepared) -> Iterator[list[Any]]:
    for part in read_parts(read.rejects):
        for line, columns, reasons in part.select("line", "columns", "reasons").iter_rows():
            yield from ([line, *each] for each in zip(columns, reasons, strict=True))
