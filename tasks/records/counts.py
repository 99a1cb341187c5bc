"""What became of each record of a file, and the law that the counts obey."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import polars as pl

from blocks.errors import CountsDiffer

LINE = "__line"
"""Name of the column that holds the line (1 = first line of the file) on which a record starts."""

REJECTS: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "columns": pl.List(pl.String()),
    "reasons": pl.List(pl.String()),
    "cells": pl.List(pl.String()),
    "original": pl.String(),
}
"""Schema of refused records.

`line` where the record starts; `columns` the client's column names at fault (parallel to
`reasons`, empty text where the whole line is at fault); `reasons` codes of `REASONS`; `cells` the
record's cells as they were, in the file's order, null where the line could not be cut into cells;
`original` the text of the line, null where `cells` already says everything.
"""


@dataclass(frozen=True)
class Counts:
    """Records of one file by outcome; `records` counts what the file holds below its header."""

    records: int = 0
    submitted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    blocked: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Counts":
        """From what the ledger holds, which may be more."""
        return cls(**{f.name: counts.get(f.name, 0) for f in fields(cls)})

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def refused(self, records: int) -> "Counts":
        """These counts after MailUp refused so many of the submitted records."""
        return replace(self, submitted=self.submitted - records, rejected=self.rejected + records)

    def left_out(self, records: int) -> "Counts":
        """These counts after so many of the submitted records were not sent for consent's sake."""
        return replace(self, submitted=self.submitted - records, blocked=self.blocked + records)

    def conserved(self) -> "Counts":
        """Return these counts, or raise CountsDiffer where a record is unaccounted for."""
        outcomes = self.submitted + self.unchanged + self.duplicate + self.rejected + self.blocked
        if outcomes != self.records:
            raise CountsDiffer(
                f"The file holds {self.records} records but {outcomes} have an outcome. Nothing is "
                "reported as done; keep the file and report this as a defect.",
                **asdict(self),
            )
        return self


def no_rejects() -> pl.DataFrame:
    """An empty frame with the schema REJECTS."""
    return pl.DataFrame(schema=REJECTS)
