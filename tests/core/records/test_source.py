"""Which files are taken, in which order, and where they go."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pytest
from pydantic import ValidationError

from tasks.files.remote_paths import fitting, unique_name
from tasks.records.source import (
    Source,
    files_named,
    in_order,
    moving_name,
    own_name,
    processed_path,
)


@dataclass(frozen=True)
class Listed:
    name: str
    modified_at: datetime | None = None


def names(files: list[Listed]) -> list[str]:
    return [file.name for file in files]


@pytest.mark.parametrize(
    ("kind", "pattern", "taken"),
    [
        ("glob", "contacts-*.csv", ["contacts-1.csv", "contacts-1.csv.rejects.csv"]),
        ("regex", r"contacts-\d+\.csv", ["contacts-1.csv"]),
        ("glob", "*", ["CONTACTS-1.CSV", "contacts-1.csv", "contacts-1.csv.rejects.csv"]),
    ],
    ids=["glob", "regex matches the whole name", "everything but hidden files"],
)
def test_only_files_that_match_are_taken(kind: str, pattern: str, taken: list[str]) -> None:
    """The pattern decides; a name that begins with a dot is somebody's work in progress."""
    there = ["contacts-1.csv", ".contacts-2.csv", "contacts-1.csv.rejects.csv", "CONTACTS-1.CSV"]
    listed = [Listed(name) for name in there]
    assert names(in_order(listed, Source(pattern=pattern, pattern_kind=kind))) == taken


def test_files_are_ordered_by_name_or_by_age() -> None:
    """The order is the agreed one, also where a server gives no time."""
    day = datetime(2026, 11, 23, tzinfo=UTC)
    listed = [Listed("b.csv", day.replace(hour=1)), Listed("a.csv", day), Listed("c.csv")]

    assert names(in_order(listed, Source())) == ["a.csv", "b.csv", "c.csv"]
    assert names(in_order(listed, Source(order="modified"))) == ["c.csv", "a.csv", "b.csv"]


def test_a_renamed_file_is_not_taken_again() -> None:
    """Whatever the pattern, what carries the agreed suffix has been imported."""
    source = Source(pattern="*", afterwards="rename", rename_suffix=".done")
    place = processed_path(source, unique_name("a.csv", "ab" * 32, datetime(2026, 1, 2, 3, 4, 5)))  # noqa: DTZ001

    assert place == "a.20260102T030405.abababab.csv.done"
    assert not source.takes(place)


def test_what_was_set_aside_is_the_clients_file() -> None:
    """It is taken whatever the pattern, before what came under its name since, and by that name."""
    aside = moving_name("a.csv", "ab" * 32)
    there = [Listed("b.csv"), Listed("a.csv"), Listed(aside)]
    source = Source(pattern=r"[ab]\.csv", pattern_kind="regex")

    assert aside == "a.csv.abababab.being-put-away"
    assert names(in_order(there, source)) == [aside, "a.csv", "b.csv"]
    assert names(files_named(there, "a.csv")) == [aside, "a.csv"]
    assert names(files_named(there, aside)) == [aside]
    assert own_name(aside) == own_name("a.csv") == "a.csv"


def test_the_same_content_always_rests_at_the_same_place() -> None:
    """Moving twice is harmless, and two files of one name do not collide."""
    source, day = Source(folder="in"), datetime(2026, 1, 2, tzinfo=UTC)
    first, second = (unique_name("a.csv", digest * 32, day) for digest in ("aa", "bb"))

    assert processed_path(source, first) == "in/imported/a.20260102T000000.aaaaaaaa.csv"
    assert processed_path(source, first) != processed_path(source, second)
    assert processed_path(Source(afterwards="leave"), first) is None


@pytest.mark.parametrize(
    ("afterwards", "place"), [("move", "in/refused/a.csv"), ("rename", "in/a.csv.refused")]
)
def test_a_refused_file_rests_apart_and_is_not_taken_again(
    afterwards: Literal["move", "rename"], place: str
) -> None:
    """What was refused is not mixed with what was imported."""
    source = Source(folder="in", pattern="*", afterwards=afterwards)
    assert processed_path(source, "a.csv", refused=True) == place
    assert not source.takes("a.csv.refused") or afterwards == "move"


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"pattern": "(", "pattern_kind": "regex"}, "pattern is not a regular expression"),
        ({"move_to": "."}, "move_to is the folder itself"),
        ({"afterwards": "delete"}, "'leave', 'rename' or 'move'"),
        ({"paterns": "*"}, "paterns"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(wrong: dict[str, str], expected: str) -> None:
    """The message names the field and what is accepted."""
    with pytest.raises(ValidationError, match=expected):
        Source(**wrong)


@pytest.mark.parametrize(
    "name",
    ["a" * 251 + ".csv", "è" * 125 + "b.csv", "a." + "b" * 253, "." + "c" * 254],
    ids=["long", "letters of two bytes", "long ending", "nothing but an ending"],
)
def test_the_longest_names_still_get_results_and_a_resting_place(name: str) -> None:
    """What would be too long for a server is cut and gets a hash: always the same, another one for
    another name or content, and with the ending by which it is known."""
    seen = datetime(2026, 11, 23, tzinfo=UTC)
    other = name[:-5] + "x" + name[-4:]
    for ending in (".result.json", ".rejects.csv", ".skipped.csv"):
        result = fitting(name, ending)
        assert result.endswith(ending)
        assert len(result.encode()) <= 255
        assert result == fitting(name, ending) != fitting(other, ending)
    for source in (Source(), Source(afterwards="rename")):
        one, two = (processed_path(source, unique_name(name, sha256 * 64, seen)) for sha256 in "ab")
        assert one != two
        assert one is not None
        assert len(one.rpartition("/")[2].encode()) <= 255


def test_a_name_that_fits_is_left_as_it_is() -> None:
    """Only what is too long is cut."""
    assert fitting("a.csv", ".result.json") == "a.csv.result.json"
    assert fitting("a" * 243, ".result.json") == "a" * 243 + ".result.json"
