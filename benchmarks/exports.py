"""An export of a million rows of e-mail statistics, compared with a script, from prepared pages.

Both request pages of the same size and deliver one CSV file over SFTP. Ours is a complete flow run
that finds new rows, which are all rows, because each run has a new ledger.
"""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.imports import LEDGER
from benchmarks.measuring import PRODUCT, Contender, program
from benchmarks.servers import Sshd
from benchmarks.source import LIST_ID, PAGE_ROWS

OURS, SCRIPT = "this project", "script: requests, csv"
FOLDER = "exported"


def agreement() -> dict[str, Any]:
    """The agreement of the export."""
    return {
        "client": "bench", "server": "sftp-server/bench", "account": "statistics",
        "ledger": "bench", "lists": [LIST_ID], "folder": FOLDER, "message_days": 4000,
    }  # fmt: skip


def contenders(
    folder: Path, sshd: Sshd, url: str, environment: dict[str, str], peers: str
) -> list[Contender]:
    """Ours, and the script if there is an environment for it."""
    config = folder / "export.json"
    config.write_text(json.dumps(agreement()), encoding="utf-8")
    fresh = partial(_fresh, folder, sshd)
    delivered = partial(_delivered, sshd)
    ours = [*PRODUCT, "benchmarks.ours", str(config), "export"]
    own = Contender(OURS, ours, environment, fresh, delivered)
    if not peers:
        return [own]
    job = {
        "host": "127.0.0.1", "port": sshd.port, "username": sshd.user, "key": str(sshd.key),
        "folder": str(sshd.files / FOLDER), "url": url, "list": LIST_ID, "page": PAGE_ROWS,
    }  # fmt: skip
    script = [peers, *program("plain_export.py"), json.dumps(job)]
    return [own, Contender(SCRIPT, script, {}, fresh, delivered)]


def _fresh(folder: Path, sshd: Sshd) -> None:
    """Delete the ledger and exported files."""
    shutil.rmtree(folder / LEDGER, ignore_errors=True)
    shutil.rmtree(sshd.files / FOLDER, ignore_errors=True)
    (sshd.files / FOLDER).mkdir()


def _delivered(sshd: Sshd) -> dict[str, float]:
    """The number of delivered rows, without the header."""
    (file,) = (sshd.files / FOLDER).iterdir()
    with file.open("rb") as lines:
        return {"rows": sum(1 for _ in lines) - 1}
