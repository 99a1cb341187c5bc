"""Ends dead runs: those whose process and worker are gone, which Prefect shows as Running."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.states import Crashed

from blocks.ledger import progress
from blocks.ledger.store import Store
from tasks.health.diagnosis import SILENT, SilenceLimits, is_dead
from tasks.health.facts import Run, Watched
from tasks.monitoring import prefect_api


def end_dead_runs(
    store: Store, client: SyncPrefectClient, watched: Sequence[Watched], limits: SilenceLimits
) -> list[Run]:
    """End every unfinished run without sign of life: no heartbeat and no renewed lease."""
    functions, now = {each.deployment: each for each in watched}, datetime.now(UTC)
    ended = []
    for deployment, runs in prefect_api.active(client, watched).items():
        each = functions[deployment]
        leased = progress.is_running(store, each.client, each.kind)
        for run in runs:
            heartbeat = prefect_api.last_heartbeat(client, run)
            dead = is_dead(run, heartbeat, now, limits, leased=leased)
            if dead and _end(client, run, heartbeat):
                ended.append(run)
    return ended


def _end(client: SyncPrefectClient, run: Run, heartbeat: datetime | None) -> bool:
    message = (
        f"{SILENT} since {heartbeat or run.changed:%Y-%m-%d %H:%M} UTC: process and worker are "
        "gone. The next run continues where this one ended."
    )
    # Not forced: Prefect rejects it if the run has ended meanwhile.
    answer: OrchestrationResult[Any] = client.set_flow_run_state(
        UUID(run.id), Crashed(message=message)
    )
    return answer.status == SetStateStatus.ACCEPT
