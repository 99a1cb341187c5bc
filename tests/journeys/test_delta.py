"""Daily full files: only changes are sent; and when the whole file is."""

import json
import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from prefect.settings import get_current_settings

from tests.journeys.harness.child_run import Instant
from tests.journeys.harness.run_process import Runner
from tests.servers.databases import Database

PEOPLE = 200
DELTA: dict[str, Any] = {"mode": "full", "delta": {"on": True}}


def rows(*changed: int, leave_out: int = 0) -> list[str]:
    """A full file in which some people have another name than on the first day."""
    return [
        f"p{who}@example.it;{'New name' if who in changed else f'Name {who}'};"
        for who in range(leave_out, PEOPLE)
    ]


def reached(world: Any) -> int:
    """The number of rows sent to MailUp so far."""
    with closing(sqlite3.connect(world.home / "mailup" / "mailup.sqlite")) as mailup:
        counters = [json.loads(row[0]) for row in mailup.execute("SELECT counters FROM import")]
    return sum(each["Total"] for each in counters)


def day(world: Any, number: int, *lines: str, **run: Any) -> tuple[dict[str, Any], int]:
    """A day's file is imported: its result, and how many rows reached MailUp."""
    before = reached(world)
    world.drop(f"day{number}.csv", *lines)
    state = world.run(agreed=DELTA | run.pop("agreed", {}), **run)
    assert state.is_completed(), state.message
    return world.result(f"day{number}.csv"), reached(world) - before


def compared(why: str | None, missing: int | None, **other: Any) -> dict[str, Any]:
    """What a result says of how a file was compared, where nobody is unsubscribed for it."""
    left = "report" if missing else None
    return {
        "sent_all_because": why, "missing": missing, "unsubscribed": 0, "nameless_rows": 0,
        "left_because": left,
    } | other  # fmt: skip


def noted(world: Any, number: int) -> dict[str, int]:
    """What the ledger keeps of a day's file, to compare later ones with."""
    with closing(sqlite3.connect(world.home / "ledger.db")) as ledger:
        name = (f"day{number}.csv",)
        found = ledger.execute("SELECT counts FROM files WHERE name = ?", name).fetchone()
    return dict(json.loads(found[0]))


def test_a_daily_full_file_sends_what_has_changed(world: Any) -> None:
    """Of 200 rows four have changed: four reach MailUp, and all 200 are accounted for."""
    first, sent = day(world, 1, *rows())
    assert (sent, first["delta"]) == (PEOPLE, compared("first", None))

    second, sent = day(world, 2, *rows(3, 5, 7, 11))
    assert sent == 4
    assert second["counts"] == {
        "records": PEOPLE, "submitted": 4, "unchanged": PEOPLE - 4, "duplicate": 0, "rejected": 0,
        "blocked": 0,
    }  # fmt: skip
    assert second["delta"] == compared(None, 0)
    people = world.people()
    for who in range(PEOPLE):
        name = people[f"p{who}@example.it"]["fields"]["1"]
        assert name == ("New name" if who in (3, 5, 7, 11) else f"Name {who}")
    third, sent = day(world, 3, *rows(3, 5, 7), "x@example.it;X;")
    assert (sent, third["delta"]["missing"]) == (2, 0)
    # The next file needs one snapshot, and the one before is deleted with it.
    assert len([*(world.home / "storage" / "records").iterdir()]) == 2


def test_who_is_missing_is_counted_and_left_alone(world: Any) -> None:
    """People who are in a full file no more stay subscribed, and the result says how many."""
    day(world, 1, *rows())
    result, sent = day(world, 2, *rows(leave_out=2))
    assert (sent, result["delta"]["missing"]) == (0, 2)
    assert world.people()["p0@example.it"]["status"] == "subscribed"


UNSUBSCRIBE: dict[str, Any] = {"delta": {"on": True, "missing": "unsubscribe"}}
UNREADABLE_ADDRESS, REJECTED = "no address;X;", "p2@example.it;Name 2;12"


