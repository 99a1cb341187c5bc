"""A held file is released or refused in Prefect's UI: what the runs of a deployment do about it."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow_sync
from prefect.states import Cancelled

from blocks.ledger import decisions
from blocks.ledger.store import Store
from flows.import_recipients import import_recipients

BAD = [f"nobody{number};X;" for number in range(20)]
GOOD = "anna@example.it;Anna;"
ANSWER = {"decision": "release", "decided_by": "Ada", "note": "checked by phone"}


class Deployment:
    """A deployment whose runs are carried out here, as a worker would."""

    def __init__(self, world: Any, agreed: dict[str, Any] | None = None) -> None:
        self.world = world
        with get_client(sync_client=True) as client:
            flow_id = client.create_flow(import_recipients)
            self.id = client.create_deployment(flow_id, "acme")
        self.parameters = {"agreement": world.agreement | (agreed or {})}

    def start(self, **parameters: Any) -> FlowRun:
        """Begin a run and carry it out to its end, or until it is suspended."""
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(
                self.id, parameters=self.parameters | parameters
            )
        return self.carry_out(run)

    def carry_out(self, run: FlowRun) -> FlowRun:
        """Execute a run that is due, as a worker does."""
        with suppress(Pause):
            run_flow_sync(
                import_recipients, flow_run=run, parameters=run.parameters, return_type="state"
            )
        return self.look(run)

    def look(self, run: FlowRun) -> FlowRun:
        """The run as the server has it now."""
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run.id)

    def answer(self, run: FlowRun, **changed: str) -> FlowRun:
        """Fill in the form and press Resume; the worker then carries the run out."""
        with get_client(sync_client=True) as client:
            answered = client.resume_flow_run(run.id, run_input=ANSWER | changed)
        assert answered.status.value == "ACCEPT", answered.details
        return self.carry_out(self.look(run))

    def set_state(self, run: FlowRun, state: State[Any]) -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, state)

    @property
    def waiting(self) -> list[str]:
        """The run that waits for a decision about each file of the ledger, oldest file first."""
        with sqlite3.connect(self.world.home / "ledger.db") as ledger:
            return [run for (run,) in ledger.execute("SELECT waiting_run FROM files ORDER BY id")]


@pytest.fixture
def deployment(world: Any) -> Iterator[Deployment]:
    """The client's deployment, with a file of 21 records in the folder, 20 of them bad."""
    world.drop("a.csv", GOOD, *BAD)
    made = Deployment(world)
    yield made
    with get_client(sync_client=True) as client:
        client.delete_deployment(made.id)  # what waits there would be trouble for a watcher


def test_a_held_file_waits_and_what_is_released_is_imported(
    world: Any, deployment: Deployment
) -> None:
    """The run is suspended with the figures, the next one does not ask again, and overtakes
    nothing; released, exactly this file is imported and the decision is in ledger and result."""
    run = deployment.start()
    assert run.state_name == "Suspended"
    assert world.result("a.csv")["outcome"] == "held"
    assert deployment.waiting == [str(run.id)]

    world.drop("b.csv", "bruno@example.it;Bruno;")
    other = deployment.start()
    assert other.state_name == "Completed"
    assert other.state.message.startswith("a.csv waits for a decision: ")
    assert str(run.id) in other.state.message
    assert world.posts() == []

    resumed = deployment.answer(run)
    assert resumed.state.message == (
        "a.csv: 1 of 21 submitted, 20 rejected, released by Ada; b.csv: 1 of 1 submitted"
    )
    assert world.result("a.csv")["outcome"] == "imported"
    assert world.result("a.csv")["decision"]["note"] == "checked by phone"
    assert "Ada" not in str(world.result("a.csv"))
    with Store(f"sqlite:///{world.home}/ledger.db") as store:
        decision = decisions.latest(store, 1, 1)
    assert decision is not None
    assert (decision.verdict, decision.decided_by, decision.run) == ("release", "Ada", str(run.id))
    assert decision.reason == "too_many_rejects"


