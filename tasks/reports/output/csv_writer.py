"""Writes rows as a CSV file: formatted, sorted, quoted, encoded and hashed.

A row is always one line: control characters in values (line breaks, NUL etc., but not tab) become
blanks, CR LF one blank. The same frames give the same bytes on every machine.
"""

import hashlib
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from blocks.errors import FileHeld
from tasks.reports.output.formats import LINE_ENDS, Format
from tasks.reports.output.layouts import LayoutColumn

BLOCK_ROWS = 100_000
"""Rows that are sorted and written at once; bounds the memory."""

SORT_KEYS = ("at", "list_id", "message_id", "email", "number", "kind")
"""Order of the rows; nulls first. Rows that are equal in these are sorted by the other columns."""

_CONTROL = "\r\n|[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff]"
# Some spreadsheets ignore leading blanks; East Asian ones accept full-width signs.
_FORMULA = r"^(?:\t|\s*[=+\-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}])"
_PLAIN_NUMBER = r"^[+-][0-9 .,()/-]*$"


@dataclass(frozen=True)
class Rendered:
    """A finished file; `replaced`: number of characters that the encoding lacks, written as `?`."""

    path: Path
    rows: int
    bytes: int
    sha256: str
    replaced: int


class Renderer:
    """Writes one CSV file, frame by frame; a context manager that deletes an unfinished file.

    Rows are sorted by SORT_KEYS within each frame (of a larger one, within each BLOCK_ROWS); frames
    stay in the order in which they are written.
    """

    def __init__(self, path: Path, columns: Sequence[LayoutColumn], written: Format) -> None:
        self._path = path
        self._columns = tuple(columns)
        self._format = written
        self._rows = self._bytes = self._missing = 0
        self._hash = hashlib.sha256()
        self._stream = path.open("wb")
        if written.encoding == "utf-8-bom":
            self._append(b"\xef\xbb\xbf")
        if written.header:
            names = {str(at): [column.header] for at, column in enumerate(self._columns)}
            self._append(self._csv(self._tidy(pl.DataFrame(names), list(names))))

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame, which has every source column; others are ignored."""
        for block in _blocks(frame, self._columns):
            self._append(self._csv(self._texts(block)))
            self._rows += block.height

    def close(self) -> Rendered:
        """Finish the file. FileHeld with reason "encoding", and no file, if the encoding lacks
        characters and they must not be replaced."""
        self._stream.close()
        if self._missing and self._format.missing_characters == "refuse":
            self._path.unlink()
            raise FileHeld(
                f"The export has {self._missing} characters that {self._format.encoding} lacks; "
                "nothing was delivered. Set encoding to utf-8, or missing_characters to replace.",
                reason="encoding",
                characters=self._missing,
            )
        return Rendered(self._path, self._rows, self._bytes, self._hash.hexdigest(), self._missing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stream.closed:
            self._stream.close()
            self._path.unlink()

    def _texts(self, block: pl.DataFrame) -> pl.DataFrame:
        # Named by position: two columns may have the same source.
        names = {str(at): column for at, column in enumerate(self._columns)}
        free = [name for name, column in names.items() if column.cell == "text"]
        # Values shared by all rows, such as those of a message, are formatted once.
        shared = {name for name, column in names.items() if _is_constant(block[column.source])}
        first = block.head(1).select(
            self._cell(each, block).alias(at) for at, each in names.items()
        )
        once = self._tidy(first, free).row(0, named=True)
        cells = [
            pl.lit(once[name], pl.String) if name in shared else self._cell(column, block)
            for name, column in names.items()
        ]
        texts = block.with_columns(
            cell.alias(name) for name, cell in zip(names, cells, strict=True)
        )
        return self._tidy(texts.select(*names), [name for name in free if name not in shared])

    def _cell(self, column: LayoutColumn, block: pl.DataFrame) -> pl.Expr:
        source = pl.col(column.source)
        if column.cell != "date":
            return source.cast(pl.String)
        moments = block.select(source.unique())
        if moments.height * 2 > block.height:
            return self._date(source)
        written = moments.select(self._date(source)).to_series()
        return source.replace_strict(moments.to_series(), written, return_dtype=pl.String)

    def _date(self, moment: pl.Expr) -> pl.Expr:
        local = moment.dt.convert_time_zone(self._format.zone)
        return local.dt.strftime(self._format.date_format)

    def _tidy(self, texts: pl.DataFrame, free: list[str]) -> pl.DataFrame:
        """Clean cells for the CSV writer; `free` columns contain arbitrary text."""
        # Step by step: within one step, polars computes an expression each time it is used.
        clean = texts.with_columns(pl.col(name).str.replace_all(_CONTROL, " ") for name in free)
        if self._format.escape_formulas:
            clean = clean.with_columns(_harmless(name) for name in free)
        if len(self._columns) == 1:
            # "" is quoted, so that the line is not empty.
            return clean.fill_null("")
        # The writer quotes "" but not null.
        return clean.with_columns(pl.when(pl.col(name) != "").then(name) for name in free)

    def _csv(self, texts: pl.DataFrame) -> bytes:
        buffer = io.BytesIO()
        texts.write_csv(
            buffer,
            include_header=False,
            separator=self._format.separator,
            quote_char=self._format.quote,
            quote_style="always" if self._format.quoting == "always" else "necessary",
            line_terminator=LINE_ENDS[self._format.line_end],
        )
        data = buffer.getvalue()
        return self._to_cp1252(data) if self._format.encoding == "cp1252" else data

    def _to_cp1252(self, data: bytes) -> bytes:
        text = data.decode()
        try:
            return text.encode("cp1252")
        except UnicodeEncodeError:
            # cp1252 has accented letters only as one character.
            text = unicodedata.normalize("NFC", text)
        narrow = text.encode("cp1252", errors="replace")
        self._missing += narrow.count(b"?") - text.count("?")
        return narrow

    def _append(self, data: bytes) -> None:
        self._stream.write(data)
        self._hash.update(data)
        self._bytes += len(data)


def _harmless(name: str) -> pl.Expr:
    """A column with an apostrophe before texts that a spreadsheet would run as a formula."""
    cells = pl.col(name)
    risky = cells.str.contains(_FORMULA) & ~cells.str.contains(_PLAIN_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), cells)).otherwise(cells).alias(name)


def _blocks(frame: pl.DataFrame, columns: Sequence[LayoutColumn]) -> Iterator[pl.DataFrame]:
    """Yield sorted slices of BLOCK_ROWS with the needed columns."""
    sources = [column.source for column in columns]
    leading = [key for key in SORT_KEYS if key in frame.columns]
    order = list(dict.fromkeys((*leading, *sources)))
    needed = frame.select(order)
    for block in needed.iter_slices(BLOCK_ROWS):
        varying = [name for name in order if not _is_constant(block[name])]
        yield block.sort(varying) if varying else block


def _is_constant(values: pl.Series) -> bool:
    """Whether all values are the same."""
    first = values.head(1)
    return first.eq_missing(values.tail(1)).all() and values.eq_missing(first).all()
