"""Promises of exported files: byte for byte as agreed, one line per row, nothing lost silently."""

import csv
import hashlib
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.errors import FileHeld
from tasks.reports.output import csv_writer, layouts
from tasks.reports.output.csv_writer import Rendered, Renderer
from tasks.reports.output.formats import Format
from tasks.reports.output.layouts import ExtraField, LayoutColumn
from tasks.reports.rows import UNSUBSCRIPTION
from tests.core.exported_rows import (
    EVERY_EVENT,
    KNOWN_RECEIVERS,
    LATEST_ACTION,
    SMS_OUTCOMES,
    SUBSCRIPTIONS,
    UNSUBSCRIBED_EVENTS,
    UNSUBSCRIPTIONS,
    frame,
)

CASES = Path(__file__).parents[2] / "cases" / "exports"
FIELDS = (ExtraField(1, "First; name"), ExtraField(12, "@Note"))
STATISTICS = [column.header for column in layouts.EMAIL_STATISTICS.available]
PEOPLE = [column.header for column in layouts.UNSUBSCRIBED.available]
EVERYTHING = pl.concat([EVERY_EVENT, UNSUBSCRIBED_EVENTS])
LAYOUT_CASES = {
    "unsubscribed": (layouts.UNSUBSCRIBED.columns(), UNSUBSCRIPTIONS),
    "unsubscribed.whole": (layouts.UNSUBSCRIBED.columns(PEOPLE, FIELDS), UNSUBSCRIPTIONS),
    "unsubscribed.email": (layouts.UNSUBSCRIBED.columns(["email"]), UNSUBSCRIPTIONS),
    "email_statistics.every_event": (layouts.EMAIL_STATISTICS.columns(), EVERY_EVENT),
    "email_statistics.latest_action": (layouts.EMAIL_STATISTICS.columns(), LATEST_ACTION),
    "email_statistics.whole": (layouts.EMAIL_STATISTICS.columns(STATISTICS), EVERY_EVENT),
    "cumulative": (layouts.CUMULATIVE.columns(), EVERYTHING),
    "sms_outcomes": (layouts.SMS_OUTCOMES.columns(), SMS_OUTCOMES),
    "sms_outcomes.whole": (layouts.SMS_OUTCOMES.columns(["email"], FIELDS[:1]), KNOWN_RECEIVERS),
    "subscribed": (layouts.SUBSCRIBED.columns(), SUBSCRIPTIONS),
    "subscribed.email": (layouts.SUBSCRIBED.columns(["email"]), SUBSCRIPTIONS),
    "empty": (layouts.SMS_OUTCOMES.columns(), SMS_OUTCOMES.clear()),
}
FORMAT_CASES = {
    "comma": {"separator": ","},
    "pipe.apostrophe": {"separator": "|", "quote": "'"},
    "apostrophe.always": {"quote": "'", "quoting": "always"},
    "always": {"quoting": "always"},
    "bom": {"encoding": "utf-8-bom"},
    "cp1252": {"encoding": "cp1252"},
    "lf": {"line_end": "lf"},
    "no_header": {"header": False},
    "formulas": {"escape_formulas": True},
    "dates": {"date_format": "%d/%m/%y %H:%M:%S %z", "zone": "America/New_York"},
}
WHOLE = LAYOUT_CASES["unsubscribed.whole"][0]


def render(path: Path, columns, *frames: pl.DataFrame, **settings: object) -> Rendered:
    """Write frames as a file."""
    with Renderer(path, columns, Format(**settings)) as renderer:
        for rows in frames:
            renderer.write(rows)
        return renderer.close()


