"""Many clients scheduled for the same minute: `python -m benchmarks.hundred_clients --clients 100`.

Starts sandboxes (ten clients share one MailUp account), a Prefect server on PostgreSQL and one
process worker, deploys all clients with a schedule for the same minute, and waits for their runs.
With --sqlite the server uses SQLite, like the demo, which is locked for long when so many runs
start at once. Prints states, durations and memory as Markdown; exit code 1 if a run is missing or
did not complete.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import yaml

from sandbox.demo_parts import Prefect, Programs, free_port, say
from sandbox.demo_story import demo_blocks
from sandbox.examples import write_contacts
from tests.servers.postgresql import postgres

HOME = Path(".load")
ROOT = Path(__file__).resolve().parents[1]
IMPORT = "flows.import_recipients.import_recipients"
CLIENTS_PER_ACCOUNT = 10
SECONDS_TO_DEPLOY_ONE = 1.5
LONGEST_SECONDS = 3600
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Memory:
    """Peak resident memory in MB: of one run, and of worker and runs together."""

    of_a_run: float = 0.0
    together: float = 0.0
    runs_at_once: int = 0
    _page: int = field(default=4096, repr=False)

    def look(self, worker: int) -> None:
        """Take one sample of the worker and its children."""
        sizes = [self._resident(child) for child in _children(worker)]
        busy = [size for size in sizes if size]
        self.of_a_run = max([self.of_a_run, *busy])
        self.together = max(self.together, sum(busy) + self._resident(worker))
        self.runs_at_once = max(self.runs_at_once, len(busy))

    def _resident(self, process: int) -> float:
        try:
            pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            return 0.0
        return pages * self._page / 1_000_000


def _children(process: int) -> list[int]:
    """Processes started by this one, at any depth."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += map(int, task.read_text(encoding="ascii").split())
        except OSError:
            continue
    return found + [below for child in found for below in _children(child)]


def main() -> int:
    """Run the benchmark; 0 if every client's run has completed."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m benchmarks.hundred_clients"
    )
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--rows", type=int, default=200, help="contacts in each file")
    parser.add_argument("--limit", type=int, default=4, help="runs at once of the worker")
    parser.add_argument("--sqlite", action="store_true", help="Prefect's server on SQLite")
    chosen = parser.parse_args()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    with _database(sqlite=chosen.sqlite) as database, Programs(HOME) as programs:
        programs.environment.update(database)
        prefect = Prefect(programs, free_port(0))
        prefect.start()
        for module in ("blocks.servers", "blocks.accounts", "blocks.ledgers"):
            prefect.run("block", "register", "-m", module)
        prefect.run("work-pool", "create", "mailup", "--type", "process")
        names = [f"client-{number:03}" for number in range(1, chosen.clients + 1)]
        _provision(programs, names, chosen.rows)
        due = _deploy(programs, prefect, names)
        say(f"{len(names)} clients are due at {due:%H:%M} UTC; one worker, {chosen.limit} at once")
        programs.start(
            "worker", "-m", "prefect", "worker", "start", "--pool", "mailup",
            "--limit", str(chosen.limit),
        )  # fmt: skip
        memory = Memory()
        runs = _follow(prefect, programs.process("worker"), due, len(names), memory)
    return _report(runs, due, memory, len(names))


@contextmanager
def _database(*, sqlite: bool) -> Iterator[dict[str, str]]:
    """Settings of the Prefect server's database."""
    if sqlite:
        yield {}
        return
    with postgres(HOME / "postgresql") as database:
        yield {"PREFECT_API_DATABASE_CONNECTION_URL": database(driver="asyncpg")}


