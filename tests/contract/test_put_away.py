"""A source file is moved only if it is the one that was imported; on every kind of server."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from tasks.imports.move_source import move_source_file
from tasks.records.source import Source, in_order, moving_name, own_name
from tasks.records.stages import Fetched
from tests.contract.real_servers.catalogue import Server

pytestmark = pytest.mark.contract

IMPORTED, OTHER = b"email\r\na@example.it\r\n", b"email\r\nb@example.it\r\n"
MOMENT = 1_790_000_000
SHA = hashlib.sha256(IMPORTED).hexdigest()
ASIDE = moving_name("a.csv", SHA)


@pytest.fixture(autouse=True)
def _no_run() -> Iterator[None]:
    with disable_run_logger():
        yield


def planted(server: Server, name: str, content: bytes) -> None:
    """A file of one and the same time."""
    os.utime(server.plant(name, content), (MOMENT, MOMENT))


def finished(server: Server, tmp_path: Path, name: str = "a.csv") -> None:
    """The end of the import of IMPORTED, which had this name."""
    source = Source(folder=server.folder)
    with server.connect() as transport:
        here = [each for each in transport.list(server.folder) if each.name == name]
        seen = replace(here[0], size=len(IMPORTED)) if here else None
        fetched = Fetched("a.csv", tmp_path / "a", len(IMPORTED), SHA, seen)
        move_source_file(transport, source, fetched, source.path("imported/a.1.csv"))


def content(server: Server) -> dict[str, bytes]:
    """Every file below the folder."""
    there = server.disk
    return {
        str(each.relative_to(there)): each.read_bytes() for each in there.rglob("*.*")
        if each.is_file()
    }  # fmt: skip


def test_what_was_imported_is_put_away_once(server: Server, tmp_path: Path) -> None:
    """It is moved to the agreed folder, and no intermediate name is left."""
    planted(server, "a.csv", IMPORTED)
    finished(server, tmp_path)
    assert content(server) == {"imported/a.1.csv": IMPORTED}


def test_another_file_of_the_same_size_and_time_is_kept(server: Server, tmp_path: Path) -> None:
    """The next run takes it, whatever the pattern, and knows it by the client's own name."""
    planted(server, "a.csv", OTHER)
    finished(server, tmp_path)
    assert content(server) == {ASIDE: OTHER}
    with server.connect() as transport:
        taken = in_order(transport.list(server.folder), Source(pattern="b*.txt"))
    assert [own_name(each.name) for each in taken] == ["a.csv"]

    finished(server, tmp_path, ASIDE)
    assert content(server) == {ASIDE: OTHER}


def test_a_run_that_ended_in_between_is_carried_on(server: Server, tmp_path: Path) -> None:
    """The renamed file is compared and moved; a newer file of that name stays as it is."""
    planted(server, ASIDE, IMPORTED)
    planted(server, "a.csv", OTHER)
    finished(server, tmp_path)
    assert content(server) == {"imported/a.1.csv": IMPORTED, "a.csv": OTHER}

    planted(server, ASIDE, IMPORTED)
    finished(server, tmp_path, ASIDE)
    assert content(server) == {"imported/a.1.csv": IMPORTED, "a.csv": OTHER}


def test_two_files_that_came_meanwhile_both_stay(server: Server, tmp_path: Path) -> None:
    """Neither is written over by the other, and the older one is taken first."""
    planted(server, ASIDE, OTHER)
    planted(server, "a.csv", IMPORTED[::-1])
    finished(server, tmp_path)
    assert content(server) == {ASIDE: OTHER, "a.csv": IMPORTED[::-1]}
    with server.connect() as transport:
        taken = in_order(transport.list(server.folder), Source())
    assert [each.name for each in taken] == [ASIDE, "a.csv"]


def test_what_is_plainly_another_file_keeps_its_name(server: Server, tmp_path: Path) -> None:
    """A file of another size is not downloaded to be compared."""
    planted(server, "a.csv", OTHER * 2)
    finished(server, tmp_path)
    assert content(server) == {"a.csv": OTHER * 2}
