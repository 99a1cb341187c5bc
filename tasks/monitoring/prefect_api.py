"""Queries to Prefect: deployed functions of clients, and the states of their runs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.filters import (
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventResourceFilter,
)
from prefect.types import DateTime
from pydantic import ValidationError

from tasks.agreements.due import Due
from tasks.health.facts import Run, Watched

_PAGE = 200
ACTIVE = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
_ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED)
LOOKED_BACK = 20
"""Number of ended runs searched for one that counts; dry runs and manual windows do not."""
HEARTBEAT_DAYS = timedelta(days=30)


def watched_functions(client: SyncPrefectClient) -> list[Watched]:
    """All deployed functions of all clients, found by the tag `client:...`.

    One without an agreement, such as check-connections, uses the ledger of its client's other
    functions.
    """
    found: list[Watched] = []
    offset = 0
    while page := client.read_deployments(limit=_PAGE, offset=offset):
        found += [watched for each in page if (watched := _watched(each))]
        offset += _PAGE
    ledgers = {each.client: each.ledger for each in found if each.ledger}
    placed = [
        replace(each, ledger=each.ledger or ledgers[each.client])
        for each in found
        if each.client in ledgers
    ]
    return sorted(placed, key=lambda each: each.condition)


def active(client: SyncPrefectClient, watched: Sequence[Watched]) -> dict[str, list[Run]]:
    """Runs that have, or should have, a process; by deployment."""
    return _by_deployment(_runs(client, watched, FlowRunFilter(state=of_type(*ACTIVE))))


def paused(client: SyncPrefectClient, watched: Sequence[Watched]) -> dict[str, list[Run]]:
    """Paused and suspended runs, by deployment."""
    wanted = FlowRunFilter(state=of_type(StateType.PAUSED))
    return _by_deployment(_runs(client, watched, wanted))


def late(
    client: SyncPrefectClient, watched: Sequence[Watched], than: datetime
) -> dict[str, list[Run]]:
    """Late runs that were scheduled before `than`; by deployment."""
    wanted = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": than}),
    )
    return _by_deployment(_runs(client, watched, wanted))


def last_ended(client: SyncPrefectClient, watched: Watched) -> Run | None:
    """The last ended run that counts, or None."""
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[UUID(watched.deployment)])),
        flow_run_filter=FlowRunFilter(state=of_type(*_ENDED)),
        sort=FlowRunSort.END_TIME_DESC,
        limit=LOOKED_BACK,
    )
    return next((_run(run) for run in runs if _counts(run)), None)


def last_heartbeat(client: SyncPrefectClient, run: Run) -> datetime | None:
    """Time (UTC) of the last heartbeat of a run, or None."""
    wanted = EventFilter(
        occurred=EventOccurredFilter(since=DateTime.now(UTC) - HEARTBEAT_DAYS),
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
    )
    events = client.read_events(wanted, limit=1).events
    return events[0].occurred if events else None


def _watched(deployment: DeploymentResponse) -> Watched | None:
    tags = dict(tag.split(":", 1) for tag in deployment.tags if ":" in tag)
    if "client" not in tags or deployment.created is None:
        return None
    agreement: dict[str, Any] = deployment.parameters.get("agreement") or {}
    function = (deployment.entrypoint or "").rpartition(".")[2].replace("_", "-")
    try:
        due = Due.model_validate(agreement.get("due") or {})
    except ValidationError:  # the run itself will report it; the rest can be watched
        due = Due()
    ledger = str(agreement.get("ledger") or "default") if agreement else ""
    return Watched(
        str(deployment.id), tags["client"], tags.get("function", function), ledger, due,
        deployment.created, deployment.paused,
    )  # fmt: skip


def of_type(*types: StateType) -> FlowRunFilterState:
    """Runs in one of these kinds of state."""
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


def _runs(
    client: SyncPrefectClient, watched: Sequence[Watched], wanted: FlowRunFilter
) -> Iterator[FlowRun]:
    deployments, offset = {each.deployment for each in watched}, 0
    while page := client.read_flow_runs(
        flow_run_filter=wanted,
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_PAGE,
        offset=offset,
    ):
        yield from (run for run in page if str(run.deployment_id) in deployments)
        offset += _PAGE


def _by_deployment(runs: Iterator[FlowRun]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(str(run.deployment_id), []).append(_run(run))
    return found


def _run(run: FlowRun) -> Run:
    state, planned = run.state, run.expected_start_time or datetime.now(UTC)
    return Run(
        str(run.id),
        run.name,
        state.type.value if state else "",
        (state.message or "") if state else "",
        run.start_time or planned,
        state.timestamp if state else planned,
    )


def _counts(run: FlowRun) -> bool:
    """Dry runs, replays and manual windows do not count as scheduled work."""
    manual = ("dry_run", "replay", "since", "until")
    return not any(run.parameters.get(name) for name in manual)
