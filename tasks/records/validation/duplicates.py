"""Deduplication: which of several rows for a recipient is imported.

Two passes over the file: the first collects the keys of all records, 29 bytes each; the second
keeps the winners. Records are duplicates if list, channel and address are the same. The last one
wins, but a row that unsubscribes wins over those that do not, unless the last row decides. A
rejected row that unsubscribes (a veto) also wins over the others: then none is sent. So does a row
that leaves the person out, and among the others one whose second key must not be sent.
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

_OTHER, _ONE_KEY, _LEFT_OUT, _VETO, _OPT_OUT = range(5)
"""Levels of rows: a higher level wins over a lower one."""
_LEVEL_BONUS = 1 << 40
"""More than the number of lines of any file."""

_PARTITIONS = 16
"""Number of partitions of spilled keys; each is compared by itself."""
_ROWS_AT_ONCE = 300_000
"""Maximum number of keys in memory."""

_KEYS = {
    "row": pl.UInt32(),
    "line": pl.Int64(),
    **dict.fromkeys(_SPREAD, pl.UInt64()),
    "level": pl.Int8(),
}
_DUPLICATES = {"row": pl.UInt32(), "line": pl.Int64(), "instead": pl.Int64(), "level": pl.Int8()}


class Keys:
    """Collects the keys of a file's records, chunk by chunk, and finds the duplicates.

    Keys beyond _ROWS_AT_ONCE are spilled to the folder `spool`; without one all are in memory.
    """

    def __init__(self, spool: Path | None = None, *, last_row_decides_status: bool = False) -> None:
        self._spool = spool
        self._last_row_decides = last_row_decides_status
        self._chunks: list[tuple[int, bool]] = []
        self._rows = 0
        self._held: list[pl.DataFrame] = [pl.DataFrame(schema=_KEYS)]
        self._spilled = 0

    def add(self, records: pl.DataFrame) -> None:
        """Add the keys of the next chunk (schema RECORD), which may be empty."""
        level = (
            pl.when(pl.col("status") == "unsubscribed")
            .then(_OPT_OUT)
            .when(pl.col("status") == "leave_out")
            .then(_LEFT_OUT)
            .when(~pl.col("second_key"))
            .then(_ONE_KEY)
            .otherwise(_OTHER)
        )
        self._add(records, level, counts=True)

    def add_vetoes(self, records: pl.DataFrame) -> None:
        """Add rejected records that unsubscribe: they win over others, but are not sent."""
        if records.height:
            self._add(records, pl.lit(_VETO), counts=False)

    def _add(self, records: pl.DataFrame, level: pl.Expr, *, counts: bool) -> None:
        if "_losers" in self.__dict__:
            raise RuntimeError("Duplicates are already determined; no chunk can be added.")
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
        """Move the keys in memory to disk, one file per partition."""
        spool.mkdir(exist_ok=True)
        every = pl.concat(self._held)
        for number in range(_PARTITIONS):
            partition = every.filter(pl.col("key_high") % _PARTITIONS == number)
            partition.write_parquet(
                spool / f"{number:02}-{self._spilled}.parquet", compression="lz4"
            )
        self._spilled += 1
        self._held = [pl.DataFrame(schema=_KEYS)]

    def winners(self) -> Iterator[pl.Series]:
        """Yield a mask for each added chunk, in order: true for winners. None for vetoes."""
        losers, start = self._losers["row"], 0
        for height, counts in self._chunks:
            first, end = (losers.search_sorted(row) for row in (start, start + height))
            here = losers.slice(first, end - first) - start
            start += height
            if counts:
                every = pl.Series("counts", [True]).new_from_index(0, height)
                yield every.scatter(here, False) if here.len() else every

    def duplicates(self) -> pl.DataFrame:
        """The duplicates: `line`, `reason`, and `instead`, the line of the winner."""
        others = self._losers.filter(pl.col("level") != _VETO)
        return others.select("line", pl.lit(DUPLICATE).alias("reason"), "instead")

    @cached_property
    def _losers(self) -> pl.DataFrame:
        """Every record that is not sent: row in the file, line, and line of the winner."""
        found = [self._losers_in(every) for every in self._partitions()]
        return pl.concat([pl.DataFrame(schema=_DUPLICATES), *found]).sort("row")

    def _partitions(self) -> Iterator[pl.LazyFrame]:
        """Yield all keys, equal ones in one frame; a frame is valid until the next is taken."""
        if not self._spilled or self._spool is None:
            yield pl.concat(self._held).lazy()
            return
        self._spill(self._spool)
        for number in range(_PARTITIONS):
            parts = sorted(self._spool.glob(f"{number:02}-*.parquet"))
            yield pl.scan_parquet(parts, glob=False)
            for part in parts:
                part.unlink()

    def _losers_in(self, every: pl.LazyFrame) -> pl.DataFrame:
        """The records of one partition that are not sent."""
        # Half a key decides almost all records; only the rest is read and compared by whole keys.
        half = every.select("key_high").collect().to_series().sort()
        twice = half.filter(half == half.shift()).unique()
        shared = every.filter(pl.col("key_high").is_in(twice.implode())).collect()
        keys = ("key_high", "key_low")
        level = pl.col("level").cast(pl.Int64)
        if self._last_row_decides:
            # A rejected last row cannot decide; then no row may subscribe.
            last = level.max_by("line").over(keys)
            level = pl.when(last == _VETO).then(level).otherwise(0)
        return (
            shared.with_columns(rank=pl.col("line") + level * _LEVEL_BONUS)
            .with_columns(
                pl.col("row").max_by("rank").over(keys).alias("winner"),
                pl.col("line").max_by("rank").over(keys).alias("instead"),
            )
            .filter(pl.col("row") != pl.col("winner"))
            .select(_DUPLICATES.keys())
        )