def read(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    """The cells of a file in the usual format."""
    with path.open(encoding=encoding, newline="") as stream:
        return list(csv.reader(stream, delimiter=";"))


@pytest.mark.parametrize("case", LAYOUT_CASES)
def test_each_layout_is_written_as_agreed(tmp_path: Path, case: str) -> None:
    """Every layout and reading gives exactly the bytes of its golden file."""
    columns, rows = LAYOUT_CASES[case]
    done = render(tmp_path / "out.csv", columns, rows)
    wanted = (CASES / f"{case}.csv").read_bytes()
    assert done.path.read_bytes() == wanted
    assert (done.rows, done.bytes) == (rows.height, len(wanted))
    assert done.sha256 == hashlib.sha256(wanted).hexdigest()


@pytest.mark.parametrize("case", FORMAT_CASES)
def test_each_format_is_written_as_agreed(tmp_path: Path, case: str) -> None:
    """Every setting of the format gives exactly the bytes of its golden file."""
    done = render(tmp_path / "out.csv", WHOLE, UNSUBSCRIPTIONS, **FORMAT_CASES[case])
    wanted = (CASES / f"format.{case}.csv").read_bytes()
    assert done.path.read_bytes() == wanted
    assert done.sha256 == hashlib.sha256(wanted).hexdigest()


def test_golden_files_are_all_used() -> None:
    """Every golden file is used by a test."""
    cases = {*LAYOUT_CASES, *(f"format.{case}" for case in FORMAT_CASES)}
    assert {path.name.removesuffix(".csv") for path in CASES.iterdir()} == cases


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(";|,\"'\r\n\0\t=+-@ \x85\u2028"),
    max_size=12,
)


@example(
    rows=[("a\r\nb\rc\nd\0e\x1ff\x7fg\x85h\u2028i\u2029j\ufeffk\tl", "\ufeff", None)],
    settings={"separator": ";", "quote": '"', "quoting": "when-needed", "line_end": "lf"},
)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS, st.none() | st.integers(0, 2**40)), max_size=5),
    settings=st.fixed_dictionaries(
        {
            "separator": st.sampled_from(";,|"),
            "quote": st.sampled_from("\"'"),
            "quoting": st.sampled_from(["when-needed", "always"]),
            "line_end": st.sampled_from(["crlf", "lf"]),
        }
    ),
)
def test_no_value_breaks_a_row(tmp_path_factory, rows, settings) -> None:
    """Whatever the values hold, a row is one line and a strict reader finds the same cells."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    columns = (LayoutColumn("a", "a"), LayoutColumn("b", "b"), LayoutColumn("n", "n", "id"))
    schema = {"a": pl.String, "b": pl.String, "n": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    render(path, columns, frame, **settings)
    text = path.read_bytes().decode()
    assert len(text.splitlines()) == len(rows) + 1
    found = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=settings["separator"],
        quotechar=settings["quote"],
        strict=True,
    )
    next(found)
    cells = [(a, b, "" if n is None else str(n)) for a, b, n in rows]
    assert sorted(map(tuple, found)) == sorted(
        (_one_line(a), _one_line(b), number) for a, b, number in cells
    )


def _one_line(text: str) -> str:
    ends = {*map(chr, range(32)), *map(chr, range(127, 160)), "\u2028", "\u2029", "\ufeff"} - {"\t"}
    return "".join(" " if c in ends else c for c in text.replace("\r\n", " "))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("=1+1", True),
        ("  =1+1", True),
        ("\r=1+1", True),
        ("\tx", True),
        ("@sum(A1)", True),
        ("+cmd|' /C calc'!A0", True),
        ("-2+3+cmd", True),
        ("\uff1d1+1", True),
        ("+39 (0)2 123-456", False),
        ("-12,50", False),
        ("a=b", False),
        ("'=1", False),
    ],
)
def test_formulas_are_escaped_and_numbers_are_not(tmp_path: Path, text: str, escaped: bool) -> None:
    """What a spreadsheet would run gets an apostrophe, phone and negative numbers stay."""
    columns = (LayoutColumn("a", "a"), LayoutColumn("b", "b"))
    rows = pl.DataFrame({"a": [text], "b": ["x"]})
    done = render(tmp_path / "out.csv", columns, rows, escape_formulas=True)
    assert read(done.path)[1] == ["'" * escaped + text.replace("\r", " "), "x"]
    plain = render(tmp_path / "plain.csv", columns, rows)
    assert read(plain.path)[1][0] == text.replace("\r", " ")


def test_missing_characters_hold_the_export(tmp_path: Path) -> None:
    """cp1252 holds an export with other alphabets, reports how many characters, leaves no file."""
    path = tmp_path / "out.csv"
    rows = frame(UNSUBSCRIPTION, {"email": "a@example.com", "type": "Ива?"})
    with pytest.raises(FileHeld, match="3 characters that cp1252 lacks") as held:
        render(path, layouts.UNSUBSCRIBED.columns(), rows, encoding="cp1252")
    assert held.value.context == {"reason": "encoding", "characters": 3}
    assert not path.exists()


def test_missing_characters_are_replaced_where_agreed(tmp_path: Path) -> None:
    """Each missing character becomes one question mark, and the result says how many."""
    rows = frame(UNSUBSCRIPTION, {"email": "a@example.com", "type": "Ива? e\u0300 €"})
    done = render(
        tmp_path / "out.csv", layouts.UNSUBSCRIBED.columns(), rows, encoding="cp1252",
        missing_characters="replace",
    )  # fmt: skip
    assert read(done.path, "cp1252")[1][6] == "???? è €"
    assert done.replaced == 3


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    """The same rows in another order give the same bytes, also with equal dates."""
    columns = layouts.CUMULATIVE.columns(STATISTICS)
    first = render(tmp_path / "a.csv", columns, EVERYTHING)
    for seed in range(5):
        mixed = EVERYTHING.sample(fraction=1, shuffle=True, seed=seed)
        assert render(tmp_path / "b.csv", columns, mixed).sha256 == first.sha256


def test_rows_are_sorted_by_moment_list_message_and_recipient(tmp_path: Path) -> None:
    """Rows come by statusChange first, those of one moment by list, message, email and type."""
    columns = layouts.EMAIL_STATISTICS.columns(["idNl", "statusType"])
    done = render(tmp_path / "out.csv", columns, EVERY_EVENT)
    header, *rows = read(done.path)
    assert header == ["idList", "idNl", "email", "subject", "statusType", "statusChange"]
    assert [(row[2].partition("@")[0], row[4]) for row in rows] == [
        ("anna", "SNT"), ("bruno", "SNT"), ("carla", "SNT"), ("bruno", "NCO"),
        ("anna", "OPN"), ("anna", "CLK"), ("anna", "CLK"), ("anna", "OPN"),
    ]  # fmt: skip


def test_large_frames_are_written_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame larger than a block is complete, sorted within each block, and as its slices."""
    monkeypatch.setattr(csv_writer, "BLOCK_ROWS", 3)
    columns = layouts.EMAIL_STATISTICS.columns()
    whole = render(tmp_path / "a.csv", columns, EVERY_EVENT)
    slices = render(tmp_path / "b.csv", columns, *EVERY_EVENT.iter_slices(3))
    assert whole.sha256 == slices.sha256
    assert whole.rows == EVERY_EVENT.height == len(read(whole.path)) - 1
    moments = [row[7] for row in read(whole.path)[1:]]
    assert moments[:3] == sorted(moments[:3])
    assert moments[3:6] == sorted(moments[3:6])


