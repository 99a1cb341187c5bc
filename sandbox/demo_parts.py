"""Parts of the demo: child processes, and Prefect through its command line and API."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

START_SECONDS = 120
RUN_SECONDS = 600
STOP_SECONDS = 15
TECHNICAL = ("Worker ", "Flow run ", "Executing ", "Deployment step ", "All deployment steps",
             "Running 1 deployment", "Finished in state Completed()", "View at ")  # fmt: skip
"""Beginnings of technical log lines, which the demo does not show."""


def say(text: str) -> None:
    """Print a line without buffering."""
    print(text, flush=True)


def free_port(wanted: int) -> int:
    """The wanted port of the loopback address, or a free one if it is in use."""
    for port in (wanted, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as found:
                return int(found.getsockname()[1])
        except OSError:
            continue
    raise RuntimeError("no free port on the loopback address")


class Programs:
    """Child processes of the demo; stopped in reverse order at its end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        """Start a Python program in the background; its output goes to a log file."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a Python program and return its output; RuntimeError if it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            input=stdin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments[:4])} failed:\n{done.stdout}")
        return done.stdout

    def log(self, name: str) -> Path:
        """The log file of a program."""
        return self.home / f"{name}.log"

    def process(self, name: str) -> int:
        """The process id of a background program."""
        return self._running[name].pid

    def require(self, name: str) -> None:
        """Raise RuntimeError, with the end of its log, if a program has ended."""
        if self._running[name].poll() is not None:
            tail = self.log(name).read_text(encoding="utf-8", errors="replace")[-3000:]
            raise RuntimeError(f"{name} has ended:\n{tail}")

    def wait_for_file(self, name: str, path: Path) -> str:
        """Wait until the program has written a file, and return its content."""
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            self.require(name)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start within {START_SECONDS} seconds")
            time.sleep(0.1)
        return path.read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for program in reversed(self._running.values()):
            _end(program)


def _end(program: subprocess.Popen[bytes]) -> None:
    """Stop a program and its children with SIGINT, then SIGTERM, then SIGKILL."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if program.poll() is not None:
            return
        os.killpg(program.pid, number)
        try:
            program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


class Prefect:
    """The demo's own Prefect server and worker."""

    def __init__(self, programs: Programs, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._programs, self._port = programs, port
        programs.environment.update(
            PREFECT_HOME=str((programs.home / "prefect").resolve()),
            PREFECT_API_URL=f"{self.url}/api",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            PREFECT_WORKER_QUERY_SECONDS="2",
            PREFECT_LOGGING_TO_API_BATCH_INTERVAL="1",
            MAILUP_EXCHANGE_SCRATCH=str((programs.home / "scratch").resolve()),
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        arguments = ("-m", "prefect", "server", "start", "--port", str(self._port))
        self._programs.start("prefect-server", *arguments)
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            self._programs.require("prefect-server")
            if time.monotonic() > deadline:
                raise RuntimeError("the Prefect server did not start")
            time.sleep(0.3)

    def _healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/api/health", timeout=5).ok
        except requests.RequestException:
            return False

    def run(self, *arguments: str) -> str:
        """Run a Prefect command."""
        return self._programs.run("-m", "prefect", "--no-prompt", *arguments)

    def start_worker(self, pool: str) -> None:
        """Start a process worker that polls for runs every two seconds."""
        self._programs.start("worker", "-m", "prefect", "worker", "start", "--pool", pool)

    def run_deployment(self, name: str) -> str:
        """Start a run of a deployment; returns the run's id."""
        deployment = self._get(f"/deployments/name/{name}")
        return str(self._post(f"/deployments/{deployment['id']}/create_flow_run", {})["id"])

    def follow(self, run_id: str) -> None:
        """Print a run's log until it has ended; RuntimeError if it takes too long."""
        shown, deadline = 0, time.monotonic() + RUN_SECONDS
        while True:
            run = self._get(f"/flow_runs/{run_id}")
            logs = self._post(
                "/logs/filter",
                {
                    "logs": {"flow_run_id": {"any_": [run_id]}},
                    "offset": shown,
                    "sort": "TIMESTAMP_ASC",
                },
            )
            for entry in logs:
                if not entry["message"].startswith(TECHNICAL):
                    line = entry["message"].splitlines()[0][:150]
                    say(f"    {entry['timestamp'][11:19]}  {line}")
            shown += len(logs)
            if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") and not logs:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"the run did not end within {RUN_SECONDS} seconds")
            time.sleep(1)

    def _get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}/api{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.url}/api{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()
