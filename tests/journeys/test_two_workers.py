"""Two processes start on the same client at the same moment, as two workers would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

from blocks.ledger import journal
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from tests.servers.databases import Database

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import json, sys, time
from pathlib import Path
from flows.import_recipients import import_recipients
Path(sys.argv[2]).touch()
while not Path(sys.argv[3]).exists():
    time.sleep(0.02)
began = time.time()
state = import_recipients(agreement=json.loads(sys.argv[1]), return_state=True)
print(json.dumps([state.type.value, state.message, began, time.time()]))
"""


@dataclass(frozen=True)
class Ended:
    """How a run ended, and when it had begun and was over."""

    state: str
    message: str
    began: float
    over: float


def start(world: Any, name: str) -> subprocess.Popen[str]:
    """A process that has everything loaded and waits for the signal to run the import."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_HOME": str(world.home / "prefect"),
    }
    files = [str(world.home / f"ready-{name}"), str(world.home / "go")]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, json.dumps(world.agreement), *files],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run_together(world: Any, names: Sequence[str]) -> list[Ended]:
    """Start the processes together; how they ended, in order."""
    processes = [start(world, name) for name in names]
    end = time.monotonic() + 120
    while not all((world.home / f"ready-{name}").exists() for name in names):
        assert time.monotonic() < end, "the processes did not start"
        time.sleep(0.05)
    (world.home / "go").touch()
    answers = [process.communicate(timeout=120) for process in processes]
    for process, (_, problems) in zip(processes, answers, strict=True):
        assert process.returncode == 0, problems
    ended = [Ended(*json.loads(output.splitlines()[-1])) for output, _ in answers]
    return sorted(ended, key=lambda each: each.over)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_one_works_and_the_other_waits(world: Any, database: Database) -> None:
    """Both runs end well: one imports the file, the other one finds nothing left to do."""
    Ledger(url=database.url, storage=str(world.home / "storage")).save("acme", overwrite=True)
    world.control("POST", "settings", {"import_seconds": 3.0})
    world.drop("a.csv", "anna@example.it;Anna;3331234567", "bruno@example.it;Bruno;")

    first, second = run_together(world, ["one", "two"])

    assert second.began < first.over, "they did not run at the same time"
    assert (first.state, first.message) == ("COMPLETED", "a.csv: 2 of 2 submitted")
    assert second.state == "COMPLETED"
    assert "Nothing to do" in second.message
    assert len(world.posts()) == 1
    with Store(database.url) as store:
        lines = list(journal.entries(store))
    assert len({line.run for line in lines}) == 1
    assert [line.step for line in lines] == [
        "file_entered", "file_submitting", "second_keys", "batch_sending", "batch_accepted",
        "batch_done", "file_submitted", "file_reported", "file_put_away",
    ]  # fmt: skip
