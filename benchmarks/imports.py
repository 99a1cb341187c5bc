"""An import from SFTP to the sink, compared with alternatives.

Peers run in their own environment, given as its Python. Ours is a complete flow run with a real
Prefect server; each run has a new ledger, because the same file is not imported twice.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contacts import BATCH_ROWS, FIELDS, write_contacts
from benchmarks.measuring import PRODUCT, Contender, program
from benchmarks.servers import Sink, Sshd
from benchmarks.source import PAGE_ROWS
from sandbox.demo_parts import Prefect, Programs, free_port

OURS, FLOOR = "this project", "floor: read, encode, post"
PEERS = {
    "dlt, its own reader": ["with_dlt.py"],
    "dlt, fed with Arrow by hand": ["with_dlt.py", "arrow"],
    "script: csv, json, requests": ["plain.py"],
    "script: pandas": ["with_pandas.py"],
}
AT_LENGTH = (OURS, FLOOR, "dlt, its own reader", "dlt, fed with Arrow by hand")
"""Contenders for the largest file, too."""
LEDGER = "ledger"
STATED = {"ground": "all", "stated_on": "2026-01-01", "stated_by": "Anna Rossi"}
UNPACED = 100_000.0


@contextmanager
def prefect(folder: Path, sshd: Sshd, sink: Sink, source: str) -> Iterator[dict[str, str]]:
    """A Prefect server with the blocks; yields the environment of a run."""
    with Programs(folder) as programs:
        server = Prefect(programs, free_port(0))
        config = blocks(folder, sshd, _unpaced_account(sink.url))
        reading = blocks(folder, sshd, _unpaced_account(source) | {"page_size": PAGE_ROWS})
        config["mailup-account/statistics"] = reading["mailup-account/bench"]
        provided(programs, server, config)
        yield {key: value for key, value in programs.environment.items()
               if os.environ.get(key) != value}  # fmt: skip


def provided(programs: Programs, server: Prefect, config: dict[str, dict[str, Any]]) -> None:
    """Start a server and save blocks there."""
    server.start()
    for module in ("blocks.servers", "blocks.accounts", "blocks.ledgers"):
        server.run("block", "register", "-m", module)
    programs.run("-m", "deployments.cli", "provision", stdin=json.dumps(config))


def blocks(folder: Path, sshd: Sshd, account: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The blocks of the client; the ledger is in its own folder below `folder`."""
    names = ("client_id", "client_secret", "username", "password", "console_url",
             "statistics_url", "token_url")  # fmt: skip
    return {
        "sftp-server/bench": {
            "host": "127.0.0.1", "port": sshd.port, "username": sshd.user,
            "private_key": sshd.key.read_text(encoding="ascii"), "host_key": sshd.host_key,
        },
        "mailup-account/bench": {name: account[name] for name in names} | {
            "import_batch_size": BATCH_ROWS, "calls_per_second": account.get("pace", 5.0),
            "page_size": account.get("page_size", 500),
        },
        "ledger/bench": {"url": f"sqlite:///{(folder / LEDGER / 'ledger.db').resolve()}"},
    }  # fmt: skip


def _unpaced_account(url: str) -> dict[str, Any]:
    keys = dict.fromkeys(("client_id", "client_secret", "username", "password"), "bench")
    urls = dict.fromkeys(("console_url", "statistics_url", "token_url"), url)
    return keys | urls | {"token_url": f"{url}/Token", "pace": UNPACED}


def agreement(file: str) -> dict[str, Any]:
    """The agreement of the import: all checks on, delta off."""
    fields: list[dict[str, str]] = [
        {"column": name, "target": "field", "field": str(number)}
        for name, number in FIELDS.items()
    ]  # fmt: skip
    dates = {"date_in": "%d/%m/%Y", "date_out": "%Y-%m-%d"}
    fields = [each | dates if each["column"] == "nascita" else each for each in fields]
    return {
        "client": "bench", "server": "sftp-server/bench", "account": "bench", "ledger": "bench",
        "list_id": 1,
        "source": {"pattern": file, "settle_seconds": 0, "afterwards": "leave"},
        "mapping": {
            "columns": [
                {"column": "email", "target": "email"},
                {"column": "cellulare", "target": "mobile"},
                *fields,
            ]
        },
        "consent": {"basis": {"email": STATED, "sms": STATED}},
    }  # fmt: skip


def contenders(
    folder: Path, rows: int, sshd: Sshd, sink: Sink, environment: dict[str, str], peers: str
) -> list[Contender]:
    """All contenders with a file of `rows` contacts; without `peers` only ours and the floor."""
    file = f"contacts-{rows}.csv"
    write_contacts(sshd.files / file, rows)
    config = folder / f"agreement-{rows}.json"
    config.write_text(json.dumps(agreement(file)), encoding="utf-8")
    sftp = {"host": "127.0.0.1", "port": sshd.port, "username": sshd.user, "key": str(sshd.key),
            "file": str(sshd.files / file)}  # fmt: skip

    own = [
        Contender(OURS, [*PRODUCT, "benchmarks.ours", str(config)], environment,
                   partial(fresh, folder, sshd, sink), partial(_counted, sink)),
        Contender(FLOOR, [*PRODUCT, "benchmarks.floor", str(sshd.files / file), sink.url],
                  {}, sink.reset, partial(_counted, sink)),
    ]  # fmt: skip
    theirs = [
        Contender(name, [peers, *program(script), json.dumps(sftp), sink.url, *more],
                  {}, sink.reset, partial(_counted, sink))
        for name, (script, *more) in PEERS.items()
        if peers
    ]  # fmt: skip
    return own + theirs


def fresh(folder: Path, sshd: Sshd, sink: Sink) -> None:
    """Delete the ledger and the results."""
    shutil.rmtree(folder / LEDGER, ignore_errors=True)
    shutil.rmtree(sshd.files / "results", ignore_errors=True)
    sink.reset()


def _counted(sink: Sink) -> dict[str, float]:
    return {name: float(value) for name, value in sink.counted().items()}
