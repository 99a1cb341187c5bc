"""Watch: diagnose every function of every client, and notify about changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.ledger import conditions, progress
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.health.diagnosis import Diagnosis, SilenceLimits, diagnose
from tasks.health.facts import Facts, Run, Watched
from tasks.health.wording import diagnosis_text
from tasks.monitoring import prefect_api
from tasks.monitoring.dead_runs import end_dead_runs
from tasks.monitoring.notifications import WatchResult, emit_watched, notify
from tasks.runs.retrying import retried_task
from tasks.texts.markdown import markdown_table


@dataclass(frozen=True)
class WatchLimits:
    """Limits beyond which the watcher reports trouble."""

    silence: SilenceLimits
    late: timedelta
    remind_after: timedelta


@retried_task("clients")
def clients() -> dict[str, list[Watched]]:
    """All deployed functions of all clients, by the name of their ledger."""
    by_ledger: dict[str, list[Watched]] = {}
    with get_client(sync_client=True) as client:
        for each in prefect_api.watched_functions(client):
            by_ledger.setdefault(each.ledger, []).append(each)
    return by_ledger


@retried_task("watch", "watch clients of ledger {ledger}")
def watch(ledger: str, watched: Sequence[Watched], limits: WatchLimits) -> list[WatchResult]:
    """Watch the functions of one ledger; dead runs are ended first."""
    with load(Ledger, ledger).open() as store, get_client(sync_client=True) as client:
        ended = end_dead_runs(store, client, watched, limits.silence)
        found = _diagnosed(store, client, [each for each in watched if not each.paused], limits)
        known = {each.name: each for each in conditions.all_of(store)}
        results = [notify(store, client, known, each, limits.remind_after) for each in found]
    for run in ended:
        get_run_logger().warning("Ended the dead run %s", run.name)
    for each, finding in found:
        if finding.reason:
            get_run_logger().warning(diagnosis_text(each, finding))
    return results


def watch_state(states: Sequence[State[list[WatchResult]]]) -> State[None]:
    """Completed, with the number of functions in trouble; Failed if a ledger failed.

    Only a complete run emits the event of the watcher, for which an automation waits.
    """
    failed = [state for state in states if state.is_failed()]
    if failed:
        return Failed(message=f"Not all clients could be watched. {failed[0].message}")
    results = [each for state in states for each in state.result()]
    troubles = [each for each in results if each.finding.reason]
    message = f"{len(results)} functions watched, {len(troubles)} in trouble"
    create_markdown_artifact(key="watch-clients", markdown=_table(troubles), description=message)
    with get_client(sync_client=True) as client:
        emit_watched(client)
    return Completed(message=message)


def _diagnosed(
    store: Store, client: SyncPrefectClient, watched: Sequence[Watched], limits: WatchLimits
) -> list[tuple[Watched, Diagnosis]]:
    now = datetime.now(UTC)
    paused = prefect_api.paused(client, watched)
    late = prefect_api.late(client, watched, now - limits.late)
    return [
        (
            each,
            diagnose(each, facts_of(store, client, each, paused, late), now),
        )
        for each in watched
    ]


def facts_of(
    store: Store | None,
    client: SyncPrefectClient,
    watched: Watched,
    paused: dict[str, list[Run]],
    late: dict[str, list[Run]],
) -> Facts:
    """What is known of a function, from Prefect and the ledger; `store` is None without a ledger.

    `paused` and `late` are runs by deployment.
    """
    importing = watched.kind == "import"
    return Facts(
        ended=prefect_api.last_ended(client, watched),
        paused=next(iter(paused.get(watched.deployment, [])), None),
        late=next(iter(late.get(watched.deployment, [])), None),
        done_at=_done_at(store, watched) if store and watched.due.by else None,
        held_at=progress.last_hold(store, watched.client) if store and importing else None,
    )


def _done_at(store: Store, watched: Watched) -> datetime | None:
    if watched.kind == "import":
        return progress.last_import(store, watched.client)
    return progress.last_delivery(store, watched.client, watched.kind)


def _table(troubles: Sequence[WatchResult]) -> str:
    if not troubles:
        return "All functions are ok."
    rows = [
        (
            each.watched.client,
            each.watched.function,
            each.finding.reason,
            diagnosis_text(each.watched, each.finding),
        )
        for each in troubles
    ]
    return markdown_table(("client", "function", "trouble", ""), rows)
