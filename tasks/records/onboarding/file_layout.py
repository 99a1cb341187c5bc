"""Proposes the settings for lines around the table and deviations from CSV, from a sample file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.records.onboarding.column_names import hint
from tasks.records.reading.around import Wanted
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import (
    ACCEPTED_AS,
    Dialect,
    FileDialect,
    first_cells,
    resolve,
)

MOST_BELOW = 20
"""Maximum number of lines below the table that are proposed."""
_LOOSE = sorted({*ACCEPTED_AS.values()})
_OFTEN = 0.1


@dataclass(frozen=True)
class SampleLayout:
    """Where the table of a sample starts.

    `header`: the cells of its header, or of its first record; `above`: number of lines above it.
    """

    header: tuple[str, ...]
    above: int

    @property
    def wanted(self) -> Wanted:
        """The columns by which reading finds the header."""
        names = tuple(filter(None, self.header)) if self.above else ()
        return Wanted(names, email=self._key("email"), mobile=self._key("mobile"))

    def _key(self, meaning: str) -> str:
        """The first column whose name has this meaning."""
        for cell in self.header:
            known = hint(cell)
            if known is not None and known.meaning == meaning:
                return cell
        return ""


def find_header(path: Path, bare: Dialect) -> SampleLayout:
    """The record with the most known names, two or more; without one the first record."""
    loose = bare.model_copy(update={"accept": _LOOSE})
    rows = first_cells(path, loose)
    known = {
        (separator, place): sum(hint(cell) is not None for cell in cells if cell)
        for separator, records in rows.items()
        for place, cells in enumerate(records[: MOST_BELOW + 1])
        if not any("@" in cell for cell in cells)
    }
    best = max(known, key=lambda at: (known[at], -at[1]), default=None)
    if best is not None and known[best] >= 2:
        return SampleLayout(tuple(rows[best[0]][best[1]]), best[1])
    separator = resolve(path, loose).separator
    return SampleLayout(tuple(rows[separator][0]), 0)


def propose_layout(
    path: Path, dialect: Dialect, layout: SampleLayout
) -> dict[str, tuple[Any, str]]:
    """The settings that the sample needs beside the dialect's, each with the evidence."""
    found: dict[str, tuple[Any, str]] = {}
    if layout.above and dialect.header:
        found["lines_above"] = (layout.above, "lines above the line with the known names")
    loose = dialect.model_copy(
        update={"accept": _LOOSE, "lines_above": layout.above, "lines_below": MOST_BELOW}
    )
    file = resolve(path, loose, layout.wanted)
    if file.below and _are_no_records(path, file):
        found["lines_below"] = (len(file.below), "lines below the table without an address")
    deviations = _deviations(path, file)
    if deviations:
        found["accept"] = (deviations, "more than a tenth of the records are written so")
    return found


def _deviations(path: Path, file: FileDialect) -> list[str]:
    """The deviations without which many of the first records would be rejected."""
    records, rejected = _first_rejects(path, file)
    return [
        deviation
        for deviation in _LOOSE
        if _first_rejects(path, replace(file, accept=frozenset(_LOOSE) - {deviation}))[1] - rejected
        > _OFTEN * records
    ]


def _first_rejects(path: Path, file: FileDialect) -> tuple[int, int]:
    """Number of records of the first chunk, and of rejects among them."""
    for chunk in read_chunks(path, file):
        return chunk.records, chunk.rejects.height
    return 0, 0


def _are_no_records(path: Path, file: FileDialect) -> bool:
    """Whether the lines below the table have another number of cells than its records."""
    below = replace(file, bytes_below=0, below=(), accept=frozenset())
    rejects = [chunk.rejects for chunk in read_chunks(path, below)]
    listed = {line for part in rejects for line in part["line"]}
    whole = replace(file, accept=frozenset())
    around = [line for chunk in read_chunks(path, whole) for line, _ in chunk.around]
    return {*around[len(file.above) :]} <= listed
