"""Decisions about held files: a run is suspended until somebody resumes it in Prefect's UI.

A suspended run holds no process and no concurrency slot. When it is resumed, it starts again and
first records the decision in the ledger, where every run finds it.
"""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID, uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled
from prefect.utilities.urls import url_for
from pydantic import ConfigDict, Field

from blocks.ledger import decisions, files
from blocks.ledger.decisions import Decision
from blocks.ledger.files import FileEntry
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.records.agreement import ImportAgreement
from tasks.records.stages import COUNTS_DIFFER, MAYBE_SENT, Decided, FileOutcome
from tasks.records.validation.history import UNUSUAL
from tasks.records.validation.limits import BROKEN_LIMITS
from tasks.runs.retrying import retried_task
from tasks.texts.hold_question import question

SECONDS_PER_DAY = 86_400
RELEASABLE = (*BROKEN_LIMITS, *UNUSUAL, COUNTS_DIFFER, MAYBE_SENT)
"""Reasons of holds that somebody can release; a damaged file never passes."""


class HeldFile(RunInput):
    """The form for resuming a run that waits for a decision."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["release", "refuse"] = Field(
        description=(
            "release: import exactly this content. refuse: send nothing of it, move the file, and "
            "report it to the client."
        )
    )
    decided_by: str = Field(min_length=1, max_length=100, description="Your name.")
    note: str = Field(
        default="",
        max_length=200,
        description="Reason. The client reads it in the result: no personal data.",
    )


def this_run() -> str:
    """Id of this flow run, or empty."""
    return str(flow_run.id or "")


def may_ask() -> bool:
    """Whether this run can wait for a decision: only a run of a deployment can be resumed."""
    return deployment.id is not None


def wait_for_decision(agreement: ImportAgreement, outcomes: Sequence[FileOutcome]) -> None:
    """Suspend this run if its last file needs a decision; then the call does not return."""
    last = outcomes[-1] if outcomes else None
    if last is None or last.hold is None or not last.asks:
        return
    text = question(last, last.hold, days=agreement.decision_days)
    form = HeldFile.with_initial_data(description=text)
    # A new key for each question: Prefect would find the answer to an earlier one.
    suspend_flow_run(
        wait_for_input=form,
        timeout=agreement.decision_days * SECONDS_PER_DAY,
        key=uuid4().hex,
    )


@retried_task("recall", "read the decision for {agreement.client}")
def read_decision(agreement: ImportAgreement, *, dry_run: bool) -> Decided | None:
    """Record the decision with which this run was resumed in the ledger; None if there is none."""
    if dry_run or not may_ask():
        return None
    run = this_run()
    with load(Ledger, agreement.ledger).open() as store:
        waiting = files.waiting(store, agreement.client, agreement.stream)
        asked = next((entry for entry in waiting if entry.waiting_run == run), None)
        answer = _answer(run) if asked else None
        if asked is None:
            return None
        if answer is not None:
            decisions.record(
                store, asked.id, asked.attempt, reason=asked.reason, verdict=answer.decision,
                decided_by=answer.decided_by, note=answer.note, run=run,
            )  # fmt: skip
        files.set_waiting(store, asked.id, "")
    return Decided(asked.id, asked.name, answer.decision, answer.decided_by) if answer else None


def _answer(run: str) -> HeldFile | None:
    """The submitted form of the run's last question; None if it was not answered."""
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(run))
        asked = [state for state in states if state.is_paused()]
        if not asked:
            return None
        keys = max(asked, key=lambda state: state.timestamp).state_details.run_input_keyset or {}
        inputs = client.filter_flow_run_input(UUID(run), keys["response"], 1, set())
    return HeldFile.load_from_flow_run_input(inputs[0]) if inputs else None


def waits_elsewhere(entry: FileEntry) -> bool:
    """Whether another run waits for the decision about a file, or was just resumed with it.

    After a run that timed out, was cancelled or was deleted, the next one asks again.
    """
    if entry.waiting_run in ("", this_run()):
        return False
    state = _state(entry.waiting_run)
    return state is not None and not state.is_final()


def where(run: str) -> str:
    """URL of a flow run in the UI, or its id if the UI's URL is unknown."""
    return url_for("flow-run", obj_id=UUID(run)) or f"flow run {run}"


def close_question(store: Store, file_id: int, waiting_run: str, because: str) -> None:
    """Cancel a run that waits for a decision that is no longer needed."""
    files.set_waiting(store, file_id, "")
    state = _state(waiting_run)
    if state is not None and state.is_paused():
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(waiting_run), Cancelled(message=because))


def _state(run: str) -> State | None:
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(UUID(run)).state
    except ObjectNotFound:
        return None


def current_decision(store: Store, entry: FileEntry, *, release: bool) -> Decision | None:
    """The decision about a file's hold; a manual run with `release` records one."""
    known = decisions.latest(store, entry.id, entry.attempt)
    if entry.state != "held":
        return known
    if known is not None and known.reason == entry.reason and not _held_again(entry, known):
        return known
    if not release or entry.reason not in RELEASABLE:
        return None
    return decisions.record(
        store, entry.id, entry.attempt, reason=entry.reason, verdict="release",
        decided_by="a run by hand", note="release=true", run=this_run(),
    )  # fmt: skip


def _held_again(entry: FileEntry, decision: Decision) -> bool:
    """Whether the file was held for another batch after the decision."""
    return entry.reason == MAYBE_SENT and decision.decided_at < entry.changed_at
