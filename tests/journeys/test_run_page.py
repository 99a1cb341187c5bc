"""What a run's page shows: each step with its duration and calls, and a failure in plain words."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from blocks.errors import LoginRefused
from flows.export_email_statistics import export_email_statistics
from tests.journeys.harness.artifacts import newest

ANNA = "anna@example.it;Anna;3331234567"
STEP = re.compile(r"^\| (\w+) \| [\d.]+ s \| (\d+) \| (.*) \|$", re.MULTILINE)


def pages(key: str, number: int) -> list[str]:
    """The newest result artifacts of that name, oldest first."""
    return [str(each.data) for each in newest(key, number)]


def steps(page: str) -> list[tuple[str, str, str]]:
    """Name, calls and remarks of each step."""
    return STEP.findall(page)


def test_each_step_shows_its_time_and_its_calls(world: Any) -> None:
    """The calls of the steps are those that MailUp has seen, file by file."""
    world.drop("a.csv", ANNA)
    world.drop("b.csv", ANNA.replace("anna", "bruno"))
    world.run()
    first, second = map(steps, pages("acme-import-recipients", 2))
    assert [name for name, _, _ in first] == [
        "recall", "look", "consult", "fetch", "claim", "prepare", "submit", "report", "together",
    ]  # fmt: skip
    assert [name for name, _, _ in second] == [
        "fetch", "claim", "prepare", "submit", "report", "together",
    ]  # fmt: skip
    assert first[6][2] == "1 of 1 batches are complete"
    assert sum(int(step[-1][1]) for step in (first, second)) == len(world.control("GET", "log"))


def test_an_export_shows_its_steps_too(world: Any) -> None:
    """Messages that were read, and all calls with the step that made them."""
    agreement = {name: world.agreement[name] for name in ("client", "server", "account", "ledger")}
    state = export_email_statistics(
        agreement=agreement | {"lists": [1], "folder": "out"}, return_state=True
    )
    assert state.is_completed(), state.message
    (page,) = pages("acme-export-email-statistics", 1)
    calls = {name: int(number) for name, number, _ in steps(page)}
    assert list(calls) == ["window", "extract", "stage", "deliver", "advance", "together"]
    assert calls["extract"] == calls["together"] == len(world.control("GET", "log"))
    assert "messages are read" in page


def test_a_run_that_fails_says_where_why_and_what_next(
    world: Any, logged: Callable[[], str]
) -> None:
    """The state says it in sentences, the page what was done until then, the log no traceback."""
    world.drop("a.csv", ANNA)
    world.control("POST", "settings", {"password": "changed"})
    state = world.run()

    assert state.is_failed()
    assert state.message.startswith(
        "read settings of MailUp account acme: Log-in to MailUp: the password"
    )
    assert state.message.endswith(LoginRefused.what_next)
    with pytest.raises(LoginRefused):
        state.result()
    (page,) = pages("acme-import-recipients", 1)
    assert [(name, step) for name, _, step in steps(page)][:3] == [
        ("recall", ""), ("look", ""), ("consult", "failed"),
    ]  # fmt: skip
    assert "account acme" in page
    assert state.message in html.unescape(page)  # a reader of Markdown sees the sign itself
    assert state.message in logged()
    assert "Traceback" not in logged()


def test_of_an_error_that_nobody_foresaw_kind_and_place_are_shown(
    world: Any, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    """Its text, which may quote a record, is shown nowhere."""
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", str(world.drop("anna@example.it", "x")))
    state = world.run()
    assert state.is_failed()
    assert re.match(r"an unexpected \w+ in tasks/runs/scratch\.py:\d+, called from ", state.message)
    text = f"{pages('acme-import-recipients', 1)}{state.message}{logged()}"
    assert "Report this as a defect." in text
    assert "anna@" not in text
