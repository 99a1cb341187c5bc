"""Proposes encoding, separator, quote and header of a sample file, with confidence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from blocks.errors import FileHeld
from tasks.records.frames import LINE
from tasks.records.onboarding.column_names import hint
from tasks.records.onboarding.file_layout import find_header, propose_layout
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import SEPARATORS, Dialect, FileDialect, resolve
from tasks.records.reading.encoding import detect, survey, transcode

SAMPLE_ROWS = 5_000
"""Number of records of a sample that are examined."""

_HEAD_BYTES = 1 << 16
_VALUE = re.compile(r"@|[0-9]{5}|[0-9]{1,4}[/.\-][0-9]{1,2}[/.\-][0-9]{1,4}")


@dataclass(frozen=True)
class Given:
    """What the operator knows about the file; "auto" and None: detect it from the sample."""

    encoding: str = "auto"
    separator: str = "auto"
    header: bool | None = None
    final_newline: Literal["required", "any"] = "required"


@dataclass(frozen=True)
class Setting:
    """One setting of the dialect, its confidence (0 to 1), and the evidence."""

    name: str
    value: Any
    confidence: float
    why: str


@dataclass(frozen=True)
class Form:
    """The settings of a dialect, the dialect of the sample, and its records as text.

    `ends_openly`: whether the last line has no line break.
    """

    settings: tuple[Setting, ...]
    dialect: Dialect
    file: FileDialect
    frame: pl.DataFrame
    ends_openly: bool


def propose_form(path: Path, given: Given) -> Form:
    """Detect the format of the sample.

    FileHeld, with the option to give, if encoding, separator or header cannot be determined.
    """
    encoding = _encoding(path, given.encoding)
    quote = _quote(path, encoding.value)
    known = {
        "encoding": encoding.value,
        "separator": given.separator,
        "quote": quote.value,
        "final_newline": "any",
    }
    bare = Dialect.model_validate({**known, "header": False})
    layout = find_header(path, bare)
    header = _header(layout.header, given.header)
    dialect = Dialect.model_validate({**known, "header": header.value})
    needed = propose_layout(path, dialect, layout)
    dialect = dialect.model_copy(update={name: value for name, (value, _) in needed.items()})
    file = resolve(path, dialect, layout.wanted)
    separator = next(name for name, sign in SEPARATORS.items() if sign == file.separator)
    how = (
        "as given"
        if given.separator != "auto"
        else f"splits the lines into {len(file.columns)} cells"
    )
    settings = (
        encoding,
        Setting("separator", separator, 1.0 if len(file.columns) > 1 else 0.5, how),
        quote,
        header,
        *(Setting(name, value, 0.9, why) for name, (value, why) in needed.items()),
    )
    dialect = dialect.model_copy(update={"separator": separator})
    if given.final_newline == "any":
        settings = (*settings, Setting("final_newline", "any", 1.0, "as given"))
    return Form(settings, dialect, file, _rows(path, file, SAMPLE_ROWS), _ends_openly(path))


def _encoding(path: Path, given: str) -> Setting:
    if given != "auto":
        detect(path, given)
        return Setting("encoding", given, 1.0, "as given")
    found, bom = detect(path, "auto")
    name = "utf-16" if found.startswith("utf-16") else found
    if bom:
        return Setting("encoding", name, 1.0, "its byte order mark")
    evidence = survey(path)
    letters = evidence.valid + evidence.bad
    if not letters and name == "utf-8":
        why = "the sample has no accented letter: use one that has, or ask the client"
        return Setting("encoding", "auto", 0.5, why)
    confidence = 0.99 if name == "utf-8" else 0.9
    return Setting(
        "encoding", name, confidence, f"{letters} characters beyond ASCII are valid in it"
    )


def _quote(path: Path, encoding: str) -> Setting:
    """The quote character: the apostrophe if it encloses more cells than the double quote."""
    codec, _ = detect(path, encoding)
    with path.open("rb") as stream:
        head = transcode(stream.read(_HEAD_BYTES), codec).decode("utf-8", "replace")
    double, single = (_enclosed(head, sign) for sign in ('"', "'"))
    if single > double:
        return Setting("quote", "'", 0.9, f"encloses {single} cells")
    if double:
        return Setting("quote", '"', 0.99, f"encloses {double} cells")
    return Setting("quote", '"', 0.8, "no cell is quoted; this is the default")


def _ends_openly(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 2))
        return not set(b"\r\n") & set(stream.read())


def _enclosed(text: str, quote: str) -> int:
    """Count the fully quoted cells, whatever the separator."""
    cell = rf"(?:^|[;,|\t]){quote}[^{quote}\r\n]*{quote}(?=[;,|\t\r\n]|$)"
    return len(re.findall(cell, text, re.MULTILINE))


def _header(cells: Sequence[str], given: bool | None) -> Setting:
    """Whether the first line names the columns; messages never quote it."""
    known = sum(hint(cell) is not None for cell in cells)
    values = sum(bool(_VALUE.search(cell)) for cell in cells)
    if given and values:
        raise FileHeld(
            "The first line contains values, which would be displayed and stored as column names. "
            "Give --no-header, or a sample whose first line names the columns.",
            reason="header",
        )
    if given is not None:
        return Setting("header", given, 1.0, "as given")
    if values:
        return Setting("header", False, 0.99, "the first line contains values")
    if known:
        why = f"{known} of {len(cells)} cells of the first line are known names"
        return Setting("header", True, min(0.99, 0.8 + known / 10), why)
    raise FileHeld(
        "It is not clear whether the first line names the columns: it contains neither values nor "
        "known names. Give --header or --no-header.",
        reason="header",
    )


def _rows(path: Path, file: FileDialect, most: int) -> pl.DataFrame:
    """The first good records of the file, as text."""
    schema = {LINE: pl.Int64(), **{name: pl.String() for name in file.columns}}
    frame = pl.DataFrame(schema=schema)
    for chunk in read_chunks(path, file):
        frame = pl.concat([frame, chunk.frame])
        if frame.height >= most:
            break
    return frame.head(most)
