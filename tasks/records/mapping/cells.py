"""Cleaning of cells before any other transform, and MailUp's limit on the length of values."""

import polars as pl

INVISIBLE = (
    "\t\n\v\f\r \x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c"
    "\u202d\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
"""Characters trimmed at both ends of a cell: white space, zero-width characters and marks of
writing direction; not U+202E, which reverses the text behind it."""

UNREADABLE = "\x00"
"""Marks a cell whose content is invalid; never part of a record."""

MAX_VALUE_UNITS = 200
"""A dynamic field is nvarchar(200) in MailUp: 200 UTF-16 units; an emoji takes two."""


def by_itself(part: pl.DataFrame) -> pl.DataFrame:
    """Copy rows into memory of their own: filtered, sliced or gathered rows keep the texts of all
    rows of their source alive."""
    texts = (name for name, kind in part.schema.items() if kind == pl.String)
    return part.with_columns(pl.concat_str(name, pl.lit("")).alias(name) for name in texts)


def trimmed(cells: pl.Expr) -> pl.Expr:
    """Cells without white space and zero-width characters at both ends."""
    return cells.str.strip_chars(INVISIBLE)


def blank_to_null(cells: pl.Expr) -> pl.Expr:
    """Cells with null for empty ones."""
    return pl.when(cells != "").then(cells)


def utf16_units(text: str) -> int:
    """Length of a text as MailUp's database counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, units: int = MAX_VALUE_UNITS) -> str:
    """Truncate a text to at most `units`, never within a character."""
    while utf16_units(text) > units:
        text = text[: len(text) - (utf16_units(text) - units + 1) // 2]
    return text


def fits(cells: pl.Series) -> pl.Series:
    """Whether each text fits in a dynamic field; null counts as fitting."""
    # A text never has more UTF-16 units than UTF-8 bytes, so bytes decide almost all.
    short = (cells.str.len_bytes() <= MAX_VALUE_UNITS).fill_null(True)
    if short.all():
        return short
    long = cells.filter(~short).unique()
    fitting = [text for text in long if utf16_units(text) <= MAX_VALUE_UNITS]
    return short | cells.is_in(fitting).fill_null(True)


def shortened(cells: pl.Series) -> pl.Series:
    """Truncate texts to what fits in a dynamic field."""
    long = cells.filter(~fits(cells)).unique()
    return cells.replace({text: cut(text) for text in long}) if len(long) else cells
