"""A batch has its effect once, wherever a run was killed; against the emulated MailUp."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

from blocks.errors import RunStopped
from blocks.ledger import batches, files, leases
from blocks.ledger.batches import BatchEntry
from blocks.ledger.files import FileKey
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start
from tasks.imports.batch_sender import BatchRequest, BatchSender, PlanChanged
from tasks.imports.unproven import ResendCheck
from tests.core.emulated import settings_of

TARGET = ImportTarget(list_id=1)
PEOPLE = [{"Email": f"p{number}@example.it", "Fields": []} for number in range(3)]
REQUEST = BatchRequest(1, len(PEOPLE), json.dumps(PEOPLE).encode(), "ab" * 32, TARGET)


class _NobodyWaits:
    def yield_to_others(self) -> None:
        pass


NOBODY_WAITS = _NobodyWaits()


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with start(
        tmp_path_factory.mktemp("mailup"), calls_per_second=0, import_seconds=0.1
    ) as running:
        yield running


@pytest.fixture
def counter(mailup: Emulator, tmp_path: Path) -> Iterator[BatchSender]:
    """A sender for attempt 1 of a file that was just added to the ledger."""
    with (
        Store(f"sqlite:///{tmp_path}/ledger.db") as store,
        MailUpClient(settings_of(mailup), pace=lambda: None) as client,
    ):
        key = FileKey("acme", "import:1", "cd" * 32)
        entry = files.enter(store, key, name="a.csv", size=1, agreement="v1", run="")
        lease = leases.take(store, "client/acme")
        assert lease is not None
        yield BatchSender(
            store, client, entry.id, 1, leases.Guard(store, lease), NOBODY_WAITS, 20.0, "acme",
            lambda: Storage(str(tmp_path / "storage")), ResendCheck(client, 300, nobody),
            sleep=lambda _: None,
        )  # fmt: skip


def nobody(people: pl.DataFrame) -> pl.DataFrame:
    """The client's first file: nobody was imported before."""
    return people.clear()


def posts(mailup: Emulator) -> int:
    calls = Caller(mailup).control("log")
    return sum(c["method"] == "POST" and c["path"].endswith("/Recipients") for c in calls)


def written_ahead(counter: BatchSender, newest: int) -> BatchSender:
    """A new run's counter, after an earlier one that was killed while it sent the batch."""
    batches.write_ahead(
        counter.store, counter.file_id, 1, 1, target=asdict(TARGET), rows=REQUEST.rows,
        sha256=REQUEST.sha256, after_import=newest,
    )  # fmt: skip
    return replace(counter)


def outcome(counter: BatchSender) -> BatchEntry:
    counter.finish()
    (entry,) = batches.of_file(counter.store, counter.file_id, 1)
    return entry


def test_a_batch_is_sent_once_and_not_a_second_time(counter: BatchSender, mailup: Emulator) -> None:
    """A batch that the ledger shows as done causes no call."""
    before = posts(mailup)
    counter.send(REQUEST, newest_import=counter.client.latest_import_id())
    calls = counter.client.calls
    counter.send(REQUEST, newest_import=0)

    assert (posts(mailup) - before, counter.client.calls) == (1, calls)
    assert outcome(counter).state == "done"
    assert outcome(counter).counters["rows"] == len(PEOPLE)


def test_a_batch_that_may_have_arrived_is_sent_again(
    counter: BatchSender, mailup: Emulator
) -> None:
    """Cut off between MailUp's yes and the ledger's: nothing proves whose the import is, so it is
    not taken for ours, and the import beyond an undisturbed run is counted."""
    counter = written_ahead(counter, counter.client.latest_import_id())
    import_id = counter.client.start_import(TARGET, REQUEST.content)
    before = posts(mailup)
    counter.send(REQUEST, newest_import=0)

    known = outcome(counter)
    assert posts(mailup) == before + 1
    assert (known.state, known.again, known.extra) == ("done", 1, 1)
    assert (known.import_id or 0) > import_id
    assert batches.extra_imports(counter.store, counter.file_id) == 1


def test_a_batch_that_never_arrived_is_sent(counter: BatchSender, mailup: Emulator) -> None:
    """Killed before MailUp received the batch: looked up, not found, sent."""
    counter = written_ahead(counter, counter.client.latest_import_id())
    before = posts(mailup)
    counter.send(REQUEST, newest_import=0)

    assert posts(mailup) == before + 1
    assert (outcome(counter).state, outcome(counter).extra) == ("done", 0)


def test_an_import_of_somebody_else_is_not_taken_for_ours(
    counter: BatchSender, mailup: Emulator
) -> None:
    """A foreign program imports as many rows into the list at that moment: ours are sent."""
    counter = written_ahead(counter, counter.client.latest_import_id())
    others = [{"Email": f"o{number}@example.it", "Fields": []} for number in range(3)]
    foreign = counter.client.start_import(TARGET, json.dumps(others).encode())
    before = posts(mailup)
    counter.send(REQUEST, newest_import=0)

    assert posts(mailup) == before + 1
    assert outcome(counter).import_id not in (None, foreign)
    assert outcome(counter).counters["rows"] == len(PEOPLE)


def test_an_accepted_batch_is_only_waited_for(counter: BatchSender, mailup: Emulator) -> None:
    """With an import id in the ledger nothing is sent and nothing is looked up."""
    counter = written_ahead(counter, 0)
    import_id = counter.client.start_import(TARGET, REQUEST.content)
    batches.accepted(counter.store, outcome(counter), import_id)
    counter = replace(counter)
    before = posts(mailup)
    counter.send(REQUEST, newest_import=0)

    assert posts(mailup) == before
    assert outcome(counter).state == "done"


def test_another_batch_under_the_same_number_changes_the_plan(counter: BatchSender) -> None:
    """A batch that an earlier run began is not mixed with others; it can be completed first."""
    counter = written_ahead(counter, counter.client.latest_import_id())
    with pytest.raises(PlanChanged):
        counter.send(replace(REQUEST, sha256="ef" * 32), newest_import=0)

    counter.finish_abandoned(outcome(counter))
    assert outcome(counter).state == "sending"


def test_without_its_lease_a_run_sends_nothing(counter: BatchSender, mailup: Emulator) -> None:
    """A run that lost its lease to another one stops before the next batch."""
    leases.release(counter.store, counter.guard.lease)
    before = posts(mailup)
    with pytest.raises(RunStopped, match="taken over"):
        counter.send(REQUEST, newest_import=0)
    assert posts(mailup) == before
