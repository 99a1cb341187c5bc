"""The fast path: finds and splits the good lines of a block without Python loops."""

import codecs
import re
from dataclasses import dataclass

import polars as pl

from tasks.records.frames import LINE
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.encoding import is_utf8

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Characters that no cell may contain: C0 without tab and line breaks, DEL, C1.

XML cannot represent C0, and C1 results from cp1252 read as ISO-8859-1.
"""
_CONTROL_BYTES = bytes(sorted({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D}))
_TO_NUL = bytes.maketrans(_CONTROL_BYTES, bytes(len(_CONTROL_BYTES)))
_C1 = re.compile(rb"\xc2[\x80-\x9f]")

codecs.register_error("nul", lambda error: ("\0", error.end))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class LineMasks:
    """The lines of a block with masks; `text` is the normalised block.

    `good`: the line is certainly one record. `blank`: no cell contains anything but blanks.
    `quoted`: the line contains a quote.
    """

    text: bytes
    lines: pl.Series
    good: pl.Series
    blank: pl.Series
    quoted: pl.Series

    @property
    def height(self) -> int:
        return len(self.lines)

    def others(self) -> list[int]:
        """Indexes of the lines that are neither good nor blank."""
        return (~self.good & ~self.blank).arg_true().to_list()


def classify_lines(data: bytes, dialect: FileDialect) -> LineMasks:
    """Find the lines of a block that are certainly records with the right number of cells."""
    text = _normalised(data)
    lines = pl.read_lines(text) if text else pl.DataFrame(schema={"line": pl.String})
    line = pl.col("line")
    sound = line.str.len_bytes() <= dialect.max_line_bytes
    if b"\0" in text:
        sound &= ~line.str.contains("\0", literal=True)
    wide = line.str.count_matches(dialect.separator, literal=True) == len(dialect.columns) - 1
    quoted = pl.lit(False)
    if dialect.quote is not None and dialect.quote.encode() in data:
        quoted = line.str.contains(dialect.quote, literal=True)
    masks = lines.select(
        line,
        sound.alias("sound"),
        wide.alias("wide"),
        _may_be_blank(line, dialect).alias("blank"),
        quoted.alias("quoted"),
    )
    blank = _blank(masks["line"], masks["blank"], dialect)
    sure = masks["sound"] & ~blank
    good = sure & masks["wide"]
    if masks["quoted"].any():
        good &= ~masks["quoted"]
        index = (sure & masks["quoted"]).arg_true()
        fine = _well_quoted(masks["line"].gather(index), dialect, str(dialect.quote))
        good = good.scatter(index.filter(fine), True)
    return LineMasks(text, masks["line"], good, blank, masks["quoted"])


def _may_be_blank(line: pl.Expr, dialect: FileDialect) -> pl.Expr:
    """Whether a line is empty or starts like one without content; a regex is much slower."""
    quoted = (
        [f"{dialect.quote}{end}" for end in (dialect.quote, " ", "\t")] if dialect.quote else []
    )
    starts = [dialect.separator, " ", "\t", *quoted]
    return pl.any_horizontal(line == "", *(line.str.starts_with(start) for start in starts))


def _blank(lines: pl.Series, may_be: pl.Series, dialect: FileDialect) -> pl.Series:
    """Which lines have at most as many cells as agreed, all empty or with blanks only."""
    index = may_be.arg_true()
    few = lines.gather(index)
    quote, separator = re.escape(dialect.quote or ""), re.escape(dialect.separator)
    cell = rf"[ \t]*(?:{quote}[ \t]*{quote}[ \t]*)?" if quote else r"[ \t]*"
    blank = few.str.contains(rf"^{cell}(?:{separator}{cell})*$")
    fits = few.str.count_matches(dialect.separator, literal=True) <= len(dialect.columns)
    return may_be.scatter(index.filter(~(blank & fits)), False)


def _normalised(data: bytes) -> bytes:
    """The block as valid UTF-8 with LF or CRLF; bytes that no cell may contain become NUL.

    The exact parser reads lines with a NUL again, from the original block.
    """
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.translate(_TO_NUL)
    if data.isascii():
        return data
    if b"\xc2" in data:
        data = _C1.sub(b"\0", data)
    return data if is_utf8(data) else data.decode("utf-8", "nul").encode()


def _well_quoted(lines: pl.Series, dialect: FileDialect, quote: str) -> pl.Series:
    """Which lines have the right number of cells, each fully quoted or without quotes."""
    q, s = re.escape(quote), re.escape(dialect.separator)
    wanted = len(dialect.columns) - 1
    separators = lines.str.count_matches(dialect.separator, literal=True)
    good = (separators == wanted) & lines.str.contains(_shape(f"[^{q}{s}]", q, s))
    # Quoted separators are rare: only lines with too many separators are searched for them.
    index = (separators > wanted).arg_true()
    inside = lines.gather(index)
    bare = inside.str.replace_all(f"{q}[^{q}]*{q}", "")
    enough = bare.str.count_matches(dialect.separator, literal=True) == wanted
    return good.scatter(index.filter(enough & inside.str.contains(_shape(f"[^{q}]", q, s))), True)


def _shape(inner: str, q: str, s: str) -> str:
    """Regex of a line whose quoted cells contain characters `inner` and doubled quotes."""
    cell = f"(?:{q}(?:{inner}|{q}{q})*{q}|[^{q}{s}]*)"
    return f"^{cell}(?:{s}{cell})*$"


def split_good_lines(
    masks: LineMasks, remaining: pl.Series, line: int, dialect: FileDialect
) -> pl.DataFrame:
    """Split the good lines in mask `remaining`; `line` is the number of the block's first line."""
    take = masks.good & remaining
    numbers = (take.arg_true().cast(pl.Int64) + line).alias(LINE)
    lines = masks.lines.filter(take)
    if not (masks.quoted & take).any():
        frame = _split(lines, dialect)
    elif take.all():
        frame = _unquote(masks.text, dialect)
    else:
        frame = _unquote((lines.str.join("\n").item() + "\n").encode(), dialect)
    return frame.insert_column(0, numbers)


def _split(lines: pl.Series, dialect: FileDialect) -> pl.DataFrame:
    names = list(dialect.columns)
    if len(names) == 1:
        return lines.alias(names[0]).to_frame()
    return (
        lines.str.split_exact(dialect.separator, len(names) - 1)
        .struct.rename_fields(names)
        .struct.unnest()
    )


def _unquote(text: bytes, dialect: FileDialect) -> pl.DataFrame:
    """Split lines that are one well-formed record each."""
    # read_csv drops a byte order mark, but here it is the first character of a cell.
    guard = codecs.BOM_UTF8 if text.startswith(codecs.BOM_UTF8) else b""
    return pl.read_csv(
        guard + text,
        has_header=False,
        separator=dialect.separator,
        quote_char=dialect.quote,
        schema=dict.fromkeys(dialect.columns, pl.String),
        empty_string_is_null=False,
        extra_columns="raise",
        missing_columns="raise",
    )
