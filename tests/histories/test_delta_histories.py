"""Random days of full files, sent whole and sent as what has changed: MailUp ends the same.

Two crowds of people, alike but for their domains, live through the same days against the emulator.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from sandbox.mailup.caller import Caller
from tasks.imports.account_facts import write_unsubscribed
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.payloads import array, recipient_objects
from tasks.records.delta.snapshot import Snapshot, snapshot_of, write_snapshot
from tasks.records.read_file import read_file
from tasks.records.stages import AccountFacts, Prepared
from tests.core.emulated import emulated

KEY = b"k" * 32
TODAY = date(2026, 5, 15)
COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "1"},
    {"column": "stato", "target": "status"},
]
WHO = st.integers(0, 2)


@dataclass(frozen=True)
class Day:
    """What the people in the file are called, and their status; who left by a link before it, and
    who came back by the form; whether whoever left is left out."""

    rows: tuple[tuple[int, str, str], ...]
    left: frozenset[int]
    back: frozenset[int]
    blocks: bool


names, cells = st.sampled_from(["Ada", "Bea"]), st.sampled_from(["1", "1", "1", "", "0", "x"])
days = st.builds(
    Day, st.lists(st.tuples(WHO, names, cells), min_size=3, max_size=5).map(tuple),
    st.frozensets(WHO, max_size=1), st.frozensets(WHO, max_size=1), st.booleans(),
)  # fmt: skip
_numbers = itertools.count()


class Crowd:
    """Three people, and the client's import of them."""

    def __init__(
        self, mailup: Caller, client: MailUpClient, folder: Path, domain: str, *, delta: bool
    ) -> None:
        self.mailup, self.client, self.folder, self.delta = mailup, client, folder, delta
        self.people = [f"p{who}@{domain}" for who in range(3)]
        self.snapshot: Path | None = None
        self.sent = 0

    def live(self, day: Day) -> None:
        """What happens by itself, and then the day's file."""
        there = self.states()
        for who in sorted(day.left & there.keys()):
            self.mailup.control("unsubscribe", {"list": 1, "email": self.people[who]})
        for who in sorted(day.back & there.keys()):
            self.mailup.call("POST", f"/Console/List/1/Subscribe/{there[who]['id']}")
        folder = self.folder / f"day{next(_numbers)}"
        folder.mkdir()
        prepared = self.read(day, folder)
        for batch in prepared.batches:
            target = ImportTarget(list_id=1, import_type=batch.destination.import_type)
            import_id = self.client.start_import(target, array(recipient_objects(batch.records())))
            self.client.wait_for_import(import_id, timeout_seconds=20, poll_seconds=0.002)
        self.sent += prepared.counts.submitted
        if self.delta:
            self.snapshot = keep(prepared, folder / "snapshot.parquet")

    def read(self, day: Day, folder: Path) -> Prepared:
        lines = ["email;nome;stato"]
        lines += [f"{self.people[who]};{name};{status}" for who, name, status in day.rows]
        path = folder / "file.csv"
        path.write_text("".join(f"{line}\r\n" for line in lines))
        agreement = ImportAgreement.model_validate({
            "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
            "mapping": {"columns": COLUMNS}, "dialect": {"separator": ";"},
            "consent": {"unsubscribed": "block" if day.blocks else "update"},
        })  # fmt: skip
        no = (
            write_unsubscribed(folder / "no", agreement, self.client, "Europe/Rome")
            if day.blocks
            else None
        )
        facts = AccountFacts(fields={1: "nome"}, unsubscribed=no)
        former = Snapshot(self.snapshot, KEY) if self.snapshot else None
        return read_file(path, agreement, facts, folder, batch_size=3, today=TODAY, snapshot=former)

    def states(self) -> dict[int, dict[str, Any]]:
        found = {email.lower(): person for email, person in self.mailup.people(1).items()}
        return {who: found[email] for who, email in enumerate(self.people) if email in found}

    def facts(self) -> dict[int, tuple[Any, ...]]:
        """Everything of each person that a file can change."""
        return {
            who: (person["status"], person["type"], person["fields"])
            for who, person in self.states().items()
        }


def keep(prepared: Prepared, path: Path) -> Path:
    """What MailUp has confirmed of a file."""
    confirmed = [
        snapshot_of(batch.records(), KEY)
        for batch in prepared.batches
        if batch.destination.import_type == "default"
    ]
    former = prepared.compared.previous if prepared.compared else None
    write_snapshot(path, confirmed, former)
    return path


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Caller, MailUpClient]]:
    with emulated(tmp_path_factory.mktemp("mailup")) as both:
        yield both


@pytest.fixture
def saved() -> Iterator[list[int]]:
    """How many rows delta has saved, over all histories."""
    rows: list[int] = []
    yield rows
    assert sum(rows) > 0


def test_sending_what_has_changed_ends_as_sending_it_all(
    mailup: tuple[Caller, MailUpClient], tmp_path: Path, saved: list[int]
) -> None:
    """Status and values of everybody are the same, whatever happened, and fewer rows were sent."""

    @settings(
        max_examples=max(5, settings.default.max_examples // 10),
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    )
    @given(st.lists(days, min_size=4, max_size=6))
    def run(history: list[Day]) -> None:
        number = next(_numbers)
        whole = Crowd(*mailup, tmp_path, f"whole{number}.example.it", delta=False)
        changes = Crowd(*mailup, tmp_path, f"delta{number}.example.it", delta=True)
        for day in history:
            whole.live(day)
            changes.live(day)
            assert changes.facts() == whole.facts()
        assert changes.sent <= whole.sent
        saved.append(whole.sent - changes.sent)

    run()
