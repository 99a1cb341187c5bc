"""A deployed client with a receiver of alerts, a worker that may die, and its runs."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments.runner import EntrypointType
from prefect.flow_engine import run_flow
from prefect.settings import get_current_settings

from flows.import_recipients import import_recipients
from tests import waiting

ROOT = Path(__file__).resolve().parents[3]
POOL = "watched"
PATIENCE_SECONDS = 120


def until(met: Callable[[], Any], what: str) -> Any:
    """Wait until something is true, and return it."""
    return waiting.until(met, what, seconds=PATIENCE_SECONDS, every=0.1)


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An operator's webhook: its address, and the notices that it got, in order."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not into the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        server.server_close()


def deploy(agreement: dict[str, Any]) -> UUID:
    """Deploy a client's import as its file would."""
    deployment = import_recipients.to_deployment(
        "acme",
        parameters={"agreement": agreement},
        tags=["client:acme", "function:import-recipients"],
        concurrency_limit=1,
        work_pool_name=POOL,
        job_variables={"working_dir": str(ROOT)},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return deployment.apply()


def deployed_yesterday(deployment: UUID) -> None:
    """Let a deployment be a day older than it is, so that today's time was agreed in time."""
    url = get_current_settings().server.database.connection_url.get_secret_value()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    connection = sqlite3.connect(url.partition("///")[2], timeout=60)
    with connection:
        changed = connection.execute(
            "UPDATE deployment SET created = ? WHERE id = ?",
            (f"{yesterday:%Y-%m-%d %H:%M:%S.%f}", str(deployment)),
        )
    connection.close()
    assert changed.rowcount == 1


def new_run(deployment: UUID, **parameters: Any) -> FlowRun:
    with get_client(sync_client=True) as api:
        return api.create_flow_run_from_deployment(deployment, parameters=parameters or None)


def run_here(deployment: UUID) -> State[Any]:
    """Run a deployment in this process; the state it ends in."""
    run = new_run(deployment)
    return run_flow(import_recipients, run, run.parameters, return_type="state")


def state_of(run: FlowRun) -> State[Any]:
    with get_client(sync_client=True) as api:
        return api.read_flow_run(run.id).state


class Worker:
    """A real worker in a process of its own, which can be killed with all its runs at once."""

    def __init__(self, home: Path) -> None:
        environment = os.environ | {
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": str(get_current_settings().api.url),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "MAILUP_EXCHANGE_SCRATCH": str(home / "scratch"),
        }
        arguments = ["-m", "prefect", "worker", "start", "--pool", POOL]
        with (home / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """As when a machine loses its power: nothing below gets to say a word."""
        for number in (self._process.pid, *_children(self._process.pid)):
            os.kill(number, signal.SIGKILL)
        self._process.wait()


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == parent:
            child = int(stat.parent.name)
            found += [child, *_children(child)]
    return found
