"""A mapping made concrete: this file's columns, this account's fields.

The first line of a file may be a person instead of names of columns, and nothing about a text says
which. What is told of it is therefore what the mapping knows; of anything else, the position.
"""

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass

from blocks.errors import ConfigurationError, FileHeld
from tasks.records.mapping.settings import Column, Mapping, Target


@dataclass(frozen=True)
class MappedColumn:
    """A column of the mapping with its name in the file and its name in our records.

    `name` is the file's; `into` is the record's ("email", "number", "field_12" ...).
    """

    name: str
    field_name: str
    rule: Column
    field_id: int = 0


@dataclass(frozen=True)
class ResolvedMapping:
    """A mapping resolved against a file and an account.

    `file_columns` in the file's order; `groups` per list id the groups that exist, as
    {lower-case name or id: name or id as the account writes it}; rows for other groups are refused
    unless `create_groups`.
    """

    mapping: Mapping
    file_columns: tuple[str, ...]
    columns: tuple[MappedColumn, ...]
    list_id: int
    group: str
    groups: Table[int, Table[str, str]]
    create_groups: bool

    def column_for(self, target: Target) -> MappedColumn | None:
        """The column with this target; None where there is none."""
        return next((column for column in self.columns if column.rule.target == target), None)

    @property
    def fields(self) -> list[MappedColumn]:
        """The columns that go to dynamic fields, by ascending id."""
        bound = [column for column in self.columns if column.field_id]
        return sorted(bound, key=lambda column: column.field_id)

    def client_name(self, into: str) -> str:
        """The client's name for what our records call `into`; empty if it is in no column."""
        return next((column.name for column in self.columns if column.field_name == into), "")


_INTO: dict[Target, str] = {
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
) -> ResolvedMapping:
    """Resolve the names of a mapping.

    `file_columns` are the file's columns in order; `fields` the account's dynamic fields, id to
    name. `list_id` and `group` hold for all rows where no column says otherwise. `groups` are those
    of the lists, as list id to group id to name, needed only with a group column; rows may name
    others only where `create_groups`.

    Raises FileHeld(reason="header") where the file lacks a column, ConfigurationError where the
    account lacks a field or the destination is missing.
    """
    bound = tuple(_bound(column, file_columns, fields, mapping) for column in mapping.columns)
    _refuse_shared_fields(bound)
    _refuse_surprise_clearing(mapping, bound, fields)
    if not list_id and not mapping.of("list"):
        raise ConfigurationError(
            "The records have no list: give list_id, or map a column to target 'list'."
        )
    return ResolvedMapping(
        mapping=mapping,
        file_columns=tuple(file_columns),
        columns=bound,
        list_id=list_id,
        group=group,
        groups=_spellings(groups or {}),
        create_groups=create_groups,
    )


def _bound(
    column: Column, file_columns: Sequence[str], fields: Table[int, str], mapping: Mapping
) -> MappedColumn:
    name = in_file(column.column, file_columns, mapping)
    if column.target != "field":
        return MappedColumn(name, _INTO[column.target], column)
    number = field_id(column.field, fields)
    return MappedColumn(name, f"field_{number}", column, number)


def in_file(wanted: str, file_columns: Sequence[str], mapping: Mapping) -> str:
    """The file's column meant by a name (letter case aside if need be) or a position (#3)."""
    if wanted in file_columns:
        return wanted
    position = wanted.removeprefix("#")
    if wanted.startswith("#") and position.isdecimal() and 1 <= int(position) <= len(file_columns):
        return file_columns[int(position) - 1]
    alike = [name for name in file_columns if _same(name, wanted)]
    if len(alike) == 1:
        return alike[0]
    fault = "has several columns" if alike else "has no column"
    raise FileHeld(
        f"The file {fault} '{wanted}'; {_there(file_columns, mapping)}. Nothing of it was sent: "
        "mend the file's header or the mapping.",
        reason="header",
    )


def told_names(file_columns: Sequence[str], mapping: Mapping) -> dict[str, str]:
    """How each column of a file is called for people: as in the mapping, else by its position."""
    return {
        name: next(
            (each.column for each in mapping.columns if _same(each.column, name)), f"#{place}"
        )
        for place, name in enumerate(file_columns, start=1)
    }


def _there(file_columns: Sequence[str], mapping: Mapping) -> str:
    """What the header holds, for a message, without a word that may be somebody's."""
    told = told_names(file_columns, mapping)
    known = [
        f"#{place} '{told[name]}'"
        for place, name in enumerate(file_columns, start=1)
        if told[name] != f"#{place}"
    ]
    if not known:
        return (
            f"none of the {len(told)} cells of its first line is a name of the mapping, so that "
            "it may be data"
        )
    return f"of its {len(told)} columns, the mapping has {_joined(known)}"


def field_id(wanted: str, fields: Table[int, str]) -> int:
    """Id of the dynamic field meant by an id or by a name, letter case aside."""
    if wanted.strip().isdecimal() and int(wanted) in fields:
        return int(wanted)
    alike = [number for number, name in fields.items() if _same(name, wanted)]
    if len(alike) == 1:
        return alike[0]
    fault = "several dynamic fields" if alike else "no dynamic field"
    there = _listed([f"{number} {name}" for number, name in sorted(fields.items())])
    raise ConfigurationError(
        f"The account has {fault} '{wanted}'; there are {there}. Name the field by its id in the "
        "mapping."
    )


def _refuse_shared_fields(bound: Sequence[MappedColumn]) -> None:
    seen: dict[str, str] = {}
    for column in bound:
        if column.field_name in seen:
            raise ConfigurationError(
                f"The columns '{seen[column.field_name]}' and '{column.rule.column}' both go to "
                f"field {column.field_id}; map one of them."
            )
        seen[column.field_name] = column.rule.column


def _refuse_surprise_clearing(
    mapping: Mapping, bound: Sequence[MappedColumn], fields: Table[int, str]
) -> None:
    unmapped = set(fields) - {column.field_id for column in bound}
    if mapping.clears and unmapped and not mapping.clear_unmapped_fields:
        names = _listed([f"{number} {fields[number]}" for number in sorted(unmapped)])
        raise ConfigurationError(
            "blank 'clear' would also clear the dynamic fields that are not mapped: "
            f"{names}. Map them, set clear_unmapped_fields to true, or take blank 'keep'."
        )


def _spellings(groups: Table[int, Table[int, str]]) -> dict[int, dict[str, str]]:
    """Every way to name a group, and the one that is used; of groups with one name the oldest."""
    return {
        list_id: {str(number): str(number) for number in names}
        | {name.strip().lower(): name.strip() for _, name in sorted(names.items(), reverse=True)}
        for list_id, names in groups.items()
    }


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _listed(names: Collection[str], limit: int = 40) -> str:
    """Names for a message, not more than a screen of them."""
    return _joined([f"'{name}'" for name in names], limit)


def _joined(texts: Sequence[str], limit: int = 40) -> str:
    shown = ", ".join(texts[:limit])
    return f"{shown} and {len(texts) - limit} more" if len(texts) > limit else shown or "none"
