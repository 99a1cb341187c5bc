"""Every row of a chunk becomes one record or one reject."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.frames import LINE, RECORD, REJECTS
from tasks.records.mapping.resolve import ResolvedMapping, resolve_mapping
from tasks.records.mapping.settings import Column, Mapping
from tasks.records.validation.row_rules import row_rules
from tasks.records.validation.validate import reject, validate

COLUMNS = ["id", "email", "cell", "born", "name", "status", "group"]
MAPPED: list[dict[str, Any]] = [
    {"column": "email", "target": "email"},
    {"column": "cell", "target": "mobile"},
    {"column": "name", "target": "field", "field": "12", "case": "title", "too_long": "cut"},
    {"column": "born", "target": "field", "field": "3", "date_in": "%d/%m/%Y", "date_out": "%Y"},
    {"column": "status", "target": "status"},
    {"column": "group", "target": "group"},
]
FIELDS = {3: "Nato", 12: "Nome"}
GOOD = ("1", " A@B.It\u200b", "333 1234567", "31/12/1980", "mario rossi", "0", " news")
BAD = ("2", "x", "y", "31/02/1980", "anna", "2", "")


def bound(columns: list[dict[str, Any]] = MAPPED, **settings: Any) -> ResolvedMapping:
    mapping = Mapping(columns=[Column(**column) for column in columns], **settings)
    return resolve_mapping(mapping, COLUMNS, FIELDS, list_id=7, groups={7: {1: "News", 4: "NEWS"}})


def chunk(*rows: tuple[str, ...]) -> pl.DataFrame:
    schema = dict.fromkeys(COLUMNS, pl.String)
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return frame.with_row_index(LINE, offset=2).cast({LINE: pl.Int64})


def sorted_out(
    *rows: tuple[str, ...], binding: ResolvedMapping | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and rejects of a chunk."""
    agreed = row_rules(binding or bound())
    checked = validate(chunk(*rows), agreed)
    return checked.records, reject([checked.invalid], agreed).rejects


def test_a_good_row_becomes_a_record_ready_for_mailup() -> None:
    """Cells are trimmed, put in form and in the schema that is documented."""
    got = sorted_out(GOOD)[0]
    assert dict(got.schema) == RECORD | {"field_3": pl.String(), "field_12": pl.String()}
    row = got.drop("key_high", "key_low").row(0, named=True)
    assert row == {
        LINE: 2,
        "channel": "email",
        "list_id": 7,
        "group": "News",
        "status": "unsubscribed",
        "clear": False,
        "email": "a@b.it",
        "prefix": "0039",
        "number": "3331234567",
        "second_key": True,
        "field_3": "1980",
        "field_12": "Mario Rossi",
    }


def test_a_bad_row_becomes_one_reject_with_all_its_faults() -> None:
    """Faults come in the order of the file's columns, with the cells as they were."""
    records, rejects = sorted_out(GOOD, BAD, GOOD)
    assert records[LINE].to_list() == [2, 4]
    assert dict(rejects.schema) == REJECTS
    assert rejects.row(0, named=True) == {
        "line": 3,
        "columns": ["email", "cell", "born", "status"],
        "reasons": ["email_invalid", "mobile_invalid", "date_invalid", "status_unknown"],
        "cells": list(BAD),
        "original": None,
    }


def test_a_chunk_without_rows_is_no_problem() -> None:
    """Empty in, empty out, schemas kept."""
    records, rejects = sorted_out()
    assert records.is_empty() and list(records.columns)[: len(RECORD)] == list(RECORD)
    assert dict(rejects.schema) == REJECTS


def test_the_key_is_the_address_whatever_its_spelling() -> None:
    """Rows for one person have one key; letter case, spaces and other columns do not matter."""
    rows = [GOOD, ("9", "a@b.IT", "", "", "", "", ""), ("9", "c@b.it", "", "", "", "", "")]
    got = sorted_out(*rows)[0]
    keys = list(zip(got["key_high"], got["key_low"], strict=True))
    assert keys[0] == keys[1] != keys[2]


