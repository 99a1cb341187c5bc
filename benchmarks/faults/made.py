"""Generated cases: hostile archives, and files with one huge line.

Always the same bytes. Huge files are sparse, so that they need no disk space.
"""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.cases import Case

PEOPLE = {f"{name.lower()}.{{}}@example.it": name for name in ("Anna", "Bruno", "Carla", "Dora")}
_HEADER = "email;nome;cellulare;nascita\r\n"
_LONG_AGO = (2020, 1, 1, 0, 0, 0)
_LINK = 0o120777 << 16
_MEGABYTE = 1 << 20


def people(case: str) -> dict[str, str]:
    """The good rows of a case: address and name."""
    return {address.format(case): name for address, name in PEOPLE.items()}


def table(case: str) -> bytes:
    """A file of good rows only."""
    rows = "".join(f"{address};{name};;\r\n" for address, name in people(case).items())
    return (_HEADER + rows).encode()


@dataclass(frozen=True)
class Member:
    """One entry of a zip."""

    name: str
    content: bytes
    attributes: int = 0
    method: int = zipfile.ZIP_DEFLATED


def zipped(*members: Member) -> bytes:
    """A zip of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, _LONG_AGO)
            entry.external_attr, entry.compress_type = member.attributes, member.method
            archive.writestr(entry, member.content)
    return stream.getvalue()


def gzipped(content: bytes, name: str = "") -> bytes:
    """A gz of one part, with a file name in its header."""
    stream = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=stream, mtime=0) as archive:
        archive.write(content)
    return stream.getvalue()


def _patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """`data` with `value` written `offset` bytes after the last `mark`."""
    at = data.rindex(mark) + offset
    return data[:at] + value + data[at + len(value) :]


_DIRECTORY = b"PK\x01\x02"
_LOCAL = b"PK\x03\x04"


def _one(case: str, name: str = "people.csv", **changes: int) -> bytes:
    return zipped(Member(name, table(case), **changes))


def _good(fault: str, build: Callable[[str], bytes]) -> tuple[str, Callable[[str], bytes], str]:
    return fault, build, ""


def _twins(content: bytes) -> bytes:
    """A zip whose directory lists the same file twice."""
    data = zipped(Member("a.csv", content), Member("b.csv", content))
    return data.replace(b"b.csv", b"a.csv")


ARCHIVES: dict[str, tuple[str, Callable[[str], bytes], str]] = {
    "zip_paths_up": _good(
        "a zip whose file has a path outside the folder", lambda c: _one(c, "../../../etc/evil.csv")
    ),
    "zip_absolute_path": _good(
        "a zip whose file has an absolute path", lambda c: _one(c, "/etc/cron.d/evil.csv")
    ),
    "zip_windows_path": _good(
        "a zip whose file has a drive letter", lambda c: _one(c, "C:\\Windows\\..\\evil.csv")
    ),
    "zip_bzip2": _good(
        "a zip with another compression", lambda c: _one(c, method=zipfile.ZIP_BZIP2)
    ),
    "zip_link": (
        "a zip with a symbolic link to /etc/passwd",
        lambda _: zipped(Member("people.csv", b"/etc/passwd", _LINK)),
        "archive",
    ),
    "zip_link_that_reads_like_a_table": (
        "a zip with a symbolic link whose target is a table",
        lambda c: _one(c, attributes=_LINK),
        "archive",
    ),
    "zip_two_files": (
        "a zip with two files",
        lambda c: zipped(Member("a.csv", table(c)), Member("b.csv", table(c))),
        "archive",
    ),
    "zip_same_name_twice": (
        "a zip whose second entry overlaps the first",
        lambda c: _twins(table(c)),
        "archive",
    ),
    "zip_without_entries": ("a zip without entries", lambda _: zipped(), "archive"),
    "zip_only_folders": ("a zip of folders", lambda _: zipped(Member("a/", b"")), "archive"),
    "zip_many_entries": (
        "a zip of a hundred and one entries",
        lambda _: zipped(*(Member(f"{n}.txt", b"") for n in range(101))),
        "archive",
    ),
    "zip_encrypted": (
        "a zip with a password",
        lambda c: _patched(_patched(_one(c), _DIRECTORY, 8, b"\1"), _LOCAL, 6, b"\1"),
        "encrypted",
    ),
    "zip_cut": ("a truncated zip", lambda c: _one(c)[:-30], "cut"),
    "zip_wrong_checksum": (
        "a zip whose content was changed",
        lambda c: _patched(_one(c), _DIRECTORY, 16, b"\0\0\0\0"),
        "archive",
    ),
    "zip_lies_about_its_size": (
        "a zip that declares a size that is too small",
        lambda c: _patched(_one(c), _DIRECTORY, 24, b"\x0a\0\0\0"),
        "archive",
    ),
    "zip_two_names_for_one_file": (
        "a zip with two different names for its file",
        lambda c: _patched(_one(c), _LOCAL, 30, b"x"),
        "archive",
    ),
    "zip_unknown_method": (
        "a zip with an unknown compression",
        lambda c: _patched(_patched(_one(c), _DIRECTORY, 10, b"\x63\0"), _LOCAL, 8, b"\x63\0"),
        "archive",
    ),
    "zip_in_zip": ("a zip in a zip", lambda c: zipped(Member("a.csv", _one(c))), "nested"),
    "zip_bomb": (
        "a zip of a hundred megabytes of zeroes",
        lambda _: zipped(Member("people.csv", bytes(100 * _MEGABYTE))),
        "too_big",
    ),
    "spreadsheet": (
        "an .xlsx workbook with a CSV's name",
        lambda _: zipped(Member("[Content_Types].xml", b""), Member("xl/workbook.xml", b"")),
        "archive",
    ),
    "gz_with_a_path": _good(
        "a gz with a path as its name", lambda c: gzipped(table(c), "../../etc/passwd")
    ),
    "gz_of_two_parts": _good(
        "a gz of two parts", lambda c: gzipped(table(c)[:40]) + gzipped(table(c)[40:])
    ),
    "gz_cut": ("a truncated gz", lambda c: gzipped(table(c))[:-20], "cut"),
    "gz_wrong_checksum": (
        "a gz with a wrong checksum",
        lambda c: gzipped(table(c))[:-8] + bytes(8),
        "archive",
    ),
    "gz_and_junk": ("a gz followed by other bytes", lambda c: gzipped(table(c)) + b"j", "archive"),
    "gz_in_gz": ("a gz in a gz", lambda c: gzipped(gzipped(table(c))), "nested"),
    "gz_bomb": (
        "a gz of 256 megabytes of zeroes",
        lambda _: gzipped(bytes(16 * _MEGABYTE)) * 16,
        "too_big",
    ),
    "seven_zip": ("a 7z archive", lambda c: b"7z\xbc\xaf\x27\x1c" + table(c), "archive"),
    "rar": ("a RAR archive", lambda c: b"Rar!\x1a\x07\x01\0" + table(c), "archive"),
    "xz": ("an xz archive", lambda c: b"\xfd7zXZ\0" + table(c), "archive"),
}
"""By name: the fault, a function that makes its bytes, and why it is held (empty: all arrives)."""


def cases(folder: Path) -> Iterator[Case]:
    """Write all archives and large files to `folder`."""
    for name, (fault, build, held) in ARCHIVES.items():
        path = folder / f"{name}.csv"
        path.write_bytes(build(name))
        yield Case(path, _expected(fault, name, held))
    for name, flood in FLOODS.items():
        yield flood(folder / f"{name}.csv", name)


def _expected(fault: str, name: str, held: str) -> dict[str, Any]:
    if held:
        return {"fault": fault, "about": "form", "held": held}
    return {"fault": fault, "about": "form"} | _arriving(people(name))


def _arriving(arrives: dict[str, str], *rejects: tuple[int, str, str]) -> dict[str, Any]:
    bad = len({line for line, _, _ in rejects})
    counts = {"records": len(arrives) + bad, "submitted": len(arrives)}
    if not bad:
        return {"counts": counts, "arrives": arrives}
    refused = [list(reject) for reject in rejects]
    return {"counts": counts | {"rejected": bad}, "rejects": refused, "arrives": arrives}


def one_line(folder: Path, megabytes: int) -> Case:
    """A file with one line of `megabytes` between its good rows."""
    name = f"line_of_{megabytes}_megabytes"
    path, good = folder / f"{name}.csv", table(name)
    middle = good.index(b"carla")
    with path.open("wb") as stream:
        stream.write(good[:middle])
        stream.seek(megabytes * _MEGABYTE, io.SEEK_CUR)
        stream.write(b"\r\n" + good[middle:])
    arriving = _arriving(people(name), (4, "", "line_too_long"))
    fault = f"one line of {megabytes} megabytes"
    return Case(path, {"fault": fault, "about": "form", **arriving})


def _separators(path: Path, name: str) -> Case:
    path.write_bytes(table(name) + b";" * 90_000 + b"\r\n")
    arriving = _arriving(people(name), (6, "", "separators_at_end"))
    return Case(path, {"fault": "a line of ninety thousand cells", "about": "form", **arriving})


def _columns(path: Path, name: str) -> Case:
    more = ";".join(f"c{number}" for number in range(3000))
    header, *rows = table(name).decode().splitlines()
    lines = [f"{header};{more}", *(row + ";" * 3000 for row in rows)]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    arriving = _arriving(people(name))
    return Case(path, {"fault": "three thousand columns", "about": "form", **arriving})


def _open_quotes(path: Path, name: str) -> Case:
    path.write_bytes(table(name) + b'x@example.it;"X;;\r\n' * 20_000 + table(name)[-30:])
    fault = "an open quote on every line"
    return Case(path, {"fault": fault, "about": "form", "held": "too_many_rejects"})


FLOODS: dict[str, Callable[[Path, str], Case]] = {
    "separators": _separators,
    "columns": _columns,
    "open_quotes": _open_quotes,
}
"""Files that are slow for a naive reader, by name."""
