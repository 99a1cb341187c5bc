"""Which records MailUp is known to have as they are, by a snapshot of what it confirmed last.

A snapshot is a Parquet file of hashes, sorted by `row_high`: two 128-bit hashes for each record,
of the whole record and of whom it means. Comparing holds the first of them in memory, 16 bytes a
record, and looks each record of the file up by bisection.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.records.delta.hashes import person_digests, row_digests

_ROW, _PERSON = ["row_high", "row_low"], ["person_high", "person_low"]
HASHES = dict.fromkeys([*_ROW, *_PERSON], pl.UInt64())
"""Schema of a snapshot."""


_FLAGS = ("unchanged", "refused", "missing")
"""What `Snapshot.compared` says of each row of a snapshot."""


class Snapshot:
    """A snapshot, and which of its rows and people the file at hand has.

    With `send_all`, people are compared alone: every row of the file has to be sent.
    """

    def __init__(self, path: Path, key: bytes, *, send_all: bool = False) -> None:
        self.path, self._key, self._send_all = path, key, send_all
        self._rows = pl.read_parquet(path, columns=_ROW)
        nobody = pl.DataFrame(schema=dict.fromkeys(_PERSON, pl.UInt64))
        self._found: list[pl.Series] = [pl.Series(dtype=pl.UInt32)]
        self._others, self._refused = [nobody], [nobody]

    def changed(self, judged: pl.DataFrame) -> pl.DataFrame:
        """Those of judged records that have to be sent.

        Whoever unsubscribes, or is subscribed again by a grant, is always sent.
        """
        changed = judged if self._send_all else judged.filter(~self._same(judged))
        self.meet(changed)
        return changed

    def _same(self, judged: pl.DataFrame) -> pl.Series:
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
        return same

    def meet(self, records: pl.DataFrame) -> None:
        """Note that people are in the file whose records are sent, or not for other reasons."""
        self._others.append(person_digests(records, self._key))

    def meet_refused(self, records: pl.DataFrame) -> None:
        """Note that people are in the file in rows that were rejected."""
        self._refused.append(person_digests(records, self._key))

    def compared(self) -> pl.DataFrame:
        """Three flags (FLAGS) for each row of the snapshot, at most one of them true.

        unchanged: the file has the row as it was. refused: it has only rejected rows of that
        person. missing: it has nothing of that person.
        """
        unchanged = self._flags(pl.concat(self._found).unique())
        people = pl.read_parquet(self.path, columns=_PERSON).with_row_index("row")
        away = people.filter(~unchanged).join(pl.concat(self._others), on=_PERSON, how="anti")
        refused = away.join(pl.concat(self._refused), on=_PERSON, how="semi")["row"]
        missing = away.join(pl.concat(self._refused), on=_PERSON, how="anti")["row"]
        flags = (unchanged, self._flags(refused), self._flags(missing))
        return pl.DataFrame(dict(zip(_FLAGS, flags, strict=True)))

    def _flags(self, rows: pl.Series) -> pl.Series:
        nothing = pl.select(pl.repeat(False, self._rows.height)).to_series()
        return nothing.scatter(rows, True) if rows.len() else nothing


def missing_people(former: tuple[Path, Path]) -> pl.DataFrame:
    """Hashes of the people of a snapshot who are not in the file: person_high and person_low."""
    path, flags = former
    missing = pl.read_parquet(flags, columns=["missing"]).to_series()
    return pl.read_parquet(path, columns=_PERSON).filter(missing)


def all_people(former: tuple[Path, Path]) -> pl.DataFrame:
    """Hashes of all people of a snapshot: person_high and person_low."""
    return pl.read_parquet(former[0], columns=_PERSON)


def snapshot_of(confirmed: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The rows of a snapshot (schema SNAPSHOT) for records that MailUp has confirmed."""
    return pl.concat(
        [row_digests(confirmed, key), person_digests(confirmed, key)], how="horizontal"
    )


def write_snapshot(
    target: Path,
    rows: Sequence[pl.DataFrame],
    former: tuple[Path, Path] | None,
    keep: Sequence[str] = ("unchanged",),
) -> None:
    """Write rows (schema SNAPSHOT) as the next snapshot, and what MailUp still has of the former.

    `former` are the files of that one, and of the flags for each of its rows; `keep` are those of
    the flags (FLAGS) whose rows go along.
    """
    kept = []
    if former:
        path, flags = former
        there = pl.read_parquet(flags).select(pl.any_horizontal(keep)).to_series()
        kept.append(pl.read_parquet(path).filter(there))
    pl.concat([pl.DataFrame(schema=HASHES), *rows, *kept]).sort("row_high").write_parquet(
        target, compression="uncompressed", statistics=False
    )
