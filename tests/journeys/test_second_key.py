"""A known person whose second key is another one in the file, whatever MailUp does with it."""

from typing import Any

import pytest

ROWS = ("anna@example.it;A2;3339999999", "bruno@example.it;B2;3332222222")


@pytest.fixture
def known(world: Any) -> Any:
    """Two people with address and number, and one with an address alone."""
    world.drop(
        "0.csv", "anna@example.it;A;3331111111", "bruno@example.it;B;3332222222",
        "dora@example.it;D;",
    )  # fmt: skip
    assert world.run().is_completed()
    return world


@pytest.mark.parametrize("mailup", ["refused", "overwritten"])
def test_a_row_goes_without_the_number_that_differs(known: Any, mailup: str) -> None:
    """The person keeps the number that MailUp has, gets the other values, and is listed."""
    known.control("POST", "settings", {"second_key": mailup})
    known.drop("a.csv", *ROWS, "dora@example.it;D2;3331111111")
    state = known.run()

    assert state.message == "a.csv: 3 of 3 submitted"
    people = known.people()
    assert people["anna@example.it"]["number"] == "3331111111"
    assert people["anna@example.it"]["fields"]["1"] == "A2"
    assert people["bruno@example.it"]["number"] == "3332222222"
    assert not people["dora@example.it"]["number"], "it is Anna's"
    told = {each["code"]: each["records"] for each in known.result("a.csv")["reasons"]}
    assert told == {"second_key_kept": 2}


@pytest.mark.parametrize("mailup", ["refused", "overwritten"])
def test_a_row_whose_number_differs_is_rejected_where_agreed(known: Any, mailup: str) -> None:
    """It comes back with its own reason, and nothing of it is sent."""
    known.control("POST", "settings", {"second_key": mailup})
    known.drop("a.csv", *ROWS)
    state = known.run(agreed={"mapping": {"second_key": "reject"}})

    assert state.message == "a.csv: 1 of 2 submitted, 1 rejected"
    assert known.people()["anna@example.it"]["number"] == "3331111111"
    assert known.people()["anna@example.it"]["fields"]["1"] == "A"
    assert "another number" in known.rejects("a.csv")[1]
    told = {each["code"]: each["records"] for each in known.result("a.csv")["reasons"]}
    assert told == {"second_key_differs": 1}
