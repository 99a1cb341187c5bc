"""A real PostgreSQL for tests: a cluster of its own, on loopback, ended by its process id.

    with postgres(folder) as database:
        url = database()        # SQLAlchemy URL of a new, empty database
        database.stop()         # connections break, as when somebody restarts the server
        database.start()        # same port, same data

URLs carry a password and name the driver psycopg; `database(driver="asyncpg")` names another one,
as Prefect's server needs it. The user may create extensions (pg_trgm is there). Without PostgreSQL
a test is skipped, or fails where CI is set. Start it in the main thread: the server ends with the
thread that started it, so that a killed test leaves none.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from tests.contract.real_servers.machine import HOST, free_ports, miss

START_SECONDS = 30.0
STOP_SECONDS = 15.0
USER = "postgres"
PARAMETERS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",  # nobody pulls the plug of a test
    "max_connections": "200",
}


class Postgres:
    """A running server; calling it makes a database. `programs` holds pg_dump and its siblings."""

    def __init__(self, programs: Path, data: Path, log: Path, password: str) -> None:
        self.programs, self.port, self.password = programs, free_ports(1)[0], password
        self._data, self._log, self._numbers = data, log, count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, *, driver: str = "psycopg") -> str:
        """The URL of a new, empty database."""
        name = f"db{next(self._numbers)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+{driver}://{USER}:{self.password}@{HOST}:{self.port}/{name}"

    @property
    def environment(self) -> dict[str, str]:
        """What pg_dump and its siblings need around them."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return {
            "PGHOST": HOST, "PGPORT": str(self.port), "PGUSER": USER, "PGPASSWORD": self.password,
            "PATH": path,
        }  # fmt: skip

    def start(self) -> None:
        """Start the server and return when it answers."""
        settings = [f"-c{name}={value}" for name, value in PARAMETERS.items()]
        command = [str(self.programs / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                _unprivileged([*command, *settings], self._data),
                stdout=log, stderr=log, cwd="/", start_new_session=True,
            )  # fmt: skip
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server and its connections."""
        if self._process is None:
            return
        for end in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(end)
            try:
                self._process.wait(STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS
        while self._process and self._process.poll() is None and time.monotonic() < end:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"PostgreSQL does not answer: {self._log.read_text(errors='replace')}")

    def _address(self, name: str) -> str:
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{name}"


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL server; its log goes to `folder`, its data to a place its user may enter."""
    programs, password = _programs(), secrets.token_hex(8)
    place = Path(tempfile.mkdtemp(prefix="postgresql-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        server = Postgres(programs, place / "data", folder / "postgresql.log", password)
        _initialise(programs, place, password)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(place)


def _programs() -> Path:
    """Where the newest PostgreSQL of this machine is."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    if not found:
        miss("PostgreSQL")
    return found[-1].parent


def _initialise(programs: Path, place: Path, password: str) -> None:
    secret = place / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(place, USER, USER)
        shutil.chown(secret, USER)
    command = [
        str(programs / "initdb"), "-D", str(place / "data"), "-U", USER, "-A", "scram-sha-256",
        "--pwfile", str(secret), "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync",
    ]  # fmt: skip
    done = subprocess.run(
        _unprivileged(command, place), capture_output=True, text=True, cwd="/", timeout=120
    )
    assert done.returncode == 0, f"initdb failed: {done.stderr}"


def _unprivileged(command: list[str], folder: Path) -> list[str]:
    """The command as the owner of `folder`, for root may not run it; it dies with its parent."""
    as_user = []
    if os.geteuid() == 0:
        as_user = [f"--reuid={folder.owner()}", f"--regid={folder.group()}", "--clear-groups"]
    return ["setpriv", *as_user, "--pdeathsig=INT", "--", *command]
