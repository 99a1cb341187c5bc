"""A whole journey with planted people and secrets, and a search of all that it left."""

import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from blocks.keys import GpgKey, GpgRecipient
from blocks.sftp_servers import SftpServer
from flows.check_connections import check_connections
from flows.watch_clients import watch_clients
from tests.grounds import EVERYBODY
from tests.journeys.harness import leftovers
from tests.journeys.test_check_connections import Deployments
from tests.journeys.test_decisions import Deployment
from tests.journeys.test_exports import FLOWS, run
from tests.keyrings import PASSPHRASE, keyring, needs_gpg

pytestmark = pytest.mark.journeys

GOOD = "pianta.buona@example.it;Piantabuona;3339876543"
BAD = ["pianta.rotta@@example.it;Piantarotta;", "pianta.corta@example.it;Piantacorta"]
WRONG_PASSWORD = "another-files-secret"
PACKING = {"encrypt_for": "acme", "sign_with": "archive"}


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where runs keep what they work on; short enough a path for gpg."""
    with tempfile.TemporaryDirectory(prefix="s-") as folder:
        monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", folder)
        yield Path(folder)


@needs_gpg
def test_a_whole_journey_leaves_nothing_personal_and_no_secret(
    world: Any, scratch: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Imports with a hold and its release, rejects, archive, replay, every export, checks, the
    watcher and failures of all kinds: no person and no secret is in Prefect's database and API, in
    a log, an error, a process, the ledger, its storage, or the scratch folder."""
    caplog.set_level("DEBUG")
    with keyring() as keys:
        private = keys.private("us")
        GpgKey(private_key=private, passphrase=PASSPHRASE).save("archive", overwrite=True)
        GpgRecipient(public_keys=[keys.public("client")]).save("acme", overwrite=True)
        # Not before: the keyring gives its own gpg the passphrase as an argument.
        with leftovers.processes() as processes:
            left = dict(_played(world))
    assert any(b"gpg" in said for said in processes.values())
    left |= processes
    left["log"] = caplog.text.encode()
    left |= dict(leftovers.of_files(leftovers.database().parent, scratch))
    ours = [world.home / "storage", *world.home.glob("ledger.db*")]
    left |= {f"{path}": path.read_bytes() for path in ours if path.is_file()}
    left |= dict(leftovers.of_files(world.home / "storage"))
    left |= dict(leftovers.of_cells(leftovers.database()))
    left |= dict(leftovers.of_cells(world.home / "ledger.db"))
    left |= dict(leftovers.of_the_api())

    people = [*map(str.encode, list(world.people())[:100]), b"pianta.", b"Pianta", b"9876543"]
    secrets = [
        "files-secret", world.mailup.client_secret, "sandbox-password", PASSPHRASE, WRONG_PASSWORD,
        *private.splitlines()[3:6],
    ]  # fmt: skip
    planted = [*people, *map(str.encode, secrets)]
    assert len(planted) > 20
    found = {name: [word for word in planted if word in content] for name, content in left.items()}
    assert {name: words for name, words in found.items() if words} == {}
    # That it was looked at all: what may be there is found.
    for where in ("log", "API: runs", "ledger.db: table files", "API: artifacts"):
        assert b"a.csv" in left[where], where


def _played(world: Any) -> Iterator[tuple[str, bytes]]:
    """Run all of it; the text of each failure, with its traceback."""
    consent = {"unsubscribed": "block", "basis": EVERYBODY}
    agreed = {"archive": {"days": 9, "key": "archive"}, "consent": consent}
    deployments, deployment = Deployments(world), Deployment(world, agreed)
    deployments.imports(**agreed)
    deployment.id = deployments.made[0]
    world.drop("a.csv", GOOD, *BAD * 10)
    assert deployment.answer(deployment.start()).state_name == "Completed"
    world.control("POST", "settings", {"refused": ["pianta.falsa@example.it"]})
    world.drop("b.csv", GOOD, *(f"pianta{n}@example.it;Pianta;" for n in range(9)), BAD[0],
               "pianta.falsa@example.it;Piantafalsa;")  # fmt: skip
    assert "2 rejected" in deployment.start().state.message
    assert deployment.start(replay=2).state_name == "Completed"
    assert deployment.start(replay=2, replay_with="today", send=True).state_name == "Completed"
    for flow in FLOWS:
        state = run(flow, {"packing": PACKING})
        assert state.is_completed(), state.message
    assert check_connections(client="acme", return_state=True).is_completed()
    yield from _failures(world, agreed)
    assert watch_clients(return_state=True).is_completed()


def _failures(world: Any, agreed: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    world.drop("c.csv", "pianta.terza@example.it;Piantaterza;")
    echo = {"kind": "400_echo", "path": "Recipients", "method": "POST"}
    world.control("POST", "faults", echo)
    yield "MailUp quotes", _shown(world.run(agreed=agreed))
    cut = world.drop("c.csv", "pianta.terza@example.it;Piantaterza;")
    cut.write_bytes(cut.read_bytes()[:-4])
    yield "cut file", _shown(world.run(agreed=agreed))
    world.control("POST", "settings", {"password": "changed"})
    world.drop("c.csv", "pianta.quarta@example.it;Piantaquarta;")
    yield "MailUp password", _shown(world.run(agreed=agreed))
    server = SftpServer.load("acme")
    server.model_copy(update={"password": WRONG_PASSWORD}).save("acme", overwrite=True)
    yield "server password", _shown(world.run(agreed=agreed))


def _shown(state: State[Any]) -> bytes:
    """An error's text, representation and traceback, and the state's message."""
    assert state.is_failed()
    error: Any = state.result(raise_on_failure=False)
    text = [str(state.message), str(error), repr(error), repr(getattr(error, "context", ""))]
    if isinstance(error, Exception):
        text += traceback.format_exception(error)
    return "\n".join(text).encode()
