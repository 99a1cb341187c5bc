"""What is new: rows of an extraction against what earlier ones saw (`snapshots`).

MailUp tells how often something happened so far, hardly ever when. New is what grew: as many rows
as there are occurrences more than known. Since nothing is decided by date, events that MailUp
registers late, on the second of a boundary or in the hour that happens twice are neither missed
nor doubled. A count that shrank, or a row that is gone (retention), tells nothing new and leaves
what is known as it is: what comes back is not told again.
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
    """New rows, one per new occurrence, and what to add to the snapshot for them."""

    rows: pl.DataFrame = field(repr=False)
    added: pl.DataFrame = field(repr=False)


def event_keys(rows: pl.DataFrame, kind: RowKind) -> pl.Series:
    """The keys of rows, 16 bytes each: the BLAKE2b of what tells their event from others."""
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
    """The occurrences in *rows* that are not *known*: those beyond the sum of the known counts.

    *rows* are of one part, as `rows.fitted` gives them; *known* is that part's snapshot, whole.
    `at` is *now* where a row has no date of its own. Rows of one key are one event, seen twice
    because pages moved: the largest count is right. All of them have to come in one call.
    """
    grown = _beyond(_single(rows, kind), known)
    added = grown.select(
        pl.col(kind.part).alias("part"),
        "key",
        _moment(now).alias("seen_at"),
        pl.col(_TIMES).alias("count"),
    )
    told = _repeated(grown.with_columns(pl.col("at").fill_null(_moment(now))), rows.columns)
    return NewRows(told, added.cast(pl.Schema(SEEN_EVENTS)))


def rows_with_dates(
    rows: pl.DataFrame, known: pl.LazyFrame, kind: RowKind, now: datetime
) -> pl.DataFrame:
    """Every occurrence in *rows*, one row each, dated as the incremental files have dated them.

    `at` is the moment at which the occurrence was first seen: as *known*, and *now* for those
    beyond the known ones. A date of the row's own goes before; but where the row stands for
    several occurrences it is the date of the last, so those seen before that keep the moment. A
    known event counts in full even if its count has shrunk; one whose row is gone cannot be told.
    """
    seen = _single(rows, kind)
    before = _of(known, seen).sort("seen_at")
    beyond = _beyond(seen, known).select("key", _moment(now).alias("seen_at"), _TIMES)
    times = pl.concat(
        [before.select("key", "seen_at", pl.col("count").cast(pl.Int64).alias(_TIMES)), beyond]
    )
    each = seen.join(times, on="key", how="inner", maintain_order="left_right")
    only = pl.col(_TIMES).sum().over("key") == 1
    own = pl.when(only | (pl.col("at") <= pl.col("seen_at"))).then("at")
    return _repeated(each.with_columns(pl.coalesce(own, "seen_at").alias("at")), rows.columns)


def between(rows: pl.DataFrame, start: datetime | None, end: datetime) -> pl.DataFrame:
    """The rows dated from *start* on (None: from the beginning) and before *end*."""
    ended = rows.filter(pl.col("at") < _moment(end))
    return ended if start is None else ended.filter(pl.col("at") >= _moment(start))


def _single(rows: pl.DataFrame, kind: RowKind) -> pl.DataFrame:
    """One row per `key`; of several the one with most `occurrences`, then the last."""
    keyed = rows.with_columns(event_keys(rows, kind), _occurrences(kind).alias("occurrences"))
    if keyed["key"].n_unique() == keyed.height:
        return keyed
    # A column of its own: within over(), a place would be one in the group.
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    ranked = keyed.with_columns((pl.col("occurrences") * keyed.height + place).alias("rank"))
    return ranked.filter(pl.col("rank") == pl.col("rank").max().over("key")).drop("rank")


def _occurrences(kind: RowKind) -> pl.Expr:
    """How often the event of a row has occurred, as far as that is believed."""
    count = pl.col("count").fill_null(1) if kind.counts else pl.lit(1)
    return count.cast(pl.Int64).clip(0, LARGEST_COUNT)


def _beyond(seen: pl.DataFrame, known: pl.LazyFrame) -> pl.DataFrame:
    """The rows with more occurrences than are known, with how many those are (`times`)."""
    sums = _of(known, seen).group_by("key").agg(pl.col("count").cast(pl.Int64).sum().alias("known"))
    more = pl.col("occurrences") - pl.col("known").fill_null(0)
    matched = seen.with_columns(known=pl.lit(0, pl.Int64))
    if sums.height:
        matched = seen.join(sums, on="key", how="left", maintain_order="left")
    return matched.with_columns(more.alias(_TIMES)).filter(pl.col(_TIMES) > 0)


def _of(known: pl.LazyFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """What is known of the keys of rows; the rest of the part is read, but not kept."""
    mine = known.join(seen.lazy().select("key"), on="key", how="semi")
    return mine.collect(engine="streaming")


def _repeated(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Each row as often as `times` says, only *columns*; a count is 1 from now on."""
    if (rows[_TIMES] > 1).any():
        place = pl.int_range(pl.len(), dtype=pl.UInt32)
        rows = rows[rows.select(place.repeat_by(_TIMES).explode()).to_series()]
    told = rows.select(columns)
    return told.with_columns(count=pl.lit(1, pl.Int64)) if "count" in columns else told


def _moment(when: datetime) -> pl.Expr:
    if when.tzinfo is None:
        raise ValueError("A moment needs a zone.")
    return pl.lit(when.astimezone(UTC), MOMENT)
