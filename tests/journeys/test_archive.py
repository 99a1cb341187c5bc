"""Archived files: replayed as on their day or as of today, and deleted."""

import hashlib
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.keys import GpgKey
from blocks.ledger import archives
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from deployments.audit import audit_lines
from tasks.imports.archive import open_stored
from tests.command import invoke
from tests.journeys.conftest import COLUMNS, merged
from tests.keyrings import PASSPHRASE, Keyring, keyring, needs_gpg

ROWS = ["anna@example.it;Anna;", "bruno@example.it;Bruno;", "carla@@example.it;Carla;"]
KEPT = {"archive": {"days": 30}}
GRANT = {
    "import_type": "opt-in", "grant_date": "2026-01-31", "grant_by": "Ada",
    "grant_reason": "asked by letter", "grant_expires": "2099-12-31",
}  # fmt: skip


@pytest.fixture(scope="module")
def keys() -> Iterator[Keyring]:
    with keyring() as made:
        yield made


def stored(world: Any) -> list[Path]:
    """The archived files in the ledger's storage."""
    return sorted((world.home / "storage").glob("archive/*"))


def forge(path: Path, content: bytes) -> None:
    """Another file, with its hash, in the place of an archived one."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    old, new = (hashlib.sha256(each).hexdigest() for each in (members["file"], content))
    members["grounds.json"] = members["grounds.json"].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in {**members, "file": content}.items():
            archive.writestr(name, each)


def audit(world: Any) -> list[dict[str, str]]:
    """The lines of the audit, by step."""
    with Store(f"sqlite:///{world.home}/ledger.db", read_only=True) as store:
        header, *found = audit_lines(store, "acme", None)
    return [dict(zip(header, each, strict=True)) for each in found]


def unsubscribe(world: Any, *emails: str, when: str = "") -> None:
    for email in emails:
        moment = {"when": when} if when else {}
        world.control("POST", "unsubscribe", {"list": 1, "email": email, **moment})


def test_a_file_is_replayed_as_on_its_day(world: Any) -> None:
    """With the agreement and the facts of its day every request is byte-identical, whatever has
    changed since: nothing is sent, and the comparison is in the audit. Should the program make
    another request of the same file, the replay fails. Another file in its place is refused."""
    agreed = {**KEPT, "consent": {"unsubscribed": "block"}, "group": "Nuovi", "create_groups": True}
    world.drop("0.csv", ROWS[1])
    world.run()
    unsubscribe(world, "bruno@example.it")
    world.drop("a.csv", *ROWS)
    assert world.run(agreed=agreed).message == "a.csv: 1 of 3 submitted, 1 rejected, 1 blocked"
    unsubscribe(world, "anna@example.it")
    before, inbox = world.posts(), sorted(world.inbox.rglob("*"))

    state = world.run(replay=2, agreed={"mapping": {"columns": COLUMNS[:1]}})
    assert state.is_completed(), state.message
    assert "1 of 1 original requests are byte-identical, 1 would be sent" in state.message
    assert "Nothing was sent." in state.message
    assert (world.posts(), sorted(world.inbox.rglob("*"))) == (before, inbox)
    found = {line["step"]: line for line in audit(world)}
    assert found["file_archived"]["file_name"] == "a.csv"
    assert '"identical": 1' in found["file_replayed"]["detail"]

    today = world.run(replay=2, replay_with="today")
    assert "0 of 1 original requests are byte-identical, 1 would be sent" in today.message

    with sqlite3.connect(world.home / "ledger.db") as ledger:
        ledger.execute("UPDATE batches SET sha256 = 'other'")
    assert world.run(replay=2).is_failed()

    forge(stored(world)[-1], b"email;nome;\r\nmallory@example.it;Mallory;\r\n")
    forged = world.run(replay=2, send=True)
    assert "does not match the hashes in the ledger" in forged.message
    assert world.posts() == before


def test_a_replay_is_sent_on_explicit_wish_and_nobody_is_subscribed_again(world: Any) -> None:
    """The grant of the file's day is not given once more: who has left since stays out and is
    listed, and a file of the same name that lies in the folder is left alone."""
    world.drop("0.csv", "anna@example.it;A;", "dora@example.it;D;")
    world.run()
    unsubscribe(world, "dora@example.it", when="2026-01-10T10:00:00Z")
    world.drop("a.csv", *ROWS, "dora@example.it;Dora;")
    state = world.run(agreed={**KEPT, "consent": GRANT})
    assert state.message == "a.csv: 3 of 4 submitted, 1 rejected"
    assert world.people()["dora@example.it"]["status"] == "subscribed"
    # On the very day up to which the grant reaches, so that the grant itself would take them back.
    unsubscribe(world, "bruno@example.it", "dora@example.it", when="2026-01-31T10:00:00Z")
    waiting = world.drop("a.csv", "emma@example.it;Emma;")

    state = world.run(replay=2, send=True)
    assert state.message == "a.csv: 1 of 4 submitted, 1 rejected, 2 blocked"
    left = ("bruno@example.it", "dora@example.it")
    assert {world.people()[email]["status"] for email in left} == {"unsubscribed"}
    assert waiting.exists()
    assert world.run().message == "a.csv: 1 of 1 submitted"


def test_a_replay_with_todays_agreement_asks_anew(world: Any) -> None:
    """What is agreed now and who is unsubscribed now decides; the new attempt is kept as well."""
    world.drop("a.csv", *ROWS)
    world.run(agreed=KEPT)
    unsubscribe(world, "bruno@example.it")
    agreed = {**KEPT, "consent": {"unsubscribed": "block"}}

    state = world.run(replay=1, replay_with="today", send=True, agreed=agreed)
    assert state.message == "a.csv: 1 of 3 submitted, 1 rejected, 1 blocked"
    assert world.people()["bruno@example.it"]["status"] == "unsubscribed"
    assert len(stored(world)) == 2
    again = world.run(replay=1)
    assert "1 of 1 original requests are byte-identical" in again.message
    world.drop("b.csv", *ROWS)
    assert world.run().message == "b.csv: imported before, nothing sent"


@needs_gpg
def test_what_is_kept_can_be_encrypted_and_is_let_go(world: Any, keys: Keyring) -> None:
    """With a key nothing of a file is readable in the storage, and it can be replayed; after the
    agreed days the client's next run deletes it, even where no file is waiting. So it does with
    what a run left that was cut off while it stored a file, and an operator with what is left of
    a client that has no runs any more."""
    GpgKey(private_key=keys.private("us"), passphrase=PASSPHRASE).save("archive", overwrite=True)
    agreed = {"archive": {"days": 30, "key": "archive"}}
    world.drop("a.csv", *ROWS)
    assert world.run(agreed=agreed).is_completed()
    (path,) = stored(world)
    assert not zipfile.is_zipfile(path)
    assert b"anna" not in path.read_bytes()
    assert "1 of 1 original requests are byte-identical" in world.run(replay=1).message

    with sqlite3.connect(world.home / "ledger.db") as ledger:
        ledger.execute("UPDATE archives SET kept_at = datetime(kept_at, '-20 days')")
    assert world.run(agreed=agreed).message == "Nothing to do: no file is waiting."
    assert stored(world) == [path]
    assert world.run(agreed={"archive": {"days": 10}}, dry_run=True).is_completed()
    assert stored(world) == [path]
    world.run(agreed={"archive": {"days": 10}})
    assert stored(world) == []
    assert audit(world)[-1]["step"] == "archive_removed"
    gone = world.run(replay=1)
    assert gone.is_failed()
    assert "File 1 of acme is not archived" in gone.message

    world.drop("b.csv", *ROWS[:2])
    world.run(agreed=agreed)
    (path,) = stored(world)
    path.rename(f"{path}.part")
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        ledger.execute("UPDATE archives SET state = 'storing' WHERE state = 'kept'")
    world.run(agreed=agreed)
    assert stored(world) == []

    world.drop("c.csv", *ROWS[:1])
    world.run(agreed=agreed)
    assert (
        invoke("archives", "--ledger", "acme", "--expired").stdout == "Archived files deleted: 0\n"
    )
    text = invoke("archives", "--ledger", "acme").stdout
    assert "3: acme 'c.csv', archived" in text
    assert "encrypted for gpg-key/archive" in text
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        ledger.execute("UPDATE archives SET expires_at = datetime(expires_at, '-31 days')")
    assert invoke("archives", "other", "--ledger", "acme", "--expired").exit_code == 0
    assert len(stored(world)) == 1
    assert invoke("archives", "acme", "--ledger", "acme", "--expired").exit_code == 0
    assert stored(world) == []


def test_without_an_agreement_nothing_is_kept(world: Any) -> None:
    """Files are archived only where agreed; held files are not."""
    world.drop("a.csv", *ROWS)
    world.run()
    world.drop("b.csv", *(f"nobody{number};X;" for number in range(20)))
    assert world.run(agreed=KEPT).is_failed()
    assert stored(world) == []
    assert "is not archived" in world.run(replay=1).message


def test_a_plan_that_changed_is_kept_for_its_own_attempt(world: Any) -> None:
    """Where a run begins again because the agreement has changed, each attempt is replayed with
    what decided about it."""
    world.control(
        "POST", "faults", {"kind": "403_contract", "path": "Recipients", "method": "POST"}
    )
    world.drop("a.csv", *ROWS)
    assert world.run(agreed=KEPT).is_failed()
    changed = {**KEPT, "mapping": {"columns": COLUMNS[:1]}}
    assert world.run(agreed=changed).message == "a.csv: 2 of 3 submitted, 1 rejected"

    with Store(f"sqlite:///{world.home}/ledger.db") as store:
        assert [entry.attempt for entry in archives.kept_of(store, "acme")] == [1, 2]
    assert "1 of 1 original requests are byte-identical" in world.run(replay=1).message


@needs_gpg
def test_a_person_is_forgotten(world: Any, keys: Keyring) -> None:
    """Every record of a person leaves the archived files and the rejects, and nothing else does;
    the person is named nowhere, and a replay says that the file has changed since."""
    GpgKey(private_key=keys.private("us"), passphrase=PASSPHRASE).save("archive", overwrite=True)
    agreed = {"archive": {"days": 30, "key": "archive"}, "consent": {"unsubscribed": "block"}}
    world.drop("0.csv", "anna@example.it;A;")
    world.run()
    unsubscribe(world, "anna@example.it")
    bad = ["bruno@@example.it;friend of ANNA@example.it;", "anna@example.it;too;many;cells"]
    world.drop("a.csv", *ROWS, *bad)
    assert world.run(agreed=agreed).message == "a.csv: 1 of 5 submitted, 3 rejected, 1 blocked"
    (before,), rejects = stored(world), world.rejects("a.csv")
    assert len(rejects) == 4

    # As a file of before there were grounds: forgetting needs none.
    agreement = merged(world.agreement, agreed) | {"consent": agreed["consent"]}
    deployed = {
        "name": "acme", "entrypoint": "flows.import_recipients.import_recipients",
        "tags": ["client:acme"], "parameters": {"agreement": agreement},
    }  # fmt: skip
    file = world.home / "acme.yaml"
    file.write_text(yaml.safe_dump({"deployments": [deployed]}), encoding="utf-8")
    results = world.inbox / "results"
    for kind in ("skipped", "notes", "held"):
        path = results / f"a.csv.{kind}.csv"
        path.write_bytes(b"line;reason;email\r\n2;x;anna@example.it\r\n3;x;dora@example.it\r\n")
    forgotten = invoke("forget", "acme", "--file", str(file), stdin="Anna@Example.it\n")
    assert forgotten.exit_code == 0
    text = forgotten.stdout
    assert "file 2 (archived" in text
    assert "): 4 records removed" in text
    assert "in/results/a.csv.rejects.csv: 2 records removed" in text
    for kind in ("skipped", "notes", "held"):
        assert f"in/results/a.csv.{kind}.csv: 1 records removed" in text
        path = results / f"a.csv.{kind}.csv"
        # A list of a held file goes as a whole: nobody mends it.
        assert path.exists() == (kind != "held")
        assert kind == "held" or path.read_bytes().count(b"@") == 1
    assert "4 lists in in/results were looked through" in text
    assert "anna" not in text.lower()

    (results / "a.csv.notes.xlsx").write_bytes(b"PK\x03\x04")
    again = invoke("forget", "acme", "--file", str(file), stdin="Anna@Example.it\n")
    assert again.exit_code != 0
    assert "a.csv.notes.xlsx: NOT LOOKED THROUGH" in again.stdout
    assert "3 lists in in/results were looked through" in again.stdout
    assert world.rejects("a.csv") == [rejects[0], rejects[1]]

    (after,) = stored(world)
    assert after != before
    state = world.run(replay=2)
    assert state.is_completed()
    assert "changed since: 3 records were erased" in state.message
    assert "1 of 1 original requests are byte-identical" in state.message
    with Store(f"sqlite:///{world.home}/ledger.db") as store:
        (entry,) = archives.kept_of(store)
    folder = world.home / "opened"
    folder.mkdir()
    kept = open_stored(Storage(str(world.home / "storage")), entry, folder)
    assert b"anna" not in kept.fetched.path.read_bytes().lower()
    assert kept.fetched.path.read_bytes().count(b"\r\n") == 6
    steps = {line["step"] for line in audit(world)}
    assert {"archive_person_removed", "archive_removed", "person_forgotten"} <= steps
