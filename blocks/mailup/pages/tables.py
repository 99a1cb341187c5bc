"""Pages whose items are all alike, read into columns without a Python object for any item.

Such a page is read by polars and written again. Only where that gives the very bytes that MailUp
sent has nothing been misread, converted or left out; every other page is left to Python's objects.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, overload

import orjson
import polars as pl

from blocks.mailup.http.answers import JsonObject, lowered
from blocks.mailup.http.parsing import parsed

# A key that holds nothing in the first item may hold text in others.
_TYPES: dict[type, type[pl.DataType]] = {int: pl.Int64, str: pl.String, type(None): pl.String}


class Table(Sequence[JsonObject]):
    """Items that have the same keys in the same order; *columns* are spelled as they came."""

    def __init__(self, columns: pl.DataFrame) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return self.columns.height

    @overload
    def __getitem__(self, which: int) -> JsonObject: ...
    @overload
    def __getitem__(self, which: slice) -> "Table": ...
    def __getitem__(self, which: int | slice) -> "JsonObject | Table":
        if isinstance(which, slice):
            return Table(self.columns[which])
        return self.columns.row(which, named=True)

    def __iter__(self) -> Iterator[JsonObject]:
        return self.columns.iter_rows(named=True)

    def __eq__(self, other: object) -> bool:
        """Whether *other*, a table or a list, holds the same items."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        # One by one: two pages nearly always differ in their first items.
        return all(self[at] == other[at] for at in range(len(self)))


def tabled(body: bytes) -> Any:
    """What `parsed` makes of *body*; items of an envelope that are all alike come as a `Table`."""
    # Nothing before the first bracket and behind the last one is an array: if an envelope
    # without what is between them has empty items, the items are what is between them.
    start, end = body.find(b"["), body.rfind(b"]") + 1
    items = _table(body[start:end])
    if items is not None:
        try:
            value = parsed(body[:start] + b"[]" + body[end:])
        except ValueError:
            value = None
        if isinstance(value, dict) and (keys := lowered(value)).get("items") == []:
            return keys | {"items": items}
    return parsed(body)


def _table(items: bytes) -> Table | None:
    """The JSON array *items* as columns; None where it would not be written in the same way."""
    try:
        first = orjson.loads(items[1 : items.find(b"}") + 1])
        schema = {key: _TYPES[type(value)] for key, value in first.items()}
        columns = pl.read_json(items, schema=schema)
    except (KeyError, ValueError, pl.exceptions.PolarsError):
        return None
    written = BytesIO()
    columns.write_json(written)
    if b"\\" in items:
        # .NET writes a slash as \/. Where an escaped backslash stood before it, what is left is
        # not how polars writes anything.
        items = items.replace(b"\\/", b"/")
    return Table(columns) if written.getvalue() == items else None
