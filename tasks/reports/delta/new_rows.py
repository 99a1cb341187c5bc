"""Selects new rows: compares an extraction with the events that earlier ones saw (`seen_events`).

MailUp reports how often something has happened, but rarely when. New rows are therefore determined
by counts: one per occurrence beyond the known ones. As dates are not used, events that MailUp
registers late, at the boundary of a window or in the hour that occurs twice are neither lost nor
duplicated. A lower count, or a row that has disappeared (retention), gives no new row and does not
change what is known.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

import polars as pl

from tasks.reports.delta.seen_events import SEEN_EVENTS
from tasks.reports.delta.spool import LARGEST_COUNT
from tasks.reports.rows import MOMENT, RowKind

KEY_BYTES = 16
_KEYS_AT_ONCE = 25_000
_TIMES = "times"


@dataclass(frozen=True)
class NewRows:
    """New rows, one per new occurrence, and the rows to add to the snapshot."""

    rows: pl.DataFrame = field(repr=False)
    added: pl.DataFrame = field(repr=False)


def event_keys(rows: pl.DataFrame, kind: RowKind) -> pl.Series:
    """The keys of rows: the 16-byte BLAKE2b hash of the identity of their event."""
    empty = blake2b(digest_size=KEY_BYTES)

    def digest(text: bytes) -> bytes:
        hashed = empty.copy()
        hashed.update(text)
        return hashed.digest()

    texts = kind.identities(rows).cast(pl.Binary)
    digests: list[bytes] = []
    for start in range(0, texts.len(), _KEYS_AT_ONCE):
        digests += map(digest, texts.slice(start, _KEYS_AT_ONCE).to_list())
    return pl.Series("key", digests, dtype=pl.Binary)


def select_new(rows: pl.DataFrame, known: pl.LazyFrame, kind: RowKind, now: datetime) -> NewRows:
    """Select the occurrences in `rows` beyond the sum of the known counts.

    `rows`: rows of one part, as from `rows.fitted`, with all rows of each person; `known`: the
    snapshot of that part. `at` is `now` for a row without date. Several rows with one key are one
    event that came twice because pages moved: the largest count is used.
    """
    grown = _beyond(_single(rows, kind), known)
    added = grown.select(
        pl.col(kind.part).alias("part"),
        "key",
        _moment(now).alias("seen_at"),
        pl.col(_TIMES).alias("count"),
    )
    new = _repeated(grown.with_columns(pl.col("at").fill_null(_moment(now))), rows.columns)
    return NewRows(new, added.cast(pl.Schema(SEEN_EVENTS)))


def rows_with_dates(
    rows: pl.DataFrame, known: pl.LazyFrame, kind: RowKind, now: datetime
) -> pl.DataFrame:
    """All occurrences in `rows`, one row each, with the dates of the incremental files.

    `at` is the time at which the occurrence was first seen: from `known`, and `now` for new ones. A
    date of the row has priority; but if the row has several occurrences, it is the date of the last
    one, so those seen earlier keep their time. A known event has all its occurrences even if its
    count is lower now; one whose row has disappeared is not included.
    """
    seen = _single(rows, kind)
    before = _of(known, seen).sort("seen_at")
    new = _beyond(seen, known).select("key", _moment(now).alias("seen_at"), _TIMES)
    times = pl.concat(
        [before.select("key", "seen_at", pl.col("count").cast(pl.Int64).alias(_TIMES)), new]
    )
    each = seen.join(times, on="key", how="inner", maintain_order="left_right")
    only = pl.col(_TIMES).sum().over("key") == 1
    own = pl.when(only | (pl.col("at") <= pl.col("seen_at"))).then("at")
    return _repeated(each.with_columns(pl.coalesce(own, "seen_at").alias("at")), rows.columns)


def between(rows: pl.DataFrame, start: datetime | None, end: datetime) -> pl.DataFrame:
    """The rows with a date from `start` (None: from the beginning) to `end`, exclusive."""
    ended = rows.filter(pl.col("at") < _moment(end))
    return ended if start is None else ended.filter(pl.col("at") >= _moment(start))


def _single(rows: pl.DataFrame, kind: RowKind) -> pl.DataFrame:
    """One row per `key`: the one with the most `occurrences`, then the last one."""
    keyed = rows.with_columns(event_keys(rows, kind), _occurrences(kind).alias("occurrences"))
    if keyed["key"].n_unique() == keyed.height:
        return keyed
    # A separate column: within over(), the index would be that within the group.
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    ranked = keyed.with_columns((pl.col("occurrences") * keyed.height + place).alias("rank"))
    return ranked.filter(pl.col("rank") == pl.col("rank").max().over("key")).drop("rank")


def _occurrences(kind: RowKind) -> pl.Expr:
    """Number of occurrences of a row, at most LARGEST_COUNT."""
    count = pl.col("count").fill_null(1) if kind.counts else pl.lit(1)
    return count.cast(pl.Int64).clip(0, LARGEST_COUNT)


def _beyond(seen: pl.DataFrame, known: pl.LazyFrame) -> pl.DataFrame:
    """The rows with more occurrences than known, with the difference (`times`)."""
    sums = _of(known, seen).group_by("key").agg(pl.col("count").cast(pl.Int64).sum().alias("known"))
    more = pl.col("occurrences") - pl.col("known").fill_null(0)
    matched = seen.with_columns(known=pl.lit(0, pl.Int64))
    if sums.height:
        matched = seen.join(sums, on="key", how="left", maintain_order="left")
    return matched.with_columns(more.alias(_TIMES)).filter(pl.col(_TIMES) > 0)


def _of(known: pl.LazyFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """The known rows with the keys of `seen`; the rest of the part is read, but not kept."""
    matching = known.join(seen.lazy().select("key"), on="key", how="semi")
    return matching.collect(engine="streaming")


def _repeated(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Repeat each row `times` times, with `columns` only and a count of 1."""
    if (rows[_TIMES] > 1).any():
        place = pl.int_range(pl.len(), dtype=pl.UInt32)
        rows = rows[rows.select(place.repeat_by(_TIMES).explode()).to_series()]
    selected = rows.select(columns)
    return selected.with_columns(count=pl.lit(1, pl.Int64)) if "count" in columns else selected


def _moment(when: datetime) -> pl.Expr:
    if when.tzinfo is None:
        raise ValueError("A time needs a zone.")
    return pl.lit(when.astimezone(UTC), MOMENT)