def test_an_unfinished_file_is_removed(tmp_path: Path) -> None:
    """After an error no partial file is left."""
    path = tmp_path / "out.csv"
    with (
        pytest.raises(ZeroDivisionError),
        Renderer(path, layouts.SUBSCRIBED.columns(), Format()) as renderer,
    ):
        renderer.write(SUBSCRIPTIONS)
        raise ZeroDivisionError
    assert not path.exists()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"date_format": "%A"}, "has the unknown directive %A; accepted are %d, .*, %z"),
        ({"date_format": "%%zY-%m-%d"}, "has the unknown directive %%"),
        ({"date_format": "%H:%M"}, "needs a day"),
        ({"date_format": "%Y-%m-%d %M"}, "minutes but no hours"),
        ({"date_format": "%Y%m%d\n"}, "invisible characters"),
        ({"date_format": ""}, "no part of a date"),
        ({"zone": "Rome"}, "such as Europe/Rome"),
        ({"zone": "Europe"}, "such as Europe/Rome"),
        ({"zone": "../etc/passwd"}, "such as Europe/Rome"),
        ({"zone": ""}, "such as Europe/Rome"),
        ({"separator": "\t"}, "separator"),
        ({"quote": ""}, "quote"),
        ({"seperator": ";"}, "seperator"),
    ],
)
def test_a_format_that_cannot_work_is_refused(settings: dict[str, str], expected: str) -> None:
    """A mistake in the format is refused when it is written, with what is accepted."""
    with pytest.raises(ValidationError, match=expected):
        Format(**settings)
