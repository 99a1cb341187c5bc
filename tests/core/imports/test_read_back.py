"""Recipients that MailUp refuses without naming them are found; against the emulated MailUp."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from blocks.ledger import batches, files
from blocks.ledger.batches import BatchEntry
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel, ImportTarget
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start
from tasks.imports.read_back import ReadBack, rejected_by_mailup
from tasks.records.batching.batches import Batch, Piece
from tasks.records.batching.destinations import Destination
from tasks.records.frames import LINE
from tasks.records.stages import RejectedByMailUp
from tests.core.emulated import settings_of

REFUSED = "no@example.it"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    home = tmp_path_factory.mktemp("mailup")
    with start(home, calls_per_second=0, import_seconds=0, refused=(REFUSED, "3330000000")) as one:
        yield one


@dataclass
class Desk:
    """A ledger, a client with pages of ten, and a folder for batches."""

    store: Store
    client: MailUpClient
    folder: Path
    sent: list[Batch]

    def send(self, people: list[str], *, list_id: int = 1, channel: Channel = "email") -> None:
        """Import one batch, its people on lines from 2 on, and record its counters."""
        number = len(self.sent) + 1
        path = self.folder / f"{number}.parquet"
        columns = {"email": people} if channel == "email" else {"number": people}
        frame = pl.DataFrame(
            {LINE: range(2, len(people) + 2), "prefix": "0039", **columns}, strict=False
        )
        frame.write_parquet(path)
        to = Destination(channel, list_id, None, "default", False)
        self.sent.append(Batch(number, to, (Piece(path, 0, len(people)),)))
        entry = batches.write_ahead(
            self.store, 1, 1, number, target={"channel": channel}, rows=len(people), sha256="",
            after_import=0,
        )  # fmt: skip
        items = [
            {"Email": one} if channel == "email" else {"MobilePrefix": "39", "MobileNumber": one}
            for one in people
        ]
        target = ImportTarget(list_id=list_id, channel=channel)
        import_id = self.client.start_import(target, json.dumps(items).encode())
        status = self.client.wait_for_import(import_id, timeout_seconds=20, poll_seconds=0.01)
        batches.done(self.store, [(entry.id, {"not_valid": status.not_valid})])

    def entries(self) -> list[BatchEntry]:
        return batches.of_file(self.store, 1, 1)

    def look(self, calls: int = 100) -> RejectedByMailUp:
        """Read back within a number of calls; the ledger's entry afterwards."""
        ReadBack(self.store, self.client, calls).read(self.entries(), self.sent)
        return rejected_by_mailup(self.entries())


@pytest.fixture
def desk(emulator: Emulator, tmp_path: Path) -> Iterator[Desk]:
    with (
        Store(f"sqlite:///{tmp_path}/ledger.db") as store,
        MailUpClient(settings_of(emulator, page_size=10), pace=lambda: None) as client,
    ):
        key = FileKey("acme", "import:1", "cd" * 32)
        files.enter(store, key, name="a.csv", size=1, agreement="v1", run="")
        yield Desk(store, client, tmp_path, [])


def test_few_recipients_are_asked_for_one_by_one(desk: Desk) -> None:
    """A small batch for a long list costs a call per recipient, not a walk through the list."""
    desk.send(["yes1@example.it", REFUSED, "yes2@example.it"])
    before = desk.client.calls
    assert desk.look() == RejectedByMailUp(1, (3,), "complete")
    assert desk.client.calls - before == 4


def test_many_recipients_are_looked_for_in_the_list(desk: Desk) -> None:
    """For batches with more people than the list has pages, one walk is enough for all."""
    desk.send([REFUSED, *(f"first{n}@example.it" for n in range(30))])
    desk.send([*(f"second{n}@example.it" for n in range(30)), REFUSED])
    before = desk.client.calls
    assert desk.look() == RejectedByMailUp(2, (2, 32), "complete")
    assert desk.client.calls - before < 40


def test_what_was_found_is_kept(desk: Desk) -> None:
    """A step that is repeated after a kill makes no further calls, with the same result."""
    desk.send(["yes1@example.it", REFUSED])
    first, calls = desk.look(), desk.client.calls
    assert (desk.look(), desk.client.calls) == (first, calls)
    assert desk.entries()[0].counters == {"not_valid": 1}


def test_nobody_refused_costs_no_call(desk: Desk) -> None:
    """Where MailUp took everybody, nothing is read back."""
    desk.send(["yes1@example.it"])
    calls = desk.client.calls
    assert (desk.look(), desk.client.calls) == (RejectedByMailUp(), calls)


def test_numbers_are_found_too(desk: Desk) -> None:
    """On the SMS channel people are known by number, whatever form its prefix has at MailUp."""
    desk.send(["3331112223", "3330000000"], list_id=3, channel="sms")
    assert desk.look() == RejectedByMailUp(1, (3,), "complete")


def test_who_is_in_the_list_from_before_is_not_found(emulator: Emulator, desk: Desk) -> None:
    """A rejected recipient who was in the list already looks like an accepted one."""
    Caller(emulator).control("settings", {"refused": []})
    desk.send(["before@example.it"])
    Caller(emulator).control("settings", {"refused": ["before@example.it", REFUSED]})
    desk.send(["before@example.it", REFUSED])
    Caller(emulator).control("settings", {"refused": [REFUSED, "3330000000"]})
    assert desk.look() == RejectedByMailUp(2, (3,), "partial")


def test_nobody_is_accused_when_more_are_missing_than_refused(
    emulator: Emulator, desk: Desk
) -> None:
    """Somebody taken off the list meanwhile is not mistaken for a refused one."""
    desk.send(["gone@example.it", REFUSED])
    gone = Caller(emulator).people(1)["gone@example.it"]["id"]
    Caller(emulator).call("DELETE", f"/Console/List/1/Recipient/{gone}")
    assert desk.look() == RejectedByMailUp(1, (), "unclear")


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_looking_ends_with_the_calls_agreed(desk: Desk, calls: int) -> None:
    """Where a look-up takes more calls than agreed, it says so, and stays within the limit."""
    desk.send([REFUSED, *(f"bound{n}@example.it" for n in range(40))])
    before = desk.client.calls
    assert desk.look(calls) == RejectedByMailUp(1, (), "too_many_calls")
    assert desk.client.calls - before <= calls


def test_an_apostrophe_is_looked_for_in_the_list(desk: Desk) -> None:
    """An address that no filter can express is compared locally."""
    desk.send(["d'angelo@example.it", REFUSED])
    assert desk.look() == RejectedByMailUp(1, (3,), "complete")


@pytest.mark.parametrize("kind", ["ignored", "refused"])
def test_a_mailup_without_filters_is_walked(emulator: Emulator, desk: Desk, kind: str) -> None:
    """If MailUp passes over the filter, or refuses it, the whole list is looked through."""
    desk.send(["yes1@example.it", REFUSED])
    Caller(emulator).control("settings", {"filters": kind})
    found = desk.look()
    Caller(emulator).control("settings", {"filters": "known"})
    assert found == RejectedByMailUp(1, (3,), "complete")