def _provision(programs: Programs, names: list[str], rows: int) -> None:
    """One sandbox for ten clients, each with its own folder, file and blocks."""
    for start in range(0, len(names), CLIENTS_PER_ACCOUNT):
        home = HOME / f"sandbox-{start:03}"
        programs.start(home.name, "-m", "sandbox", "--home", str(home))
        sandbox = json.loads(programs.wait_for_file(home.name, home / "sandbox.json"))
        demo = demo_blocks(sandbox, HOME)
        blocks = {"ledger/default": demo["ledger/default"]}
        for name in names[start : start + CLIENTS_PER_ACCOUNT]:
            folder = Path(sandbox["files"]) / "outgoing" / name
            folder.mkdir(parents=True)
            write_contacts(folder / f"contacts-{name}.csv", rows=rows)
            blocks[f"sftp-server/{name}"] = demo["sftp-server/demo"]
            blocks[f"mailup-account/{name}"] = demo["mailup-account/demo"]
        programs.run("-m", "deployments.cli", "provision", stdin=json.dumps(blocks))


def _deploy(programs: Programs, prefect: Prefect, names: list[str]) -> datetime:
    """Deploy all clients' imports for the same minute, which is returned."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    pattern = next(entry for entry in deployments if entry["entrypoint"] == IMPORT)
    pattern["work_pool"] = {"name": "mailup"}
    seconds = 45 + SECONDS_TO_DEPLOY_ONE * len(names)
    due = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(second=0, microsecond=0)
    due += timedelta(minutes=1)
    text = json.dumps(pattern)
    entries = []
    for name in names:
        entry: dict[str, Any] = json.loads(text.replace("demo", name))
        entry["schedules"] = [
            {"slug": name, "cron": f"{due.minute} {due.hour} * * *", "timezone": "UTC"}
        ]
        entry["parameters"]["agreement"]["source"] |= {"folder": f"outgoing/{name}"}
        entries.append(entry)
    path = HOME / "clients.yaml"
    path.write_text(yaml.safe_dump({"name": "load", "deployments": entries}), encoding="utf-8")
    began = time.monotonic()
    prefect.run("deploy", "--prefect-file", str(path), "--all")
    say(f"{len(names)} clients were deployed in {time.monotonic() - began:.0f} s")
    programs.require("prefect-server")
    return due


def _follow(
    prefect: Prefect, worker: int, due: datetime, wanted: int, memory: Memory
) -> list[dict[str, Any]]:
    """Wait until all runs of that minute have ended, or for the longest time."""
    end = time.monotonic() + (due - datetime.now(UTC)).total_seconds() + LONGEST_SECONDS
    looked, runs = 0.0, list[dict[str, Any]]()
    while time.monotonic() < end:
        memory.look(worker)
        time.sleep(0.5)
        if datetime.now(UTC) < due or time.monotonic() - looked < 10:
            continue
        looked, runs = time.monotonic(), _runs(prefect, due)
        ended = sum(run["state_type"] in ENDED for run in runs)
        if ended >= wanted:
            break
    return runs


def _runs(prefect: Prefect, due: datetime) -> list[dict[str, Any]]:
    moment = due.isoformat()
    answer = requests.post(
        f"{prefect.url}/api/flow_runs/filter",
        json={
            "flow_runs": {"expected_start_time": {"after_": moment, "before_": moment}},
            "limit": 200,
        },
        timeout=60,
    )
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _report(runs: list[dict[str, Any]], due: datetime, memory: Memory, wanted: int) -> int:
    ended = [run for run in runs if run["state_type"] in ENDED]
    completed = [run for run in runs if run["state_type"] == "COMPLETED"]
    seconds = sorted(run["total_run_time"] for run in completed) or [0.0]
    waits = [(datetime.fromisoformat(run["end_time"]) - due).total_seconds() for run in ended]
    rows = {
        "runs that were due / ended / completed": f"{wanted} / {len(ended)} / {len(completed)}",
        "from the minute to the last end": f"{max(waits, default=0.0):.0f} s",
        "one run, median (min to max)": (
            f"{statistics.median(seconds):.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})"
        ),
        "runs at once, at most": str(memory.runs_at_once),
        "memory of one run's processes, at most": f"{memory.of_a_run:.0f} MB",
        "worker and all runs together, at most": f"{memory.together:.0f} MB",
    }
    say("\n| what | figure |\n| --- | --- |")
    for what, figure in rows.items():
        say(f"| {what} | {figure} |")
    return 0 if len(completed) == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
