"""Erasure in files of each format: CSV, text of fixed width, and workbooks."""

import codecs
import html
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from blocks.errors import FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.archive.erase import Person, may_contain, require_text, without_person
from tasks.records.reading.dialect import Dialect
from tasks.records.reading.fixed_width import FixedWidth
from tasks.records.reading.tables import from_csv, to_csv
from tasks.records.reading.unpack import unpack, unpacked_members
from tasks.records.reading.workbook import ExcelWorkbook

_END_OF_TEXT = re.compile(r"</(?:\w+:)?(?:si|is|c|text|comment)>")
_TAG = re.compile(r"<[^>]*>")


def erased_as_it_came(
    path: Path, folder: Path, agreement: ImportAgreement, person: Person
) -> tuple[int, Path]:
    """Like `erased`, for a packed file; the result is unpacked, and keeps its line numbers.

    Other members of a zip, which imports do not read, are removed if they may have the person.
    """
    if isinstance(agreement.table, ExcelWorkbook):  # a zip file itself
        return erased(path, folder, agreement, person, blank=True)
    opened = unpack(path, folder, agreement.unpacking)
    records, left = erased(opened, folder, agreement, person, blank=True)
    if not records and zipfile.is_zipfile(path) and _in_a_member(path, folder, agreement, person):
        return 1, opened
    return records, left


def erased(
    path: Path, folder: Path, agreement: ImportAgreement, person: Person, *, blank: bool
) -> tuple[int, Path]:
    """How many records of a person an unpacked file has, and the file without them, in `folder`.

    `path` itself if there are none. FileHeld if the file cannot be searched.
    """
    if isinstance(agreement.table, ExcelWorkbook):
        return _of_workbook(path, folder, agreement, person, blank=blank)
    target = folder / "changed"
    if isinstance(agreement.table, FixedWidth):
        records = _without_lines(path, agreement.dialect, person, target, blank=blank)
    else:
        records = without_person(
            path, agreement.dialect, person, target, blank=blank, wanted=agreement.wanted
        )
    return records, target if records else path


def _in_a_member(path: Path, folder: Path, agreement: ImportAgreement, person: Person) -> bool:
    """Whether a member of a zip has the person, or cannot be unpacked, so that it may."""
    try:
        members = unpacked_members(path, folder, agreement.unpacking)
        return any(may_contain(member, person) for member in members)
    except FileHeld:
        return True


def _of_workbook(
    path: Path, folder: Path, agreement: ImportAgreement, person: Person, *, blank: bool
) -> tuple[int, Path]:
    """If any part of a workbook has the person, keep only the agreed sheet, without the person."""
    table, changed = agreement.table, folder / "changed"
    opened = to_csv(path, folder, table, agreement.dialect, agreement.column_names)
    records = without_person(
        opened, agreement.csv_dialect, person, changed, blank=blank, wanted=agreement.wanted
    )
    if not records and not any(map(person.is_in, _texts(path))):
        return 0, path
    left, _ = from_csv(changed if records else opened, table, agreement.dialect)
    return max(records, 1), left


def _texts(workbook: Path) -> Iterator[str]:
    """All texts of a workbook: of all sheets, hidden ones included, comments and properties."""
    with zipfile.ZipFile(workbook) as archive:
        for name in archive.namelist():
            content = archive.read(name).decode("utf-8", "replace")
            for part in _END_OF_TEXT.split(content):
                yield html.unescape(_TAG.sub("", part))
                yield html.unescape(part)


def _without_lines(
    path: Path, agreed: Dialect, person: Person, target: Path, *, blank: bool
) -> int:
    """Like `without_person`, for a file in which each line is a record; searches whole lines."""
    removed = 0
    encoding = _encoding(path, agreed)
    with (
        path.open(encoding=encoding, errors="surrogateescape", newline="") as lines,
        target.open("w", encoding=encoding, errors="surrogateescape", newline="") as written,
    ):
        for line in lines:
            if not person.is_in(line):
                written.write(line)
                continue
            removed += 1
            if blank:
                written.write(line[len(line.rstrip("\r\n")) :])
    if not removed:
        require_text(path)
    return removed


def _encoding(path: Path, agreed: Dialect) -> str:
    """A codec that preserves every byte of the file."""
    with path.open("rb") as stream:
        start = stream.read(2)
    wide = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    return wide.get(start, "utf-8" if agreed.encoding in ("auto", "utf-16") else agreed.encoding)
