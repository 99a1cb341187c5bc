"""Full files of a client that are read one after the other, and what is kept of each."""

from datetime import date
from pathlib import Path
from typing import Any

from tasks.records.agreement import ImportAgreement
from tasks.records.delta.snapshot import Snapshot, snapshot_of, write_snapshot
from tasks.records.read_file import read_file
from tasks.records.stages import AccountFacts, Prepared

KEY = b"k" * 32
TODAY = date(2026, 5, 15)
COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "città", "target": "field", "field": "città"},
    {"column": "stato", "target": "status"},
]
FIELDS = {1: "nome", 2: "città", 3: "altro"}
FIRST = ["ada@example.it;Ada;Roma;1", "bea@example.it;Bea;;1", "cleo@example.it;Cleo;Pisa;1"]


def agreed(**other: Any) -> ImportAgreement:
    known: dict[str, Any] = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "mode": "full", "delta": {"on": True}, "dialect": {"separator": ";"},
        "mapping": {"columns": COLUMNS},
    }  # fmt: skip
    return ImportAgreement.model_validate(known | other)


def read(
    folder: Path,
    rows: list[str],
    former: Path | None = None,
    *,
    send_all: bool = False,
    **other: Any,
) -> tuple[Prepared, list[str]]:
    """A file that was read, and the addresses in its batches."""
    folder.mkdir()
    path = folder / "file.csv"
    path.write_text("email;nome;città;stato\r\n" + "".join(f"{row}\r\n" for row in rows))
    snapshot = Snapshot(former, KEY, send_all=send_all) if former else None
    facts = AccountFacts(fields=FIELDS)
    prepared = read_file(
        path, agreed(**other), facts, folder, batch_size=100, today=TODAY, snapshot=snapshot
    )
    sent = [batch.records()["email"].to_list() for batch in prepared.batches]
    return prepared, sorted(address for batch in sent for address in batch if address)


def kept(prepared: Prepared, path: Path, *keep: str) -> Path:
    """The snapshot of a file all of which MailUp has confirmed."""
    sent = [
        batch.records() for batch in prepared.batches if batch.destination.import_type == "default"
    ]
    former = prepared.compared.previous if prepared.compared else None
    rows = [snapshot_of(each, KEY) for each in sent]
    write_snapshot(path, rows, former, ("unchanged", *keep))
    return path
