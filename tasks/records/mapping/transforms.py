"""From the cells of a file to values in one form, before anything is judged.

A cell that cannot be understood becomes UNREADABLE (lists: NO_LIST); the contract refuses it.
"""

from collections.abc import Iterator

import polars as pl

from tasks.records.frames import LINE
from tasks.records.mapping import dates, emails, phones
from tasks.records.mapping.cells import UNREADABLE, blank_to_null, shortened, trimmed
from tasks.records.mapping.resolve import MappedColumn, ResolvedMapping
from tasks.records.mapping.settings import Target

NO_LIST = -1
"""Stands for a list cell that is no number."""


def apply_transforms(frame: pl.DataFrame, binding: ResolvedMapping) -> pl.DataFrame:
    """Columns LINE, email, prefix, number, list_id, group, status and field_<id>, row by row.

    `frame` has LINE and one text column per column of the file. Blank cells become null.
    """
    # In steps, for polars computes an expression again wherever an eager select repeats it.
    values = frame.select(
        LINE, *(_text(bound).alias(bound.field_name) for bound in binding.columns)
    )
    values = values.with_columns(
        blank_to_null(pl.col(bound.field_name)) for bound in binding.columns
    )
    values = values.with_columns(*_dates(values, binding), *_meanings(binding))
    if binding.column_for("email"):
        values = values.with_columns(emails.with_ascii_domains(values["email"]))
    values = _with_known_groups(_with_numbers(values, binding), binding)
    cut = [bound.field_name for bound in binding.fields if bound.rule.too_long == "cut"]
    return values.with_columns(shortened(values[name]) for name in cut)


def _text(bound: MappedColumn) -> pl.Expr:
    """A column's cells, trimmed and in their letter case."""
    cells = trimmed(pl.col(bound.name)) if bound.rule.trim else pl.col(bound.name)
    case = "lower" if bound.rule.target in ("email", "status") else bound.rule.case
    match case:
        case "lower":
            return cells.str.to_lowercase()
        case "upper":
            return cells.str.to_uppercase()
        case "title":
            return cells.str.to_titlecase()
        case _:
            return cells


def _dates(values: pl.DataFrame, binding: ResolvedMapping) -> Iterator[pl.Series]:
    for bound in binding.fields:
        if bound.rule.date_in:
            cells = values[bound.field_name]
            date = dates.rewritten(cells, bound.rule.date_in, bound.rule.date_out)
            yield date.alias(bound.field_name)


def _meanings(binding: ResolvedMapping) -> Iterator[pl.Expr]:
    """What the texts say: list ids and statuses; constants for what is in no column."""
    yield (
        _list_id()
        if binding.column_for("list")
        else pl.lit(binding.list_id, pl.Int64).alias("list_id")
    )
    yield (
        _status(binding)
        if binding.column_for("status")
        else pl.lit(None, pl.String).alias("status")
    )
    if not binding.column_for("group"):
        yield pl.lit(binding.group or None, pl.String).alias("group")
    rest: list[tuple[Target, str]] = [
        ("email", "email"),
        ("mobile", "number"),
        ("prefix", "prefix"),
    ]
    for target, into in rest:
        if not binding.column_for(target):
            yield pl.lit(None, pl.String).alias(into)


def _list_id() -> pl.Expr:
    text = pl.col("list_id")
    number = pl.when(text.str.contains(r"^[0-9]{1,9}$")).then(text).cast(pl.Int64)
    return pl.when(text.is_not_null()).then(number.fill_null(NO_LIST)).alias("list_id")


def _status(binding: ResolvedMapping) -> pl.Expr:
    values = binding.mapping.status_values.items()
    meanings = {value.strip().lower(): status for value, status in values}
    text = pl.col("status")
    known = text.replace_strict(meanings, default=UNREADABLE, return_dtype=pl.String)
    return pl.when(text.is_not_null()).then(known).alias("status")


def _with_numbers(values: pl.DataFrame, binding: ResolvedMapping) -> pl.DataFrame:
    if binding.column_for("mobile") is None:
        return values
    prefixes = values["prefix"] if binding.column_for("prefix") else None
    region = binding.mapping.default_region
    read = phones.prefix_and_number(values["number"], prefixes, region)
    return values.with_columns(read["prefix"], read["number"])


def _with_known_groups(values: pl.DataFrame, binding: ResolvedMapping) -> pl.DataFrame:
    """Groups in the account's own spelling; UNREADABLE for one it lacks and may not get."""
    if binding.column_for("group") is None:
        return values
    known = pl.DataFrame(
        [(number, *pair) for number, names in binding.groups.items() for pair in names.items()],
        schema={"list_id": pl.Int64, "wanted": pl.String, "found": pl.String},
        orient="row",
    )
    wanted = values.with_columns(wanted=pl.col("group").str.to_lowercase())
    joined = wanted.join(known, on=["list_id", "wanted"], how="left", maintain_order="left")
    unknown = pl.col("group") if binding.create_groups else pl.lit(UNREADABLE)
    group = pl.when(pl.col("group").is_not_null()).then(pl.col("found").fill_null(unknown))
    return joined.with_columns(group=group).drop("wanted", "found")
