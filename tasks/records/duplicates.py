"""Several rows for one recipient: which of them counts.

Two passes over the file: the first collects the keys of all records, 25 bytes each; the second
keeps the winners. Two records meet where list, channel and address are the same. The last one
wins; but a row that unsubscribes beats those that do not, unless the last row is to decide.
"""

from functools import cached_property
from itertools import accumulate

import polars as pl

from tasks.records.verdict import LINE

DUPLICATE = "duplicate"
"""Reason of records that another row of the file replaces."""

_SPREAD = {"key_high": 0x9E3779B97F4A7C15, "key_low": 0xC2B2AE3D27D4EB4F}
"""Odd constants that mix the list into the two halves of a key."""

_OPT_OUT_BONUS = 1 << 40
"""More than any file has rows: puts every row that unsubscribes after every other."""

_ROWS_AT_ONCE = 500_000
"""Keys that are compared at once; the others wait for their share of all possible keys."""

_BEATEN = {"row": pl.UInt32(), "line": pl.Int64(), "instead": pl.Int64()}


class Keys:
    """Collects the keys of a file's records, chunk by chunk; then says which records count."""

    def __init__(self, *, last_row_decides_status: bool = False) -> None:
        self._last_row_decides = last_row_decides_status
        self._chunks: list[pl.DataFrame] = []

    def add(self, records: pl.DataFrame) -> None:
        """Note the keys of the next chunk (schema RECORD), which may be empty."""
        if "_ranked" in self.__dict__:
            raise RuntimeError("The winners are settled; a chunk that comes now would be lost.")
        slot = pl.col("list_id").cast(pl.UInt64)
        mixed = {
            name: pl.col(name) ^ (slot * pl.lit(spread, pl.UInt64))
            for name, spread in _SPREAD.items()
        }
        leaves = (pl.col("status") == "unsubscribed").fill_null(False)
        self._chunks.append(records.select(line=pl.col(LINE), **mixed, opt_out=leaves))

    def winners(self) -> list[pl.Series]:
        """One Boolean mask for each chunk that was added, in the same order: true for winners."""
        beaten = self._ranked["row"].implode()
        masks, start = [], 0
        for chunk in self._chunks:
            rows = pl.int_range(start, start + chunk.height, dtype=pl.UInt32, eager=True)
            masks.append((~rows.is_in(beaten)).alias("counts"))
            start += chunk.height
        return masks

    def beaten(self) -> pl.DataFrame:
        """The records that do not count: `line`, `reason`, and `instead`, the winner's line."""
        return self._ranked.select("line", pl.lit(DUPLICATE).alias("reason"), "instead")

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
        bonus = pl.lit(0) if self._last_row_decides else pl.col("opt_out") * _OPT_OUT_BONUS
        rank = pl.col("row").cast(pl.Int64) + bonus
        keys = ("key_high", "key_low")
        return (
            shared.with_columns(
                pl.col("row").max_by(rank).over(keys).alias("winner"),
                pl.col("line").max_by(rank).over(keys).alias("instead"),
            )
            .filter(pl.col("row") != pl.col("winner"))
            .select(_BEATEN.keys())
        )
