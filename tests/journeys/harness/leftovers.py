"""Everything that runs leave behind, as named bytes, to be searched."""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings
from pydantic import BaseModel

EVERY_SECONDS = 0.1


def database() -> Path:
    """The folder of the tests' Prefect server."""
    url = get_current_settings().server.database.connection_url.get_secret_value()
    return Path(url.partition("///")[2])


def of_files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file below the folders."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield f"{path}", str(path).encode() + b"\n" + path.read_bytes()


def of_cells(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every table of a SQLite database, cell by cell, as its readers see it."""
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema "
                  "WHERE type = 'table'")]  # fmt: skip
        for table in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
            yield f"{path.name}: table {table}", repr(rows).encode()


def of_the_api() -> Iterator[tuple[str, bytes]]:
    """What Prefect's API returns of blocks, runs, artifacts and deployments."""
    with get_client(sync_client=True) as client:
        found: dict[str, Sequence[BaseModel]] = {
            "blocks": client.read_block_documents(include_secrets=False),
            "runs": client.read_flow_runs(),
            "artifacts": client.read_artifacts(),
            "deployments": client.read_deployments(),
        }
    for name, answer in found.items():
        yield f"API: {name}", "\n".join(each.model_dump_json() for each in answer).encode()


@contextmanager
def processes() -> Iterator[dict[str, bytes]]:
    """Arguments and environment of every process started within the context."""
    seen: dict[str, bytes] = {}
    known, done = _descendants(), Event()

    def look() -> None:
        while not done.is_set():
            for number in _descendants() - known:
                try:
                    said = Path(f"/proc/{number}/cmdline").read_bytes()
                    held = Path(f"/proc/{number}/environ").read_bytes()
                except OSError:  # it has ended meanwhile
                    continue
                seen[f"process {number} {len(said)}"] = said + b"\n" + held
            time.sleep(EVERY_SECONDS)

    watcher = Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def _descendants() -> set[int]:
    """Descendants of this process."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, more = set[int](), {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in more} - found:
        found |= more
    return found
