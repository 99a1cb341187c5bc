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
    found = {each["code"]: each["records"] for each in known.result("a.csv")["reasons"]}
    assert found == {"second_key_kept": 2}


@pytest.mark.parametrize("mailup", ["refused", "overwritten"])
def test_a_row_whose_number_differs_is_rejected_where_agreed(known: Any, mailup: str) -> None:
    """The row is rejected with its own reason, and not sent."""
    known.control("POST", "settings", {"second_key": mailup})
    known.drop("a.csv", *ROWS)
    state = known.run(agreed={"mapping": {"second_key": "reject"}})

    assert state.message == "a.csv: 1 of 2 submitted, 1 rejected"
    assert known.people()["anna@example.it"]["number"] == "3331111111"
    assert known.people()["anna@example.it"]["fields"]["1"] == "A"
    assert "another number" in known.rejects("a.csv")[1]
    found = {each["code"]: each["records"] for each in known.result("a.csv")["reasons"]}
    assert found == {"second_key_differs": 1}


def test_rows_that_were_not_compared_are_reported(known: Any) -> None:
    """A dry run, the result and the message say how many, why, and what to set."""
    known.control("POST", "settings", {"number_of_another": "matched"})
    known.drop("a.csv", *ROWS, "new@example.it;N;3331111111")
    few = {"read_back_calls": 3}
    dry = known.run(agreed=few, dry_run=True)
    assert "3 without their second key" in dry.message and "read_back_calls" in dry.message
    assert known.run(agreed=few).message == dry.message.replace("would be ", "")

    people = known.people()
    assert people["anna@example.it"]["number"] == "3331111111"
    assert people["anna@example.it"]["fields"]["1"] == "A2"
    assert not people["new@example.it"]["number"], "it is Anna's"
    reported = known.result("a.csv")
    assert reported["mailup"]["second_keys"] == {
        "not_compared": 3, "because": "too_many_calls", "calls_needed": 6,
        "setting": "read_back_calls",
    }  # fmt: skip
    assert {each["code"] for each in reported["reasons"]} == {"second_key_not_compared"}

    known.drop("b.csv", *ROWS, "next@example.it;N;3334444444")
    enough = {"read_back_calls": reported["mailup"]["second_keys"]["calls_needed"]}
    assert known.run(agreed=enough).message == "b.csv: 3 of 3 submitted"
    assert known.people()["next@example.it"]["number"] == "3334444444"
    assert known.result("b.csv")["mailup"]["second_keys"] is None
