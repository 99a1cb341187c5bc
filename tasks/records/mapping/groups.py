"""Reads the cells of a group column: one group, or several with an agreed sign between them."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

import polars as pl

from tasks.records.frames import BETWEEN_GROUPS
from tasks.records.mapping import marks
from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.resolve import ResolvedMapping


def with_groups(values: pl.DataFrame, mapping: ResolvedMapping, separator: str) -> pl.DataFrame:
    """Replace group cells by the names of their groups in the account, BETWEEN_GROUPS between them.

    A cell is UNREADABLE if one of its groups is missing and not to be created.
    """
    cells = values.select("list_id", "group").drop_nulls("group").unique()
    # Cells have few groups in many combinations: each group is looked up once.
    read_part = cache(partial(_read_part, mapping))
    read = [
        _read(cell, separator, partial(read_part, list_id))
        if separator
        else _named(cell, mapping.groups.get(list_id, {}), create=mapping.create_groups)
        for list_id, cell in cells.iter_rows()
    ]
    looked_up = cells.with_columns(found=pl.Series(read, dtype=pl.String))
    joined = values.join(
        looked_up, on=["list_id", "group"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.with_columns(group="found").drop("found")


def _read(cell: str, separator: str, read_part: Callable[[str], tuple[str, str]]) -> str | None:
    found = dict(map(read_part, _parts(cell, separator)))
    names = sorted(filter(None, found.values()))
    return UNREADABLE if UNREADABLE in names else BETWEEN_GROUPS.join(names) or None


def _read_part(mapping: ResolvedMapping, list_id: int, part: str) -> tuple[str, str]:
    """The group of a part, after its name for comparison; empty if the part means nothing."""
    nothing = {marks.without_blanks(text) for text in mapping.mapping.blank_texts}
    if marks.without_blanks(part) in nothing:
        return "", ""
    known = mapping.groups.get(list_id, {})
    whole = '"' not in (part[0], part[-1])  # half of a pair of quotes makes no new name
    name = _named(part, known, create=mapping.create_groups and whole)
    return marks.compared(name), name


def _parts(cell: str, separator: str) -> Iterator[str]:
    """The texts between separators, without blanks and quotes around them; empty ones left out.

    A separator in quotes is part of a name; a quote in a name is doubled.
    """
    quoted = r'\s*"(?P<quoted>(?:[^"]|"")*)"\s*'
    part = re.compile(rf"(?:{quoted}|(?P<bare>.*?))(?:{re.escape(separator)}|\Z)", re.DOTALL)
    # Padded, for a separator with blanks may be the first or the last thing in a trimmed cell.
    for found in part.finditer(f" {marks.without_marker(cell)} "):
        bare, within = found["bare"], found["quoted"]
        text = within.replace('""', '"') if bare is None else bare
        if text := text.strip():
            yield text


def _named(text: str, known: Mapping[str, str], *, create: bool) -> str:
    """The group in the account, or the one to be created; UNREADABLE if there is none."""
    whole = marks.compared(text)
    found = known.get(whole) or known.get(marks.compared(marks.unwrapped(text)))
    if found or not create:
        return found or UNREADABLE
    name = marks.without_marker(text)
    # A number is an id, and no group is created under a given id.
    return name if marks.is_sound_name(name) and not name.isdecimal() else UNREADABLE
