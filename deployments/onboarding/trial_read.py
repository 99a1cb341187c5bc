"""What an import would make of a sample: how many records are refused, and why; never a cell."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from blocks.errors import FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.grounds import missing_grounds
from tasks.records.open_file import as_csv
from tasks.records.read_file import read_file
from tasks.records.results.parts import read_parts
from tasks.records.results.reasons import sentence
from tasks.records.stages import AccountFacts, Prepared
from tasks.records.validation.limits import exceeded_limits

SHOWN_LINES = 5
BATCH = 1000


def rehearse(sample: Path, agreed: ImportAgreement, folder: Path, today: date) -> Iterator[str]:
    """Read the sample with the agreement and yield lines that tell what came out.

    The account is taken to have the dynamic fields of the mapping, and no group.
    """
    yield ""
    folder.mkdir()
    try:
        prepared = read_file(
            as_csv(agreed, sample, folder),
            agreed,
            _facts(agreed),
            folder / "read",
            batch_size=BATCH,
            today=today,
        )
    except FileHeld as held:
        yield f"The sample would be held as a whole: {held}"
        return
    counts = prepared.counts
    left = f"{counts.blocked} left out, " if counts.blocked else ""
    if any(missing_grounds(agreed.consent, agreed.mapping)):
        yield "Nobody is sent until it is answered who agreed. If everybody did:"
    yield (
        f"Of {counts.records} records of the sample {counts.submitted} would be sent, {left}"
        f"{counts.rejected} rejected, {counts.duplicate} are duplicates."
    )
    blanked = sum(prepared.blanked.values())
    if blanked:
        yield f"Cells that would be left blank and listed: {blanked}."
    yield from _reasons(prepared)
    yield from _thresholds(agreed, prepared)


def _facts(agreed: ImportAgreement) -> AccountFacts:
    """An account that has every dynamic field of the mapping; which it has is asked later."""
    named = [column.field.strip() for column in agreed.mapping.of("field")]
    fields = {int(name): name for name in named if name.isdecimal()}
    others = (name for name in named if not name.isdecimal())
    return AccountFacts(fields=fields | dict(enumerate(others, start=1001)))


def _reasons(prepared: Prepared) -> Iterator[str]:
    """Reasons with their number, and the first lines that have them."""
    parts = [part.select("line", "reasons") for part in read_parts(prepared.rejects)]
    if not parts:
        return
    rejects = pl.concat(parts).explode("reasons").sort("line")
    for (code,), rows in rejects.group_by("reasons", maintain_order=True):
        lines = ", ".join(map(str, rows["line"].head(SHOWN_LINES)))
        more = ", ..." if rows.height > SHOWN_LINES else ""
        yield f"{rows.height:>6}  {sentence(str(code), 'en')} (line {lines}{more})"


def _thresholds(agreed: ImportAgreement, prepared: Prepared) -> Iterator[str]:
    counts, full = prepared.counts, agreed.mode == "full"
    limits = agreed.thresholds
    for complaint in exceeded_limits(
        limits, counts, opt_outs=prepared.opt_outs, left_out=prepared.left_out, before=0, full=full
    ):
        yield f"It would be held as a whole: {complaint.sentence}"
