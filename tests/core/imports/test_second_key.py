"""Rows with another second key than MailUp's, and rows that are not compared; emulated MailUp."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from blocks.ledger import files, journal
from blocks.ledger.files import FileKey
from blocks.ledger.journal import ComparedKeys
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from sandbox.mailup.caller import Caller
from tasks.imports.second_key import SecondKeys, compared_once
from tasks.imports.submit import batch_requests
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import Batch, write_batches
from tasks.records.frames import LINE, RECORD
from tests.core.emulated import client_of

AGREEMENT = ImportAgreement.model_validate(
    {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "mapping": {"columns": [{"column": "email", "target": "email"}]},
    }
)  # fmt: skip
ANNA = {"Email": "anna@example.it", "MobilePrefix": "39", "MobileNumber": "3331111111"}

BRUNO = {"Email": "bruno@example.it", "MobilePrefix": "39", "MobileNumber": "3332222222"}


@dataclass
class Desk:
    """A client with Anna in list 1 and list 2, and a folder for batches."""

    caller: Caller
    client: MailUpClient
    folder: Path

    def batches(
        self, *rows: tuple[str, str], channel: str = "email", lists: Any = 1
    ) -> list[Batch]:
        """Batches of two records of (address, number), on lines from 2 on."""
        size = len(rows)
        empty = pl.DataFrame({name: [None] * size for name in RECORD}, schema=RECORD)
        records = empty.with_columns(
            pl.int_range(2, size + 2).alias(LINE), channel=pl.lit(channel), clear=pl.lit(False),
            list_id=pl.Series(lists if isinstance(lists, list) else [lists] * size, dtype=pl.Int64),
            email=pl.Series([email for email, _ in rows]), prefix=pl.lit("0039"),
            number=pl.Series([number for _, number in rows]), import_type=pl.lit("default"),
        )  # fmt: skip
        return write_batches([records], self.folder, 2)

    def compare(self, sent: list[Batch], calls: int = 300) -> ComparedKeys:
        return SecondKeys(self.client, calls).compared(sent) or journal.NO_KEYS

    def send(self, sent: list[Batch], keys: ComparedKeys) -> list[dict[str, Any]]:
        """Have MailUp import the batches; the recipients of the requests."""
        recipients = []
        for batch in batch_requests(AGREEMENT, sent, {}, keys=keys):
            import_id = self.client.start_import(batch.target, batch.content)
            self.client.wait_for_import(import_id, timeout_seconds=20, poll_seconds=0.01)
            recipients += json.loads(batch.content)
        return recipients


@pytest.fixture
def desk(new_account: Caller, tmp_path: Path) -> Iterator[Desk]:
    for list_id in (1, 2):
        new_account.import_all(f"/Console/List/{list_id}/Recipients", [ANNA])
    # Calls that MailUp answers in no usable form are repeated at once.
    with client_of(new_account.emulator, sleep=lambda _: None) as client:
        yield Desk(new_account, client, tmp_path)


@pytest.mark.parametrize("calls", [300, 0])
@pytest.mark.parametrize("mailup", ["left_out", "refused", "matched"])
def test_nobody_is_taken_for_the_owner_of_a_number(desk: Desk, mailup: str, calls: int) -> None:
    """An unknown address with Anna's number changes nothing of Anna, compared or not."""
    desk.caller.control("settings", {"number_of_another": mailup})
    before = desk.caller.people(1)["anna@example.it"]
    sent = desk.batches(("new@example.it", "3331111111"))
    desk.send(sent, desk.compare(sent, calls))

    people = desk.caller.people(1)
    assert people["anna@example.it"] == before
    assert not people["new@example.it"]["number"]


def test_what_is_not_compared_goes_with_the_key_of_its_channel(desk: Desk) -> None:
    """Lists for which the calls do not suffice are named, with the calls that all of it takes."""
    rows = [("new@example.it", "3335555555"), ("anna@example.it", "3339999999")] * 2
    sent = desk.batches(*rows, lists=[1, 2, 1, 2])
    keys = desk.compare(sent, 6)
    assert keys == ComparedKeys(frozenset(), frozenset({(2, "email")}), 11)
    recipients = desk.send(sent, keys)
    assert [bool(each.get("MobileNumber")) for each in recipients] == [True, True, False, False]
    assert not desk.compare(sent, keys.calls).not_compared


def test_a_key_that_is_a_number_stays_and_the_address_goes(desk: Desk) -> None:
    """With numbers as keys, the address is the one that is left out where it differs."""
    sent = desk.batches(("other@example.it", "3331111111"), channel="sms")
    keys = desk.compare(sent)
    assert keys.lines == {2}
    recipients = desk.send(sent, keys)
    assert [(each.get("Email"), each["MobileNumber"]) for each in recipients] == [
        (None, "3331111111")
    ]


