"""The rules for records: a pandera schema made from the resolved mapping.

The texts of pandera's errors contain values of records, so none of them leaves this module.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from blocks.errors import RunStopped
from tasks.records.frames import CELL_NOTES, FAULTS, LINE
from tasks.records.mapping.cells import UNREADABLE, fits
from tasks.records.mapping.resolve import MappedColumn, ResolvedMapping
from tasks.records.mapping.transforms import NO_LIST

_NUMBER = ("number", "prefix")


@dataclass(frozen=True)
class RowRules:
    """The rules as a pandera schema and as one expression, which is true for valid rows.

    `optional` are rules whose cells are blanked if they fail, before the others are checked.
    """

    resolved: ResolvedMapping
    schema: pa.DataFrameSchema
    valid: pl.Expr
    optional: tuple["_Rule", ...] = ()

    def passes(self, values: pl.DataFrame) -> pl.Series:
        """Mask of the valid rows of a normalised frame."""
        try:
            return values.select(self.valid).to_series()
        except pl.exceptions.PolarsError as error:
            raise _unexpected_frame(type(error).__name__) from None  # its text may quote a record


def row_rules(resolved: ResolvedMapping) -> RowRules:
    """The rules for normalised frames of a resolved mapping."""
    rules = list(_rules(resolved))
    checks: dict[str, list[pa.Check]] = {}
    for rule in rules:
        checks.setdefault(rule.field_name, []).append(_check(rule))
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(pl.Int64 if name == "list_id" else pl.String, found, nullable=True)
            for name, found in checks.items()
        }
    )
    return RowRules(
        resolved,
        schema,
        pl.all_horizontal(pl.lit(True), *(rule.valid() for rule in rules)),
        tuple(_optional(resolved)),
    )


def blank_unreadable(values: pl.DataFrame, rules: RowRules) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Blank the invalid cells of optional columns, and list them (schema CELL_NOTES)."""
    notes = [pl.DataFrame(schema=CELL_NOTES)]
    for rule in rules.optional:
        fails = values.select(~rule.valid()).to_series()
        if not fails.any():
            continue
        column = pl.lit(rules.resolved.client_name(rule.field_name))
        notes.append(
            values.filter(fails).select(line=LINE, column=column, reason=pl.lit(rule.reason))
        )
        # A number and its prefix go together.
        names = _NUMBER if rule.field_name in _NUMBER else (rule.field_name,)
        values = values.with_columns(pl.when(~fails).then(name).alias(name) for name in names)
    return values, pl.concat(notes)


def faults(invalid: pl.DataFrame, rules: RowRules) -> pl.DataFrame:
    """All faults of invalid normalised rows (schema FAULTS), in no order."""
    cases = _failure_cases(invalid, rules.schema)
    if cases["row"].null_count():
        raise _unexpected_frame(*cases.filter(pl.col("row").is_null())["column"].drop_nulls())
    if cases["row"].n_unique() != invalid.height:
        raise _unexpected_frame("a row is rejected without a reason")
    return cases


def _failure_cases(rows: pl.DataFrame, schema: pa.DataFrameSchema) -> pl.DataFrame:
    # Validated eagerly: on a LazyFrame pandera checks types only. The context overrides pandera's
    # environment variables, which could disable validation.
    try:
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            schema.validate(rows, lazy=True)
    except SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases.select(
            row=pl.col("index").cast(pl.Int64),
            column=pl.col("column").cast(pl.String),
            reason=pl.col("check").cast(pl.String),
        )
        return cases
    return pl.DataFrame(schema=FAULTS)


def _unexpected_frame(*what: str) -> RunStopped:
    return RunStopped(
        "The records do not have the columns that the validation rules expect. Nothing was "
        "sent; report this as a defect.",
        columns=sorted(what),
    )


@dataclass(frozen=True)
class _Rule:
    """A rule for a column and the reason if it fails; null from `test` counts as valid."""

    field_name: str
    reason: str
    test: Callable[[pl.Expr], pl.Expr]

    def valid(self) -> pl.Expr:
        return self.test(pl.col(self.field_name)).fill_null(True)


def _check(rule: _Rule) -> pa.Check:
    def run(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(rule.valid())

    return pa.Check(run, name=rule.reason, ignore_na=False)


def _rules(resolved: ResolvedMapping) -> Iterator[_Rule]:
    yield from _key_rules(resolved)
    for column in resolved.columns:
        yield from _blank_rules(column, resolved)
        yield from _content_rules(column, resolved)


def _optional(resolved: ResolvedMapping) -> Iterator[_Rule]:
    for column in resolved.columns:
        decides = resolved.column_for("mobile") if column.rule.target == "prefix" else column
        if decides and decides.rule.unreadable == "blank":
            yield from _content_rules(column, resolved)


def _key_rules(resolved: ResolvedMapping) -> Iterator[_Rule]:
    match resolved.mapping.key:
        case "email":
            yield _Rule("email", "email_missing", pl.Expr.is_not_null)
        case "mobile":
            yield _Rule("number", "mobile_missing", pl.Expr.is_not_null)
        case "both":
            yield _Rule("email", "key_missing", _email_or_number)


def _email_or_number(email: pl.Expr) -> pl.Expr:
    return email.is_not_null() | pl.col("number").is_not_null()


def _blank_rules(column: MappedColumn, resolved: ResolvedMapping) -> Iterator[_Rule]:
    # The key has its own "missing" rules; a list cell is never optional.
    if column.field_name in {"email": ("email",), "mobile": ("number",)}.get(
        resolved.mapping.key, ()
    ):
        return
    if column.rule.required or column.rule.target == "list":
        yield _Rule(column.field_name, "required_blank", pl.Expr.is_not_null)
    elif column.rule.blank == "reject":
        yield _Rule(column.field_name, "blank_refused", pl.Expr.is_not_null)


def _content_rules(column: MappedColumn, resolved: ResolvedMapping) -> Iterator[_Rule]:
    match column.rule.target:
        case "email":
            yield _Rule(column.field_name, "email_invalid", _readable)
        case "mobile":
            yield _Rule(column.field_name, "mobile_invalid", _readable)
        case "prefix":
            yield _Rule(column.field_name, "prefix_invalid", _readable)
        case "group":
            yield _Rule(column.field_name, "group_unknown", _readable)
        case "status":
            yield _Rule(column.field_name, "status_unknown", _readable)
        case "list":
            allowed = [NO_LIST, *resolved.mapping.lists]
            yield _Rule(column.field_name, "list_unknown", lambda number: number != NO_LIST)
            yield _Rule(column.field_name, "list_not_allowed", lambda number: number.is_in(allowed))
        case "field":
            yield from _field_rules(column)


def _field_rules(column: MappedColumn) -> Iterator[_Rule]:
    rule = column.rule
    if rule.date_in:
        yield _Rule(column.field_name, "date_invalid", _readable)
    if rule.length:
        yield _Rule(column.field_name, "length_wrong", lambda text: _of_length(text, rule.length))
    if rule.too_long == "reject":
        yield _Rule(
            column.field_name, "value_too_long", lambda text: text.map_batches(fits, pl.Boolean())
        )


def _of_length(text: pl.Expr, length: int) -> pl.Expr:
    return (text.str.len_chars() == length) | (text == UNREADABLE)


def _readable(text: pl.Expr) -> pl.Expr:
    return text != UNREADABLE
