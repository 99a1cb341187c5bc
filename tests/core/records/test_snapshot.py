"""What counts as unchanged: one table of the rules, and its hashes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from tasks.imports.delta_snapshots import shape_of
from tasks.records.agreement import ImportAgreement
from tasks.records.delta.hashes import person_digests, row_digests
from tasks.records.stages import AccountFacts
from tests.core.full_files import COLUMNS, FIELDS, FIRST, KEY, agreed, kept, read
from tests.grounds import STATED

CASES = Path(__file__).resolve().parents[2] / "cases/delta"
SHAPES_OF_BEFORE = json.loads((CASES / "shapes.json").read_text(encoding="utf-8"))
RULES: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "the same": (FIRST, {}, []),
    "in another order": (FIRST[::-1], {}, []),
    "address in capitals": (["ADA@EXAMPLE.IT;Ada;Roma;1", *FIRST[1:]], {}, []),
    "another value": (["ada@example.it;Adele;Roma;1", *FIRST[1:]], {}, ["ada@example.it"]),
    "a value more": ([FIRST[0], "bea@example.it;Bea;Bari;1", FIRST[2]], {}, ["bea@example.it"]),
    "a value less": (["ada@example.it;Ada;;1", *FIRST[1:]], {}, ["ada@example.it"]),
    "values changed places": (
        ["ada@example.it;Roma;Ada;1", *FIRST[1:]], {}, ["ada@example.it"]
    ),
    "somebody new": ([*FIRST, "dora@example.it;;;1"], {}, ["dora@example.it"]),
    "unsubscribes": (["ada@example.it;Ada;Roma;0", *FIRST[1:]], {}, ["ada@example.it"]),
    "another group": (FIRST, {"group": "Soci"}, [row.split(";")[0] for row in FIRST]),
    "another list": (FIRST, {"list_id": 2}, [row.split(";")[0] for row in FIRST]),
    "clears": (
        FIRST,
        {
            "mapping": {
                "columns": [
                    each | ({"blank": "clear"} if each["target"] == "field" else {})
                    for each in COLUMNS
                ],
                "clear_unmapped_fields": True,
            }
        },
        ["bea@example.it"],
    ),
    "another field": (
        FIRST,
        {"mapping": {"columns": [COLUMNS[0], COLUMNS[1], COLUMNS[2] | {"field": "altro"}]}},
        [row.split(";")[0] for row in FIRST],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_what_is_sent_after_the_first_file(tmp_path: Path, name: str) -> None:
    """A row is left out only where person, destination and every value are as they were."""
    rows, other, wanted = RULES[name]
    former = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "snapshot.parquet")

    prepared, sent = read(tmp_path / "two", rows, former, **other)

    assert sent == wanted
    counts = prepared.counts
    assert (counts.submitted, counts.unchanged) == (len(wanted), len(rows) - len(wanted))


def test_a_row_that_unsubscribes_is_sent_each_time(tmp_path: Path) -> None:
    """Somebody who came back in MailUp by themselves, and is to leave by the file, does leave."""
    rows = ["ada@example.it;Ada;Roma;0", *FIRST[1:]]
    former = kept(read(tmp_path / "one", rows)[0], tmp_path / "one.parquet")
    again = kept(read(tmp_path / "two", rows, former)[0], tmp_path / "two.parquet")

    assert read(tmp_path / "three", rows, again)[1] == ["ada@example.it"]


def test_who_left_by_a_file_and_is_back_in_the_next_is_sent(tmp_path: Path) -> None:
    """What the list had before the opt-out says nothing about it afterwards."""
    first = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "one.parquet")
    leaving = ["ada@example.it;Ada;Roma;0", *FIRST[1:]]
    second = kept(read(tmp_path / "two", leaving, first)[0], tmp_path / "two.parquet")

    assert read(tmp_path / "three", FIRST, second)[1] == ["ada@example.it"]


def test_a_change_back_is_a_change(tmp_path: Path) -> None:
    """Only the file before counts: a value that is as it was two files ago is sent."""
    first = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "one.parquet")
    other = ["ada@example.it;Adele;Roma;1", *FIRST[1:]]
    second = kept(read(tmp_path / "two", other, first)[0], tmp_path / "two.parquet")

    assert read(tmp_path / "three", FIRST, second)[1] == ["ada@example.it"]


def test_who_is_missing_is_counted(tmp_path: Path) -> None:
    """Whoever was in the file before and is in no good row of this one; changed ones are there."""
    former = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "snapshot.parquet")

    prepared, _ = read(tmp_path / "two", ["ada@example.it;Adele;;0", FIRST[2]], former)

    assert prepared.compared is not None
    assert prepared.compared.missing == 1


def test_churn_is_noted_without_what_only_has_to_be_sent_again(tmp_path: Path) -> None:
    """New and changed rows count, opt-outs do not, nor rows that are sent again as MailUp may not
    have taken them; of a file that was not compared nothing is noted."""
    first = read(tmp_path / "one", FIRST)[0]
    former = kept(first, tmp_path / "snapshot.parquet")
    rows = ["ada@example.it;Adele;;1", "bea@example.it;;;0", "dora@example.it;;;1"]
    second = read(tmp_path / "two", rows, former)[0]

    assert second.compared is not None
    assert second.ledger_figures.items() >= {"changed": 2, "missing": 1, "known": 3}.items()
    sent_again = replace(second, compared=replace(second.compared, unconfirmed=1))
    assert sent_again.ledger_figures["changed"] == 1
    assert first.ledger_figures.keys() == {"opt_outs", "columns", "header"}


def test_an_empty_snapshot_knows_nobody(tmp_path: Path) -> None:
    """After a file of opt-outs alone, everybody is sent."""
    former = kept(
        read(tmp_path / "one", ["ada@example.it;Ada;Roma;0"])[0], tmp_path / "snapshot.parquet"
    )
    prepared, sent = read(tmp_path / "two", FIRST, former)
    assert (len(sent), prepared.counts.unchanged) == (3, 0)


def record(**values: str | None) -> pl.DataFrame:
    row = {
        "channel": "email", "list_id": 1, "group": None, "clear": False, "email": "ada@example.it",
        "prefix": None, "number": None, "field_1": "Ada", "field_2": None,
    } | values  # fmt: skip
    return pl.DataFrame([row], schema_overrides=dict.fromkeys(values, pl.String))


def test_hashes_are_the_same_in_every_version() -> None:
    """What is kept today is understood tomorrow; a change here needs another VERSION."""
    digests = row_digests(record(), KEY).row(0) + person_digests(record(), KEY).row(0)
    assert [f"{each:016x}" for each in digests] == [
        "fd9ed2611695549a", "392edce1d2d51669",
        "cd852fc463b4e27b", "212fdc3c98c86791",
    ]  # fmt: skip


def test_addresses_cannot_be_tried_against_a_snapshot() -> None:
    """Without the ledger's key nobody can find out whose hash it is."""
    assert person_digests(record(), KEY).rows() != person_digests(record(), b"x" * 32).rows()


