"""A run after a standstill: it sends nothing, and a request that was sent all the same is repaired;
against the emulated MailUp."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from blocks.errors import RunStopped
from blocks.ledger import batches, clock, files, leases, tables
from blocks.ledger.files import FileKey
from blocks.ledger.leases import Guard, Lease
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store, naive_utc_now
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start
from tasks.imports import batch_sender
from tests.core.emulated import settings_of
from tests.core.imports.test_unproven import Desk, batch, some

ROOT = Path(__file__).resolve().parents[3]
TARGET = ImportTarget(list_id=2)


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    home = tmp_path_factory.mktemp("mailup")
    with start(home, calls_per_second=0, import_seconds=0) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/ledger.db", run="first") as opened:
        yield opened


def known_settings(mailup: Emulator) -> dict[str, Any]:
    return {
        name: value for name, value in asdict(settings_of(mailup)).items()
        if isinstance(value, str) and value
    }  # fmt: skip


def taken(store: Store, name: str = "client/a") -> Lease:
    lease = leases.take(store, name)
    assert lease is not None
    return lease


def taken_over(store: Store, lease: Lease) -> Lease:
    """Another run has the lease, as if this one's had expired."""
    leases.release(store, lease)
    return taken(store, lease.name)


def test_the_guard_asks_again_where_it_stood_still_while_it_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check before a standstill is not valid after it."""
    lease = taken(store)
    moments, original = iter([0.0, 0.0, 3600.0, 3600.0]), leases._confirm
    guard, asked = Guard(store, lease, awake=lambda: next(moments)), list[Lease]()

    def confirm(store: Store, lease: Lease) -> None:
        original(store, lease)
        if not asked:
            taken_over(store, lease)
        asked.append(lease)

    monkeypatch.setattr(leases, "_confirm", confirm)
    with pytest.raises(RunStopped, match="taken over"):
        guard()


@pytest.mark.parametrize("body", [b"[]", b"["], ids=["body", "one byte"])
def test_what_the_guard_stops_mailup_never_does(mailup: Emulator, body: bytes) -> None:
    """The guard is called after every wait, before the last byte."""
    steps: list[str] = []

    def guard() -> None:
        steps.append("guard")
        raise RunStopped("stopped")

    with MailUpClient(
        settings_of(mailup), pace=lambda: steps.append("pace"), guard=guard
    ) as client:
        before = client.latest_import_id()
        steps.clear()
        with pytest.raises(RunStopped):
            client.start_import(TARGET, body)
        assert steps == ["pace", "guard"]
        assert client.latest_import_id() == before


def test_the_guard_is_the_last_thing_before_the_last_byte(
    mailup: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is called after connecting and all other bytes, however long they take."""
    sent: list[bytes | str] = []
    real = HTTPConnection.send

    def send(self: HTTPConnection, data: Any) -> None:
        sent.append(bytes(data))
        real(self, data)

    with MailUpClient(
        settings_of(mailup), pace=lambda: None, guard=lambda: sent.append("guard")
    ) as client:
        client.account_info()
        monkeypatch.setattr(HTTPConnection, "send", send)
        client.start_import(TARGET, b"[]")
    assert sent[-3:] == [b"[", "guard", b"]"]


def test_requests_that_change_something_are_guarded_and_others_are_not(mailup: Emulator) -> None:
    """Imports, groups and confirmations; reading costs no look into the ledger."""
    asked: list[int] = []
    with MailUpClient(
        settings_of(mailup), pace=lambda: None, guard=lambda: asked.append(1)
    ) as client:
        client.groups(2)
        client.latest_import_id()
        assert asked == []
        client.create_group(2, "guarded")
        sent = len(asked)
        asking = client.start_import(
            ImportTarget(list_id=2, confirm_email=True), batch("ask@example.it").content
        )
        client.wait_for_import(asking, timeout_seconds=20)
        imported = len(asked)
        client.send_confirmation(client.confirmation_sending(asking) or 0)
    assert 0 < sent < imported < len(asked)


