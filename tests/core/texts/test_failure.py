"""What an operator reads when a run fails."""

import logging
import pickle
import re
from collections.abc import Iterator

import polars as pl
import pytest

import tasks.runs.failure  # noqa: F401 - hangs its filter onto the loggers
from blocks.errors import Defect, SyncError, is_full
from tasks.runs.steps import measured_step
from tasks.texts.failure import failure_message, failure_summary
from tasks.texts.step_table import duration


def kinds(kind: type[SyncError] = SyncError) -> Iterator[type[SyncError]]:
    """Every kind of error of the project."""
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)


@pytest.mark.parametrize("kind", [*kinds()], ids=lambda kind: kind.__name__)
def test_every_kind_of_error_says_what_next(kind: type[SyncError]) -> None:
    """Each kind has a remedy of its own, shown after what happened, in sentences."""
    assert "what_next" in vars(kind), "inherited: is the next step really the same?"
    text = failure_message(kind("sftp://acme:22: login failed (X)."), "fetch a.csv")
    assert text == f"fetch a.csv: sftp://acme:22: login failed (X). {kind.what_next}"
    assert kind.what_next[0].isupper()
    assert kind.what_next.endswith(".")
    assert [each for each in kinds() if each.what_next == kind.what_next] == [kind]
    assert pickle.loads(pickle.dumps(kind("x"))).what_next == kind.what_next  # noqa: S301


def test_of_a_foreign_error_only_kind_and_place_are_shown() -> None:
    """A library's text may quote a record; where it happened is in our code."""
    step = measured_step("prepare")(lambda: duration("anna@example.it"))  # type: ignore[arg-type]
    with pytest.raises(Defect) as caught:
        step()
    text = failure_message(caught.value, "prepare a.csv")
    assert re.fullmatch(
        r"prepare a\.csv: an unexpected TypeError in tasks/texts/step_table\.py:\d+, called from "
        r"tasks/runs/steps\.py:\d+\. .*Report this as a defect\.",
        text,
    )
    assert "anna" not in f"{text}{caught.value!r}{caught.value.context}"
    assert caught.value.__suppress_context__


def test_the_page_of_a_failed_run_names_what_it_is_about() -> None:
    """Message, what was done and the blocks; nothing empty."""
    found = failure_summary("import-recipients: acme", "no\nanswer", "", ["account acme"])
    assert found.split("\n\n") == [
        "## import-recipients: acme", "**Failed.**", "> no answer", "Blocks: account acme\n",
    ]  # fmt: skip


@pytest.mark.parametrize("write", ["write_csv", "write_parquet"])
def test_a_full_disk_is_known_as_one(write: str) -> None:
    """polars shows it in its text alone; a value of a record that looks like it is none."""
    with pytest.raises((OSError, pl.exceptions.PolarsError)) as caught:
        getattr(pl.DataFrame({"a": range(100_000)}), write)("/dev/full")
    assert is_full(caught.value)
    assert not is_full(ValueError("No space left in `via Roma 28`"))


@pytest.mark.parametrize(
    ("name", "kept"), [("prefect.task_runs", True), ("prefect.flow_runs", False)]
)
def test_a_traceback_does_not_hide_what_an_error_of_ours_says(name: str, kept: bool) -> None:
    """A task's line stays without its traceback; a run's holds nothing else."""
    ours, foreign = (
        logging.LogRecord(name, 40, "", 0, "failed", (), (type(error), error, None))
        for error in (SyncError("x"), ValueError("x"))
    )
    logger = logging.getLogger(name)
    assert bool(logger.filter(ours)) is kept
    assert ours.exc_info is None
    assert logger.filter(foreign)
    assert foreign.exc_info is not None
