"""Validates a chunk of a file: records ready for MailUp, and rejects."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tasks.records.frames import LINE, RECORD, REJECTS
from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.resolve import ResolvedMapping
from tasks.records.mapping.transforms import apply_transforms
from tasks.records.validation.row_rules import RowRules, blank_unreadable, faults

_KEYS = {
    "email": ("email", "list_id"),
    "mobile": ("prefix", "number", "list_id"),
    "both": ("email", "prefix", "number", "list_id"),
}
"""Columns that identify a recipient in a list, by mapping.key."""

_SEEDS = {"key_high": 0x6D61696C, "key_low": 0x75702E69}


@dataclass(frozen=True)
class InvalidRows:
    """Invalid rows of a chunk: their original cells, and the same rows normalised."""

    cells: pl.DataFrame
    values: pl.DataFrame

    @property
    def height(self) -> int:
        return self.cells.height


@dataclass(frozen=True)
class Checked:
    """The valid records (schema RECORD and fields) and the invalid rows of a chunk.

    `notes` (schema CELL_NOTES) are cells of valid records that are not sent.
    """

    records: pl.DataFrame
    invalid: InvalidRows
    notes: pl.DataFrame


@dataclass(frozen=True)
class Rejected:
    """`rejects` (schema REJECTS), one for each invalid row.

    `identified` are those with a valid key, as far as they could be parsed (schema RECORD).
    """

    rejects: pl.DataFrame
    identified: pl.DataFrame

    @property
    def unsubscribing(self) -> pl.DataFrame:
        """Rejected rows that unsubscribe somebody, or may intend to: no other row may subscribe
        that person."""
        return self.identified.filter(pl.col("status").is_in(["unsubscribed", UNREADABLE]))


def validate(frame: pl.DataFrame, rules: RowRules) -> Checked:
    """Transform a chunk and check it; each row ends in exactly one frame.

    `frame` has LINE and one text column per column of the file, empty cells as empty text.
    """
    values, notes = blank_unreadable(apply_transforms(frame, rules.resolved), rules)
    valid = rules.passes(values)
    invalid = InvalidRows(frame.filter(~valid), values.filter(~valid))
    notes = notes.filter(~pl.col("line").is_in(invalid.cells[LINE].implode()))
    return Checked(_records(values.filter(valid), rules.resolved), invalid, notes)


def reject(invalid: Sequence[InvalidRows], rules: RowRules) -> Rejected:
    """Turn the invalid rows of one or more chunks into rejects with all their faults.

    Faults are in the order of the file's columns. Call it for many rows at once: each pandera
    validation has a high fixed cost.
    """
    cells = pl.concat([each.cells for each in invalid])
    values = pl.concat([each.values for each in invalid])
    found = faults(values, rules)
    at_key = pl.col("column").is_in(_KEYS[rules.resolved.mapping.key])
    unidentified = found.filter(at_key)["row"].unique()
    identified = values.filter(~pl.int_range(pl.len()).is_in(unidentified.implode()))
    return Rejected(_rejects(cells, found, rules.resolved), _records(identified, rules.resolved))


def recipient_keys(channel: pl.Expr, address: pl.Expr) -> list[pl.Expr]:
    """The columns key_high and key_low of an address on its channel."""
    text = pl.concat_str(channel, pl.lit("\n"), address)
    return [text.hash(seed).alias(name) for name, seed in _SEEDS.items()]


def _records(values: pl.DataFrame, resolved: ResolvedMapping) -> pl.DataFrame:
    fields = [column.field_name for column in resolved.fields]
    channel = {
        "email": pl.lit("email"),
        "mobile": pl.lit("sms"),
        "both": pl.when(pl.col("email").is_null()).then(pl.lit("sms")).otherwise(pl.lit("email")),
    }[resolved.mapping.key]
    clears = [pl.col(name).is_null() for name in fields] if resolved.mapping.clears else []
    status, second_key = _consented(resolved)
    number = pl.concat_str("prefix", "number")
    address = pl.when(pl.col("channel") == "email").then("email").otherwise(number)
    return (
        values.with_columns(channel=channel, clear=pl.any_horizontal(pl.lit(False), *clears))
        .with_columns(
            *recipient_keys(pl.col("channel"), address), status=status, second_key=second_key
        )
        .select(*RECORD, *fields)
    )


def _consented(resolved: ResolvedMapping) -> tuple[pl.Expr, pl.Expr]:
    """What rows mean on the channel of their key, and whether the other key may be sent."""
    if not resolved.grounds:
        return pl.col("status"), pl.lit(True)
    by_email = pl.col("channel") == "email"
    own = pl.when(by_email).then("email_status").otherwise("sms_status")
    other = pl.when(by_email).then("sms_status").otherwise("email_status")
    one_key = pl.col("email").is_null() | pl.col("number").is_null()
    # Of rows that are refused either may be unreadable, and then nothing of them is a yes.
    status = pl.when(other == UNREADABLE).then(other).otherwise(own)
    return status, one_key | (other == "subscribed")


def _rejects(frame: pl.DataFrame, found: pl.DataFrame, resolved: ResolvedMapping) -> pl.DataFrame:
    """One reject per row of `frame` that `found` (schema FAULTS) names."""
    positions = {name: place for place, name in enumerate(resolved.file_columns)}
    names = {column.field_name: column.name for column in resolved.columns}
    rows = (
        found.with_columns(pl.col("column").replace_strict(names, return_dtype=pl.String))
        .unique()
        .with_columns(place=pl.col("column").replace_strict(positions, return_dtype=pl.Int64))
        .sort("row", "place", "reason")
        .group_by("row", maintain_order=True)
        .agg(columns="column", reasons="reason")
    )
    cells = frame[rows["row"]].select(
        line=pl.col(LINE), cells=pl.concat_list(resolved.file_columns)
    )
    rejects = rows.hstack(cells).with_columns(original=pl.lit(None, pl.String))
    return rejects.select(REJECTS.keys())
