"""What an import would make of a sample: how many records are refused, and why; never a cell."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from blocks.errors import FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.onboarding.propose import Proposal
from tasks.records.read_file import read_file
from tasks.records.results.parts import read_parts
from tasks.records.results.reasons import sentence
from tasks.records.stages import AccountFacts, Prepared
from tasks.records.validation.limits import exceeded_limits

SHOWN_LINES = 5
BATCH = 1000


def rehearse(
    sample: Path, agreed: ImportAgreement, proposal: Proposal, folder: Path, today: date
) -> Iterator[str]:
    """Read the sample with the proposed agreement and yield lines that tell what came out."""
    yield ""
    try:
        prepared = read_file(
            sample,
            _readable(agreed, proposal),
            _facts(agreed),
            folder,
            batch_size=BATCH,
            today=today,
        )
    except FileHeld as held:
        yield f"The sample would be held as a whole: {held}"
        return
    counts = prepared.counts
    yield (
        f"Of {counts.records} records of the sample {counts.submitted} would be sent, "
        f"{counts.rejected} rejected, {counts.duplicate} are duplicates."
    )
    yield from _reasons(prepared)
    yield from _thresholds(agreed, prepared)
    if proposal.undecided_status:
        yield "But until the status column is explained, every record is refused."
    if _ends_openly(sample):
        yield (
            "The last line has no line break. Is that so in the client's own files? Then set "
            "dialect.final_newline to any; else a file that ends so is held as cut."
        )


def _readable(agreed: ImportAgreement, proposal: Proposal) -> ImportAgreement:
    """The agreement as far as a sample can be held against it.

    Without a status column that is not explained, and with any last line; a sample saved by hand
    often has no line break there.
    """
    values: dict[str, Any] = agreed.model_dump()
    values["dialect"]["final_newline"] = "any"
    values["create_groups"] = agreed.uses_groups
    if proposal.undecided_status:
        columns = values["mapping"]["columns"]
        values["mapping"]["columns"] = [each for each in columns if each["target"] != "status"]
    return ImportAgreement.model_validate(values)


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


def _ends_openly(sample: Path) -> bool:
    with sample.open("rb") as stream:
        stream.seek(max(0, sample.stat().st_size - 2))
        return not set(b"\r\n") & set(stream.read())
