"""Settings of the mapping: the target of each column, and how its cells are transformed."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import phonenumbers
from pydantic import Field, model_validator

from blocks.mailup.resources.imports import Channel
from tasks.agreements.base import Settings
from tasks.files import date_formats

Target = Literal["email", "mobile", "prefix", "field", "list", "group", "status"]
Status = Literal["subscribed", "unsubscribed"]

KEYS: dict[Channel, Target] = {"email": "email", "sms": "mobile"}
"""What a person is written to by, on each channel."""
MAX_FIELDS = 39
"""Maximum number of dynamic fields of an account."""


class Column(Settings):
    """The target of one column and the transforms of its cells."""

    column: str = Field(
        min_length=1,
        description="Name of the column in the file's header, or its position, such as #3.",
    )
    target: Target = Field(
        description=(
            "Content of the column: the e-mail address, the mobile number, its international "
            "prefix, a dynamic field, or the list, group or subscription status of the row."
        )
    )
    field: str = Field(
        default="",
        description="Dynamic field by id, such as 12, or by name; only for target 'field'.",
    )
    separator: str = Field(
        default="",
        max_length=10,
        description=(
            "Sign between several groups in one cell, such as a comma; the person enters each of "
            "them. Names may be in double quotes. Empty: a cell is one group. Only for target "
            "'group'."
        ),
    )
    trim: bool = Field(
        default=True,
        description="Remove white space and invisible characters at both ends of the cell.",
    )
    case: Literal["keep", "lower", "upper", "title"] = Field(
        default="keep", description="Letter case in which the value is stored."
    )
    date_in: str = Field(
        default="",
        description="Date format in the file, such as %d/%m/%Y; empty if it is no date.",
    )
    date_out: str = Field(
        default="",
        description="Date format in MailUp, such as %Y-%m-%d; empty to keep that of the file.",
    )
    two_digit_years: str = Field(
        default="",
        pattern=r"^(?:past|[12][0-9]{3})?$",
        description=(
            "Century of years of two digits (%y): 'past' for dates in the past, such as "
            "birthdays, or the latest possible year, such as 2040. Empty: such cells are rejected."
        ),
    )
    length: int = Field(
        default=0,
        ge=0,
        le=200,
        description="Exact number of characters of a value; 0 for any.",
    )
    too_long: Literal["reject", "cut"] = Field(
        default="reject",
        description="What happens to a value of more than 200 characters, MailUp's limit.",
    )
    unreadable: Literal["reject", "blank"] = Field(
        default="reject",
        description=(
            "For a cell that is not as agreed: reject the record, or send it without this value "
            "and list the cell. Not possible for the key, the status and the list. The setting of "
            "a mobile number also covers its prefix."
        ),
    )
    blank: Literal["keep", "clear", "reject"] = Field(
        default="keep",
        description=(
            "For an empty cell: keep the value in MailUp, clear it, or reject the record."
        ),
    )
    required: bool = Field(
        default=False, description="Reject a record whose cell in this column is empty."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Column":
        for mistake in _column_mistakes(self):
            raise ValueError(f"Column '{self.column}': {mistake}")
        return self


def _column_mistakes(column: Column) -> Iterator[str]:
    """Contradictions in the settings of one column, as sentences."""
    if column.unreadable == "blank":
        yield from _unreadable_mistakes(column)
    if column.separator:
        yield from _separator_mistakes(column)
    if column.target == "field":
        yield from _field_mistakes(column)
        return
    only_fields = {
        "field": "",
        "case": "keep",
        "date_in": "",
        "date_out": "",
        "two_digit_years": "",
        "length": 0,
        "too_long": "reject",
    }
    for name, neutral in only_fields.items():
        if getattr(column, name) != neutral:
            yield f"{name} is only for target 'field'; leave it out for '{column.target}'."
    if column.blank == "clear":
        yield f"blank 'clear' is only for target 'field'; '{column.target}' accepts keep or reject."
    if not column.trim:
        yield "trim false is only for target 'field'; other cells are always trimmed."


def _unreadable_mistakes(column: Column) -> Iterator[str]:
    if column.target in ("status", "list", "prefix"):
        yield f"unreadable 'blank' is not possible for target '{column.target}'; choose 'reject'."
    if column.required or column.blank != "keep":
        yield "unreadable 'blank' contradicts required true and blank 'clear' or 'reject'."


def _separator_mistakes(column: Column) -> Iterator[str]:
    if column.target != "group":
        yield f"separator is only for target 'group'; leave it out for '{column.target}'."
    if any(sign.isalnum() or sign in "\"'" for sign in column.separator):
        yield "separator: give a sign such as a comma, without letters, digits and quotes."


def _field_mistakes(column: Column) -> Iterator[str]:
    if not column.field.strip():
        yield "target 'field' needs field, the id (1 to 39) or the name of a dynamic field."
    if column.date_out and not column.date_in:
        yield "date_out needs date_in, the date format in the file, such as %d/%m/%Y."
    for name, reading in (("date_in", True), ("date_out", False)):
        written = getattr(column, name)
        mistake = date_formats.mistake(written, reading=reading) if written else ""
        if mistake:
            yield f"{name} '{written}' {mistake}."
    if date_formats.time_parts(column.date_out) - date_formats.time_parts(column.date_in):
        yield "date_out has a time of day that date_in does not read; remove it or add it there."
    if column.two_digit_years and "%y" not in column.date_in:
        yield "two_digit_years is only for a date_in with %y."
    if column.date_in and column.case != "keep":
        yield "case has no effect on a date; leave it at 'keep'."
    if column.required and column.blank == "clear":
        yield "required contradicts blank 'clear'; choose one of them."


class Mapping(Settings):
    """How the rows of a client's file are mapped to recipients."""

    columns: list[Column] = Field(
        min_length=1, description="The columns that are used; all others of the file are ignored."
    )
    key: Literal["email", "mobile", "both"] = Field(
        default="email",
        description=(
            "What identifies a recipient: the e-mail address, the mobile number, or both: the "
            "address if the row has one, else the number."
        ),
    )
    default_region: str = Field(
        default="IT",
        description="Two-letter country of mobile numbers without international prefix.",
    )
    status_values: dict[str, Status] = Field(
        default={"1": "subscribed", "0": "unsubscribed"},
        description="Meaning of the status column's values; 1 is subscribed in MailUp's files.",
    )
    blank_texts: list[str] = Field(
        default=[],
        description=(
            "Texts that mean an empty cell, in every column, such as NULL or 0000-00-00; letter "
            "case and white space are ignored."
        ),
    )
    lists: list[int] = Field(
        default=[],
        description="Ids of lists that the list column may contain; other rows are rejected.",
    )
    last_row_decides_status: bool = Field(
        default=False,
        description=(
            "Of several rows for one recipient the last one is imported. Off: a row that "
            "unsubscribes wins over the others. On: the last row also decides the status."
        ),
    )
    second_key: Literal["keep_known", "reject"] = Field(
        default="keep_known",
        description=(
            "If MailUp has the person with another mobile number (or address) than the row: send "
            "the row without it, so that MailUp keeps its own, or reject the row."
        ),
    )
    clear_unmapped_fields: bool = Field(
        default=False,
        description=(
            "Accept that clearing blank cells also clears, for these recipients, every dynamic "
            "field of the account that is not mapped; MailUp cannot clear single fields."
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Mapping":
        for mistake in _mapping_mistakes(self):
            raise ValueError(mistake)
        return self

    def of(self, target: Target) -> list[Column]:
        """The columns with this target."""
        return [column for column in self.columns if column.target == target]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels by which people of a file can be written to."""
        return tuple(channel for channel, target in KEYS.items() if self.of(target))

    @property
    def several_groups(self) -> bool:
        """Whether a cell may hold several groups."""
        return any(column.separator for column in self.columns)

    @property
    def clears(self) -> bool:
        """Whether blank cells clear values in MailUp."""
        return any(column.blank == "clear" for column in self.columns)


def _mapping_mistakes(mapping: Mapping) -> Iterator[str]:
    """Contradictions between the settings, as sentences."""
    yield from _key_mistakes(mapping)
    yield from _repeated_targets(mapping)
    if mapping.default_region not in phonenumbers.SUPPORTED_REGIONS:
        yield "default_region: give a country as two capital letters, such as IT."
    yield from _destination_mistakes(mapping)
    yield from _clearing_mistakes(mapping)


def _key_mistakes(mapping: Mapping) -> Iterator[str]:
    keys: tuple[Target, ...] = ("email", "mobile")
    for target in (key for key in keys if mapping.key in (key, "both")):
        if not mapping.of(target):
            yield f"key '{mapping.key}' needs a column with target '{target}'."
        if any(column.unreadable == "blank" for column in mapping.of(target)):
            yield f"unreadable 'blank' is not possible for the key, '{target}'; choose 'reject'."
    if mapping.of("prefix") and not mapping.of("mobile"):
        yield "A column with target 'prefix' needs one with target 'mobile'."


def _repeated_targets(mapping: Mapping) -> Iterator[str]:
    targets = Counter(column.target for column in mapping.columns if column.target != "field")
    for target, times in targets.items():
        if times > 1:
            yield f"{times} columns have the target '{target}'; only one may."
    names = Counter(column.field.strip().casefold() for column in mapping.of("field"))
    for name, times in names.items():
        if times > 1:
            yield f"{times} columns go to the dynamic field '{name}'; only one may."
    if len(names) > MAX_FIELDS:
        yield f"{len(names)} dynamic fields are mapped; MailUp has at most {MAX_FIELDS}."


def _destination_mistakes(mapping: Mapping) -> Iterator[str]:
    by_row = bool(mapping.of("list"))
    if by_row and not mapping.lists:
        yield "lists: give the ids of the lists that the list column may contain."
    if mapping.lists and not by_row:
        yield "lists is only for mappings with a column of target 'list'; leave it empty."
    if any(number < 1 for number in mapping.lists):
        yield "lists: ids are numbers from 1."
    if not all(text.strip() for text in mapping.blank_texts):
        yield "blank_texts: leave out empty texts; an empty cell is blank anyway."
    meanings = [value.strip().casefold() for value in mapping.status_values]
    if "" in meanings or len(meanings) != len(set(meanings)) or not meanings:
        yield "status_values: give each value once, not empty; letter case is ignored."


def _clearing_mistakes(mapping: Mapping) -> Iterator[str]:
    fields = mapping.of("field")
    if mapping.clears and any(column.blank != "clear" for column in fields):
        yield (
            "blank 'clear': MailUp clears all fields of a recipient or none, so set it on every "
            "column with target 'field', or on none."
        )
    if mapping.clear_unmapped_fields and not mapping.clears:
        yield "clear_unmapped_fields has no effect without columns that have blank 'clear'."
