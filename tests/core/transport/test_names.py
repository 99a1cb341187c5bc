"""Names of remote files: what is legal, and what happens to it on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import PathRefused
from blocks.transport import names

pytestmark = pytest.mark.core

ILLEGAL = ["", ".", "..", "a/b", "a\\b", "a\r\nDELE b", "a\nb", "a\0b", "\x7f", "\x9b", "x" * 256]
LEGAL = ["a.csv", "con spazi.csv", "città è.csv", "\"quoted\" 'it'.csv", "$(rm -rf ~).csv", "-x"]


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_names(name: str) -> None:
    """Control characters, path steps and endless names are refused everywhere."""
    assert not names.is_legal_name(name)
    with pytest.raises(PathRefused):
        names.check_new_name(name)
    with pytest.raises(PathRefused):
        names.join_checked("in", name)


@pytest.mark.parametrize("name", LEGAL)
def test_legal_names(name: str) -> None:
    """Usual names are accepted unchanged."""
    assert names.check_new_name(name) == name
    assert names.join_checked("in", name) == f"in/{name}"


def test_new_names_are_visible() -> None:
    """We create no hidden files under names from outside."""
    with pytest.raises(PathRefused):
        names.check_new_name(".hidden")


def test_error_shows_no_raw_control_characters() -> None:
    """A refused name cannot write a line of its own into a log."""
    with pytest.raises(PathRefused) as caught:
        names.check_path("a\r\nforged line")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("folder", "path"),
    [("", "x"), (".", "x"), ("/", "/x"), ("/in", "/in/x"), ("in/", "in/x"), ("a/b", "a/b/x")],
)
def test_join_and_split(folder: str, path: str) -> None:
    """Folder and name join to a path, relative to the login or absolute, and come apart again."""
    assert names.join_checked(folder, "x") == path
    assert names.join_checked(*names.split(path)) == path


@pytest.mark.parametrize("path", ["../x", "a/../b", "a\n", "a/b\\c", "é" * 3000])
def test_paths_that_climb(path: str) -> None:
    """A path leads only downwards, and is not endless."""
    with pytest.raises(PathRefused):
        names.check_path(path)


def test_steps_to_a_folder() -> None:
    """Folders are made from the top."""
    assert names.steps_to("/a/b//c/") == ["/a", "/a/b", "/a/b/c"]
    assert names.steps_to("a b") == ["a b"]
    assert names.steps_to(".") == []


@given(st.text(min_size=1, max_size=300).filter(names.is_legal_name))
def test_temporary_names(name: str) -> None:
    """Hidden, legal, always the same, and recognised as unfinished."""
    temporary = names.temporary_name(name)
    assert temporary == names.temporary_name(name)
    assert names.is_legal_name(temporary)
    assert temporary.startswith(".")
    assert names.is_unfinished(temporary)
    assert temporary != name


def test_temporary_names_of_long_names_differ() -> None:
    """Two long names that begin alike have two temporary names."""
    first, second = ("é" * 120 + end for end in ("1.csv", "2.csv"))
    assert names.temporary_name(first) != names.temporary_name(second)


@pytest.mark.parametrize("name", ["a.csv.part", "a.TMP", "a.filepart", "a.crdownload", ".a"])
def test_unfinished_names(name: str) -> None:
    """The usual names of files that are still being written are known."""
    assert names.is_unfinished(name)
    assert not names.is_unfinished("a.partial.csv")


@given(st.binary(min_size=1, max_size=100).filter(lambda raw: b"/" not in raw))
def test_names_survive_the_way_there_and_back(raw: bytes) -> None:
    """Whatever bytes a legal name has on the server, the same bytes are sent back."""
    codec = names.NameCodec("utf-8")
    name = codec.decode(raw)
    if names.is_legal_name(name):
        assert codec.encode(f"in/{name}") == b"in/" + raw


def test_character_that_the_encoding_lacks() -> None:
    """A name that cannot be written on the server is refused before anything is sent."""
    with pytest.raises(PathRefused, match="encoding"):
        names.NameCodec("cp1252").encode("in/日本.csv")
