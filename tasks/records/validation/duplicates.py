"""Several rows for one recipient: which of them counts.

Two passes over the file: the first collects the keys of all records, 29 bytes each; the second
keeps the winners. Two records meet where list, channel and address are the same. The last one
wins; but a row that unsubscribes beats those that do not, unless the last row is to decide. A row
that unsubscribes and was refused for a fault (a veto) beats them, too: then nobody is sent.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import polars as pl

from tasks.records.frames import LINE

DUPLICATE = "duplicate"
"""Reason of records that another row of the file replaces."""

_SPREAD = {"key_high": 0x9E3779B97F4A7C15, "key_low": 0xC2B2AE3D27D4EB4F}
"""Odd constants that mix the list into the two halves of a key."""

_OTHER, _VETO, _OPT_OUT = 0, 1, 2
"""Levels of rows: those of a higher one win over all of a lower one."""
_LEVEL_BONUS = 1 << 40
"""More than any file has lines."""

_SHARES = 16
"""Into how many parts keys that wait on disk are divided, by key; each is compared by itself."""
_ROWS_AT_ONCE = 300_000
"""Keys that are held, and compared, at once."""

_KEYS = {
    "row": pl.UInt32(),
    "line": pl.Int64(),
    **dict.fromkeys(_SPREAD, pl.UInt64()),
    "level": pl.Int8(),
}
_BEATEN = {"row": pl.UInt32(), "line": pl.Int64(), "instead": pl.Int64(), "level": pl.Int8()}


class Keys:
    """Collects the keys of a file's records, chunk by chunk; then says which records count.

    Beyond some hundred thousand they wait in the folder `spool`; without one all are in memory.
    """

    def __init__(self, spool: Path | None = None, *, last_row_decides_status: bool = False) -> None:
        self._spool = spool
        self._last_row_decides = last_row_decides_status
        self._chunks: list[tuple[int, bool]] = []
        self._rows = 0
        self._held: list[pl.DataFrame] = [pl.DataFrame(schema=_KEYS)]
        self._spilled = 0

    def add(self, records: pl.DataFrame) -> None:
        """Note the keys of the next chunk (schema RECORD), which may be empty."""
        leaves = (pl.col("status") == "unsubscribed").fill_null(False)
        self._add(records, pl.when(leaves).then(_OPT_OUT).otherwise(_OTHER), counts=True)

    def add_vetoes(self, records: pl.DataFrame) -> None:
        """Note refused records that unsubscribe: they beat others, but do not count themselves."""
        if records.height:
            self._add(records, pl.lit(_VETO), counts=False)

    def _add(self, records: pl.DataFrame, level: pl.Expr, *, counts: bool) -> None:
        if "_ranked" in self.__dict__:
            raise RuntimeError("The winners are settled; a chunk that comes now would be lost.")
        slot = pl.col("list_id").cast(pl.UInt64)
        mixed = {
            name: pl.col(name) ^ (slot * pl.lit(spread, pl.UInt64))
            for name, spread in _SPREAD.items()
        }
        row = pl.int_range(pl.len(), dtype=pl.UInt32) + self._rows
        self._held.append(
            records.select(row=row, line=pl.col(LINE), **mixed, level=level.cast(pl.Int8))
        )
        self._chunks.append((records.height, counts))
        self._rows += records.height
        if self._spool and sum(held.height for held in self._held) >= _ROWS_AT_ONCE:
            self._spill(self._spool)

    def _spill(self, spool: Path) -> None:
        """Move what is held to disk, a file for each share."""
        spool.mkdir(exist_ok=True)
        every = pl.concat(self._held)
        for number in range(_SHARES):
            share = every.filter(pl.col("key_high") % _SHARES == number)
            share.write_parquet(spool / f"{number:02}-{self._spilled}.parquet", compression="lz4")
        self._spilled += 1
        self._held = [pl.DataFrame(schema=_KEYS)]

    def winners(self) -> Iterator[pl.Series]:
        """One Boolean mask for each chunk that was added, in the same order: true for winners.

        There are none for vetoes.
        """
        beaten, start = self._ranked["row"], 0
        for height, counts in self._chunks:
            first, end = (beaten.search_sorted(row) for row in (start, start + height))
            here = beaten.slice(first, end - first) - start
            start += height
            if counts:
                every = pl.Series("counts", [True]).new_from_index(0, height)
                yield every.scatter(here, False) if here.len() else every

    def beaten(self) -> pl.DataFrame:
        """The records that do not count: `line`, `reason`, and `instead`, the winner's line."""
        others = self._ranked.filter(pl.col("level") != _VETO)
        return others.select("line", pl.lit(DUPLICATE).alias("reason"), "instead")

    @cached_property
    def _ranked(self) -> pl.DataFrame:
        """Every record that does not count: row in the file, line, and line of the winner."""
        found = [self._beaten_in(every) for every in self._shares()]
        return pl.concat([pl.DataFrame(schema=_BEATEN), *found]).sort("row")

    def _shares(self) -> Iterator[pl.LazyFrame]:
        """All keys, those that are equal in one frame; each can be read until the next comes."""
        if not self._spilled or self._spool is None:
            yield pl.concat(self._held).lazy()
            return
        self._spill(self._spool)
        for number in range(_SHARES):
            parts = sorted(self._spool.glob(f"{number:02}-*.parquet"))
            yield pl.scan_parquet(parts, glob=False)
            for part in parts:
                part.unlink()

    def _beaten_in(self, every: pl.LazyFrame) -> pl.DataFrame:
        """The records that do not count among all those whose keys fall in one share."""
        # Half a key settles almost all records; only the rest is read, and compared by whole keys.
        half = every.select("key_high").collect().to_series().sort()
        twice = half.filter(half == half.shift()).unique()
        shared = every.filter(pl.col("key_high").is_in(twice.implode())).collect()
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