@pytest.mark.parametrize("mailup", ["left_out", "refused", "matched"])
def test_a_number_belongs_to_the_first_row_that_has_it(desk: Desk, mailup: str) -> None:
    """Two people with one number, in one batch or in two, in one list or in two: the later row
    goes without it, whatever MailUp would make of it."""
    desk.caller.control("settings", {"number_of_another": mailup})
    rows = [("one@example.it", "3335555555"), ("two@example.it", "3335555555"),
            ("three@example.it", "3335555555"), ("four@example.it", "3336666666")]  # fmt: skip
    sent = desk.batches(*rows, lists=[1, 1, 2, 1])
    keys = desk.compare(sent)
    assert keys.lines == {3, 4}
    desk.send(sent, keys)
    people = {**desk.caller.people(2), **desk.caller.people(1)}
    numbers = {who: people[f"{who}@example.it"]["number"] for who in ("one", "two", "three")}
    assert numbers == {"one": "3335555555", "two": None, "three": None}


def test_a_person_has_one_number_in_a_file(desk: Desk) -> None:
    """In two lists with two numbers, however they are spelled: the later row goes without."""
    rows = [("one@example.it", "3335555555"), ("ONE@example.it", "3335555555"),
            ("one@example.it", "3336666666")]  # fmt: skip
    assert desk.compare(desk.batches(*rows, lists=[1, 2, 2])).lines == {4}


def test_a_row_that_clashes_is_not_reported_twice_where_nothing_was_compared(desk: Desk) -> None:
    """It goes without its second key for one reason."""
    sent = desk.batches(("one@example.it", "3335555555"), ("two@example.it", "3335555555"))
    assert desk.compare(sent, 0).lines == frozenset()


@pytest.mark.parametrize(
    "search",
    [
        {"filters": "ignored"},
        {"filters": "refused"},
        {"items_of_none": "null", "totals": "missing"},
    ],
)
def test_a_mailup_without_searches_is_walked(desk: Desk, search: dict[str, str]) -> None:
    """If MailUp passes over the search, refuses it, or answers no page where nobody is found, the
    list shows who has which key."""
    others = [{"Email": f"{n}@example.it"} for n in range(500)]
    desk.caller.import_all("/Console/List/1/Recipients", [*others, BRUNO])
    desk.caller.control("settings", search)
    sent = desk.batches(("bruno@example.it", "3339999999"), ("new@example.it", "3335555555"))
    assert desk.compare(sent).lines == {2}


def test_a_list_without_a_total_costs_the_agreed_calls(desk: Desk) -> None:
    """If MailUp tells no total, the walk ends where the agreed calls do, the rows go without their
    second key, and with the calls that are named in the end all of it is compared."""
    desk.caller.import_all(
        "/Console/List/1/Recipients", [{"Email": f"{n}@example.it"} for n in range(60)]
    )
    desk.caller.control("settings", {"totals": "missing", "page_size_cap": 5})
    sent = desk.batches(*[(f"{n}@example.it", f"33355555{n}") for n in range(10, 20)])
    desk.client.count_optins(1, "email")
    calls, keys = desk.client.calls, desk.compare(sent, 8)
    assert desk.client.calls - calls <= 8
    assert keys.not_compared == {(1, "email")}
    assert not any(each.get("MobileNumber") for each in desk.send(sent, keys))
    agreed = [8]
    while keys.not_compared:
        assert keys.calls > agreed[-1]
        agreed.append(keys.calls)
        keys = desk.compare(sent, keys.calls)
    assert len(agreed) < 5


def test_an_attempt_goes_on_with_what_was_found_at_first(desk: Desk, tmp_path: Path) -> None:
    """A run that is killed between look-up and sending repeats the same requests."""
    sent = desk.batches(("anna@example.it", "3339999999"), ("new@example.it", "3335555555"))
    with Store(f"sqlite:///{tmp_path}/ledger.db") as store:
        entry = files.enter(
            store, FileKey("acme", "import:1", "a" * 64), name="a.csv", size=1, agreement="v1",
            run="",
        )  # fmt: skip
        found = compared_once(store, SecondKeys(desk.client, 0), entry.id, 1, sent)
        assert found.not_compared == {(1, "email")}
        calls = desk.client.calls
        assert compared_once(store, SecondKeys(desk.client, 300), entry.id, 1, sent) == found
        assert desk.client.calls == calls
        assert compared_once(store, SecondKeys(desk.client, 300), entry.id, 2, sent).lines == {2}


def test_lines_of_an_older_version_are_read_as_before(tmp_path: Path) -> None:
    """A journal that says nothing of rows not compared: they were sent as they are."""
    with Store(f"sqlite:///{tmp_path}/ledger.db") as store:
        entry = files.enter(
            store, FileKey("acme", "import:1", "a" * 64), name="a.csv", size=1, agreement="v1",
            run="",
        )  # fmt: skip
        with store.transaction() as connection:
            detail = {"attempt": 1, "lines": [3]}
            journal.write_of_file(connection, entry.id, journal.SECOND_KEYS, detail, run="")
        assert journal.second_keys(store, entry.id, 1) == ComparedKeys(frozenset({3}))
