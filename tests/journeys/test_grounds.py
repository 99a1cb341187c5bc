"""On what ground a file is sent: it is said before, written down, and nothing is sent without."""

import json
import sqlite3
from typing import Any

import pytest

from blocks.ledger import decisions
from blocks.ledger.store import Store
from flows.import_recipients import import_recipients
from tests.grounds import STATED

LEAVING = {"ground": "column", "column": "ok", "values": {"1": "subscribed", "0": "leave_out"}}
HEADER = "email;nome;cellulare;ok\r\n"
ROWS = [
    "anna@example.it;Anna;3331000001;1",
    "bea@example.it;Bea;3331000002;0",
    "cleo@example.it;C;;",
]


def of_ledger(world: Any, sql: str) -> Any:
    connection = sqlite3.connect(world.home / "ledger.db")
    try:
        return json.loads(connection.execute(sql).fetchone()[0])
    finally:
        connection.close()


def test_a_file_goes_by_the_grounds_that_are_agreed(world: Any) -> None:
    """Who did not agree is left out and listed; numbers go by the ground of SMS; the result, the
    ledger and the audit name the grounds."""
    world.drop("a.csv", *ROWS, header=HEADER)
    basis = {
        "email": LEAVING,
        "sms": LEAVING | {"values": {"1": "leave_out", "0": "leave_out", "x": "subscribed"}},
    }
    world.agreement["consent"] = {"basis": basis}

    assert world.run().is_completed()

    assert "anna@example.it" in world.people()
    assert not {"bea@example.it", "cleo@example.it"} & set(world.people())
    assert not world.people()["anna@example.it"]["number"]
    result = world.result("a.csv")
    assert result["counts"]["blocked"] == 2 and result["counts"]["submitted"] == 1
    assert [each["code"] for each in result["reasons"]] == ["consent_left_out"]
    consent = {"import_type": "default", **basis}
    assert result["consent"] == consent
    assert of_ledger(world, "SELECT basis FROM files") == consent
    noted = of_ledger(world, "SELECT detail FROM journal WHERE step = 'file_submitting'")
    assert noted["basis"] == consent


@pytest.mark.parametrize("how", [{}, {"dry_run": True}, {"release": True}])
def test_without_a_ground_nothing_is_sent_and_what_to_do_is_said(
    world: Any, how: dict[str, bool]
) -> None:
    """An agreement of before is refused when a file is due; the file waits where it was."""
    path = world.drop("a.csv", "anna@example.it;Anna;")
    del world.agreement["consent"]
    state = import_as_agreed(world, **how)
    assert state.is_failed() and "consent.basis.email" in state.message
    assert "deploy again" in state.message
    assert path.exists() and world.posts() == []


def test_a_held_file_is_refused_without_a_ground(world: Any) -> None:
    """Nothing is sent of it, so that an agreement of before is enough to put it aside."""
    bad = [f"nobody{number};X;" for number in range(20)]
    path = world.drop("a.csv", "anna@example.it;Anna;", *bad)
    assert "too_many_rejects" in world.run().message
    with Store(f"sqlite:///{world.home}/ledger.db") as store:
        decisions.record(
            store, 1, 1, reason="too_many_rejects", verdict="refuse", decided_by="Ada", note="",
            run="",
        )  # fmt: skip
    del world.agreement["consent"]
    assert import_as_agreed(world).is_completed()
    assert world.result("a.csv")["outcome"] == "refused"
    assert world.posts() == [] and not path.exists()


def import_as_agreed(world: Any, **how: Any) -> Any:
    return import_recipients(agreement=world.agreement, **how, return_state=True)


def test_after_a_change_of_the_agreement_nobody_is_missing(world: Any) -> None:
    """The first file of another shape unsubscribes nobody; the next is compared with it."""
    full = {
        "mode": "full",
        "delta": {"on": True, "missing": "unsubscribe", "max_missing_percent": 100},
    }
    world.agreement |= full
    world.drop("a.csv", *ROWS, header=HEADER)
    assert world.run().is_completed()

    world.agreement["consent"] = {"basis": {"email": LEAVING, "sms": STATED}}
    world.drop("b.csv", *ROWS[1:], "dora@example.it;Dora;;1", header=HEADER)
    assert world.run().is_completed()
    assert world.result("b.csv")["delta"]["sent_all_because"] == "changed"
    assert world.result("b.csv")["delta"]["missing"] is None
    assert world.people()["anna@example.it"]["status"] == "subscribed"

    world.drop("c.csv", *ROWS[1:], header=HEADER)
    assert world.run().is_completed()
    assert world.people()["dora@example.it"]["status"] == "unsubscribed"
    assert world.people()["bea@example.it"]["status"] == "subscribed"
