"""Events in Prefect, which automations turn into notifications. No personal data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.events import Event, RelatedResource, Resource
from prefect.utilities.urls import url_for

from blocks.errors.shown import in_line
from blocks.ledger import conditions
from blocks.ledger.conditions import Condition, ConditionState
from blocks.ledger.store import Store
from tasks.health.diagnosis import Diagnosis
from tasks.health.facts import Watched
from tasks.health.wording import REMEDIES, diagnosis_text

TROUBLE = "mailup.client.trouble"
RECOVERED = "mailup.client.recovered"
LOOKED = "mailup.watcher.looked"
EXPECTED = "mailup.watcher.expected"
WATCHER = "mailup.watcher"


@dataclass(frozen=True)
class WatchResult:
    """The diagnosis of one function, and whether an event was emitted this time."""

    watched: Watched
    finding: Diagnosis
    notified: bool


def notify(
    store: Store,
    client: SyncPrefectClient,
    known: Mapping[str, Condition],
    result: tuple[Watched, Diagnosis],
    remind_after: timedelta,
) -> WatchResult:
    """Emit an event if a function's state has changed, or as a reminder of lasting trouble.

    `known`: the conditions in the ledger, by name. The event comes first: after an interruption it
    is emitted twice rather than never.
    """
    watched, finding = result
    state: ConditionState = "trouble" if finding.reason else "ok"
    before = known.get(watched.condition)
    if (state, finding.reason) != ((before.state, before.reason) if before else ("ok", "")):
        _emit(client, watched, finding)
        conditions.change(store, watched.condition, state, finding.reason)
        return WatchResult(watched, finding, notified=True)
    if before is None or not finding.reason:
        return WatchResult(watched, finding, notified=False)
    reminded = _remind(store, client, known, before, result, remind_after)
    return WatchResult(watched, finding, reminded)


def emit_watched(client: SyncPrefectClient, event: str = LOOKED) -> None:
    """Emit that the watcher has run, or, when automations are created, that it is expected to."""
    _post(client, Event(event=event, resource=Resource({"prefect.resource.id": WATCHER})))


def _remind(
    store: Store,
    client: SyncPrefectClient,
    known: Mapping[str, Condition],
    before: Condition,
    result: tuple[Watched, Diagnosis],
    remind_after: timedelta,
) -> bool:
    """Emit a reminder once per `remind_after`; their number is a separate condition."""
    name = f"{before.name}/reminded"
    times = (datetime.now(UTC) - before.changed_at.replace(tzinfo=UTC)) // remind_after
    mark = f"{before.changed_at:%Y%m%dT%H%M%S} {times}"
    if times < 1 or (name in known and known[name].reason == mark):
        return False
    _emit(client, *result, reminder=True)
    return conditions.change(store, name, "trouble", mark)


def _emit(
    client: SyncPrefectClient, watched: Watched, finding: Diagnosis, *, reminder: bool = False
) -> None:
    run = finding.run
    related = [_related("deployment", watched.deployment, watched.client)]
    if run:
        related.append(_related("flow-run", run.id, run.name))
    payload: dict[str, Any] = {
        "client": watched.client,
        "function": watched.function,
        "reason": finding.reason,
        "sentence": ("Still: " if reminder else "") + in_line(diagnosis_text(watched, finding)),
        "remedy": REMEDIES[finding.reason],
        "reminder": reminder,
        "link": _link(watched, finding) or "",
    }
    resource = Resource(
        {
            "prefect.resource.id": f"mailup.client.{watched.client}.{watched.function}",
            "prefect.resource.name": f"{watched.function}/{watched.client}",
        }
    )
    name = TROUBLE if finding.reason else RECOVERED
    _post(client, Event(event=name, resource=resource, related=related, payload=payload))


def _link(watched: Watched, finding: Diagnosis) -> str | None:
    """URL in Prefect's UI: the run, or else the deployment."""
    if finding.run and finding.missed is None:
        return url_for("flow-run", finding.run.id)
    return url_for("deployment", watched.deployment)


def _related(kind: str, number: str, name: str) -> RelatedResource:
    return RelatedResource(
        {
            "prefect.resource.id": f"prefect.{kind}.{number}",
            "prefect.resource.role": kind,
            "prefect.resource.name": in_line(name),
        }
    )


def _post(client: SyncPrefectClient, event: Event) -> None:
    # Posted directly, not with `emit_event`, whose background thread would hide errors.
    client.request("POST", "/events", json=[event.model_dump(mode="json")])
