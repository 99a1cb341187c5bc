"""Resolves a mapping against the columns of a file and the dynamic fields of an account.

If a header is missing, the first line is somebody's data. Messages therefore quote only column
names that the mapping contains, and refer to other columns by position.
"""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from datetime import date

from blocks.errors import ConfigurationError, FileHeld
from blocks.mailup.resources.imports import Channel
from tasks.records.mapping.basis import ConsentBasis, ConsentGround
from tasks.records.mapping.marks import compared
from tasks.records.mapping.settings import Column, Mapping, Target

NO_BASIS = ConsentBasis()


@dataclass(frozen=True)
class MappedColumn:
    """A column of the mapping: `name` in the file, `field_name` in records.

    `field_name` is "email", "number", "field_12" ...; `field_id` is 0 for other targets.
    """

    name: str
    field_name: str
    rule: Column
    field_id: int = 0


@dataclass(frozen=True)
class ResolvedMapping:
    """A mapping resolved against a file and an account.

    `file_columns` are in the file's order. `groups` are the existing groups per list id, as
    {name as compared, or id: name or id as in the account}; rows for other groups are rejected
    unless `create_groups`. `grounds` per channel say what the columns STATUS_OF mean; empty for
    agreements without a basis, whose column with target "status" gives the status. `today` is the
    account's day.
    """

    mapping: Mapping
    file_columns: tuple[str, ...]
    columns: tuple[MappedColumn, ...]
    list_id: int
    group: str
    groups: Table[int, Table[str, str]]
    create_groups: bool
    grounds: Table[Channel, ConsentGround] = field(default_factory=dict)
    today: date = date.max

    def column_for(self, target: Target) -> MappedColumn | None:
        """The column with this target, or None."""
        return next((column for column in self.columns if column.rule.target == target), None)

    @property
    def fields(self) -> list[MappedColumn]:
        """The columns that go to dynamic fields, by ascending id."""
        mapped = [column for column in self.columns if column.field_id]
        return sorted(mapped, key=lambda column: column.field_id)

    def client_name(self, field_name: str) -> str:
        """The file's column for a field of the record; empty if there is none."""
        return next((each.name for each in self.columns if each.field_name == field_name), "")


STATUS_OF: dict[Channel, str] = {"email": "email_status", "sms": "sms_status"}
"""Columns of the records with the status of a row on each channel."""

_FIELD_NAMES: dict[Target, str] = {
    "email": "email",
    "mobile": "number",
    "prefix": "prefix",
    "list": "list_id",
    "group": "group",
    "status": "status",
}


def resolve_mapping(
    mapping: Mapping,
    file_columns: Sequence[str],
    fields: Table[int, str],
    *,
    list_id: int = 0,
    group: str = "",
    groups: Table[int, Table[int, str]] | None = None,
    create_groups: bool = False,
    basis: ConsentBasis = NO_BASIS,
    today: date = date.max,
) -> ResolvedMapping:
    """Resolve the names of a mapping.

    `file_columns` are the file's columns in order, `fields` the account's dynamic fields (id to
    name). `list_id` and `group` apply to all rows without a column for them. `groups` are the
    groups per list id (id to name), needed only with a group column. `basis` says who agreed.

    Raises FileHeld(reason="header") if the file lacks a column, ConfigurationError if the account
    lacks a field or the records have no list.
    """
    columns = tuple(_mapped(column, file_columns, fields, mapping) for column in mapping.columns)
    columns += tuple(_ground_columns(basis, file_columns, mapping))
    _check_shared_fields(columns)
    _check_clearing(mapping, columns, fields)
    if not list_id and not mapping.of("list"):
        raise ConfigurationError(
            "The records have no list: give list_id, or map a column to target 'list'."
        )
    return ResolvedMapping(
        mapping=mapping,
        file_columns=tuple(file_columns),
        columns=columns,
        list_id=list_id,
        group=group,
        groups=_by_any_name(groups or {}),
        create_groups=create_groups,
        grounds={channel: basis.of(channel) for channel in STATUS_OF} if basis.known else {},
        today=today,
    )


def _ground_columns(
    basis: ConsentBasis, file_columns: Sequence[str], mapping: Mapping
) -> Iterator[MappedColumn]:
    """The columns that say who may be written to, as if they were mapped."""
    for channel in mapping.channels:
        if wanted := basis.of(channel).column:
            rule = Column(column=wanted, target="status")
            yield MappedColumn(in_file(wanted, file_columns, mapping), STATUS_OF[channel], rule)