def test_either_key_uses_the_address_first() -> None:
    """With key 'both' a row without address goes to the SMS channel by its number."""
    rows = [GOOD, ("9", "", "333 1234567", "", "", "", "")]
    got = sorted_out(*rows, binding=bound(key="both"))[0]
    assert got["channel"].to_list() == ["email", "sms"]
    assert got["key_low"].n_unique() == 2


def test_long_values_are_cut_only_where_agreed() -> None:
    """A value over 200 characters, as MailUp counts them, is cut without breaking a character."""
    rows = [("1", "a@b.it", "", "", "x" * 300, "", ""), ("1", "a@b.it", "", "", "😀" * 150, "", "")]
    got = sorted_out(*rows)[0]["field_12"].to_list()
    assert got == ["X" + "x" * 199, "😀" * 100]


def test_blank_cells_are_not_sent_unless_they_clear() -> None:
    """A blank cell is null; a record is marked for clearing only where that is agreed."""
    row = ("1", "a@b.it", "", "", "Mario", "", "")
    kept = sorted_out(row)[0].row(0, named=True)
    assert (kept["field_3"], kept["field_12"], kept["clear"]) == (None, "Mario", False)
    clearing = [c | {"blank": "clear"} if c["target"] == "field" else c for c in MAPPED]
    got = sorted_out(row, GOOD, binding=bound(clearing))[0]
    assert got["clear"].to_list() == [True, False]


def test_groups_are_created_only_where_agreed() -> None:
    """An unknown group is a fault, or kept as written where groups are created."""
    mapping = bound().mapping
    free = resolve_mapping(
        mapping, COLUMNS, FIELDS, list_id=7, groups={7: {1: "News"}}, create_groups=True
    )
    row = ("1", "a@b.it", "", "", "", "", " Brand New ")
    assert sorted_out(row)[1]["reasons"].to_list() == [["group_unknown"]]
    assert sorted_out(row, binding=free)[0]["group"].to_list() == ["Brand New"]


@pytest.mark.parametrize(
    ("status", "means"),
    [("Si\u0300", "subscribed"), ("'S\u00ec", "subscribed"), ('="sì"', "subscribed"),
     ("“No”", "unsubscribed"), ("n\u200bo", "unsubscribed"), ("sì sì", None), ('=""', "nothing")],
)  # fmt: skip
def test_a_status_is_what_a_person_reads(status: str, means: str | None) -> None:
    """Marks, decomposed accents and what nobody sees do not change what a status means."""
    agreed = bound(status_values={"s\u00ec": "subscribed", "no": "unsubscribed"})
    records = sorted_out(("1", "a@b.it", "", "", "", status, ""), binding=agreed)[0]
    got = records["status"].to_list()
    assert got == ([] if means is None else [None if means == "nothing" else means])


@pytest.mark.parametrize("cell", ["'News", '="News"', "ne\u200bws", "“NEWS”", "News\u00a0"])
def test_a_group_is_known_under_the_name_that_a_person_reads(cell: str) -> None:
    """Marks around a group's name do not make another group."""
    assert sorted_out(("1", "a@b.it", "", "", "", "", cell))[0]["group"].to_list() == ["News"]


@pytest.mark.parametrize("cell", ["'Nuovi", "Nuo\u200bvi", "=Nuovi"])
def test_no_group_is_created_with_a_mark_in_its_name(cell: str) -> None:
    """A new group has the name that a person reads, or is not made."""
    free = resolve_mapping(
        bound().mapping, COLUMNS, FIELDS, list_id=7, groups={7: {1: "News"}}, create_groups=True
    )
    rejects = sorted_out(("1", "a@b.it", "", "", "", "", cell), binding=free)[1]
    assert rejects["reasons"].to_list() == [["group_unknown"]]


@pytest.mark.parametrize(
    ("cell", "sent"),
    [("Nicolo\u0300", "Nicol\u00f2"), ('="47120"', "47120"), ("'47120", "47120"),
     ("'+39 02", "'+39 02"), ("'s-Hertogenbosch", "'S-Hertogenbosch"), ('=""', None), ("'", None),
     ('="a ""b"""', 'A "B"'), ("=SUM(1)", "=Sum(1)")],
)  # fmt: skip
def test_a_text_is_sent_as_a_person_reads_it(cell: str, sent: str | None) -> None:
    """A text marker before a number is taken off; an apostrophe that belongs to a name stays."""
    assert sorted_out(("1", "a@b.it", "", "", cell, "", ""))[0]["field_12"].to_list() == [sent]


