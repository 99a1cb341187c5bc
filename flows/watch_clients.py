"""Watch the clients: what is overdue, failed, late or dead is told, once per change.

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
    Look how every function of every client stands, end dead runs, and tell what has changed.

    What killed runs have left in the scratch folder of this machine is removed as well.

    Args:
        late_minutes: A run that no worker has taken for so long is trouble.
        silent_minutes: A run is ended as dead when its heartbeats have been missing for so long
            and no lease is renewed in the ledger.
        unheard_hours: The same for a run that never showed a heartbeat.
        remind_hours: What stays in trouble is told again after so long.
    """
    patience = SilenceLimits(timedelta(minutes=silent_minutes), timedelta(hours=unheard_hours))
    sweep_machine()
    limits = WatchLimits(patience, timedelta(minutes=late_minutes), timedelta(hours=remind_hours))
    looks = [
        watch(ledger, watched, limits, return_state=True) for ledger, watched in clients().items()
    ]
    return watch_state(looks)