def _mapped(
    column: Column, file_columns: Sequence[str], fields: Table[int, str], mapping: Mapping
) -> MappedColumn:
    name = in_file(column.column, file_columns, mapping)
    if column.target != "field":
        return MappedColumn(name, _FIELD_NAMES[column.target], column)
    number = field_id(column.field, fields)
    return MappedColumn(name, f"field_{number}", column, number)


def in_file(wanted: str, file_columns: Sequence[str], mapping: Mapping) -> str:
    """Find the file's column by name (case-insensitive if not exact) or position (#3)."""
    if wanted in file_columns:
        return wanted
    position = wanted.removeprefix("#")
    if wanted.startswith("#") and position.isdecimal() and 1 <= int(position) <= len(file_columns):
        return file_columns[int(position) - 1]
    matching = [name for name in file_columns if _same(name, wanted)]
    if len(matching) == 1:
        return matching[0]
    fault = "has several columns" if matching else "has no column"
    raise FileHeld(
        f"The file {fault} '{wanted}'; {_known_columns(file_columns, mapping)}. Nothing of it was "
        "sent: correct the file's header or the mapping.",
        reason="header",
    )


def display_names(file_columns: Sequence[str], agreed: Sequence[str]) -> dict[str, str]:
    """Name of each column for messages: as agreed, else its position."""
    return {
        name: next((each for each in agreed if _same(each, name)), f"#{place}")
        for place, name in enumerate(file_columns, start=1)
    }


def _known_columns(file_columns: Sequence[str], mapping: Mapping) -> str:
    """The columns of the file that the mapping contains, for a message."""
    names = display_names(file_columns, [each.column for each in mapping.columns])
    known = [
        f"#{place} '{names[name]}'"
        for place, name in enumerate(file_columns, start=1)
        if names[name] != f"#{place}"
    ]
    if not known:
        return (
            f"none of the {len(names)} cells of its first line is in the mapping, so it may have "
            "no header"
        )
    return f"of its {len(names)} columns, the mapping has {_joined(known)}"


def field_id(wanted: str, fields: Table[int, str]) -> int:
    """Find the id of a dynamic field by id or by name, case-insensitive."""
    if wanted.strip().isdecimal() and int(wanted) in fields:
        return int(wanted)
    matching = [number for number, name in fields.items() if _same(name, wanted)]
    if len(matching) == 1:
        return matching[0]
    fault = "several dynamic fields" if matching else "no dynamic field"
    existing = _listed([f"{number} {name}" for number, name in sorted(fields.items())])
    raise ConfigurationError(
        f"The account has {fault} '{wanted}'; it has {existing}. Give the field's id in the "
        "mapping."
    )


def _check_shared_fields(columns: Sequence[MappedColumn]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        if column.field_name in seen:
            raise ConfigurationError(
                f"The columns '{seen[column.field_name]}' and '{column.rule.column}' both go to "
                f"field {column.field_id}; map one of them."
            )
        seen[column.field_name] = column.rule.column


def _check_clearing(
    mapping: Mapping, columns: Sequence[MappedColumn], fields: Table[int, str]
) -> None:
    unmapped = set(fields) - {column.field_id for column in columns}
    if mapping.clears and unmapped and not mapping.clear_unmapped_fields:
        names = _listed([f"{number} {fields[number]}" for number in sorted(unmapped)])
        raise ConfigurationError(
            "blank 'clear' would also clear the dynamic fields that are not mapped: "
            f"{names}. Map them, set clear_unmapped_fields to true, or use blank 'keep'."
        )


def _by_any_name(groups: Table[int, Table[int, str]]) -> dict[int, dict[str, str]]:
    """Names and ids of groups, to the one that is used; of groups with one name the oldest."""
    return {
        list_id: {str(number): str(number) for number in names}
        | {compared(name): name.strip() for _, name in sorted(names.items(), reverse=True)}
        for list_id, names in groups.items()
    }


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    """A name without what cannot be seen: blanks around it, letter case, forms of Unicode."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def _listed(names: Collection[str], limit: int = 40) -> str:
    """Names for a message, at most `limit` of them."""
    return _joined([f"'{name}'" for name in names], limit)


def _joined(texts: Sequence[str], limit: int = 40) -> str:
    shown = ", ".join(texts[:limit])
    return f"{shown} and {len(texts) - limit} more" if len(texts) > limit else shown or "none"
