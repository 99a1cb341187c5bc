"""The contract of a client's records: a pandera schema made from the binding.

A schema's errors hold values of records in their text, so none of them leaves this module.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from blocks.errors import RunStopped
from tasks.records.frames import FAULTS
from tasks.records.mapping import emails
from tasks.records.mapping.cells import UNREADABLE, fits
from tasks.records.mapping.resolve import MappedColumn, ResolvedMapping
from tasks.records.mapping.transforms import NO_LIST


@dataclass(frozen=True)
class RowRules:
    """A pandera schema, and the same checks as one expression: true where a row meets them all."""

    binding: ResolvedMapping
    schema: pa.DataFrameSchema
    met: pl.Expr

    def passes(self, normal: pl.DataFrame) -> pl.Series:
        """Which rows of a normalised frame meet everything."""
        try:
            return normal.select(self.met).to_series()
        except pl.exceptions.PolarsError as error:
            raise _misshapen(type(error).__name__) from None  # its text may quote a record


def row_rules(binding: ResolvedMapping) -> RowRules:
    """What normalised frames of this binding have to meet."""
    terms = list(_terms(binding))
    checks: dict[str, list[pa.Check]] = {}
    for term in terms:
        checks.setdefault(term.field_name, []).append(_check(term))
    schema = pa.DataFrameSchema(
        {
            into: pa.Column(pl.Int64 if into == "list_id" else pl.String, found, nullable=True)
            for into, found in checks.items()
        }
    )
    return RowRules(
        binding, schema, pl.all_horizontal(pl.lit(True), *(term.met() for term in terms))
    )


def faults(doubtful: pl.DataFrame, agreed: RowRules) -> pl.DataFrame:
    """All faults of normalised rows that do not meet the contract (schema FAULTS), in no order."""
    cases = _failure_cases(doubtful, agreed.schema)
    if cases["row"].null_count():
        raise _misshapen(*cases.filter(pl.col("row").is_null())["column"].drop_nulls())
    if cases["row"].n_unique() != doubtful.height:
        raise _misshapen("a row is refused without a reason")
    return cases


def _failure_cases(rows: pl.DataFrame, schema: pa.DataFrameSchema) -> pl.DataFrame:
    # Validated eagerly: on a LazyFrame pandera looks at types only. The context overrides
    # pandera's environment variables, which could switch the contract off.
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


def _misshapen(*what: str) -> RunStopped:
    return RunStopped(
        "The records do not have the form that the contract was made for. Nothing was sent; "
        "report this as a defect.",
        columns=sorted(what),
    )


@dataclass(frozen=True)
class _Rule:
    """One rule for a column, named after its reason; null from `meets` counts as met."""

    field_name: str
    reason: str
    meets: Callable[[pl.Expr], pl.Expr]

    def met(self) -> pl.Expr:
        return self.meets(pl.col(self.field_name)).fill_null(True)


def _check(term: _Rule) -> pa.Check:
    def run(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(term.met())

    return pa.Check(run, name=term.reason, ignore_na=False)


def _terms(binding: ResolvedMapping) -> Iterator[_Rule]:
    yield from _key_terms(binding)
    for bound in binding.columns:
        yield from _blank_terms(bound, binding)
        yield from _content_terms(bound, binding)


def _key_terms(binding: ResolvedMapping) -> Iterator[_Rule]:
    match binding.mapping.key:
        case "email":
            yield _Rule("email", "email_missing", pl.Expr.is_not_null)
        case "mobile":
            yield _Rule("number", "mobile_missing", pl.Expr.is_not_null)
        case "both":
            yield _Rule("email", "key_missing", _email_or_number)


def _email_or_number(email: pl.Expr) -> pl.Expr:
    return email.is_not_null() | pl.col("number").is_not_null()


def _blank_terms(bound: MappedColumn, binding: ResolvedMapping) -> Iterator[_Rule]:
    # The key's own columns say "missing" already; a list cell is never optional.
    if bound.field_name in {"email": ("email",), "mobile": ("number",)}.get(
        binding.mapping.key, ()
    ):
        return
    if bound.rule.required or bound.rule.target == "list":
        yield _Rule(bound.field_name, "required_blank", pl.Expr.is_not_null)
    elif bound.rule.blank == "reject":
        yield _Rule(bound.field_name, "blank_refused", pl.Expr.is_not_null)


def _content_terms(bound: MappedColumn, binding: ResolvedMapping) -> Iterator[_Rule]:
    match bound.rule.target:
        case "email":
            yield _Rule(bound.field_name, "email_invalid", emails.valid)
        case "mobile":
            yield _Rule(bound.field_name, "mobile_invalid", _readable)
        case "prefix":
            yield _Rule(bound.field_name, "prefix_invalid", _readable)
        case "group":
            yield _Rule(bound.field_name, "group_unknown", _readable)
        case "status":
            yield _Rule(bound.field_name, "status_unknown", _readable)
        case "list":
            allowed = [NO_LIST, *binding.mapping.lists]
            yield _Rule(bound.field_name, "list_unknown", lambda number: number != NO_LIST)
            yield _Rule(bound.field_name, "list_not_allowed", lambda number: number.is_in(allowed))
        case "field":
            yield from _field_terms(bound)


def _field_terms(bound: MappedColumn) -> Iterator[_Rule]:
    rule = bound.rule
    if rule.date_in:
        yield _Rule(bound.field_name, "date_invalid", _readable)
    if rule.length:
        yield _Rule(bound.field_name, "length_wrong", lambda text: _of_length(text, rule.length))
    if rule.too_long == "reject":
        yield _Rule(
            bound.field_name, "value_too_long", lambda text: text.map_batches(fits, pl.Boolean())
        )


def _of_length(text: pl.Expr, length: int) -> pl.Expr:
    return (text.str.len_chars() == length) | (text == UNREADABLE)


def _readable(text: pl.Expr) -> pl.Expr:
    return text != UNREADABLE
