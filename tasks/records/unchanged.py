"""Which records MailUp is known to have as they are, by a snapshot of what it confirmed last.

A snapshot is a Parquet file of hashes, sorted by `row_high`: two 128-bit hashes for each record,
of the whole record and of whom it means. Comparing holds the first of them in memory, 16 bytes a
record, and looks each record of the file up by bisection.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.records.digests import person_digests, row_digests

_ROW, _PERSON = ["row_high", "row_low"], ["person_high", "person_low"]
SNAPSHOT = dict.fromkeys([*_ROW, *_PERSON], pl.UInt64())
"""Schema of a snapshot."""


class Snapshot:
    """A snapshot, and which of its rows and people the file at hand has."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path, self._key = path, key
        self._rows = pl.read_parquet(path, columns=_ROW)
        self._found: list[pl.Series] = [pl.Series(dtype=pl.UInt32)]
        self._others: list[pl.DataFrame] = [pl.DataFrame(schema=dict.fromkeys(_PERSON, pl.UInt64))]

    def changed(self, judged: pl.DataFrame) -> pl.DataFrame:
        """Those of judged records that have to be sent.

        Whoever unsubscribes, or is subscribed again by a grant, is always sent.
        """
        digests = row_digests(judged, self._key)
        # Two rows with the same half of a hash hide each other: such a record is sent.
        place = self._rows["row_high"].search_sorted(digests["row_high"])
        at = place.set(place >= self._rows.height, None)
        there = self._rows[at]
        same = (
            (there["row_high"] == digests["row_high"])
            & (there["row_low"] == digests["row_low"])
            & (judged["import_type"] == "default")
        ).fill_null(False)
        self._found.append(at.filter(same))
        changed = judged.filter(~same)
        self.meet(changed)
        return changed

    def meet(self, records: pl.DataFrame) -> None:
        """Note that people are in the file whose records are not sent for other reasons."""
        self._others.append(person_digests(records, self._key))

    def unchanged(self) -> pl.Series:
        """For each row of the snapshot, whether the file has it as it was."""
        found = pl.concat(self._found).unique()
        nothing = pl.select(pl.repeat(False, self._rows.height)).to_series()
        return nothing.scatter(found, True) if found.len() else nothing

    def missing(self, unchanged: pl.Series) -> int:
        """How many people of the snapshot are not in the file."""
        people = pl.read_parquet(self.path, columns=_PERSON).filter(~unchanged)
        return people.join(pl.concat(self._others), on=_PERSON, how="anti").height


def snapshot_of(confirmed: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The rows of a snapshot (schema SNAPSHOT) for records that MailUp has confirmed."""
    return pl.concat(
        [row_digests(confirmed, key), person_digests(confirmed, key)], how="horizontal"
    )


def write_snapshot(
    target: Path, rows: Sequence[pl.DataFrame], former: tuple[Path, Path] | None
) -> None:
    """Write rows (schema SNAPSHOT) as the next snapshot, and the unchanged ones of the former.

    `former` are the files of that one, and of a flag for each of its rows.
    """
    kept = []
    if former:
        path, flags = former
        kept.append(pl.read_parquet(path).filter(pl.read_parquet(flags).to_series()))
    pl.concat([pl.DataFrame(schema=SNAPSHOT), *rows, *kept]).sort("row_high").write_parquet(
        target, compression="uncompressed", statistics=False
    )
