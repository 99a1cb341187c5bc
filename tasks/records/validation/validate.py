"""From the text frame of a file to records that are ready for MailUp, and rejects."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tasks.records.frames import LINE, RECORD, REJECTS
from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.resolve import ResolvedMapping
from tasks.records.mapping.transforms import apply_transforms
from tasks.records.validation.row_rules import RowRules, faults

_KEYS = {
    "email": ("email", "list_id"),
    "mobile": ("prefix", "number", "list_id"),
    "both": ("email", "prefix", "number", "list_id"),
}
"""Columns that say who is meant and in which list, by mapping.key."""

_SEEDS = {"key_high": 0x6D61696C, "key_low": 0x75702E69}


@dataclass(frozen=True)
class InvalidRows:
    """Rows of a chunk that do not meet the contract: their cells, and the same rows normalised."""

    cells: pl.DataFrame
    values: pl.DataFrame

    @property
    def height(self) -> int:
        return self.cells.height


@dataclass(frozen=True)
class Checked:
    """One chunk, sorted: `records` (schema RECORD and fields), and the rows to be refused."""

    records: pl.DataFrame
    doubtful: InvalidRows


@dataclass(frozen=True)
class Rejected:
    """`rejects` (schema REJECTS), one for each doubtful row.

    `named` are those of them whose address is sound, as far as they could be read (schema RECORD).
    """

    rejects: pl.DataFrame
    named: pl.DataFrame

    @property
    def unsubscribing(self) -> pl.DataFrame:
        """Refused rows that unsubscribe somebody, or may mean to: no other row may subscribe that
        person."""
        return self.named.filter(pl.col("status").is_in(["unsubscribed", UNREADABLE]))


def validate(frame: pl.DataFrame, agreed: RowRules) -> Checked:
    """Normalise a chunk and hold it against its contract; each row ends in exactly one frame.

    `frame` has LINE and one text column per column of the file, empty cells as empty text.
    """
    values = apply_transforms(frame, agreed.binding)
    met = agreed.passes(values)
    doubtful = InvalidRows(frame.filter(~met), values.filter(~met))
    return Checked(_records(values.filter(met), agreed.binding), doubtful)


def refuse(doubtful: Sequence[InvalidRows], agreed: RowRules) -> Rejected:
    """Every doubtful row, of one chunk or more, as one reject with all its faults.

    Faults are in the order of the file's columns. Better asked for many rows than often: pandera
    takes its time for each look, however few the rows.
    """
    cells = pl.concat([each.cells for each in doubtful])
    values = pl.concat([each.values for each in doubtful])
    found = faults(values, agreed)
    at_key = pl.col("column").is_in(_KEYS[agreed.binding.mapping.key])
    nameless = found.filter(at_key)["row"].unique()
    named = values.filter(~pl.int_range(pl.len()).is_in(nameless.implode()))
    return Rejected(_rejects(cells, found, agreed.binding), _records(named, agreed.binding))


def recipient_keys(channel: pl.Expr, address: pl.Expr) -> list[pl.Expr]:
    """The columns key_high and key_low of an address on its channel."""
    named = pl.concat_str(channel, pl.lit("\n"), address)
    return [named.hash(seed).alias(name) for name, seed in _SEEDS.items()]


def _records(normal: pl.DataFrame, binding: ResolvedMapping) -> pl.DataFrame:
    fields = [bound.field_name for bound in binding.fields]
    channel = {
        "email": pl.lit("email"),
        "mobile": pl.lit("sms"),
        "both": pl.when(pl.col("email").is_null()).then(pl.lit("sms")).otherwise(pl.lit("email")),
    }[binding.mapping.key]
    clears = [pl.col(name).is_null() for name in fields] if binding.mapping.clears else []
    number = pl.concat_str("prefix", "number")
    address = pl.when(pl.col("channel") == "email").then("email").otherwise(number)
    return (
        normal.with_columns(channel=channel, clear=pl.any_horizontal(pl.lit(False), *clears))
        .with_columns(recipient_keys(pl.col("channel"), address))
        .select(*RECORD, *fields)
    )


def _rejects(frame: pl.DataFrame, found: pl.DataFrame, binding: ResolvedMapping) -> pl.DataFrame:
    """One reject per row of `frame` that `found` (schema FAULTS) names."""
    positions = {name: place for place, name in enumerate(binding.file_columns)}
    names = {bound.field_name: bound.name for bound in binding.columns}
    rows = (
        found.with_columns(pl.col("column").replace_strict(names, return_dtype=pl.String))
        .with_columns(place=pl.col("column").replace_strict(positions, return_dtype=pl.Int64))
        .sort("row", "place", "reason")
        .group_by("row", maintain_order=True)
        .agg(columns="column", reasons="reason")
    )
    cells = frame[rows["row"]].select(line=pl.col(LINE), cells=pl.concat_list(binding.file_columns))
    refused = rows.hstack(cells).with_columns(original=pl.lit(None, pl.String))
    return refused.select(REJECTS.keys())
