"""Several rows for one recipient: which of them counts.

Two passes over the file: the first collects the keys of all records, 25 bytes each; the second
keeps the winners. Two records meet where list, channel and address are the same. The last one
wins; but a row that unsubscribes beats those that do not, unless the last row is to decide. A row
that unsubscribes and was refused for a fault (a veto) beats them, too: then nobody is sent.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

import polars as pl

from tasks.records.verdict import LINE

DUPLICATE = "duplicate"
"""Reason of records that another row of the file replaces."""

_SPREAD = {"key_high": 0x9E3779B97F4A7C15, "key_low": 0xC2B2AE3D27D4EB4F}
"""Odd constants that mix the list into the two halves of a key."""

_OTHER, _VETO, _OPT_OUT = 0, 1, 2
"""Levels of rows: those of a higher one win over all of a lower one."""
_LEVEL_BONUS = 1 << 40
"""More than any file has lines."""

_ROWS_AT_ONCE = 500_000
"""Keys that are compared at once; the others wait for their share of all possible keys."""

_BEATEN = {"row": pl.UInt32(), "line": pl.Int64(), "instead": pl.Int64()}


class Keys:
    """Collects the keys of a file's records, chunk by chunk; then says which records count."""

    def __init__(self, *, last_row_decides_status: bool = False) -> None:
        self._last_row_decides = last_row_decides_status
        self._chunks: list[pl.DataFrame] = []
        self._vetoes: set[int] = set()

    def add(self, records: pl.DataFrame) -> None:
        """Note the keys of the next chunk (schema RECORD), which may be empty."""
        leaves = (pl.col("status") == "unsubscribed").fill_null(False)
        self._add(records, pl.when(leaves).then(_OPT_OUT).otherwise(_OTHER))

    def add_vetoes(self, records: pl.DataFrame) -> None:
        """Note refused records that unsubscribe: they beat others, but do not count themselves."""
        if records.height:
            self._vetoes.add(len(self._chunks))
            self._add(records, pl.lit(_VETO))

    def _add(self, records: pl.DataFrame, level: pl.Expr) -> None:
        if "_ranked" in self.__dict__:
            raise RuntimeError("The winners are settled; a chunk that comes now would be lost.")
        slot = pl.col("list_id").cast(pl.UInt64)
        mixed = {
            name: pl.col(name) ^ (slot * pl.lit(spread, pl.UInt64))
            for name, spread in _SPREAD.items()
        }
        self._chunks.append(records.select(line=pl.col(LINE), **mixed, level=level.cast(pl.Int8)))

    def winners(self) -> list[pl.Series]:
        """One Boolean mask for each chunk that was added, in the same order: true for winners.

        There are none for vetoes.
        """
        beaten = self._ranked["row"].implode()
        return [
            (~rows.is_in(beaten)).alias("counts")
            for number, rows in enumerate(self._rows())
            if number not in self._vetoes
        ]

    def beaten(self) -> pl.DataFrame:
        """The records that do not count: `line`, `reason`, and `instead`, the winner's line."""
        vetoes = [rows for number, rows in enumerate(self._rows()) if number in self._vetoes]
        others = self._ranked
        if vetoes:
            others = others.filter(~pl.col("row").is_in(pl.concat(vetoes).implode()))
        return others.select("line", pl.lit(DUPLICATE).alias("reason"), "instead")

    def _rows(self) -> Iterator[pl.Series]:
        """The numbers of the rows of each chunk."""
        start = 0
        for chunk in self._chunks:
            yield pl.int_range(start, start + chunk.height, dtype=pl.UInt32, eager=True)
            start += chunk.height

    @cached_property
    def _ranked(self) -> pl.DataFrame:
        """Every record that does not count: row in the file, line, and line of the winner."""
        if not self._chunks:
            return pl.DataFrame(schema=_BEATEN)
        starts = [0, *accumulate(chunk.height for chunk in self._chunks)]
        shares = starts[-1] // _ROWS_AT_ONCE + 1
        found = [pl.DataFrame(schema=_BEATEN)]
        for share in range(shares):
            mine = pl.col("key_high") % shares == share
            every = pl.concat(
                chunk.with_row_index("row", offset=start).filter(mine)
                for chunk, start in zip(self._chunks, starts, strict=False)
            )
            found.append(self._beaten_in(every))
        return pl.concat(found).sort("row")

    def _beaten_in(self, every: pl.DataFrame) -> pl.DataFrame:
        """The records that do not count among all those whose keys fall in one share."""
        # Half a key settles almost all records; only the rest is compared by whole keys.
        shared = every.filter(pl.col("key_high").is_duplicated())
        keys = ("key_high", "key_low")
        level = pl.col("level").cast(pl.Int64)
        if self._last_row_decides:
            # A last row that was refused cannot decide; then no row may subscribe.
            last = level.max_by("line").over(keys)
            level = pl.when(last == _VETO).then(level).otherwise(0)
        return (
            shared.with_columns(rank=pl.col("line") + level * _LEVEL_BONUS)
            .with_columns(
                pl.col("row").max_by("rank").over(keys).alias("winner"),
                pl.col("line").max_by("rank").over(keys).alias("instead"),
            )
            .filter(pl.col("row") != pl.col("winner"))
            .select(_BEATEN.keys())
        )
