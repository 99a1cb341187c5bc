"""Bodies of MailUp's asynchronous imports: JSON built column by column."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import polars as pl

from tasks.records.batching.batches import Batch

_ESCAPED = {chr(code): json.dumps(chr(code))[1:-1] for code in [*range(0x20), 0x22, 0x5C]}
"""Escapes of characters that JSON cannot contain: control characters, quote, backslash."""

_SPECIAL = "".join(_ESCAPED).encode()
_IDENTIFIERS = {"email": "Email", "prefix": "MobilePrefix", "number": "MobileNumber"}
_FIELD = "field_"


def as_they_are(_batch: Batch, records: pl.DataFrame) -> pl.DataFrame:
    """The records of a batch, unchanged."""
    return records


def encoded(
    batches: Iterable[Batch],
    adjusted: Callable[[Batch, pl.DataFrame], pl.DataFrame] = as_they_are,
) -> Iterator[tuple[Batch, pl.Series]]:
    """Yield each batch with its recipients; a file shared by batches is read once.

    `adjusted` may change the records, but not how many there are, nor their order.
    """
    at: Path | None = None
    for batch in batches:
        parts: list[pl.Series] = []
        for path, start, rows in batch.pieces:
            if path != at:
                at, texts = path, recipient_objects(adjusted(batch, pl.read_parquet(path)))
            parts.append(texts.slice(start, rows))
        yield batch, pl.concat(parts)


def array(recipients: pl.Series) -> bytes:
    """JSON objects as one array."""
    joined: bytes = recipients.str.join(",").cast(pl.Binary).item()
    return b"[" + joined + b"]"


def recipient_objects(records: pl.DataFrame) -> pl.Series:
    """One JSON object for each record (schema RECORD and fields, all of one channel).

    The texts equal those of json.dumps(..., ensure_ascii=False, separators=(",", ":")) on {"Name",
    "Email", "MobilePrefix", "MobileNumber", "Fields": [{"Id", "Value"}]}, without null values; Name
    is empty, and only on the SMS channel, which requires it.
    """
    fields = [name for name in records.columns if name.startswith(_FIELD)]
    nulls = {name: records[name].null_count() for name in (*_IDENTIFIERS, *fields)}
    used = tuple(name for name, missing in nulls.items() if missing < records.height)
    partly = frozenset(name for name in used if nulls[name])
    sms = records.height > 0 and records["channel"][0] == "sms"
    return _escaped(records, used).select(recipient=_recipient(used, partly, sms=sms)).to_series()


def _escaped(records: pl.DataFrame, used: tuple[str, ...]) -> pl.DataFrame:
    """Records whose texts in the columns `used` are escaped for JSON strings."""
    special = [name for name in used if _is_special(records[name])]
    return records.with_columns(pl.col(special).str.replace_many(_ESCAPED)) if special else records


def _is_special(texts: pl.Series) -> bool:
    """Whether any text needs escapes; all are searched at once, which is much faster."""
    whole: bytes = texts.str.join().cast(pl.Binary).item()
    return len(whole.translate(None, _SPECIAL)) < len(whole)


@lru_cache(maxsize=64)
def _recipient(used: tuple[str, ...], partly: frozenset[str], *, sms: bool) -> pl.Expr:
    """One recipient with the columns `used`, of which those in `partly` are null in some rows."""
    row = _Row('{"Name":"",' if sms else "{")
    for name, key in _IDENTIFIERS.items():
        if name in used:
            row.add(f'"{key}":"', name, '",', may_lack=name in partly)
    row.text += '"Fields":['
    fields = [name for name in used if name.startswith(_FIELD)]
    # Commas belong to a field that every row has; if there is none, the last comma is removed.
    anchor = next((place for place, name in enumerate(fields) if name not in partly), len(fields))
    array = row if anchor < len(fields) else _Row("")
    for place, name in enumerate(fields):
        before, after = "," * (place > anchor), "," * (place < anchor)
        start = f'{before}{{"Id":{name.removeprefix(_FIELD)},"Value":"'
        array.add(start, name, f'"}}{after}', may_lack=name in partly)
    if array is not row:
        row.add_expression(array.expression().str.strip_suffix(","))
    row.text += "]}"
    return row.expression()


class _Row:
    """Builds a text from columns; `text` is what follows the last column."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Not a literal, which would lose rows without any value.
        self._parts: list[pl.Expr] = [pl.repeat("", pl.len())]

    def add(self, before: str, name: str, after: str, *, may_lack: bool) -> None:
        """Add a column's value with the text around it, or nothing if the value is null."""
        if may_lack:
            whole = pl.concat_str(pl.lit(before), pl.col(name), pl.lit(after))
            self.add_expression(whole.fill_null(""))
            return
        self.text += before  # adjacent texts become one literal, which is faster
        self.add_expression(pl.col(name))
        self.text = after

    def add_expression(self, expression: pl.Expr) -> None:
        self._parts += [pl.lit(self.text), expression]
        self.text = ""

    def expression(self) -> pl.Expr:
        return pl.concat_str(*self._parts, pl.lit(self.text))