def test_who_is_missing_is_unsubscribed_where_that_is_agreed(world: Any) -> None:
    """Only people whom the client's files brought, who are in no row, and not too many of them."""
    others = unsubscribed(world)
    day(world, 1, *rows(), agreed=UNSUBSCRIBE)

    result, _ = day(world, 2, REJECTED, *rows(leave_out=3), agreed=UNSUBSCRIBE)
    assert result["delta"] == compared(None, 2, unsubscribed=2, left_because=None)
    assert result["counts"]["submitted"] == 0
    assert unsubscribed(world) - others == {"p0@example.it", "p1@example.it"}

    # A row that may be anybody's: nobody is unsubscribed, and the next file decides.
    result, _ = day(world, 3, UNREADABLE_ADDRESS, *rows(leave_out=4), agreed=UNSUBSCRIBE)
    assert result["delta"] == compared(None, 2, nameless_rows=1, left_because="unreadable")
    result, _ = day(world, 4, *rows(leave_out=4), rows()[0], agreed=UNSUBSCRIBE)
    assert result["delta"] == compared(None, 2, unsubscribed=2, left_because=None)
    assert unsubscribed(world) == others | {f"p{who}@example.it" for who in range(4)}

    world.drop("day5.csv", *rows(leave_out=20))
    held = world.run(agreed=DELTA | UNSUBSCRIBE)
    assert "too_many_missing" in held.message
    assert "17 of 197 people (8.6 %) are missing and would be unsubscribed" in held.message
    assert len(unsubscribed(world) - others) == 4
    result, _ = day(world, 5, *rows(leave_out=20), agreed=UNSUBSCRIBE, release=True)
    assert result["delta"] == compared(None, 17, unsubscribed=16, left_because=None)
    assert unsubscribed(world) == others | {f"p{who}@example.it" for who in range(20)}


def unsubscribed(world: Any) -> set[str]:
    """Everybody of the list who is not subscribed; the sandbox has people of its own in it."""
    return {each for each, person in world.people().items() if person["status"] != "subscribed"}


UNSUBSCRIBING = {
    "written down, not yet with MailUp": Instant("blocks.mailup.resources.imports:start_import"),
    "with MailUp, not yet with us": Instant(
        "blocks.mailup.resources.imports:start_import", after=True
    ),
    "done, the file not yet": Instant("blocks.ledger.batches:done", after=True),
    "no snapshot yet": Instant("blocks.ledger.storage:Storage.put_as"),
}


@pytest.mark.timeout(900)
def test_killed_while_it_unsubscribes_a_run_ends_as_undisturbed(world: Any) -> None:
    """Who is missing is unsubscribed once and nobody else, wherever the run was cut off; with
    KILLS=all at each."""
    runner = Runner(str(get_current_settings().api.url), world.home)
    others = unsubscribed(world)
    day(world, 1, *rows(), agreed=UNSUBSCRIBE)
    every = os.environ.get("KILLS") == "all"
    deaths = list(UNSUBSCRIBING) if every else random.sample(list(UNSUBSCRIBING), 1)
    for number, died in enumerate(deaths, 2):
        gone = 2 * number - 2
        world.drop(f"day{number}.csv", *rows(leave_out=gone))
        agreement = world.agreement | DELTA | UNSUBSCRIBE
        death = UNSUBSCRIBING[died]
        killed = runner.kill("import_recipients", {"agreement": agreement}, death)
        _expire_leases(world)
        before = reached(world)
        result, _ = day(world, number, *rows(leave_out=gone), agreed=UNSUBSCRIBE)
        assert (died, killed) == (died, str(death))
        assert result["delta"] == compared(None, 2, unsubscribed=2, left_because=None)
        assert unsubscribed(world) - others == {f"p{who}@example.it" for who in range(gone)}
        # Nothing proves that what is with MailUp is ours: it is sent again.
        assert reached(world) - before == (2 if died.startswith(("written", "with MailUp")) else 0)


