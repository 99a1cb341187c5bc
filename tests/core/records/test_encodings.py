"""Promises of encodings: what is read is certain or agreed, in every language of Europe."""

from pathlib import Path

import pytest

from blocks.errors import FileHeld
from tasks.records.reading.candidates import SINGLE_BYTE, candidates
from tasks.records.reading.dialect import Dialect, resolve
from tasks.records.reading.encoding import BOMS
from tests.real_world.encodings import LANGUAGES, lists, results


def write(tmp_path: Path, text: str | bytes, codec: str = "utf-8") -> Path:
    """A file of one column with this text."""
    path = tmp_path / "file.csv"
    path.write_bytes(b"name\n" + (text if isinstance(text, bytes) else text.encode(codec)) + b"\n")
    return path


def test_two_hundred_name_lists_are_never_read_wrongly():
    """In twenty languages, each in every encoding that has its letters, with as few as one accented
    letter: auto reads what is in Unicode, holds the rest, and sends no name that nobody has."""
    made = list(lists())
    assert len(made) == 200 and len({each.language for each in made}) == len(LANGUAGES) == 20
    found = results(made)
    assert sum(each.wrong for each in found.values()) == 0
    for encoding, each in found.items():
        assert each.held == (0 if encoding.startswith("utf") else each.lists), encoding


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("KOČŠEK", "cp1250"),
        ("MĘŻYK", "iso-8859-2"),
        ("BĂŞCAN", "iso-8859-2"),
        ("Běžel", "cp852"),
        ("CAFFÈ™", "cp1252"),
        ("«PERCHÉ»", "iso-8859-1"),
        ("d’été", "mac-roman"),
        ("caffè»«", "cp1252"),
        ("češžka", "cp1250"),
    ],
)
def test_what_is_utf8_by_accident_is_not_certain(tmp_path, text, codec):
    """Two letters of a code page can be one character of UTF-8: that is no proof."""
    with pytest.raises(FileHeld) as held:
        resolve(write(tmp_path, text, codec), Dialect())
    assert held.value.context["reason"] == "encoding"
    assert resolve(write(tmp_path, text, codec), Dialect(encoding=codec)).encoding == codec


@pytest.mark.parametrize(
    "text",
    ["Nicolò", "NICOLÒ", "Élodie", "via à", "Łódź", "ŁÓDŹ", "Ion Popescu-Țăran", "IONUȚ", "Ğül",
     "Иванов", "Αθήνα", "محمد", "山田", "Nguyễn", "10 €", "1º piano", "“Sì”", "Zoe\u0308", "😀",
     "L’Aquila", "D'Amico – Rossi", "\u202a333\u202c", "３３３"],
)  # fmt: skip
def test_one_word_in_utf8_is_certain(tmp_path, text):
    """Accented letters, other alphabets, typographic signs: one is enough."""
    assert resolve(write(tmp_path, text), Dialect()).encoding == "utf-8"


@pytest.mark.parametrize("codec", SINGLE_BYTE)
def test_an_agreed_encoding_is_read_and_proposed(tmp_path, codec):
    """Each can be agreed, and onboarding finds it among those in which all words exist."""
    words = {"cp1251": "Иванов Пётр", "cp1253": "Αθήνα", "cp1255": "שלום", "cp1256": "محمد"}
    text = words.get(codec, "M\xfcller Gr\xf6\xdfe \xc9mile")
    path = write(tmp_path, text, codec)
    assert resolve(path, Dialect(encoding=codec)).encoding == codec
    found = candidates(path.read_bytes())
    assert any(codec in each.encodings for each in found[:4])


def test_candidates_show_the_words_that_decide():
    """The most plausible first; encodings that read all words alike are one candidate."""
    first, second, *_ = candidates("Kovač Žiga Boštjan Ana".encode("cp1250"))
    assert first.encodings == ("cp1250",) and "Kovač" in first.words
    assert second.encodings == ("cp1252",) and "Kovaè" in second.words
    alike = candidates("Müller".encode("cp1252"))[0]
    assert {"cp1252", "iso-8859-1", "iso-8859-15", "cp1250"} <= set(alike.encodings)
    assert candidates(b"Anna") == []


def test_a_held_file_says_what_keeps_it_going_and_no_word_of_it(tmp_path):
    """Clients whose files auto took for cp1252 before read which setting to make."""
    with pytest.raises(FileHeld, match=r"set dialect\.encoding to cp1252") as held:
        resolve(write(tmp_path, "Nicolò Forlì", "cp1252"), Dialect())
    assert "reads best as cp1252" in str(held.value)
    assert "Nicol" not in str(held.value)


def test_marks_and_bytes_of_other_files(tmp_path):
    """A mark decides; bytes that are text in no encoding are no candidate."""
    for name, mark in BOMS.items():
        path = write(tmp_path, "x")
        path.write_bytes(mark + "name\nNicolò\n".encode(name))
        assert resolve(path, Dialect()).bom
    with pytest.raises(FileHeld, match="not text"):
        resolve(write(tmp_path, b"\x81\x8d\x8f\x90\x9d\x00\xff\xfe" * 9), Dialect())
