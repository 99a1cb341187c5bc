"""How each function of each client stands: what Prefect and the ledger know of it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from blocks.errors import SyncError
from blocks.ledger import progress
from blocks.ledger.progress import LastFile
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from deployments.checking.rules import client_of, flow_of
from deployments.client_files import deployments_in, prefect_files
from tasks.health.diagnosis import diagnose
from tasks.health.facts import Run, Watched
from tasks.monitoring import prefect_api
from tasks.monitoring.watch import facts_of

LATE = timedelta(minutes=15)
_HEAD = ("CLIENT", "FUNCTION", "STATE", "LAST RUN", "LAST FILE", "NEXT RUN")


@dataclass(frozen=True)
class FunctionState:
    """One function of one client. Times are UTC; `state` is ok, paused, not deployed, or what the
    watcher calls the trouble; `file_counts` are those of the last file or delivery."""

    client: str
    function: str
    state: str
    last_run: str = ""
    last_run_state: str = ""
    last_run_at: datetime | None = None
    last_file: str = ""
    last_file_state: str = ""
    last_file_at: datetime | None = None
    file_counts: dict[str, int] | None = None
    next_run_at: datetime | None = None


@dataclass(frozen=True)
class Overview:
    """Every function that was asked for, and why something of it is not known."""

    functions: tuple[FunctionState, ...]
    notes: tuple[str, ...] = ()


def overview(client: str | None) -> Overview:
    """Every function of the client, or of all: deployed ones, and those that files have beside."""
    notes: list[str] = []
    with get_client(sync_client=True) as api, ExitStack() as stack:
        watched = [
            each
            for each in prefect_api.watched_functions(api)
            if client is None or each.client == client
        ]
        stores: dict[str, Store] = {}
        for name in sorted({each.ledger for each in watched}):
            try:
                stores[name] = stack.enter_context(load(Ledger, name).open(read_only=True))
            except SyncError as error:
                notes.append(f"Last files are not known: {error}")
        found = list(_states(api, stores, watched))
    there = {(each.client, each.function) for each in found}
    found += [
        FunctionState(*key, "not deployed")
        for key in _in_files() - there
        if client is None or key[0] == client
    ]
    found.sort(key=lambda each: (each.client, each.function))
    return Overview(tuple(found), tuple(notes))


def status_lines(known: Overview) -> list[str]:
    """A table for a terminal, times in this machine's zone."""
    found = known.functions
    if not found:
        return ["Nothing is deployed, and no client has a file."]
    rows = [_HEAD, *(_row(each) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*table, *known.notes]


def _states(
    api: SyncPrefectClient, stores: dict[str, Store], watched: Sequence[Watched]
) -> Iterator[FunctionState]:
    now = datetime.now(UTC)
    active = prefect_api.active(api, watched)
    waiting = prefect_api.paused(api, watched)
    late = prefect_api.late(api, watched, now - LATE)
    for each in watched:
        store = stores.get(each.ledger)
        store = None if store is None or store.is_empty or not each.kind else store
        facts = facts_of(store, api, each, waiting, late)
        state = "paused" if each.paused else diagnose(each, facts, now).reason or "ok"
        run = facts.paused or next(iter(active.get(each.deployment, [])), None) or facts.ended
        known = FunctionState(each.client, each.function, state, next_run_at=_next(api, each))
        file = progress.last_file(store, each.client, each.kind) if store else None
        yield _with_file(_with_run(known, run), file)


def _with_run(known: FunctionState, run: Run | None) -> FunctionState:
    if run is None:
        return known
    return replace(known, last_run=run.name, last_run_state=run.state, last_run_at=run.changed)


def _with_file(known: FunctionState, file: LastFile | None) -> FunctionState:
    if file is None:
        return known
    return replace(
        known,
        last_file=file.name,
        last_file_state=file.state,
        last_file_at=file.at,
        file_counts=file.counts,
    )


def _next(api: SyncPrefectClient, watched: Watched) -> datetime | None:
    """When the next run is planned for; None where none is."""
    wanted = FlowRunFilter(state=prefect_api.of_type(StateType.SCHEDULED))
    runs = api.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[UUID(watched.deployment)])),
        flow_run_filter=wanted,
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=1,
    )
    return runs[0].expected_start_time if runs else None


def _in_files() -> set[tuple[str, str]]:
    """Client and function of every deployment in the project's files, as far as they are right."""
    found: set[tuple[str, str]] = set()
    for path in prefect_files():
        for entry in deployments_in(path):
            flow = flow_of(entry.get("entrypoint"))
            client = None if isinstance(flow, str) else client_of(flow, entry)
            if client and not isinstance(flow, str):
                found.add((client, flow.name))
    return found


def _row(each: FunctionState) -> tuple[str, ...]:
    run = f"{each.last_run_state.lower()} {_local(each.last_run_at)}" if each.last_run_at else "-"
    file = f"{each.last_file or 'no rows'} {each.last_file_state} {_local(each.last_file_at)}"
    return (
        each.client,
        each.function,
        each.state,
        run,
        file if each.last_file_at else "-",
        _local(each.next_run_at) if each.next_run_at else "-",
    )


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone():%d %b %H:%M}" if moment else ""
