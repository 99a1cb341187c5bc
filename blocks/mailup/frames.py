"""Pages of MailUp's items as polars frames: one fast step per page, whatever the spelling.

Keys are read without regard to letter case and underscores. A field that is missing, empty or of
another type than expected is null: what the statistics carry is not fully documented, and one odd
row must not stop the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import polars as pl

from blocks.errors import MailUpUnavailable
from blocks.mailup.answers import JsonObject
from blocks.mailup.moments import moment

Spellings = dict[str, list[str]]
Kind = Literal["id", "count", "text", "moment"]

_LEAST, _LARGEST = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"-?\d{1,19}")


@dataclass(frozen=True)
class Column:
    """One column of a frame, and the names under which MailUp may send it, best first."""

    name: str
    kind: Kind
    keys: tuple[str, ...]

    @property
    def dtype(self) -> type[pl.DataType]:
        """Whole numbers for ids and counts, text for the rest."""
        return pl.Int64 if self.kind in {"id", "count"} else pl.String

    def series(self, items: Sequence[JsonObject], spellings: Spellings) -> pl.Series:
        """The column's values, one per item."""
        found = [spelled for key in self.keys for spelled in spellings.get(key, ())]
        values = _values(items, found)
        # Nearly every page holds what is expected and nothing else.
        if set(map(type, values)) <= _EXPECTED[self.kind]:
            try:
                return self._filled(pl.Series(self.name, values, dtype=self.dtype))
            except (TypeError, UnicodeEncodeError):
                pass  # a number too large for 64 bits, half of a character
        read = _READ[self.kind]
        return pl.Series(self.name, [read(value) for value in values], dtype=self.dtype)

    def _filled(self, values: pl.Series) -> pl.Series:
        """What `_READ` makes of values that are all of the expected type."""
        if self.kind == "count":
            return values.fill_null(1)
        return values.set(values == "", None) if self.kind == "text" else values


def frame(items: Sequence[Any], columns: Iterable[Column]) -> pl.DataFrame:
    """One row per item, exactly *columns*. An item that is no object is an unusable answer."""
    spellings = spelled(items)
    return pl.DataFrame([column.series(items, spellings) for column in columns])


def frames(
    pages: Iterable[list[JsonObject]], columns: tuple[Column, ...]
) -> Iterator[pl.DataFrame]:
    """The frames of a walk, page by page; nothing for an empty walk."""
    for items in pages:
        yield frame(items, columns)


def empty(columns: Iterable[Column]) -> pl.DataFrame:
    """The frame without rows."""
    return pl.DataFrame(schema={column.name: column.dtype for column in columns})


def spelled(items: Sequence[Any]) -> Spellings:
    """How the keys of *items* are spelled, by their plain form (lower case, no underscore)."""
    if not set(map(type, items)) <= {dict}:
        raise MailUpUnavailable("An item of a MailUp page is not an object.")
    spellings: Spellings = {}
    # Items have few different sets of keys, most pages one.
    for key in dict.fromkeys(chain.from_iterable(dict.fromkeys(map(tuple, items)))):
        spellings.setdefault(key.lower().replace("_", ""), []).append(key)
    return spellings


def _values(items: Sequence[JsonObject], keys: list[str]) -> list[Any]:
    """Per item the value of the first of *keys* that holds one."""
    if not keys:
        return [None] * len(items)
    if len(keys) == 1:
        return [item.get(keys[0]) for item in items]
    return [_first(item, keys) for item in items]


def _first(item: JsonObject, keys: list[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) not in (None, "")), None)


def whole_or_none(value: object) -> int | None:
    """A whole number that fits 64 bits, from a JSON number or digits."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = int(value)
    if type(value) is not int:
        return None
    return value if _LEAST <= value <= _LARGEST else None


def text_or_none(value: object) -> str | None:
    """Text that can be written as UTF-8; None for "" and for what is no text and no number."""
    if type(value) is int or isinstance(value, float):
        return str(value)
    if not isinstance(value, str) or not value:
        return None
    # JSON can spell half of a character (a lone surrogate), which no file can hold.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _occurrences(value: object) -> int:
    """A number of occurrences; one where the row does not count."""
    count = whole_or_none(value)
    return 1 if count is None else count


_EXPECTED: dict[Kind, set[type]] = {
    "id": {int, type(None)},
    "count": {int, type(None)},
    "text": {str, type(None)},
    "moment": {type(None)},
}
_READ: dict[Kind, Callable[[object], Any]] = {
    "id": whole_or_none,
    "count": _occurrences,
    "text": text_or_none,
    "moment": moment,
}
