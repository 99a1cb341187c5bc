"""Snapshots of the records that MailUp has confirmed, and comparing a file with one.

A snapshot is a Parquet file of hashes, sorted by `row_high`: two 128-bit hashes per record, of the
whole record and of its person. The row hashes are held in memory, 16 bytes each, and searched by
bisection.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.records.delta.hashes import person_digests, row_digests

_ROW, _PERSON = ["row_high", "row_low"], ["person_high", "person_low"]
HASHES = dict.fromkeys([*_ROW, *_PERSON], pl.UInt64())
"""Schema of a snapshot."""


_FLAGS = ("unchanged", "refused", "missing")
"""Columns of `Snapshot.compared`."""


class Snapshot:
    """A snapshot, and which of its rows and people are in the file that is read.

    With `send_all` only people are compared: every row of the file is sent.
    """

    def __init__(self, path: Path, key: bytes, *, send_all: bool = False) -> None:
        self.path, self._key, self._send_all = path, key, send_all
        self._rows = pl.read_parquet(path, columns=_ROW)
        nobody = pl.DataFrame(schema=dict.fromkeys(_PERSON, pl.UInt64))
        self._found: list[pl.Series] = [pl.Series(dtype=pl.UInt32)]
        self._present, self._rejected = [nobody], [nobody]

    def changed(self, records: pl.DataFrame) -> pl.DataFrame:
        """The new and changed records, after consent; opt-outs and opt-ins are always included."""
        changed = records if self._send_all else records.filter(~self._same(records))
        self.mark_present(changed)
        return changed

    def _same(self, records: pl.DataFrame) -> pl.Series:
        digests = row_digests(records, self._key)
        # Of two rows with the same first half of a hash only one is found: the other is sent.
        place = self._rows["row_high"].search_sorted(digests["row_high"])
        at = place.set(place >= self._rows.height, None)
        stored = self._rows[at]
        same = (
            (stored["row_high"] == digests["row_high"])
            & (stored["row_low"] == digests["row_low"])
            & (records["import_type"] == "default")
        ).fill_null(False)
        self._found.append(at.filter(same))
        return same

    def mark_present(self, records: pl.DataFrame) -> None:
        """Mark the people of valid records, sent or blocked, as present in the file."""
        self._present.append(person_digests(records, self._key))

    def mark_rejected(self, records: pl.DataFrame) -> None:
        """Mark the people of rejected records as present in the file."""
        self._rejected.append(person_digests(records, self._key))

    def compared(self) -> pl.DataFrame:
        """Three flags (_FLAGS) for each row of the snapshot, at most one of them true.

        unchanged: the file has the same row. refused: it has only rejected rows of that person.
        missing: it has no row of that person.
        """
        unchanged = self._flags(pl.concat(self._found).unique())
        people = pl.read_parquet(self.path, columns=_PERSON).with_row_index("row")
        absent = people.filter(~unchanged).join(pl.concat(self._present), on=_PERSON, how="anti")
        rejected = absent.join(pl.concat(self._rejected), on=_PERSON, how="semi")["row"]
        missing = absent.join(pl.concat(self._rejected), on=_PERSON, how="anti")["row"]
        flags = (unchanged, self._flags(rejected), self._flags(missing))
        return pl.DataFrame(dict(zip(_FLAGS, flags, strict=True)))

    def _flags(self, rows: pl.Series) -> pl.Series:
        none = pl.select(pl.repeat(False, self._rows.height)).to_series()
        return none.scatter(rows, True) if rows.len() else none


def missing_people(previous: tuple[Path, Path]) -> pl.DataFrame:
    """Hashes of the people of a snapshot who are not in the file: person_high and person_low."""
    path, flags = previous
    missing = pl.read_parquet(flags, columns=["missing"]).to_series()
    return pl.read_parquet(path, columns=_PERSON).filter(missing)


def all_people(previous: tuple[Path, Path]) -> pl.DataFrame:
    """Hashes of all people of a snapshot: person_high and person_low."""
    return pl.read_parquet(previous[0], columns=_PERSON)


def snapshot_of(confirmed: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The rows of a snapshot (schema HASHES) for records that MailUp has confirmed."""
    return pl.concat(
        [row_digests(confirmed, key), person_digests(confirmed, key)], how="horizontal"
    )


def write_snapshot(
    target: Path,
    rows: Sequence[pl.DataFrame],
    previous: tuple[Path, Path] | None,
    keep: Sequence[str] = ("unchanged",),
) -> None:
    """Write the next snapshot: new rows (schema HASHES), and rows kept from the previous one.

    `previous` are the file of that snapshot and the file with the flags of its rows; rows with one
    of the flags `keep` are kept.
    """
    kept = []
    if previous:
        path, flags = previous
        keeps = pl.read_parquet(flags).select(pl.any_horizontal(keep)).to_series()
        kept.append(pl.read_parquet(path).filter(keeps))
    pl.concat([pl.DataFrame(schema=HASHES), *rows, *kept]).sort("row_high").write_parquet(
        target, compression="uncompressed", statistics=False
    )
