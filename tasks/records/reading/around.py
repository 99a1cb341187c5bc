"""Distinguishes lines above the header and below the last record from people's records.

Such lines are left out only if agreed, and never if one may be a person's record.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_PHONE = re.compile(r"[+\d\s()./\-]*")
_SHORTEST_PHONE = 6


@dataclass(frozen=True)
class Wanted:
    """What the mapping needs of a file.

    `names`: its columns that are given by name. `email`, `mobile`: the column of each key, by name
    or position ("#3"); empty if it is not a key.
    """

    names: tuple[str, ...] = ()
    email: str = ""
    mobile: str = ""


ANYBODY = Wanted()
"""Nothing is agreed yet: an address in any cell makes a record."""


def _same_name(one: str, other: str) -> bool:
    """Whether two column names are equal, apart from case, blanks and Unicode form."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip().casefold())


def has_names(cells: Sequence[str], wanted: Wanted) -> bool:
    """Whether a record contains all names of the mapping, and so is the header."""
    return bool(wanted.names) and not lacking_names(cells, wanted)


def lacking_names(cells: Sequence[str], wanted: Wanted) -> list[str]:
    """The names of the mapping that a record does not contain."""
    there = {_plain(cell) for cell in cells}
    return [name for name in wanted.names if _plain(name) not in there]


def is_blank(cells: Sequence[str]) -> bool:
    """Whether all cells are empty or contain only blanks."""
    return not any(cell.strip(" \t\r\n") for cell in cells)


def may_be_person(cells: Sequence[str], columns: Sequence[str], wanted: Wanted) -> bool:
    """Whether a record may be a person's.

    If it has as many cells as the table, those of the keys decide; otherwise every cell does.
    """
    if len(cells) != len(columns):
        return any("@" in cell or _is_phone(cell) for cell in cells)
    if not wanted.email and not wanted.mobile:
        return any("@" in cell for cell in cells)
    email, mobile = _at(wanted.email, cells, columns), _at(wanted.mobile, cells, columns)
    return "@" in email or _is_phone(mobile)


def _at(name: str, cells: Sequence[str], columns: Sequence[str]) -> str:
    """The cell of a column; empty without such a column."""
    found = (
        cell
        for position, (cell, column) in enumerate(zip(cells, columns, strict=True), start=1)
        if name and (_same_name(column, name) or name == f"#{position}")
    )
    return next(found, "")


def _is_phone(cell: str) -> bool:
    digits = sum(character.isdecimal() for character in cell)
    return digits >= _SHORTEST_PHONE and _PHONE.fullmatch(cell) is not None
