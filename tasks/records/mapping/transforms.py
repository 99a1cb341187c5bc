"""Transforms: normalise the cells of a file before validation.

A cell that cannot be parsed becomes UNREADABLE (lists: NO_LIST); the rules reject it.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from tasks.records.frames import LINE
from tasks.records.mapping import dates, emails, marks, phones
from tasks.records.mapping.basis import ConsentGround
from tasks.records.mapping.cells import UNREADABLE, blank_to_null, shortened
from tasks.records.mapping.groups import with_groups
from tasks.records.mapping.resolve import STATUS_OF, MappedColumn, ResolvedMapping
from tasks.records.mapping.settings import Target

NO_LIST = -1
"""Marks a list cell that is no number."""

Columns = Sequence[MappedColumn]


@dataclass(frozen=True)
class Transform:
    """One transform: the columns that it applies to, and what it does to the frame."""

    name: str
    applies: Callable[[MappedColumn], bool]
    step: Callable[[pl.DataFrame, Columns, ResolvedMapping], pl.DataFrame]


def apply_transforms(frame: pl.DataFrame, mapping: ResolvedMapping) -> pl.DataFrame:
    """Return columns LINE, email, prefix, number, list_id, group, status and field_<id>.

    Where grounds are agreed, what a row means on each channel is in email_status and sms_status.
    `frame` has LINE and one text column per column of the file. Blank cells become null.
    """
    # In steps: polars computes an expression again wherever an eager select repeats it.
    named = (pl.col(column.name).alias(column.field_name) for column in mapping.columns)
    values = frame.select(LINE, *named)
    for transform in TRANSFORMS:
        columns = [column for column in mapping.columns if transform.applies(column)]
        if columns:
            values = transform.step(values, columns, mapping)
        if transform.name == "blank":
            values = values.with_columns(*_unmapped(mapping))
    return values


def _unmapped(mapping: ResolvedMapping) -> Iterator[pl.Expr]:
    """Columns that are not mapped: the agreement's value for all rows, or null."""
    constants: list[tuple[Target, str, pl.Expr]] = [
        ("list", "list_id", pl.lit(mapping.list_id, pl.Int64)),
        ("status", "status", pl.lit(None, pl.String)),
        ("group", "group", pl.lit(mapping.group or None, pl.String)),
        ("email", "email", pl.lit(None, pl.String)),
        ("mobile", "number", pl.lit(None, pl.String)),
        ("prefix", "prefix", pl.lit(None, pl.String)),
    ]
    for target, name, value in constants:
        if not mapping.column_for(target):
            yield value.alias(name)
    bound = {column.field_name for column in mapping.columns}
    for channel, ground in mapping.grounds.items():
        if STATUS_OF[channel] not in bound:
            yield pl.lit(ground.of_blank).alias(STATUS_OF[channel])


def _trimmed(values: pl.DataFrame, columns: Columns, _mapping: ResolvedMapping) -> pl.DataFrame:
    """Trim cells, convert them to NFC and remove the marks of spreadsheets."""
    names = [column.field_name for column in columns]
    values = values.with_columns(pl.col(name).str.strip_chars() for name in names)
    # Most columns need nothing else, and checking a whole column costs little.
    foreign = values.select(
        pl.col(name).str.len_bytes().sum() > pl.col(name).str.len_chars().sum() for name in names
    ).row(0)
    values = values.with_columns(
        marks.in_nfc(values[name]) for name, is_so in zip(names, foreign, strict=True) if is_so
    )
    marked = values.select(marks.may_be_marked(pl.col(name)).any() for name in names).row(0)
    return values.with_columns(
        marks.each_once(
            values[column.field_name],
            marks.without_marker if column.field_id else marks.nothing_or_itself,
        )
        for column, is_so in zip(columns, marked, strict=True)
        if is_so
    )


def _case_of(column: MappedColumn) -> str:
    return "lower" if column.rule.target in ("email", "status") else column.rule.case


def _in_case(values: pl.DataFrame, columns: Columns, _mapping: ResolvedMapping) -> pl.DataFrame:
    def written(column: MappedColumn) -> pl.Expr:
        cells = pl.col(column.field_name).str
        match _case_of(column):
            case "lower":
                return cells.to_lowercase()
            case "upper":
                return cells.to_uppercase()
            case _:
                return cells.to_titlecase()

    return values.with_columns(map(written, columns))


