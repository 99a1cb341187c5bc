"""The contract of a client's records: a pandera schema made from the binding.

A schema's errors hold values of records in their text, so none of them leaves this module.
"""

from collections.abc import Callable, Iterator

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from blocks.errors import RunStopped
from tasks.records import emails
from tasks.records.binding import Binding, BoundColumn
from tasks.records.cells import UNREADABLE, fits
from tasks.records.normal import NO_LIST

FAULTS = {"row": pl.Int64(), "column": pl.String(), "reason": pl.String()}
"""Schema of faults: position in the frame, our name of the column, code of the reason."""


def contract(binding: Binding) -> pa.DataFrameSchema:
    """The schema that normalised frames of this binding have to meet."""
    checks: dict[str, list[pa.Check]] = {}
    for into, check in _checks(binding):
        checks.setdefault(into, []).append(check)
    return pa.DataFrameSchema(
        {
            into: pa.Column(pl.Int64 if into == "list_id" else pl.String, found, nullable=True)
            for into, found in checks.items()
        }
    )


def faults(normal: pl.DataFrame, schema: pa.DataFrameSchema) -> pl.DataFrame:
    """All faults of a normalised frame (schema FAULTS), in no particular order."""
    # Validated eagerly: on a LazyFrame pandera looks at types only. The context overrides
    # pandera's environment variables, which could switch the contract off.
    try:
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            schema.validate(normal, lazy=True)
    except SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases.select(
            row=pl.col("index").cast(pl.Int64),
            column=pl.col("column").cast(pl.String),
            reason=pl.col("check").cast(pl.String),
        )
    else:
        return pl.DataFrame(schema=FAULTS)
    if cases["row"].null_count():
        raise RunStopped(
            "The records do not have the form that the contract was made for. Nothing was sent; "
            "report this as a defect.",
            columns=sorted(cases.filter(pl.col("row").is_null())["column"].drop_nulls()),
        )
    return cases


def _check(reason: str, meets: Callable[[pl.Expr], pl.Expr]) -> pa.Check:
    """A check that is named after its reason; null from `meets` counts as met."""

    def run(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(meets(pl.col(data.key or "*")).fill_null(True))

    return pa.Check(run, name=reason, ignore_na=False)


def _checks(binding: Binding) -> Iterator[tuple[str, pa.Check]]:
    """Every check with our name of the column it belongs to."""
    yield from _key_checks(binding)
    for bound in binding.columns:
        yield from _blank_checks(bound, binding)
        yield from ((bound.into, check) for check in _content_checks(bound, binding))


def _key_checks(binding: Binding) -> Iterator[tuple[str, pa.Check]]:
    match binding.mapping.key:
        case "email":
            yield "email", _check("email_missing", pl.Expr.is_not_null)
        case "mobile":
            yield "number", _check("mobile_missing", pl.Expr.is_not_null)
        case "both":
            yield "email", _check("key_missing", _email_or_number)


def _email_or_number(email: pl.Expr) -> pl.Expr:
    return email.is_not_null() | pl.col("number").is_not_null()


def _blank_checks(bound: BoundColumn, binding: Binding) -> Iterator[tuple[str, pa.Check]]:
    # The key's own columns say "missing" already; a list cell is never optional.
    if bound.into in {"email": ("email",), "mobile": ("number",)}.get(binding.mapping.key, ()):
        return
    if bound.rule.required or bound.rule.target == "list":
        yield bound.into, _check("required_blank", pl.Expr.is_not_null)
    elif bound.rule.blank == "reject":
        yield bound.into, _check("blank_refused", pl.Expr.is_not_null)


def _content_checks(bound: BoundColumn, binding: Binding) -> Iterator[pa.Check]:
    match bound.rule.target:
        case "email":
            yield _check("email_invalid", emails.valid)
        case "mobile":
            yield _check("mobile_invalid", _readable)
        case "prefix":
            yield _check("prefix_invalid", _readable)
        case "group":
            yield _check("group_unknown", _readable)
        case "status":
            yield _check("status_unknown", _readable)
        case "list":
            allowed = [NO_LIST, *binding.mapping.lists]
            yield _check("list_unknown", lambda number: number != NO_LIST)
            yield _check("list_not_allowed", lambda number: number.is_in(allowed))
        case "field":
            yield from _field_checks(bound)


def _field_checks(bound: BoundColumn) -> Iterator[pa.Check]:
    rule = bound.rule
    if rule.date_in:
        yield _check("date_invalid", _readable)
    if rule.length:
        yield _check("length_wrong", lambda text: _of_length(text, rule.length))
    if rule.too_long == "reject":
        yield _check("value_too_long", lambda text: text.map_batches(fits, pl.Boolean()))


def _of_length(text: pl.Expr, length: int) -> pl.Expr:
    return (text.str.len_chars() == length) | (text == UNREADABLE)


def _readable(text: pl.Expr) -> pl.Expr:
    return text != UNREADABLE
