"""Watch the clients: reports overdue, failed, late and dead runs, once per change.

One deployment for all clients. Needs the Ledger blocks that the clients' agreements name.
"""

from datetime import timedelta
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from tasks.health.diagnosis import SilenceLimits
from tasks.monitoring.watch import WatchLimits, clients, watch, watch_state
from tasks.runs.scratch import sweep_machine

Minutes = Annotated[int, Field(ge=5, le=1440)]
Hours = Annotated[int, Field(ge=1, le=720)]


@flow(name="watch-clients")
def watch_clients(
    late_minutes: Minutes = 15,
    silent_minutes: Minutes = 15,
    unheard_hours: Hours = 6,
    remind_hours: Hours = 24,
) -> State[None]:
    """
    Diagnose every function of every client, end dead runs, and notify about changes.

    Scratch folders of killed runs on this machine are removed as well.

    Args:
        late_minutes: A run that is late by more than this is reported.
        silent_minutes: A run is ended as dead if it has sent no heartbeat for this long and no
            lease is renewed in the ledger.
        unheard_hours: The same for a run that never sent a heartbeat.
        remind_hours: Interval of reminders while a function stays in trouble.
    """
    silence = SilenceLimits(timedelta(minutes=silent_minutes), timedelta(hours=unheard_hours))
    sweep_machine()
    limits = WatchLimits(silence, timedelta(minutes=late_minutes), timedelta(hours=remind_hours))
    states = [
        watch(ledger, watched, limits, return_state=True) for ledger, watched in clients().items()
    ]
    return watch_state(states)
