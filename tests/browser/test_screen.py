"""The operator's screen: a held file is decided about, and runs are started by hand."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(900)  # each run is a process of its own, started by the worker

GOOD = "anna@example.it;Anna;Rossi;3331234567;01/02/1980;Milano;1"
BAD = [f"nobody{number};X;Y;;;;1" for number in range(20)]
FORM = "//*[contains(@class, 'p-modal__card')]"


def decide(screen: Any, run: str, verdict: str) -> None:
    """Open a suspended run, press Resume, fill in the form and submit it."""
    screen.open(f"/runs/flow-run/{run}")
    screen.press("Resume")
    assert "20 % rejected" not in screen.seen(FORM).text
    assert "95.2 % rejected" in screen.seen(FORM).text
    screen.shoot(f"form-{verdict}")
    screen.field("Decision", FORM).click()
    screen.seen(
        f"//*[@role='option' or contains(@class, 'option')][normalize-space()='{verdict}']"
    ).click()
    screen.write(screen.field("Decided By", FORM), "Ada")
    screen.write(screen.field("Note", FORM), "asked by phone")
    screen.press("Submit", FORM)


def by_hand(
    office: Any, screen: Any, deployment: str, texts: dict[str, str], *switches: str
) -> str:
    """Fill in the form of a custom run and submit it; the id of the run."""
    screen.open(f"/deployments/deployment/{office.deployment(deployment)}/run")
    for label, text in texts.items():
        screen.write(screen.field(label), text)
    for label in switches:
        screen.switch(label)
    screen.shoot("-".join(("by-hand", *texts, *switches)))
    screen.submit()
    return office.newest_run()


def test_a_held_file_is_released_in_the_browser(office: Any, screen: Any) -> None:
    """The run waits suspended, its form shows the figures, and what is released is imported."""
    office.drop("contacts-release.csv", GOOD, *BAD)
    run = office.start()
    office.wait(run, ("PAUSED",))
    decide(screen, run, "release")

    assert office.wait(run, ("COMPLETED",)).endswith("20 rejected, released by Ada")
    assert office.result("contacts-release.csv")["outcome"] == "imported"


def test_a_held_file_is_refused_in_the_browser(office: Any, screen: Any) -> None:
    """A refused file is moved, and the result has the note."""
    office.drop("contacts-refuse.csv", GOOD.replace("anna", "bruno"), *BAD)
    run = office.start()
    office.wait(run, ("PAUSED",))
    decide(screen, run, "refuse")

    assert office.wait(run, ("COMPLETED",)) == "contacts-refuse.csv: refused by Ada, nothing sent"
    result = office.result("contacts-refuse.csv")
    assert (result["outcome"], result["decision"]["note"]) == ("refused", "asked by phone")


def test_a_run_is_started_by_hand_with_another_file(office: Any, screen: Any) -> None:
    """The form of a custom run takes a file whose name does not fit the pattern."""
    office.drop("extra.csv", GOOD.replace("anna", "carla"))
    run = by_hand(office, screen, "import-recipients/demo", {"file": "extra.csv"})

    assert office.wait(run, ("COMPLETED",)) == "extra.csv: 1 of 1 submitted"


def test_an_export_is_run_by_hand_for_a_window_once_more_and_dry(office: Any, screen: Any) -> None:
    """The form of a custom run asks for a window, for a lost file again, and for a dry run."""
    name, folder = "export-unsubscribed/demo", office.files / "outgoing" / "exports"
    rows, _, place = office.wait(office.start(name), ("COMPLETED",)).partition(" rows in ")
    delivered = (folder / Path(place).name).read_bytes()
    (folder / Path(place).name).unlink()
    ever = {"since": "2000-01-01", "until": "2036-01-01T02:30"}
    window, dry, again = (
        by_hand(office, screen, name, ever),
        by_hand(office, screen, name, {}, "dry_run"),
        by_hand(office, screen, name, {}, "again"),
    )

    reported = office.wait(window, ("COMPLETED",))
    assert reported.startswith(f"{rows} rows in ")
    assert reported.endswith("manual-19991231T230000Z-20360101T013000Z.csv")
    assert office.wait(dry, ("COMPLETED",)) == "0 rows would be delivered"
    assert office.wait(again, ("COMPLETED",)) == f"Again: {rows} rows in {place}"
    assert (folder / Path(place).name).read_bytes() == delivered
    assert int(rows) > 1
    assert len(list(folder.iterdir())) == 2, "what was delivered, and the window by hand"
