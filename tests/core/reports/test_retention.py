"""Promises of retention: our own old files may go, nothing else ever."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import ConfigurationError
from tasks.reports.output.filenames import Naming, Scope
from tasks.reports.output.packing import Packing
from tasks.reports.output.retention import expired, retention_mistake

NOW = datetime(2026, 10, 25, 4, tzinfo=UTC)
OLD = NOW - timedelta(days=60)
SCOPE = Scope("acme", "unsubscribed", (3, 12), "Europe/Rome")
PLAIN = Naming(template="{client}_{function}_{list}_{window}.csv")
DATED = Naming(template="{client}_{date}_{window:3}.csv")


@dataclass(frozen=True)
class File:
    """A file as a server lists it."""

    name: str
    modified_at: datetime | None = OLD


def gone(naming: Naming, *files: File | str, days: int = 30, **packing: str) -> list[str]:
    """Names of the files that may be removed."""
    listed = [File(file) if isinstance(file, str) else file for file in files]
    found = expired(listed, SCOPE, naming, Packing(**packing), days=days, now=NOW)
    return [file.name for file in found]


@pytest.mark.parametrize("ending", ["", ".gz", ".zip", ".gpg", ".gz.gpg", ".zip.gpg"])
def test_our_old_files_are_found(ending: str) -> None:
    """A name that the template gives is ours, in every packing that was ever agreed."""
    name = f"acme_unsubscribed_3-12_17.csv{ending}"
    assert gone(PLAIN, name) == [name]


@given(
    st.sampled_from(
        [
            "{client}_{function}_{list}_{date}_{window}.csv",
            "OPTOUT {date:%d-%m-%y}T{time:%H%M%S%z}{sequence}",
            "{function}.{date}{time:%H%M%S%z}.txt",
        ]
    ),
    st.integers(1, 10**7),
    st.integers(1, 10**6),
)
def test_every_name_that_we_give_is_known_again(template: str, number: int, minutes: int) -> None:
    """Names of windows and of manual backfills are recognised, and kept while they are young."""
    naming = Naming(template=template)
    end = OLD - timedelta(minutes=minutes)
    files = [
        naming.name_for(SCOPE, number, end),
        naming.name_for(SCOPE, None, end),
        naming.name_for(SCOPE, None, end, start=end - timedelta(days=1)),
    ]
    assert gone(naming, *files) == files
    assert gone(naming, *files, days=10**6) == []


@pytest.mark.parametrize(
    "name",
    [
        "acme_unsubscribed_3-12_.csv",
        "acme_unsubscribed_3-12_x.csv",
        "acme_unsubscribed_3-12_017.csv",
        "acme_unsubscribed_3-12_17.csv.bak",
        "acme_unsubscribed_3-12_17.csv.gz.zip",
        "acme_unsubscribed_3-12_17.csv.gpg.gz",
        "acme_unsubscribed_3-12_17.csv.gpg.gpg",
        "acme_unsubscribed_3-12_17xcsv",
        "acme_unsubscribed_3-12_17.CSV",
        "acme_unsubscribed_3-12_17.csv\n",
        " acme_unsubscribed_3-12_17.csv",
        "acme_unsubscribed_3_17.csv",
        "acme_subscribed_3-12_17.csv",
        "other_unsubscribed_3-12_17.csv",
        "acme_unsubscribed_3-12_manual-now.csv",
        "acme_unsubscribed_3-12_17.csv.ok",
        "acme_unsubscribed_3-12_\u0661.csv",
    ],
)
def test_foreign_files_are_never_touched(name: str) -> None:
    """A name that differs in one character is not ours, however old the file is."""
    assert gone(PLAIN, name, days=1) == []


@pytest.mark.parametrize("name", ["acme_20260231_001.csv", "acme_20261301_001.csv"])
def test_a_day_that_does_not_exist_is_not_ours(name: str) -> None:
    """We never wrote a file on 31 February."""
    assert gone(DATED, name, days=1) == []


@pytest.mark.parametrize(
    ("file", "old"),
    [
        (File("acme_20260824_001.csv", OLD), True),
        (File("acme_20260824_001.csv", None), False),
        (File("acme_20260824_001.csv", NOW - timedelta(days=2)), False),
        (File("acme_20261020_001.csv", OLD), False),
        (File("acme_20260925_001.csv", OLD), False),
        (File("acme_20260924_001.csv", OLD), True),
        (File("acme_20280101_001.csv", OLD), False),
    ],
)
def test_the_younger_age_counts(file: File, old: bool) -> None:
    """A file goes when all that is known says that it is more than `days` days old."""
    assert bool(gone(DATED, file)) == old


def test_a_file_without_time_stays() -> None:
    """A late delivery has an old day in its name: where the server gives no time, all stay."""
    assert gone(PLAIN, File("acme_unsubscribed_3-12_17.csv", None)) == []
    assert gone(DATED, File("acme_20200101_001.csv", None)) == []


@pytest.mark.parametrize(
    ("days", "age", "old"), [(30, 30.99, False), (30, 31, True), (1, 1.5, False), (0, 4000, False)]
)
def test_the_limit_is_what_is_still_kept(days: int, age: float, old: bool) -> None:
    """Files of `days` days are kept; 0 days removes nothing."""
    file = File("acme_unsubscribed_3-12_17.csv", NOW - timedelta(days=age))
    assert bool(gone(PLAIN, file, days=days)) == old


@pytest.mark.parametrize(
    ("marker", "name"),
    [
        ("{name}.ok", "acme_unsubscribed_3-12_17.csv.gz.ok"),
        ("{name}.ok", "acme_unsubscribed_3-12_17.csv.zip.gpg.ok"),
        ("{stem}.ok", "acme_unsubscribed_3-12_17.ok"),
        ("READY_{name}", "READY_acme_unsubscribed_3-12_17.csv"),
    ],
)
def test_done_markers_go_like_their_files(marker: str, name: str) -> None:
    """A marker of ours is ours, also when the client has taken the file away."""
    assert gone(PLAIN, name, done_marker=marker) == [name]
    assert gone(PLAIN, "foreign.ok", "READY_foreign.csv", done_marker=marker) == []


@pytest.mark.parametrize("template", ["{window}.csv", "{date}_{sequence}.csv", "a-{list}{window}"])
def test_a_template_like_everybodys_is_refused(template: str) -> None:
    """Where the names of others could look like ours, nothing is removed, and that is reported."""
    naming = Naming(template=template)
    with pytest.raises(ConfigurationError, match=r"add \{client\} or \{function\}"):
        gone(naming, "1.csv")
    assert retention_mistake(naming)
    assert gone(naming, "1.csv", days=0) == []


@pytest.mark.parametrize(
    ("template", "young", "old"),
    [
        ("{client}_{date:%d.%m.%y}_{window}", "acme_20.10.26_1", "acme_20.08.26_1"),
        ("{client}_{date:%Y}_{window}", "", "acme_2026_1"),
        ("{client}_{date:%m}{time}_{window}", "", "acme_10040000_1"),
    ],
)
def test_a_day_is_read_from_any_date_format(template: str, young: str, old: str) -> None:
    """A whole date in a name counts however it is written; a part of a date gives no age."""
    assert gone(Naming(template=template), *filter(None, (young, old))) == [old]
