"""Watch: judge how every function of every client stands, and tell what has changed."""

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
from tasks.monitoring.notifications import News, looked, tell
from tasks.runs.retrying import retried_task
from tasks.texts.markdown import markdown_table


@dataclass(frozen=True)
class WatchLimits:
    """What the watcher bears before it calls something trouble."""

    patience: SilenceLimits
    late: timedelta
    remind_after: timedelta


@retried_task("clients")
def clients() -> dict[str, list[Watched]]:
    """Every function of every client that is deployed, by the name of its ledger."""
    by_ledger: dict[str, list[Watched]] = {}
    with get_client(sync_client=True) as client:
        for each in prefect_api.watched_functions(client):
            by_ledger.setdefault(each.ledger, []).append(each)
    return by_ledger


@retried_task("watch", "watch clients of ledger {ledger}")
def watch(ledger: str, watched: Sequence[Watched], limits: WatchLimits) -> list[News]:
    """Look at the functions whose clients share a ledger; dead runs are ended first."""
    with load(Ledger, ledger).open() as store, get_client(sync_client=True) as client:
        ended = end_dead_runs(store, client, watched, limits.patience)
        found = _judged(store, client, [each for each in watched if not each.paused], limits)
        known = {each.name: each for each in conditions.all_of(store)}
        news = [tell(store, client, known, each, limits.remind_after) for each in found]
    for run in ended:
        get_run_logger().warning("The run %s was dead and is ended", run.name)
    for each, finding in found:
        if finding.reason:
            get_run_logger().warning(diagnosis_text(each, finding))
    return news


def watch_state(looks: Sequence[State[list[News]]]) -> State[None]:
    """Completed, with how many are in trouble; Failed where a ledger could not be looked at.

    Only a complete look is a sign of life of the watcher: an automation waits for it.
    """
    failed = [look for look in looks if look.is_failed()]
    if failed:
        return Failed(message=f"Not all clients could be watched. {failed[0].message}")
    news = [each for look in looks for each in look.result()]
    troubles = [each for each in news if each.finding.reason]
    told = f"{len(news)} functions watched, {len(troubles)} in trouble"
    create_markdown_artifact(key="watch-clients", markdown=_table(troubles), description=told)
    with get_client(sync_client=True) as client:
        looked(client)
    return Completed(message=told)


def _judged(
    store: Store, client: SyncPrefectClient, watched: Sequence[Watched], limits: WatchLimits
) -> list[tuple[Watched, Diagnosis]]:
    now = datetime.now(UTC)
    paused = prefect_api.paused(client, watched)
    late = prefect_api.late(client, watched, now - limits.late)
    return [
        (
            each,
            diagnose(each, _facts(store, client, each, paused, late), now),
        )
        for each in watched
    ]


def _facts(
    store: Store,
    client: SyncPrefectClient,
    watched: Watched,
    paused: dict[str, list[Run]],
    late: dict[str, list[Run]],
) -> Facts:
    importing = watched.kind == "import"
    return Facts(
        ended=prefect_api.last_ended(client, watched),
        paused=next(iter(paused.get(watched.deployment, [])), None),
        late=next(iter(late.get(watched.deployment, [])), None),
        done_at=_done_at(store, watched) if watched.due.by else None,
        held_at=progress.last_hold(store, watched.client) if importing else None,
    )


def _done_at(store: Store, watched: Watched) -> datetime | None:
    if watched.kind == "import":
        return progress.last_import(store, watched.client)
    return progress.last_delivery(store, watched.client, watched.kind)


def _table(troubles: Sequence[News]) -> str:
    if not troubles:
        return "All clients are well."
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
