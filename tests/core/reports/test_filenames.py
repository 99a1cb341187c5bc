"""Promises of file names: one window, one name; two windows, two names."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.errors import ConfigurationError, PathRefused
from tasks.reports.output.filenames import Naming, Scope

ROME = Scope("acme", "unsubscribed", (12, 3), "Europe/Rome")
SUMMER = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
WINTER = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def name(template: str, number: int | None = 17, end: datetime = SUMMER, **others) -> str:
    """The name of one window."""
    return Naming(template=template).name_for(ROME, number, end, **others)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        (
            "{client}_{function}_{list}_{date}_{window}.csv",
            "acme_unsubscribed_3-12_20261025_17.csv",
        ),
        ("{date:%d-%m-%y} {time} n{window:4}.txt", "25-10-26 023000 n0017.txt"),
        ("out{sequence}", "out000017"),
        ("out{sequence:03}.csv", "out017.csv"),
        ("x_{date:%Y%m%d%H%M%S%z}.csv", "x_20261025023000+0200.csv"),
        ("x_{date}T{time:%H%M%S%z}.csv", "x_20261025T023000+0200.csv"),
    ],
)
def test_tokens_are_filled_in(template: str, wanted: str) -> None:
    """Dates are the end of the window in the client's zone, numbers are filled with zeros."""
    assert name(template) == wanted


def test_default_name_is_usable() -> None:
    """Without any setting, names have client, function, lists, day and window."""
    assert Naming().name_for(ROME, 1, SUMMER) == "acme_unsubscribed_3-12_20261025_1.csv"


def test_sequence_counts_files_where_given() -> None:
    """A sequence has no gaps where windows without a file are not counted."""
    assert name("x{sequence:3}_{window}", sequence=4) == "x004_17"


@given(
    st.sampled_from(["a{window}", "a{date}{sequence}", "a{date:%y%m%d}{time:%H%M%S%z}"]),
    st.lists(st.integers(1, 90_000), min_size=2, max_size=8, unique=True),
)
def test_two_windows_never_share_a_name(template: str, minutes: list[int]) -> None:
    """Whatever the ends of the windows, also in the hour that happens twice."""
    start = datetime(2026, 10, 1, tzinfo=UTC)
    ends = [start + timedelta(minutes=minute) for minute in sorted(minutes)]
    found = [name(template, number, end) for number, end in enumerate(ends, 1)]
    assert len(set(found)) == len(ends)
    assert found == [name(template, number, end) for number, end in enumerate(ends, 1)]


@pytest.mark.parametrize(
    "template",
    ["x.csv", "{date}.csv", "{date}{time}.csv", "{time:%H%M%S%z}", "{date:%m%d}{time:%H%M%S%z}"],
)
def test_template_that_repeats_names_needs_agreement(template: str) -> None:
    """A template that can name two windows alike is refused unless overwriting is agreed."""
    with pytest.raises(ValidationError, match=r"add \{window\} or \{sequence\}, or set overwrite"):
        Naming(template=template)
    agreed = Naming(template=template, overwrite=True)
    assert agreed.name_for(ROME, 1, SUMMER) == agreed.name_for(ROME, 2, SUMMER)


def test_the_hour_that_happens_twice() -> None:
    """Local time alone does not distinguish the two hours; its offset does."""
    alike = Naming(template="{date}{time}", overwrite=True)
    assert alike.name_for(ROME, 1, SUMMER) == alike.name_for(ROME, 2, WINTER)
    apart = Naming(template="{date}{time:%H%M%S%z}")
    assert apart.name_for(ROME, 1, SUMMER) != apart.name_for(ROME, 2, WINTER)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("a_{window}.csv", "a_manual-20261001T000000Z-20261025T003000Z.csv"),
        ("a_{date}.csv", "a_20261025-manual-20261001T000000Z-20261025T003000Z.csv"),
        ("a.{date}", "a.20261025-manual-20261001T000000Z-20261025T003000Z"),
    ],
)
def test_a_manual_backfill_has_its_own_name(template: str, wanted: str) -> None:
    """A backfill names its period and never takes the name of a window; repeated, it is alike."""
    naming = Naming(template=template, overwrite=True)
    start = datetime(2026, 10, 1, tzinfo=UTC)
    assert naming.name_for(ROME, None, SUMMER, start=start) == wanted
    assert naming.name_for(ROME, None, SUMMER) == wanted.replace("20261001T000000Z", "first")


def test_many_lists_are_named_by_number_and_hash() -> None:
    """The name stays short with many lists, differs with other lists, and ignores their order."""
    many = tuple(range(1, 60))
    naming = Naming(template="{list}_{window}")
    first = naming.name_for(Scope("a", "b", many, "UTC"), 1, SUMMER)
    assert first.startswith("59-lists-")
    assert first == naming.name_for(Scope("a", "b", many[::-1], "UTC"), 1, SUMMER)
    assert first != naming.name_for(Scope("a", "b", (*many[1:], 99), "UTC"), 1, SUMMER)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{day}_{window}", r"unknown token \{day\}; accepted are \{client\}, "),
        ("{}_{window}", r"unknown token \{\}"),
        ("{window.__class__}", "unknown token"),
        ("{window!r}", "unknown token"),
        ("{window", "unmatched brace"),
        ("{window}}", "unmatched brace"),
        ("a/{window}", "not every server can store"),
        ("..\\{window}", "not every server can store"),
        ("a\n{window}", "not every server can store"),
        ("a:{window}", "not every server can store"),
        ("{date:%d/%m/%Y}_{window}", "not every server can store"),
        ("{date:%H:%M}_{window}", "not every server can store"),
        ("{date:%A}_{window}", "has the unknown directive %A"),
        ("{window:x}", "width"),
        ("{client:3}{window}", "accepts none"),
        (".{window}", "blank or a dot"),
        ("{window}.", "blank or a dot"),
        ("{window} ", "blank or a dot"),
        ("", "at least 1"),
    ],
)
def test_a_template_that_cannot_work_is_refused(template: str, expected: str) -> None:
    """Mistakes in a template are reported when it is written, never when a file is due."""
    with pytest.raises(ValidationError, match=expected):
        Naming(template=template)


def test_a_name_too_long_for_servers_is_refused() -> None:
    """A name leaves room for the endings of packed files and done-markers."""
    with pytest.raises(ConfigurationError, match="shorter than"):
        name("à" * 120 + "{window}")


def test_a_client_cannot_break_out_of_the_folder() -> None:
    """What fills a token is checked like the template itself."""
    for client in ("../acme", "a:b", "a\r\nDELE x"):
        with pytest.raises(ConfigurationError, match="servers may not accept"):
            Naming().name_for(Scope(client, "x", (1,), "UTC"), 1, SUMMER)
    with pytest.raises(PathRefused):
        Naming().name_for(Scope(".acme", "x", (1,), "UTC"), 1, SUMMER)