def test_who_mailup_refuses_is_sent_again_the_next_day(world: Any) -> None:
    """A row that MailUp rejected is sent again each day."""
    world.control("POST", "settings", {"refused": ["p9@example.it"]})
    first, _ = day(world, 1, *rows())
    assert first["mailup"]["refused_listed"] == 1
    world.control("POST", "settings", {"refused": []})
    result, sent = day(world, 2, *rows(1))
    assert (sent, result["counts"]["unchanged"]) == (2, PEOPLE - 2)
    assert "p9@example.it" in world.people()


def test_a_batch_whose_refused_are_not_found_is_sent_again(world: Any) -> None:
    """Where it is not known which rows MailUp took, none of their batch counts as there; that they
    are sent again is no churn."""
    world.control("POST", "settings", {"refused": ["p9@example.it"]})
    day(world, 1, *rows(), agreed={"read_back_calls": 0})
    _, sent = day(world, 2, *rows(1), "new@example.it;New;", agreed={"read_back_calls": 0})
    assert sent == PEOPLE + 1
    assert noted(world, 2).items() >= {"changed": 1, "missing": 0}.items()


def test_a_file_in_which_people_were_swapped_is_held(world: Any) -> None:
    """Half vanished and as many came: held before anything is sent, with the figures, while files
    that are sent as a whole are not judged; released, it is imported."""
    agreed = {"habit": {"at_least": 2, "files": 2}, "thresholds": {"max_rejected_percent": 100}}
    for number in (1, 2, 3):
        day(world, number, *rows(number), agreed=agreed)
    new = [f"new{who}@example.it;New;" for who in range(PEOPLE // 2)]
    before = reached(world)
    world.drop("day4.csv", *rows(3, leave_out=PEOPLE // 2), *new)
    held = world.run(agreed=DELTA | agreed)
    assert held.is_failed()
    assert "50.0 % of the records are new or changed; in the last 2 files at most" in held.message
    assert "50.0 % of the people of the previous file are missing" in held.message
    assert (world.result("day4.csv")["held"]["reason"], reached(world)) == (
        "unusual_changes", before,
    )  # fmt: skip

    released, sent = day(world, 4, *rows(3, leave_out=PEOPLE // 2), *new, agreed=agreed,
                         release=True)  # fmt: skip
    assert (sent, released["delta"]["missing"]) == (PEOPLE // 2, PEOPLE // 2)
    assert released["decision"]["verdict"] == "release"


def _lose(world: Any) -> None:
    for path in (world.home / "storage" / "records").iterdir():
        path.unlink()


def _damage(world: Any) -> None:
    for path in (world.home / "storage" / "records").iterdir():
        path.write_bytes(path.read_bytes()[:-7] + b"damaged")


def _other_file(world: Any) -> None:
    world.drop("other.csv", "p1@example.it;Somebody else;")
    limits = {"thresholds": {"max_shrink_percent": 100}}
    assert world.run(agreed={"mode": "full", **limits}).is_completed()


def _month_later(world: Any) -> None:
    with closing(sqlite3.connect(world.home / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE snapshots SET full_at = '2020-01-01 00:00:00.000000'")


REASONS: dict[str, tuple[Callable[[Any], None], dict[str, Any]]] = {
    "lost": (_lose, {}),
    "lost: damaged": (_damage, {}),
    "first": (_other_file, {}),
    "due": (_month_later, {}),
    "asked": (lambda _: None, {"send_all": True}),
    "changed": (lambda _: None, {"agreed": {"consent": {"unsubscribed": "block"}}}),
}
PEOPLE_COMPARED = ("due", "asked")
"""Of these the rows are all sent, and who is missing is known all the same."""


def test_whatever_is_wrong_with_the_snapshot_the_whole_file_is_sent(world: Any) -> None:
    """Lost, damaged, made by other rules, too old, or not what was sent last: all rows, and why."""
    day(world, 1, *rows())
    for number, (why, (happens, run)) in enumerate(REASONS.items(), 2):
        happens(world)
        result, sent = day(world, number, *rows(number), **run)
        summary = compared(why.partition(":")[0], 0 if why in PEOPLE_COMPARED else None)
        assert (why, sent, result["delta"]) == (why, PEOPLE, summary)
        assert world.people()[f"p{number}@example.it"]["fields"]["1"] == "New name"


def test_a_dry_run_shows_what_would_be_left_out(world: Any) -> None:
    """A comparison writes nothing, and works with a read-only ledger."""
    day(world, 1, *rows())
    world.drop("day2.csv", *rows(1, 2))
    state = world.run(agreed=DELTA, dry_run=True)
    assert "2 of 200" in state.message
    assert not (world.inbox / "results" / "day2.csv.result.json").exists()
    assert reached(world) == PEOPLE


DEATHS = {
    "the first batch is with MailUp": Instant("blocks.ledger.batches:done", after=True),
    "all is sent, no snapshot yet": Instant("blocks.ledger.storage:Storage.put_as"),
    "the snapshot is stored and does not count": Instant(
        "blocks.ledger.storage:Storage.put_as", after=True
    ),
    "committed, not reported": Instant("tasks.imports.submit:_commit", after=True),
    "an old one is deleted, the ledger not yet updated": Instant(
        "blocks.ledger.storage:Storage.remove", after=True
    ),
}


@pytest.mark.timeout(900)
def test_no_row_is_unchanged_that_mailup_has_not(world: Any) -> None:
    """Killed around the commit of a snapshot, and run again, each day ends as an undisturbed one:
    MailUp has what the file says, and only what has changed was sent, once. With KILLS=all at each.
    """
    runner = Runner(str(get_current_settings().api.url), world.home)
    agreement = world.agreement | DELTA
    day(world, 1, *rows())
    day(world, 2, *rows(1))
    for number, died in enumerate(_deaths(), 3):
        death, before = DEATHS[died], reached(world)
        world.drop(f"day{number}.csv", *rows(number))
        killed = runner.kill("import_recipients", {"agreement": agreement}, death)
        _expire_leases(world)
        result, _ = day(world, number, *rows(number))
        names = {each: person["fields"]["1"] for each, person in world.people().items()}
        assert (died, killed) == (died, str(death))
        assert [row.split(";")[1] for row in rows(number)] == [
            names[f"p{who}@example.it"] for who in range(PEOPLE)
        ]
        # Of each day's two changes one takes back the one of the day before.
        assert (died, reached(world) - before) == (died, 2)
        assert result["delta"] == compared(None, 0)


def test_a_file_that_was_sent_in_part_and_never_again_is_no_secret(world: Any) -> None:
    """A corrected file takes the place of one that was cut off: MailUp may have rows of that one,
    so nothing counts as unchanged."""
    runner = Runner(str(get_current_settings().api.url), world.home)
    day(world, 1, *rows())
    world.drop("day2.csv", *rows(1, 2))
    death = Instant("blocks.ledger.batches:done", after=True)
    assert runner.kill("import_recipients", {"agreement": world.agreement | DELTA}, death)
    _expire_leases(world)
    result, sent = day(world, 2, *rows(3))
    assert (sent, result["delta"]["sent_all_because"]) == (PEOPLE, "interrupted")
    assert world.people()["p1@example.it"]["fields"]["1"] == "Name 1"


def _deaths() -> list[str]:
    every = os.environ.get("KILLS") == "all"
    return list(DEATHS) if every else random.sample(list(DEATHS), 2)


def _expire_leases(world: Any) -> None:
    Database("sqlite", f"sqlite:///{world.home}/ledger.db").let_leases_expire()


def test_a_file_of_which_little_was_sent_is_replayed_as_on_its_day(world: Any) -> None:
    """What it was compared with is kept beside it: its requests are byte-identical, whatever was
    sent since."""
    kept = {"archive": {"days": 9}}
    day(world, 1, *rows(), agreed=kept)
    day(world, 2, *rows(3, 5), agreed=kept)
    day(world, 3, *rows(3), agreed=kept, send_all=True)

    assert "1 of 1 original requests are byte-identical" in world.run(replay=3).message
    state = world.run(replay=2)
    assert state.is_completed(), state.message
    assert "1 of 1 original requests are byte-identical, 1 would be sent" in state.message
    assert "unchanged originally" not in state.message
    assert "1 of 1 original requests are byte-identical" in world.run(replay=1).message
