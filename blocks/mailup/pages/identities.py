"""Identity of the items of a walk, and which of them were already seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import LARGEST, JsonObject, lowered, whole_number
from blocks.mailup.pages.tables import Table

MOST_UNSORTED = 50_000
"""Keys that are collected before they are sorted, unless they are needed earlier."""


@dataclass(frozen=True)
class ItemIdentity:
    """The fields that identify an item, each with the names that it may have.

    *unique*: an id, a whole number. Otherwise several items may be equal, and are distinguished by
    their position (first, second ...). No fields: the whole item.
    """

    fields: tuple[tuple[str, ...], ...] = ()
    unique: bool = False

    def keys(self, items: Sequence[JsonObject], doing: str) -> pl.Series:
        """A 64-bit number per item: its id, or a hash of its fields.

        `MailUpUnavailable`, which names *doing*, if an id is missing or not a number.
        """
        if self.unique:
            return _ids(items, self.fields[0], doing)
        if not self.fields:
            return pl.Series([_written(item) for item in items], dtype=pl.String).hash()
        columns = {names[0]: _column(items, names) for names in self.fields}
        return pl.DataFrame(columns).hash_rows()


def by_id(*names: str) -> ItemIdentity:
    """Identity by an id with one of these names."""
    return ItemIdentity((names,), unique=True)


def _ids(items: Sequence[JsonObject], names: tuple[str, ...], doing: str) -> pl.Series:
    values = _values(items, names)
    if not set(map(type, values)) <= {int} or min(values, default=0) < 0:
        values = [whole_number(value, f"{doing}, field {names[0]}") for value in values]
    if max(values, default=0) > LARGEST:
        raise MailUpUnavailable(f"{doing}, field {names[0]}: MailUp's answer has no id.")
    return pl.Series(values, dtype=pl.Int64)


def _column(items: Sequence[JsonObject], names: tuple[str, ...]) -> pl.Series:
    """Whole numbers if all values are, else texts: the same types as in a table."""
    if isinstance(items, Table):
        found = _spelling(items.columns.columns, names)
        if found is not None:
            return items.columns[found]
    values = _values(items, names)
    if set(map(type, values)) <= {int, type(None)}:
        try:
            return pl.Series(values, dtype=pl.Int64)
        except (TypeError, OverflowError):
            pass  # a number too large for 64 bits
    # JSON can contain lone surrogates, which polars rejects.
    texts = [
        None if value is None else str(value).encode("utf-8", "replace").decode()
        for value in values
    ]
    return pl.Series(texts, dtype=pl.String)


def _values(items: Sequence[JsonObject], names: tuple[str, ...]) -> list[Any]:
    """Each item's value under one of *names*, in any letter case; None if it has none."""
    if isinstance(items, Table):
        found = _spelling(items.columns.columns, names)
        return [None] * len(items) if found is None else items.columns[found].to_list()
    first = items[0] if items and isinstance(items[0], dict) else {}
    spelled = _spelling(first, names) or names[0]
    try:
        # Fast path: on most pages all items have the same keys.
        values = [item[spelled] for item in items]
    except (KeyError, TypeError):
        values = [None]
    return [_value(item, names) for item in items] if None in values else values


def _spelling(there: Iterable[str], names: tuple[str, ...]) -> str | None:
    """The spelling of the first of *names* that exists."""
    spelled = {name.lower(): name for name in there}
    return next((spelled[name] for name in names if name in spelled), None)


def _value(item: Any, names: tuple[str, ...]) -> Any:
    if not isinstance(item, dict):
        raise MailUpUnavailable("An item of a MailUp page is not an object.")
    plain = lowered(item)
    return next((plain[name] for name in names if plain.get(name) is not None), None)


def _written(item: Any) -> str:
    """An item as text, independent of the order of its fields."""
    return repr(sorted(item.items()) if isinstance(item, dict) else item)


class SeenKeys:
    """Counts 64-bit keys, in 8 bytes each: in a few sorted runs, each longer than the following
    ones together, and a list of new keys that are not yet sorted."""

    def __init__(self) -> None:
        self._runs: list[pl.Series] = []
        self._new: list[pl.Series] = []
        self._unsorted = 0
        self._sorted = 0
        self.largest: int | None = None

    def __len__(self) -> int:
        return self._sorted + self._unsorted

    def times(self, keys: pl.Series) -> pl.Series:
        """How often each of *keys* was added."""
        self._sort()
        found = pl.repeat(0, keys.len(), dtype=pl.Int64, eager=True)
        for run in self._runs:
            found += run.search_sorted(keys, "right").cast(pl.Int64)
            found -= run.search_sorted(keys, "left").cast(pl.Int64)
        return found

    def add(self, keys: pl.Series) -> None:
        """Add *keys*, each as often as it occurs."""
        if not keys.len():
            return
        top: Any = keys.max()
        self.largest = top if self.largest is None else max(self.largest, top)
        self._new.append(keys)
        self._unsorted += keys.len()
        if self._unsorted > MOST_UNSORTED:
            self._sort()

    def _sort(self) -> None:
        if not self._new:
            return
        run = pl.concat(self._new).sort()
        self._sorted, self._new, self._unsorted = len(self), [], 0
        while self._runs and self._runs[-1].len() <= 2 * run.len():
            run = pl.concat([self._runs.pop(), run]).sort()
        self._runs.append(run)
