"""The demo's file and the big file hold what they say."""

from pathlib import Path

import pytest

from sandbox.big_file import write_big
from sandbox.examples import FAULTS, HEADER, write_contacts


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    """Equal seeds give equal bytes, another seed does not."""
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (7, 7, 8), strict=True):
        write_contacts(path, rows=300, seed=seed)
    contents = [path.read_bytes() for path in paths]
    assert contents[0] == contents[1] != contents[2]


def test_every_kind_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    """Line numbers point at rows of their kind, quoted newlines counted."""
    path = tmp_path / "contacts.csv"
    written = write_contacts(path, rows=3000)
    lines = path.read_bytes().decode("cp1252").split("\n")
    assert set(FAULTS) < set(written.lines)
    assert lines[0] == HEADER + "\r"
    assert all("@@" in lines[line - 1] for line in written.lines["malformed_email"])
    assert all(lines[line - 1].startswith(";") for line in written.lines["missing_email"])
    assert all(lines[line - 1].startswith("bounced.") for line in written.lines["bounced"])
    assert all("\x00" in lines[line - 1] for line in written.lines["nul_byte"])
    assert all(lines[line - 1].count(";") == 4 for line in written.lines["too_few_cells"])
    assert all(lines[line - 1].endswith(";0\r") for line in written.lines["opt_out"])


def test_the_rows_add_up(tmp_path: Path) -> None:
    """Records are `rows` in all: one per CRLF that ends a row, header apart."""
    path = tmp_path / "contacts.csv"
    written = write_contacts(path, rows=500)
    assert path.read_bytes().count(b"\r\n") == 501
    assert written.faulty == sum(written.counts[kind] for kind in FAULTS)


def test_duplicates_repeat_an_earlier_address_in_capitals(tmp_path: Path) -> None:
    """Each duplicate has the address of an earlier good row in other letter case."""
    path = tmp_path / "contacts.csv"
    written = write_contacts(path)
    lines = path.read_bytes().decode("cp1252").split("\n")
    for line in written.lines["duplicate"]:
        email = lines[line - 1].partition(";")[0]
        earlier = [one.partition(";")[0] for one in lines[: line - 1]]
        assert email.isupper()
        assert email.lower() in earlier


def test_a_file_too_small_for_its_faults_is_refused(tmp_path: Path) -> None:
    """Below 200 rows not every kind of fault has its place."""
    with pytest.raises(ValueError, match="200 or more"):
        write_contacts(tmp_path / "x", rows=50)


def test_the_big_file_has_one_bad_row_in_a_hundred(tmp_path: Path) -> None:
    """Every hundredth address is malformed, rows have about 100 bytes, files are reproducible."""
    path, again = tmp_path / "big.csv", tmp_path / "again.csv"
    bad = write_big(path, 5000)
    write_big(again, 5000)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert (len(lines), bad) == (5001, 50)
    assert sum("@@" in line for line in lines) == bad
    assert 80 <= path.stat().st_size / 5000 <= 120
    assert path.read_bytes() == again.read_bytes()
