"""Convert pages of MailUp's items to polars frames.

Keys are compared without letter case and underscores. A field that is missing, empty or of an
unexpected type is null: the statistics are not fully documented, and one odd row must not stop the
others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, Literal

import polars as pl

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import JsonObject
from blocks.mailup.pages.moments import moment
from blocks.mailup.pages.tables import Table

ValuesByKey = dict[str, list[list[Any] | pl.Series]]
ColumnKind = Literal["id", "count", "text", "moment"]

_LEAST, _LARGEST = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"(-?[0-9]{1,19})(?:\.0*)?")


@dataclass(frozen=True)
class PageColumn:
    """One column of a frame, and the names that it may have at MailUp, best first."""

    name: str
    kind: ColumnKind
    keys: tuple[str, ...]

    @property
    def dtype(self) -> type[pl.DataType]:
        """Whole numbers for ids and counts, text for the rest."""
        return pl.Int64 if self.kind in {"id", "count"} else pl.String

    def series(self, by_key: ValuesByKey, rows: int) -> pl.Series:
        """The column's values, one per item, from the items' values by normalised key."""
        found = [values for key in self.keys for values in by_key.get(key, ())]
        if not found:
            nothing = _READ[self.kind](None)
            return pl.repeat(nothing, rows, dtype=self.dtype, eager=True).alias(self.name)
        values = found[0] if len(found) == 1 else list(map(_first, zip(*found, strict=True)))
        if isinstance(values, pl.Series):
            if values.dtype == self.dtype and self.kind != "moment":
                return self._filled(values.alias(self.name))
            values = values.to_list()
        # Fast path: nearly all pages have only values of the expected type.
        if set(map(type, values)) <= _EXPECTED[self.kind]:
            try:
                return self._filled(pl.Series(self.name, values, dtype=self.dtype))
            except (TypeError, UnicodeEncodeError):
                pass  # a number too large for 64 bits, a lone surrogate
        read = _READ[self.kind]
        return pl.Series(self.name, [read(value) for value in values], dtype=self.dtype)

    def _filled(self, values: pl.Series) -> pl.Series:
        """The result of `_READ` for values that all have the expected type."""
        if self.kind == "count":
            return values.fill_null(1)
        return values.set(values == "", None) if self.kind == "text" else values


def frame(items: Sequence[Any], columns: Iterable[PageColumn]) -> pl.DataFrame:
    """One row per item, exactly *columns*; `MailUpUnavailable` if an item is not an object."""
    values = by_key(items)
    return pl.DataFrame([column.series(values, len(items)) for column in columns])


def frames(
    pages: Iterable[Sequence[JsonObject]], columns: tuple[PageColumn, ...]
) -> Iterator[pl.DataFrame]:
    """The frames of a walk, page by page; none for an empty walk."""
    for items in pages:
        yield frame(items, columns)


def by_key(items: Sequence[Any]) -> ValuesByKey:
    """The values of *items* by normalised key (lower case, no underscore), one list per spelling;
    None where an item lacks it."""
    if not isinstance(items, Table) and not set(map(type, items)) <= {dict}:
        raise MailUpUnavailable("An item of a MailUp page is not an object.")
    found: ValuesByKey = {}
    for key, values in _by_spelling(items):
        found.setdefault(key.lower().replace("_", ""), []).append(values)
    return found


def _by_spelling(items: Sequence[JsonObject]) -> Iterable[tuple[str, list[Any] | pl.Series]]:
    if isinstance(items, Table):
        return [(values.name, values) for values in items.columns]
    keys = tuple(items[0]) if items else ()
    if set(map(len, items)) <= {len(keys)}:
        try:
            # Fast path: on most pages all items have the same keys.
            return [(key, list(map(itemgetter(key), items))) for key in keys]
        except KeyError:
            pass
    every = dict.fromkeys(chain.from_iterable(items))
    return [(key, [item.get(key) for item in items]) for key in every]


def _first(values: Sequence[Any]) -> Any:
    """The first value that is not empty."""
    return next((value for value in values if value not in (None, "")), None)


def whole_or_none(value: object) -> int | None:
    """A whole number of 64 bits, from a JSON number or text such as 5 or 5.0; else None."""
    if isinstance(value, str) and (found := _DIGITS.fullmatch(value.strip())):
        value = int(found[1])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        return None
    return value if _LEAST <= value <= _LARGEST else None


def text_or_none(value: object) -> str | None:
    """Text of a string or number that can be encoded as UTF-8; None for "" and other types."""
    if type(value) is int or isinstance(value, float):
        return str(value)
    if not isinstance(value, str) or not value:
        return None
    # JSON can contain lone surrogates, which cannot be encoded.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _occurrences(value: object) -> int:
    """A number of occurrences; 1 if there is none."""
    count = whole_or_none(value)
    return 1 if count is None else count


_EXPECTED: dict[ColumnKind, set[type]] = {
    "id": {int, type(None)},
    "count": {int, type(None)},
    "text": {str, type(None)},
    "moment": {type(None)},
}
_READ: dict[ColumnKind, Callable[[object], Any]] = {
    "id": whole_or_none,
    "count": _occurrences,
    "text": text_or_none,
    "moment": moment,
}
