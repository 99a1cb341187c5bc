"""Promises of packing: same bytes from same bytes, and everything can be unpacked."""

import gzip
import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.errors import ConfigurationError
from tasks.reports.output.filenames import Naming
from tasks.reports.output.packing import (
    Packed,
    Packing,
    Publishing,
    base_name,
    compress,
    contradictions,
)

CONTENT = b"email;idList\r\nanna@example.com;1\r\n" * 1000


def pack(path: Path, packing: Packing, folder: Path, name: str) -> Packed:
    """Compressed, and described as it is delivered."""
    return Packed.of(compress(path, packing, folder, name), name + packing.ending)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A rendered file."""
    path = tmp_path / "rendered.csv"
    path.write_bytes(CONTENT)
    return path


def test_without_compression_the_file_itself_is_delivered(source: Path, tmp_path: Path) -> None:
    """No packing is no copy; size and hash are the file's own."""
    done = pack(source, Packing(), tmp_path, "à.csv")
    assert (done.path, done.name) == (source, "à.csv")
    assert (done.bytes, done.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_gzip_holds_the_file(source: Path, tmp_path: Path) -> None:
    """What gunzip gives back is the file."""
    done = pack(source, Packing(compression="gzip"), tmp_path, "à.csv")
    assert done.name == "à.csv.gz"
    packed = done.path.read_bytes()
    assert gzip.decompress(packed) == CONTENT
    assert packed[4:8] == bytes(4)  # no time


def test_zip_holds_the_file_under_its_name(source: Path, tmp_path: Path) -> None:
    """The archive has one member, with the file's name at the client and no folder."""
    done = pack(source, Packing(compression="zip"), tmp_path, "à.csv")
    assert done.name == "à.csv.zip"
    with zipfile.ZipFile(done.path) as archive:
        assert archive.testzip() is None
        assert [(m.filename, m.date_time[0]) for m in archive.infolist()] == [("à.csv", 1980)]
        assert archive.read("à.csv") == CONTENT


@pytest.mark.parametrize("compression", ["gzip", "zip"])
def test_packing_is_the_same_every_time(source: Path, tmp_path: Path, compression: str) -> None:
    """Neither the time nor the local name gets into an archive."""
    first = pack(source, Packing(compression=compression), tmp_path, "a.csv")
    other = tmp_path / "other"
    other.write_bytes(CONTENT)
    os.utime(other, (1, 1))
    second = pack(other, Packing(compression=compression), tmp_path, "a.csv")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.bytes == first.path.stat().st_size < len(CONTENT)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, ".csv"),
        ({"compression": "gzip"}, ".csv.gz"),
        ({"encrypt_for": "acme"}, ".csv.gpg"),
        ({"encrypt_for": "acme", "compression": "zip"}, ".csv.zip.gpg"),
    ],
)
def test_a_name_tells_what_was_done_to_the_file(settings: dict[str, str], wanted: str) -> None:
    """Compression and encryption are named in their order, and can be taken off again."""
    ending = Packing(**settings).ending
    assert f".csv{ending}" == wanted
    assert base_name(f"a.gpg.b.csv{ending}") == "a.gpg.b.csv"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, ""),
        ({"done_marker": "{name}.ok"}, "a.b.csv.ok"),
        ({"done_marker": "{stem}.ok", "compression": "zip"}, "a.b.ok"),
        ({"done_marker": "{name}.ok", "compression": "gzip"}, "a.b.csv.gz.ok"),
        ({"done_marker": "{name}.ok", "encrypt_for": "acme"}, "a.b.csv.gpg.ok"),
        (
            {"done_marker": "{stem}.ok", "encrypt_for": "acme", "compression": "gzip"},
            "a.b.ok",
        ),
        ({"done_marker": "READY_{name}"}, "READY_a.b.csv"),
    ],
)
def test_done_markers_are_named_after_the_file(settings: dict[str, str], wanted: str) -> None:
    """A marker's name follows from the delivered file's name."""
    packing = Packing(**settings)
    assert packing.marker_name(f"a.b.csv{packing.ending}") == wanted


def test_a_marker_can_prove_the_content() -> None:
    """The content of a marker is a line for `sha256sum --check`, where agreed."""
    packing = Packing(done_marker="{name}.ok", done_content="sha256", compression="gzip")
    assert packing.marker_text("a.csv.gz", "ab12") == "ab12  a.csv.gz\n"
    assert Packing(done_marker="{name}.ok").marker_text("a.csv", "ab12") == ""


def test_a_marker_is_never_the_file_itself() -> None:
    """A marker that would replace the file that it announces is refused."""
    with pytest.raises(ConfigurationError, match="name of the file itself"):
        Packing(done_marker="{stem}.csv").marker_name("a.csv")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"done_marker": "done"}, "must contain"),
        ({"done_marker": "{name}"}, "needs an ending after"),
        ({"done_marker": "{name}{stem}"}, "must contain"),
        ({"done_marker": "{nam}.ok"}, "must contain"),
        ({"done_marker": "{name}.ok}"}, "must contain"),
        ({"done_marker": "ok/{name}"}, "not every server"),
        ({"done_marker": ".{name}"}, "starts or ends"),
        ({"done_marker": "{name}."}, "starts or ends"),
        ({"compression": "7z"}, "compression"),
        ({"sign_with": "own"}, "set encrypt_for"),
        ({"encrypt_for": "gpg-recipient/acme"}, "encrypt_for"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str], expected: str) -> None:
    """Mistakes are reported when the settings are written."""
    with pytest.raises(ValidationError, match=expected):
        Packing(**settings)


@pytest.mark.parametrize(
    ("publishing", "naming", "packing", "expected"),
    [
        (Publishing(), Naming(), Packing(), ""),
        (Publishing(publish="direct"), Naming(), Packing(), "set done_marker"),
        (Publishing(publish="direct"), Naming(), Packing(done_marker="{name}.ok"), ""),
        (Publishing(existing="keep"), Naming(), Packing(), ""),
        (
            Publishing(existing="keep"),
            Naming(overwrite=True),
            Packing(),
            "contradicts naming.overwrite",
        ),
    ],
)
def test_contradicting_settings_are_reported(
    publishing: Publishing, naming: Naming, packing: Packing, expected: str
) -> None:
    """A server without rename needs a done-marker; keeping and overwriting exclude each other."""
    found = " ".join(contradictions(publishing, naming, packing))
    assert expected in found
    assert bool(found) == bool(expected)