def test_texts_that_mean_nothing_are_blank_in_every_column() -> None:
    """What a database or a shop writes for nothing is no name, no date and no fault."""
    agreed = bound(blank_texts=["NULL", "\\N", "0/0/00", "/ /"])
    rows = [
        ("1", "a@b.it", "null", "0/0/00", "\\N", "NULL", "Null"),
        ("1", "b@b.it", "", "  /  /   ", "", "", ""),
    ]
    records, rejects = sorted_out(*rows, binding=agreed)
    assert rejects.is_empty()
    assert (
        records.select("number", "field_3", "field_12", "status", "group").rows()
        == [(None,) * 5] * 2
    )


def optional(target: str) -> list[dict[str, Any]]:
    """The mapping with unreadable cells of one target left blank."""
    return [c | ({"unreadable": "blank"} if c["target"] == target else {}) for c in MAPPED]


@pytest.mark.parametrize(
    ("target", "cell", "note"),
    [("mobile", "02 83123451", ("cell", "mobile_invalid")),
     ("field", "31/02/1980", ("born", "date_invalid")),
     ("group", "Other", ("group", "group_unknown"))],
)  # fmt: skip
def test_an_unreadable_cell_costs_its_value_where_agreed(
    target: str, cell: str, note: tuple[str, str]
) -> None:
    """The person is sent without the value, and the cell is listed, by default the row is not."""
    row = list(GOOD)
    row[COLUMNS.index(note[0])] = cell
    assert sorted_out(tuple(row))[0].is_empty()
    checked = validate(chunk(tuple(row)), row_rules(bound(optional(target))))
    assert checked.notes.rows() == [(2, *note)]
    named = {"cell": ("prefix", "number"), "born": ("field_3",), "group": ("group",)}[note[0]]
    sent = checked.records.row(0, named=True)
    assert {name for name, value in sent.items() if value is None} == set(named)


def test_cells_of_rejected_rows_are_no_notes() -> None:
    """A row that is rejected is listed once, among the rejects, with its other faults."""
    checked = validate(chunk(BAD), row_rules(bound(optional("mobile"))))
    assert checked.notes.is_empty() and checked.invalid.height == 1


cells = st.sampled_from(
    ["", " ", "a@b.it", "x", "3331234567", "31/12/1980", "1", "0", "News", "\x00", '"', "😀" * 120]
)


@settings(derandomize=True, database=None)
@given(st.lists(st.tuples(*[cells] * len(COLUMNS)), max_size=12), st.booleans())
def test_conservation(rows: list[tuple[str, ...]], both: bool) -> None:
    """Each row comes out exactly once, as a record or as a reject with its own cells."""
    records, rejects = sorted_out(*rows, binding=bound(key="both" if both else "email"))
    lines = records[LINE].to_list() + rejects["line"].to_list()
    assert sorted(lines) == list(range(2, len(rows) + 2))
    for line, kept in rejects.select("line", "cells").iter_rows():
        assert kept == list(rows[line - 2])
    assert "\x00" not in str(records.select("email", "number", "group", "status").rows())


def test_a_refused_row_names_its_person_where_the_key_is_sound() -> None:
    """Whatever else is wrong, the other channel's number included; one that leaves is a veto."""
    leaves, stays = (("2", "a@b.it", "y", "31/02/1980", "anna", each, "") for each in "01")

    def named(*rows: tuple[str, ...], key: str) -> tuple[list[str], list[str]]:
        agreed = row_rules(bound(key=key))
        refused = reject([validate(chunk(*rows), agreed).invalid], agreed)
        return refused.identified["email"].to_list(), refused.unsubscribing["email"].to_list()

    assert named(leaves, BAD, key="email") == (["a@b.it"], ["a@b.it"])
    assert named(stays, BAD, key="email") == (["a@b.it"], [])
    assert named(leaves, BAD, key="mobile") == ([], [])
