"""The same journey for files, servers and lists of other kinds."""

import gzip
import io
import os
import sqlite3
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.ftp_servers import FtpServer, FtpsServer
from blocks.ledger import leases
from blocks.ledger.store import Store
from sandbox.certificates import certificates
from sandbox.file_servers import start_ftp, start_ftps

TEXT = "email;nome;cellulare\r\nanna@example.it;Anna;\r\nbice@example.it;Zoë è qui;\r\n"


def zipped(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../export/contatti.csv", content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("utf-8 with mark.csv", b"\xef\xbb\xbf" + TEXT.encode()),
        ("utf-16.csv", TEXT.encode("utf-16")),
        ("è cp1252's.csv", TEXT.encode("cp1252")),
        ("packed.csv", zipped(TEXT.encode())),
        ("packed.csv", gzip.compress(TEXT.encode())),
    ],
    ids=["utf-8 with byte order mark", "utf-16", "cp1252, odd name", "zip", "gzip"],
)
def test_a_file_is_read_whatever_its_form(world: Any, name: str, content: bytes) -> None:
    """Encodings that leave no doubt and compression are recognised; what arrives is the same."""
    (world.inbox / name).write_bytes(content)
    encoding = "cp1252" if "cp1252" in name else "auto"
    state = world.run(agreed={"dialect": {"encoding": encoding}})

    assert state.message == f"{name}: 2 of 2 submitted"
    assert world.people()["bice@example.it"]["fields"]["1"] == "Zoë è qui"


@pytest.fixture
def other_server(world: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """The client's files on an FTP or FTPS server instead; the block's reference."""
    login = {"username": "acme", "password": "files-secret"}
    files = world.home / "files"
    if request.param == "ftp":
        with start_ftp(files, **login) as ftp:
            FtpServer(host=ftp.host, port=ftp.port, **login).save("acme", overwrite=True)
            yield "ftp-server/acme"
        return
    tls = certificates(world.home / "tls")
    with start_ftps(
        files, **login, certificate=tls.certificate, private_key=tls.private_key
    ) as ftps:
        authority = Path(tls.authority).read_text(encoding="ascii")
        FtpsServer(host=ftps.host, port=ftps.port, ca_certificate=authority, **login).save(
            "acme", overwrite=True
        )
        yield "ftps-server/acme"


@pytest.mark.parametrize("other_server", ["ftp", "ftps"], indirect=True)
def test_the_protocol_makes_no_difference(world: Any, other_server: str) -> None:
    """Over FTP and FTPS a file arrives, its result comes back, and the source is moved."""
    world.drop("a.csv", "anna@example.it;Anna;", "bruno@@example.it;B;")
    state = world.run(agreed={"server": other_server})

    assert state.message == "a.csv: 1 of 2 submitted, 1 rejected"
    assert world.result("a.csv")["outcome"] == "imported"
    assert len(world.rejects("a.csv")) == 2
    assert [entry.name for entry in (world.inbox / "imported").iterdir()] != []


def test_a_mobile_number_can_be_the_key(world: Any) -> None:
    """With key mobile, numbers go to the list's SMS channel and are normalised."""
    columns = [{"column": "cell", "target": "mobile"}]
    world.drop("a.csv", "+39 333 1234567", "3331234567", "12", header="cell\r\n")
    state = world.run(agreed={"mapping": {"columns": columns, "key": "mobile"}, "list_id": 3})

    assert state.message == "a.csv: 1 of 3 submitted, 1 duplicate, 1 rejected"
    people = world.control("GET", "state?list=3&channel=sms")
    assert [p["status"] for p in people if p["number"] == "3331234567"] == ["subscribed"]


def test_a_confirmation_is_asked_for_once(world: Any) -> None:
    """With confirm_email people are pending, and MailUp is asked once to send the mailing."""
    world.drop("a.csv", "anna@example.it;Anna;")
    state = world.run(agreed={"confirm_email": True})

    assert state.is_completed(), state.message
    assert world.people()["anna@example.it"]["status"] == "pending"
    sent = [call for call in world.control("GET", "log") if call["path"].endswith("/Immediate")]
    assert [call["method"] for call in sent] == ["POST"]


def test_two_runs_of_a_client_take_turns(world: Any) -> None:
    """While another run holds the client's lease this one waits, and then does its work."""
    world.drop("a.csv", "anna@example.it;Anna;")
    with Store(f"sqlite:///{world.home}/ledger.db") as store:
        other = leases.take(store, "client/acme/import:1")
        assert other is not None
        timer = threading.Timer(4.0, leases.release, (store, other))
        timer.start()
        state = world.run()
        timer.join()

    assert state.is_completed(), state.message
    assert len(world.posts()) == 1


def test_a_changed_agreement_sends_a_begun_file_anew(world: Any) -> None:
    """A killed run, continued with a changed agreement, applies it to all rows."""
    world.drop("a.csv", "anna@example.it;Anna;", "bruno@example.it;Bruno;")
    world.run(agreed={"source": {"afterwards": "leave"}})
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        ledger.execute("UPDATE files SET state = 'submitting'")
        ledger.execute("UPDATE batches SET state = 'accepted'")
    columns = [*world.agreement["mapping"]["columns"]]
    columns[1] = {**columns[1], "case": "upper"}
    state = world.run(agreed={"mapping": {"columns": columns}})

    assert state.message == "a.csv: 2 of 2 submitted"
    assert world.people()["anna@example.it"]["fields"]["1"] == "ANNA"
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        attempts = ledger.execute("SELECT attempt, state FROM batches ORDER BY id").fetchall()
    assert attempts == [(1, "done"), (2, "done")]


def test_scratch_is_removed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a client's file stays in the scratch folder, nor of a run that was killed."""
    scratch = world.home / "scratch"
    abandoned = scratch / "mailup-run-killed"
    abandoned.mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", str(scratch))
    world.drop("a.csv", "anna@example.it;Anna;")
    world.run()

    assert list(scratch.iterdir()) == []
