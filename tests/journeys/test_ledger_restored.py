"""A lost or restored ledger behaves as the manual says."""

import csv
from pathlib import Path
from typing import Any

from flows.export_unsubscribed import export_unsubscribed
from tests.operating import follow
from tests.waiting import next_second

ROWS = [f"person{number}@example.it;Nome{number};333123456{number}" for number in range(6)]


def known(world: Any) -> list[dict[str, Any]]:
    """Everybody in the list."""
    return sorted(world.control("GET", "state?list=1"), key=lambda person: person["email"])


def export(world: Any) -> set[str]:
    """Who has left, by the newest export."""
    next_second()  # windows end on whole seconds
    agreement = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "ledger": "acme",
        "lists": [1], "folder": "out",
    }  # fmt: skip
    state = export_unsubscribed(agreement=agreement, return_state=True)
    assert state.is_completed(), state.message
    newest = max(
        (world.home / "files" / "out").glob("*.csv"), key=lambda path: path.stat().st_mtime
    )
    with newest.open(encoding="utf-8", newline="") as lines:
        return {row["email"] for row in csv.DictReader(lines, delimiter=";")}


def leave(world: Any, email: str) -> None:
    world.control("POST", "unsubscribe", {"list": 1, "email": email})


def test_a_file_whose_ledger_is_lost_doubles_nobody(world: Any) -> None:
    """Imported once more, the same people are there once, and who has left since stays away."""
    world.drop("a.csv", *ROWS)
    assert world.run().is_completed()
    leave(world, "person3@example.it")
    before, imports = known(world), len(world.posts())
    for path in Path(world.home).glob("ledger.db*"):
        path.unlink()

    world.drop("a.csv", *ROWS)
    assert world.run().is_completed()

    assert len(world.posts()) == imports + 1
    assert known(world) == before
    assert world.people()["person3@example.it"]["status"] == "unsubscribed"


def test_what_was_done_after_the_backup(world: Any) -> None:
    """Restored, nothing that was put away is imported again, and no event is missing."""
    around = {
        "LEDGER": world.home / "ledger.db",
        "STORAGE": world.home / "storage",
        "BACKUP": world.home / "backup",
    }
    world.drop("a.csv", *ROWS)
    assert world.run().is_completed()
    export(world)
    follow("back up SQLite", around)
    world.drop("b.csv", "late@example.it;Late;")
    assert world.run().is_completed()
    leave(world, "person1@example.it")
    assert export(world) == {"person1@example.it"}

    follow("restore SQLite", around)
    leave(world, "person2@example.it")
    imports = len(world.posts())

    assert "Nothing to do" in world.run().message
    assert len(world.posts()) == imports
    assert export(world) == {"person1@example.it", "person2@example.it"}