def _blank(values: pl.DataFrame, columns: Columns, mapping: ResolvedMapping) -> pl.DataFrame:
    nothing = [marks.without_blanks(text) for text in mapping.mapping.blank_texts]
    filled = values.with_columns(blank_to_null(pl.col(each.field_name)) for each in columns)
    if not nothing:
        return filled
    bare = {each.field_name: pl.col(each.field_name).str.replace_all(r"\s", "") for each in columns}
    return filled.with_columns(
        pl.when(~text.str.to_lowercase().is_in(nothing)).then(name).alias(name)
        for name, text in bare.items()
    )


def _as_dates(values: pl.DataFrame, columns: Columns, mapping: ResolvedMapping) -> pl.DataFrame:
    return values.with_columns(
        dates.rewritten(
            values[each.field_name],
            each.rule.date_in,
            each.rule.date_out,
            two_digit_years=each.rule.two_digit_years,
            today=mapping.today,
        ).alias(each.field_name)
        for each in columns
    )


def _as_list_id(values: pl.DataFrame, _columns: Columns, _mapping: ResolvedMapping) -> pl.DataFrame:
    values = values.with_columns(marks.each_once(values["list_id"], marks.unwrapped))
    text = pl.col("list_id")
    number = pl.when(text.str.contains(r"^[0-9]{1,9}$")).then(text).cast(pl.Int64)
    read = pl.when(text.is_not_null()).then(number.fill_null(NO_LIST))
    return values.with_columns(read.alias("list_id"))


def _as_status(values: pl.DataFrame, columns: Columns, mapping: ResolvedMapping) -> pl.DataFrame:
    channels = {into: channel for channel, into in STATUS_OF.items()}
    for column in columns:
        into = column.field_name
        if into in channels:
            read = _meanings(values[into], mapping.grounds[channels[into]])
        else:
            read = _stated(values[into], mapping)
        values = values.with_columns(read.alias(into))
    return values


def _meanings(cells: pl.Series, ground: ConsentGround) -> pl.Series:
    """What cells mean; each value is looked up once."""
    read = ground.read(cells.drop_nulls().unique())
    found = cells.replace_strict(read, default=None, return_dtype=pl.String) if read else cells
    return found.fill_null(ground.of_blank)


def _stated(cells: pl.Series, mapping: ResolvedMapping) -> pl.Series:
    """Of an agreement without grounds: a blank cell says nothing."""
    stated = mapping.mapping.status_values.items()
    meanings = {marks.compared(value): status for value, status in stated}

    def meaning(cell: str) -> str:
        return meanings.get(_known(cell, meanings), UNREADABLE)

    return marks.each_once(cells, meaning)


def _known(cell: str, names: Container[str]) -> str:
    """The cell for comparison with names; without marks, unless a name has them."""
    whole = marks.compared(cell)
    return whole if whole in names else marks.compared(marks.unwrapped(cell))


def _as_address(values: pl.DataFrame, _columns: Columns, _mapping: ResolvedMapping) -> pl.DataFrame:
    return values.with_columns(emails.normalised(values["email"]))


def _as_number(values: pl.DataFrame, _columns: Columns, mapping: ResolvedMapping) -> pl.DataFrame:
    prefixes = values["prefix"] if mapping.column_for("prefix") else None
    region = mapping.mapping.default_region
    read = phones.prefix_and_number(values["number"], prefixes, region)
    return values.with_columns(read["prefix"], read["number"])


def _as_group(values: pl.DataFrame, columns: Columns, mapping: ResolvedMapping) -> pl.DataFrame:
    return with_groups(values, mapping, columns[0].rule.separator)


def _cut(values: pl.DataFrame, columns: Columns, _mapping: ResolvedMapping) -> pl.DataFrame:
    return values.with_columns(shortened(values[column.field_name]) for column in columns)


# In the order of application. A new transform needs a row here, a field in `settings.py` and, if
# it can reject a cell, a rule in `validation/row_rules.py` with its sentence in `reasons.py`.
TRANSFORMS = (
    Transform("trim", lambda column: column.rule.trim, _trimmed),
    Transform("case", lambda column: _case_of(column) != "keep", _in_case),
    Transform("blank", lambda _column: True, _blank),
    Transform("date", lambda column: bool(column.field_id and column.rule.date_in), _as_dates),
    Transform("list", lambda column: column.rule.target == "list", _as_list_id),
    Transform("status", lambda column: column.rule.target == "status", _as_status),
    Transform("address", lambda column: column.rule.target == "email", _as_address),
    Transform("number", lambda column: column.rule.target == "mobile", _as_number),
    Transform("group", lambda column: column.rule.target == "group", _as_group),
    Transform("cut", lambda column: bool(column.field_id) and column.rule.too_long == "cut", _cut),
)
