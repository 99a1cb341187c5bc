"""What has to be true of the schedules of a deployment."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from deployments.checking.messages import meant, unknown
from deployments.checking.yaml_lines import Fault
from tasks.reports.output.formats import is_zone

_KEYS = ("slug", "cron", "timezone", "active", "parameters", "day_or", "replaces")
CRON = "five fields, minute hour day month weekday, such as '30 4 * * 1-5'"


def schedule_faults(
    schedules: Any, parameters: Collection[str] | None, client: str | None
) -> Iterator[Fault]:
    """Faults of a deployment's schedules; none are needed for what runs only by hand.

    `parameters` are those of the flow, None where it is not known; `client` whose it is, if any.
    """
    if schedules is None:
        return
    if not isinstance(schedules, list):
        yield ("schedules",), "is no list; accepted are items with slug, cron and timezone."
        return
    for place, schedule in enumerate(schedules):
        found = _faults(schedule, parameters, client)
        yield from ((("schedules", place, *steps), sentence) for steps, sentence in found)


def _faults(
    schedule: Any, parameters: Collection[str] | None, client: str | None
) -> Iterator[Fault]:
    if not isinstance(schedule, Mapping):
        yield (), "is no mapping; accepted is {slug: ..., cron: ..., timezone: ...}; write one."
        return
    for key in schedule:
        if key not in _KEYS:
            yield (key,), unknown(str(key), _KEYS)
    yield from _slug_faults(schedule.get("slug"), client)
    yield from _time_faults(schedule)
    if not isinstance(schedule.get("active", True), bool):
        yield ("active",), "is neither true nor false; accepted are these two; write one."
    own = schedule.get("parameters")
    for name in own if isinstance(own, Mapping) else ():
        if parameters is not None and name not in parameters:
            yield ("parameters", name), unknown(str(name), parameters)


def _slug_faults(slug: Any, client: str | None) -> Iterator[Fault]:
    """By its slug a schedule is found again when it changes; without one it would be doubled."""
    start = f"{client}-" if client else ""
    if not slug or not isinstance(slug, str):
        yield (
            ("slug",),
            f"the slug is missing; accepted is a name for this schedule, such as "
            f"{start}import-daily; add it.",
        )
    elif not slug.startswith(start):
        yield (
            ("slug",),
            f"{slug!r} is another client's; accepted are slugs that begin with {start}; change it.",
        )


def _time_faults(schedule: Mapping[str, Any]) -> Iterator[Fault]:
    cron, zone = schedule.get("cron"), schedule.get("timezone")
    if not cron:
        yield ("cron",), f"the cron is missing; accepted are {CRON}; add it."
    elif not _is_cron(str(cron)):
        yield ("cron",), f"{cron!r} is no time of day; accepted are {CRON}; correct it."
    if not zone:
        yield (
            ("timezone",),
            "the time zone is missing, and UTC would be taken; accepted is a name such as "
            "Europe/Rome; add the client's.",
        )
    elif not is_zone(str(zone)):
        yield (
            ("timezone",),
            f"{zone!r} is no time zone; accepted is a name such as Europe/Rome; "
            f"{meant(str(zone), available_timezones())}.",
        )


def _is_cron(text: str) -> bool:
    """Whether Prefect reads it, and it has five fields: a sixth would mean seconds."""
    try:
        CronSchedule(cron=text)
    except ValidationError:
        return False
    return len(text.split()) == 5
