"""Promises of unpacking: the one data file comes out whole, or the archive is held."""

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from blocks.errors import FileHeld
from tasks.records.reading.unpack import UNPACKED_NAME, Unpacking, unpack

DATA = b"email;name\na@example.com;Anna\n" * 1000


def zipped(**members: bytes) -> bytes:
    """A zip of these members; __ in a name stands for a slash."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("UP", ".."), content)
    return stream.getvalue()


def opened(tmp_path: Path, data: bytes, **settings: object) -> Path:
    """What unpack returns for these bytes."""
    path, folder = tmp_path / "arrived", tmp_path / "out"
    path.write_bytes(data)
    folder.mkdir()
    return unpack(path, folder, Unpacking(**settings))


def reason(tmp_path: Path, data: bytes, **settings: object) -> str:
    """Why these bytes are held; nothing half unpacked may be left."""
    with pytest.raises(FileHeld) as held:
        opened(tmp_path, data, **settings)
    assert list((tmp_path / "out").iterdir()) == []
    return str(held.value.context["reason"])


@pytest.mark.parametrize("kind", ["auto", "none"])
def test_plain_file_stays_where_it_is(tmp_path, kind):
    """A file without compression is returned itself."""
    assert opened(tmp_path, DATA, kind=kind) == tmp_path / "arrived"


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(DATA, mtime=0),
        gzip.compress(DATA[:100], mtime=0) + gzip.compress(DATA[100:], mtime=0),
        zipped(data=DATA),
        zipped(folder__data=DATA),
        zipped(UP__UP__etc__passwd=DATA),
    ],
)
def test_the_data_file_comes_out(tmp_path, data):
    """gz, also in several parts, and zip come out whole, under our name and in our folder."""
    path = opened(tmp_path, data)
    assert path == tmp_path / "out" / UNPACKED_NAME
    assert path.read_bytes() == DATA
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["arrived", "out"]


def test_what_macos_adds_does_not_count(tmp_path):
    """Folders and macOS's extra files beside the data file are passed over."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.mkdir("folder")
        for name in ("folder/data.csv", "__MACOSX/folder/._data.csv", "folder/.DS_Store"):
            archive.writestr(name, DATA)
    assert opened(tmp_path, stream.getvalue()).read_bytes() == DATA


def test_member_is_chosen_by_name(tmp_path):
    """Of several files, the one that matches the agreed name comes out."""
    data = zipped(**{"people.csv": DATA, "readme.txt": b"x"})
    assert opened(tmp_path, data, member="*.csv").read_bytes() == DATA


@pytest.mark.parametrize(
    ("data", "settings", "code"),
    [
        (zipped(a=DATA, b=DATA), {}, "archive"),
        (zipped(), {}, "archive"),
        (zipped(a=DATA), {"member": "*.csv"}, "archive"),
        (zipped(**{f"f{n}": b"" for n in range(101)}), {"member": "f1"}, "archive"),
        (zipped(a=DATA), {"kind": "gz"}, "archive"),
        (DATA, {"kind": "zip"}, "archive"),
        (b"7z\xbc\xaf\x27\x1c" + DATA, {}, "archive"),
        (gzip.compress(DATA, mtime=0)[:60], {}, "cut"),
        (gzip.compress(DATA, mtime=0)[:-4], {}, "cut"),
        (gzip.compress(DATA, mtime=0)[:-8] + b"\0" * 8, {}, "archive"),
        (gzip.compress(DATA, mtime=0) + b"junk", {}, "archive"),
        (zipped(a=DATA)[:-40], {}, "cut"),
        (zipped(a=DATA).replace(bytes.fromhex("76f5d028"), b"\0\0\0\0"), {}, "archive"),
        (zipped(a=zipped(b=DATA)), {}, "nested"),
        (gzip.compress(gzip.compress(DATA, mtime=0), mtime=0), {}, "nested"),
        (gzip.compress(DATA, mtime=0), {"max_bytes": len(DATA) - 1}, "too_big"),
        (gzip.compress(b"\0" * 30_000_000, mtime=0), {}, "too_big"),
        (zipped(a=b"\0" * 30_000_000), {}, "too_big"),
    ],
)
def test_harmful_or_damaged_archives_are_held(tmp_path, data, settings, code):
    """A bomb, a nested, damaged or cut archive, or one with several files, is held."""
    assert reason(tmp_path, data, **settings) == code


def test_encrypted_zip_is_held(tmp_path):
    """A zip with a password is held, for there is nobody to type it."""
    data = bytearray(zipped(a=DATA))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert reason(tmp_path, bytes(data)) == "encrypted"


def test_size_is_counted_not_believed(tmp_path):
    """A zip that declares a smaller size than it holds gains nothing by it."""
    data = bytearray(zipped(a=DATA))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    assert reason(tmp_path, bytes(data)) == "archive"


def test_a_zip_that_unfolds_at_once_is_held_in_little_memory(tmp_path: Path) -> None:
    """Of bzip2, two hundred bytes would take hundreds of megabytes before a limit is looked at."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", bytes(60_000_000))
    tracemalloc.start()
    with pytest.raises(FileHeld) as held:
        unpack(path, tmp_path, Unpacking())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held.value.context["reason"] == "too_big"
    assert most < 20_000_000


def test_a_zip_with_bzip2_is_read_to_its_end_or_held(tmp_path: Path) -> None:
    """The same bytes come out; damaged ones are held as a damaged archive."""
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", DATA)
    assert unpack(path, tmp_path, Unpacking()).read_bytes() == DATA
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileHeld, match="damaged") as held:
        unpack(path, tmp_path, Unpacking())
    assert held.value.context["reason"] == "archive"


def test_a_zip_with_lzma_is_held(tmp_path: Path) -> None:
    """It can only be unfolded as a whole."""
    path = tmp_path / "l.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", DATA)
    with pytest.raises(FileHeld, match="compression that is not supported"):
        unpack(path, tmp_path, Unpacking())
