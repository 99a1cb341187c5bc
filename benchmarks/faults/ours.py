"""The product's result for a case: read as in the task `prepare`, without servers."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.faults.cases import Case
from blocks.errors import FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.read_file import read_file
from tasks.records.reading.unpack import unpack
from tasks.records.results.parts import read_parts
from tasks.records.stages import AccountFacts, Prepared
from tasks.records.validation.limits import exceeded_limits

FIELDS = {1: "nome", 27: "data di nascita"}
"""Dynamic fields of the sandbox's account."""
TODAY = date(2026, 5, 15)
BATCH = 3
"""Small batches, so that small files have several."""


def prepared(case: Case, folder: Path) -> Prepared:
    """Read the case's file. FileHeld if it cannot be read."""
    agreement = ImportAgreement(**case.agreement)
    path = unpack(case.path, folder, agreement.unpacking)
    facts = AccountFacts(fields=FIELDS)
    return read_file(path, agreement, facts, folder, batch_size=BATCH, today=TODAY)


def outcome(case: Case, folder: Path) -> dict[str, Any]:
    """The result of the case's file, in the format of the expected one."""
    try:
        read = prepared(case, folder)
    except FileHeld as held:
        return {"held": held.context["reason"]}
    limits = ImportAgreement(**case.agreement).thresholds
    for exceeded in exceeded_limits(
        limits, read.counts, opt_outs=read.opt_outs, left_out=read.left_out, before=0, full=False
    ):
        return {"held": exceeded.reason}
    sent = pl.concat([batch.records() for batch in read.batches], how="diagonal")
    found = {
        "counts": {name: count for name, count in asdict(read.counts).items() if count},
        "rejects": sorted(_faults(read)),
        "duplicates": sorted(line for part in read_parts(read.skipped) for line in part["line"]),
        "arrives": dict(sent.select("email", "field_1").rows()),
        "unsubscribes": sorted(sent.filter(pl.col("import_type") == "optout")["email"]),
    }
    return {name: value for name, value in found.items() if value}


def _faults(read: Prepared) -> Iterator[list[Any]]:
    """Line, column and reason of each reject."""
    for part in read_parts(read.rejects):
        for line, columns, reasons in part.select("line", "columns", "reasons").iter_rows():
            for column, reason in zip(columns, reasons, strict=True):
                yield [line, column, reason]