@pytest.mark.parametrize(
    "other",
    [
        {"field_1": "Ad", "field_2": "a"}, {"field_1": None, "field_2": "Ada"},
        {"field_1": "Ada", "field_2": ""}, {"group": "1"},
    ],
)  # fmt: skip
def test_records_that_look_alike_are_distinguished(other: dict[str, str | None]) -> None:
    """Where a value ends, and what is empty or not there at all, is part of the hash."""
    assert row_digests(record(), KEY).rows() != row_digests(record(**other), KEY).rows()


def test_a_value_ends_where_its_cell_ends() -> None:
    """The same letters in two cells, cut elsewhere, are another record."""
    one, other = record(field_1="Ada", field_2="x"), record(field_1="Ad", field_2="ax")
    assert row_digests(one, KEY).rows() != row_digests(other, KEY).rows()


def test_half_of_a_hash_is_not_enough(tmp_path: Path) -> None:
    """A row whose hash agrees in its first half alone is sent."""
    former = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "snapshot.parquet")
    pl.read_parquet(former).with_columns(row_low=pl.col("row_low") ^ 1).write_parquet(former)
    assert len(read(tmp_path / "two", FIRST, former)[1]) == len(FIRST)


SHAPES: dict[str, dict[str, Any]] = {
    "mapping": {"mapping": {"columns": [COLUMNS[0] | {"required": True}, *COLUMNS[1:]]}},
    "consent": {"consent": {"unsubscribed": "block"}},
    "group": {"group": "Soci"},
    "list": {"list_id": 2},
    "confirmation": {"confirm_email": True},
    "account": {"account": "other"},
    "second key": {"mapping": {"columns": COLUMNS, "second_key": "reject"}},
}


