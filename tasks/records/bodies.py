"""Bodies of MailUp's asynchronous imports: JSON put together column by column."""

import json
from collections.abc import Iterator

import polars as pl

_ESCAPED = {chr(code): json.dumps(chr(code))[1:-1] for code in [*range(0x20), 0x22, 0x5C]}
"""What JSON cannot hold as it is: control characters, quote and backslash."""

_NEEDS_ESCAPE = r'[\x00-\x1f"\\]'
_IDENTIFIERS = {"email": "Email", "prefix": "MobilePrefix", "number": "MobileNumber"}
_FIELD = "field_"


def body(records: pl.DataFrame) -> bytes:
    """The JSON array for records of one destination, as UTF-8 (schema RECORD and fields).

    The bytes are those of json.dumps(..., ensure_ascii=False, separators=(",", ":")) on a list of
    {"Name", "Email", "MobilePrefix", "MobileNumber", "Fields": [{"Id", "Value"}]}, with null
    values left out and Name, empty, only on the SMS channel, where MailUp wants it.
    """
    if records.is_empty():
        return b"[]"
    texts = _escaped(records)
    pieces = [*_identifiers(texts), pl.lit('"Fields":['), _fields(texts), pl.lit("]}")]
    rows = texts.select(pl.concat_str(pieces).str.join(","))
    joined: bytes = rows.to_series().cast(pl.Binary).item()
    return b"[" + joined + b"]"


def _escaped(records: pl.DataFrame) -> pl.DataFrame:
    """The columns that go into the body, their texts fit for a JSON string."""
    fields = [name for name in records.columns if name.startswith(_FIELD)]
    texts = records.select("channel", *_IDENTIFIERS, *fields)
    names = [*_IDENTIFIERS, *fields]
    special = texts.select(pl.col(names).str.contains(_NEEDS_ESCAPE).any()).row(0, named=True)
    return texts.with_columns(
        pl.col(name).str.replace_many(_ESCAPED) for name in names if special[name]
    )


def _identifiers(texts: pl.DataFrame) -> Iterator[pl.Expr]:
    sms = texts["channel"][0] == "sms"
    # Repeated, not a literal: rows without any value are rows all the same.
    yield pl.repeat('{"Name":"",' if sms else "{", pl.len())
    for name, key in _IDENTIFIERS.items():
        nulls = texts[name].null_count()
        if nulls == texts.height:
            continue
        pieces = (pl.lit(f'"{key}":"'), pl.col(name), pl.lit('",'))
        yield from pieces if not nulls else (pl.concat_str(pieces).fill_null(""),)


def _fields(texts: pl.DataFrame) -> pl.Expr:
    """The elements of the array of fields, without its brackets."""
    fields = [name for name in texts.columns if name.startswith(_FIELD)]
    elements = [
        pl.concat_str(
            pl.lit(f'{{"Id":{name.removeprefix(_FIELD)},"Value":"'), pl.col(name), pl.lit('"}')
        )
        for name in fields
        if texts[name].null_count() < texts.height
    ]
    return pl.concat_str(elements, separator=",", ignore_nulls=True) if elements else pl.lit("")