def test_what_is_refused_is_put_aside_and_stays_refused(world: Any, deployment: Deployment) -> None:
    """Nothing is sent, the file is moved, the client gets the result; the same content is not
    asked about again, and a run by hand can still change it."""
    run = deployment.answer(deployment.start(), decision="refuse")
    assert run.state.message == "a.csv: refused by Ada, nothing sent"
    assert world.result("a.csv")["outcome"] == "refused"
    assert world.result("a.csv")["held"]["reason"] == "too_many_rejects"
    assert world.posts() == []
    assert not (world.inbox / "a.csv").exists()
    assert len(list((world.inbox / "refused").iterdir())) == 1

    world.drop("again.csv", GOOD, *BAD)
    assert deployment.start().state.message == "again.csv: refused by Ada, nothing sent"

    world.drop("again.csv", GOOD, *BAD)
    by_hand = deployment.start(file="again.csv", release=True)
    assert by_hand.state.message == "again.csv: 1 of 21 submitted, 20 rejected"


def test_a_release_is_for_this_content_and_no_other(world: Any, deployment: Deployment) -> None:
    """A file that was replaced while its release was considered is held like any other."""
    run = deployment.start()
    world.drop("a.csv", "carla@example.it;Carla;", *BAD)
    resumed = deployment.answer(run)

    assert resumed.state_name == "Suspended", "the new content is asked about"
    assert world.posts() == []
    assert deployment.waiting == ["", str(run.id)]

    (world.inbox / "a.csv").unlink()
    gone = deployment.answer(run, decision="refuse")
    assert gone.state.message == (
        "a.csv was refused by Ada, but this content is no longer in the folder: nothing was done "
        "with it"
    )


def test_a_question_that_is_void_is_closed(world: Any, deployment: Deployment) -> None:
    """Where the client sends a corrected file, or somebody releases by hand, no run continues
    waiting for an answer that is not needed."""
    run = deployment.start()
    world.drop("a.csv", GOOD)
    assert deployment.start().state.message == "a.csv: 1 of 1 submitted"
    closed = deployment.look(run)
    assert (closed.state_name, closed.state.message) == (
        "Cancelled", "The client has replaced a.csv: no decision is needed.",
    )  # fmt: skip

    world.drop("b.csv", "bruno@example.it;Bruno;", *BAD)
    run = deployment.start()
    by_hand = deployment.start(file="b.csv", release=True)
    assert by_hand.state.message == (
        "b.csv: 1 of 21 submitted, 20 rejected, released by a run by hand"
    )
    assert deployment.look(run).state_name == "Cancelled"


def test_without_an_answer_the_next_run_asks_again(deployment: Deployment) -> None:
    """A run that was cancelled, or whose time is over, leaves the file held."""
    first = deployment.start()
    deployment.set_state(first, Cancelled())
    second = deployment.start()
    assert second.state_name == "Suspended"
    assert deployment.waiting == [str(second.id)]
    assert deployment.answer(second).state_name == "Completed"


def test_damaged_files_and_dry_runs_ask_nothing(world: Any, deployment: Deployment) -> None:
    """Nobody can release a cut file; a dry run looks and leaves no trace."""
    assert "is held (too_many_rejects)" in deployment.start(dry_run=True).state.message
    path = world.drop("a.csv", GOOD)
    path.write_bytes(path.read_bytes() + b"bruno@exam")
    cut = deployment.start()
    assert cut.state_name == "Failed"
    assert "is held (cut)" in cut.state.message
    assert deployment.start(file="a.csv", release=True).state_name == "Failed"
    with Store(f"sqlite:///{world.home}/ledger.db") as store:
        assert decisions.latest(store, 1, 1) is None


def test_the_form_refuses_what_is_no_decision(deployment: Deployment) -> None:
    """Prefect checks the answer before the run is resumed; the run stays suspended."""
    run = deployment.start()
    with get_client(sync_client=True) as client:
        for wrong in ({"decision": "perhaps"}, {"decided_by": ""}, {"note": "x" * 201}):
            answered = client.resume_flow_run(UUID(str(run.id)), run_input=ANSWER | wrong)
            assert answered.status.value == "REJECT"
    assert deployment.look(run).state_name == "Suspended"
