"""The source file after its import: moved once, never another one, and held where counts differ."""

import os
import threading
import time
from typing import Any

ANNA = "anna@example.it;Anna;3331234567"
BRUNO = "bruno@example.it;Bruno;"


def test_a_file_that_could_not_be_put_away_is_put_away_by_the_next_run(world: Any) -> None:
    """It is reported as imported, as it was, and not as sent once more; only then it was."""
    world.drop("a.csv", ANNA)
    (world.inbox / "imported").write_text("in the way")
    cut_off = world.run()
    assert cut_off.is_failed()
    assert world.result("a.csv")["outcome"] == "imported"
    assert (world.inbox / "a.csv").exists()

    (world.inbox / "imported").unlink()
    again = world.run()
    assert again.message == "a.csv: 1 of 1 submitted"
    assert world.result("a.csv")["outcome"] == "imported"
    assert not (world.inbox / "a.csv").exists()
    assert len(world.posts()) == 1

    world.drop("a.csv", ANNA)
    assert world.run().message == "a.csv: imported before, nothing sent"
    assert world.result("a.csv")["outcome"] == "already_imported"


def test_a_file_that_was_replaced_meanwhile_stays(world: Any) -> None:
    """What the client put there while its predecessor was imported is not moved away with it."""
    world.drop("a.csv", ANNA)
    world.control("POST", "settings", {"import_seconds": 1.5})

    def replace() -> None:
        end = time.monotonic() + 60
        while not world.posts() and time.monotonic() < end:
            time.sleep(0.05)
        world.drop("a.csv", ANNA, BRUNO)

    client = threading.Thread(target=replace)
    client.start()
    first = world.run()
    client.join()
    assert first.message == "a.csv: 1 of 1 submitted"
    assert BRUNO in (world.inbox / "a.csv").read_text(encoding="utf-8")

    assert world.run().message == "a.csv: 2 of 2 submitted"
    assert set(world.people()) >= {"anna@example.it", "bruno@example.it"}
    assert not (world.inbox / "a.csv").exists()


def test_a_replacement_of_the_same_size_and_time_is_imported_next(world: Any) -> None:
    """What was put away is what was imported; the other file is taken by the next run."""
    path = world.drop("a.csv", ANNA)
    moment = path.stat().st_mtime
    world.control("POST", "settings", {"import_seconds": 1.5})

    def replace() -> None:
        end = time.monotonic() + 60
        while not world.posts() and time.monotonic() < end:
            time.sleep(0.05)
        os.utime(world.drop("a.csv", ANNA.replace("anna", "dora")), (moment, moment))

    client = threading.Thread(target=replace)
    client.start()
    first = world.run()
    client.join()
    assert first.message == "a.csv: 1 of 1 submitted"
    assert list((world.inbox / "imported").iterdir()) == []

    world.control("POST", "settings", {"import_seconds": 0.05})
    assert world.run().message == "a.csv: 1 of 1 submitted"
    assert set(world.people()) >= {"anna@example.it", "dora@example.it"}
    (kept,) = (world.inbox / "imported").iterdir()
    assert "dora" in kept.read_text(encoding="utf-8")
    assert [each.name for each in world.inbox.glob("a.*")] == []


def test_content_alone_says_whether_a_file_that_stays_is_new(world: Any) -> None:
    """Where files are left in place, one of the same name, size and time is imported, too."""
    agreed = {"source": {"afterwards": "leave"}}
    moment = world.drop("a.csv", ANNA).stat().st_mtime
    assert world.run(agreed=agreed).message == "a.csv: 1 of 1 submitted"
    os.utime(world.drop("a.csv", ANNA.replace("anna", "dora")), (moment, moment))
    assert world.run(agreed=agreed).message == "a.csv: 1 of 1 submitted"
    assert "dora@example.it" in world.people()


def test_a_file_that_mailup_counts_otherwise_is_held_until_somebody_has_looked(world: Any) -> None:
    """It is not reported as imported; its release sends nothing again and moves it."""
    world.drop("a.csv", ANNA, BRUNO)
    world.control("POST", "settings", {"uncounted": 1})
    held = world.run()
    assert held.is_failed()
    assert (
        "a.csv is held (counts_differ): 2 records were sent, but MailUp counts 1." in held.message
    )
    assert world.result("a.csv")["outcome"] == "held"
    assert (world.inbox / "a.csv").exists()
    assert world.run().is_failed(), "nobody has looked yet"
    assert len(world.posts()) == 1

    released = world.run(file="a.csv", release=True)
    assert released.message == "a.csv: 2 of 2 submitted, released by a run by hand"
    assert len(world.posts()) == 1
    assert world.result("a.csv")["outcome"] == "imported"
    assert not (world.inbox / "a.csv").exists()
