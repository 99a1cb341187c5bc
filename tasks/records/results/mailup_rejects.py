"""Adds records that MailUp rejected to the rejects; their cells are read from the file again."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tasks.records.frames import LINE, REJECTS
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import FileDialect

MAILUP_REFUSED = "mailup_refused"
"""Reason of valid records that MailUp did not accept."""


def add_mailup_rejects(
    rejects: Path,
    opened: Path,
    dialect: FileDialect,
    lines: Mapping[int, str],
    reason: str = MAILUP_REFUSED,
) -> None:
    """Add the records that start on `lines` to the parts of `rejects`; idempotent.

    `lines` maps each line to the client's name of the column with the address.
    """
    frames = [pl.DataFrame(schema=REJECTS)]
    for chunk in read_chunks(opened, dialect):
        found = chunk.frame.filter(pl.col(LINE).is_in(list(lines)))
        frames.append(_as_rejects(found, dialect, lines, reason))
    pl.concat(frames).write_parquet(rejects / f"{reason}.parquet", compression="lz4")


def _as_rejects(
    records: pl.DataFrame, dialect: FileDialect, lines: Mapping[int, str], reason: str
) -> pl.DataFrame:
    return records.select(
        line=pl.col(LINE),
        columns=pl.concat_list(pl.col(LINE).replace_strict(lines, return_dtype=pl.String)),
        reasons=pl.concat_list(pl.lit(reason)),
        cells=pl.concat_list(dialect.columns),
        original=pl.lit(None, pl.String),
    ).cast(REJECTS)  # type: ignore[arg-type]