def test_what_went_out_over_a_standstill_is_mended(
    mailup: Emulator, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run has taken over and a newer file is in; then the old request arrives. The run that
    wakes writes it down, sends the newer values once more, and ends."""
    monkeypatch.setattr(batch_sender, "TAKEOVER_WAIT_SECONDS", 0.0)
    who = some("woken-", 2)
    old, moments = batch(*who, name="OLD"), [0.0]
    with (
        Store(f"sqlite:///{tmp_path}/ledger.db", run="second") as other_store,
        MailUpClient(settings_of(mailup), pace=lambda: None) as client,
    ):
        storage, caller = Storage(str(tmp_path / "storage")), Caller(mailup)
        first = Desk(store, client, storage, caller).run("a")
        first.guard = Guard(store, first.guard.lease, awake=lambda: moments[0])
        others, real = Desk(other_store, client, storage, caller), client.start_import

        def late(target: ImportTarget, body: bytes) -> int:
            monkeypatch.setattr(client, "start_import", real)
            leases.release(store, first.guard.lease)
            others.lives("a", old)
            others.lives("b", batch(who[0], name="NEW"))
            moments[0] = 3600.0
            return real(target, body)

        monkeypatch.setattr(client, "start_import", late)
        with pytest.raises(RunStopped, match=r"stood still .* was sent again"):
            first.send(old, newest_import=client.latest_import_id())
        people = caller.people(2)
        assert [people[each]["fields"]["1"] for each in who] == ["NEW", "OLD"]
    (entry,) = batches.of_file(store, first.file_id, 1)
    assert (entry.state, entry.extra) == ("done", 2)


def test_a_run_that_still_works_alone_goes_on_when_it_wakes(
    mailup: Emulator, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody took over its file; a newer batch of another client is sent once more after it."""
    who, moments = some("alone-", 2), [0.0]
    with MailUpClient(settings_of(mailup), pace=lambda: None) as client:
        desk = Desk(store, client, Storage(str(tmp_path / "storage")), Caller(mailup))
        first, real = desk.run("a"), client.start_import
        first.guard = Guard(store, first.guard.lease, awake=lambda: moments[0])

        def late(target: ImportTarget, body: bytes) -> int:
            monkeypatch.setattr(client, "start_import", real)
            desk.lives("b", batch(who[0], name="NEW"))
            moments[0] += 3600.0
            return real(target, body)

        monkeypatch.setattr(client, "start_import", late)
        first.send(batch(*who, name="OLD"), newest_import=client.latest_import_id())
        first.finish()
        names = [desk.people[each]["fields"]["1"] for each in who]
    assert (names, desk.kept) == (["NEW", "OLD"], [])


@pytest.mark.parametrize("at", ["pace 1", "guard 1"])
def test_a_stopped_run_sends_nothing_when_it_goes_on(
    mailup: Emulator, store: Store, tmp_path: Path, at: str
) -> None:
    """SIGSTOP between the commit and the last byte, another run takes over, SIGCONT."""
    key = FileKey("a", "import:2", "ab" * 32)
    entry = files.enter(store, key, name="a.csv", size=1, agreement="v1", run="")
    settings = {
        "url": f"sqlite:///{tmp_path}/ledger.db", "settings": known_settings(mailup),
        "file_id": entry.id, "at": at,
    }  # fmt: skip
    with MailUpClient(settings_of(mailup), pace=lambda: None) as client:
        before = client.latest_import_id()
        program = [sys.executable, ROOT / "tests/core/stopped_run.py", json.dumps(settings)]
        child = subprocess.Popen(program, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
        assert os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
        with store.transaction() as connection:
            connection.execute(tables.leases.delete())  # its minute has passed
        taken(store)
        child.send_signal(signal.SIGCONT)
        assert child.wait(60) == 0
        assert client.latest_import_id() == before


def test_leases_go_by_no_clock_that_somebody_sets(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of day may jump; only time that has passed counts, sleep included, and no lease
    outlives the machine's next start."""
    taken(store)
    for days in (-9_000, 9_000):
        with monkeypatch.context() as patch:
            patch.setattr(
                clock, "naive_utc_now", lambda days=days: naive_utc_now() + timedelta(days=days)
            )
            assert leases.take(store, "client/a") is None
    started = clock.awake()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "boot_id", lambda: "the next start")
        assert leases.take(store, "client/a") is not None
    monkeypatch.setattr(clock, "awake", lambda: started + 61)
    assert leases.take(store, "client/a") is not None