@pytest.mark.parametrize("name", SHAPES)
def test_another_agreement_makes_another_shape(name: str) -> None:
    """Whatever makes a request of a record is in the shape, and a change sends a whole file."""
    facts = AccountFacts(fields=FIELDS, account="one")
    assert shape_of(agreed(**SHAPES[name]), facts) != shape_of(agreed(), facts)


def test_snapshots_of_before_the_second_key_are_good_for_its_default() -> None:
    """An agreement that says nothing of `second_key` has the shape that it had without it."""
    whole = ImportAgreement.model_validate(
        {
            "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
            "mode": "full", "delta": {"on": True},
            "mapping": {
                "columns": [
                    {"column": "email", "target": "email"},
                    {"column": "cellulare", "target": "mobile"},
                    {"column": "nome", "target": "field", "field": "nome"},
                ]
            },
        }
    )  # fmt: skip
    known = "c340731e40e230f274e0ae178cbd876aabc7db6d82f8e9b65d643aaf37f39096"
    assert shape_of(whole, AccountFacts(fields={1: "nome"}, account="one")) == known


@pytest.mark.parametrize("known", SHAPES_OF_BEFORE, ids=lambda each: each["case"])
def test_a_new_setting_at_its_default_changes_no_shape(known: dict[str, Any]) -> None:
    """Agreements of the first snapshots (tests/cases/delta, made at 0ac88d2) have their shape, so
    that a file after an upgrade is compared as before."""
    facts = AccountFacts(
        fields={1: "nome", 12: "cap", 27: "nascita"}, account="https://console.example#42"
    )
    assert shape_of(ImportAgreement.model_validate(known["agreement"]), facts) == known["shape"]


def test_a_ground_makes_another_shape() -> None:
    """Who is sent, and with which keys, depends on it."""
    facts = AccountFacts(fields=FIELDS, account="one")
    bare = {"mapping": {"columns": COLUMNS[:3]}}
    shapes = {
        shape_of(agreed(**bare, consent={"basis": {"email": ground}}), facts)
        for ground in (
            STATED,
            STATED | {"column": "stato", "values": {"0": "leave_out"}},
            {"ground": "column", "column": "stato", "values": {"1": "subscribed"}},
            {"ground": "unknown"},
        )
    }
    assert len(shapes) == 4


def test_the_account_behind_the_block_is_in_the_shape() -> None:
    """A block that was pointed to another account of MailUp, or other fields, send a whole file."""
    shapes = {
        shape_of(agreed(), AccountFacts(fields=fields, account=account))
        for fields, account in ((FIELDS, "one"), (FIELDS, "two"), ({**FIELDS, 3: "new"}, "one"))
    }
    assert len(shapes) == 3


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"mode": "incremental"}, "mode 'full'"),
        ({"list_id": 0, "mapping": {
            "columns": [*COLUMNS, {"column": "lista", "target": "list"}], "lists": [1, 2],
        }}, "one list"),
        ({"mapping": {"key": "both", "columns": [
            *COLUMNS, {"column": "cellulare", "target": "mobile"},
        ]}}, "'both'"),
    ],
)  # fmt: skip
def test_delta_is_refused_where_it_could_leave_out_too_much(
    other: dict[str, Any], expected: str
) -> None:
    """Files of changes, several lists, and rows with either key are always sent as a whole."""
    with pytest.raises(ValidationError, match=expected):
        agreed(**other)
