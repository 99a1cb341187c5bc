"""Generate traffic in the emulator: `python -m sandbox.traffic --start 2026-10-01 --days 31`.

The target is the address of a running emulator, or the home of a stopped one. The emulator's
answers contain events up to its clock; the event log contains all.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import requests

from sandbox.mailup import campaigns
from sandbox.mailup.campaigns import Played
from sandbox.mailup.crowd import Plan
from sandbox.mailup.seed import plant
from sandbox.mailup.server import DATABASE
from sandbox.mailup.settings import Settings
from sandbox.mailup.store import Store

CONNECT_SECONDS, PLAY_SECONDS = 5.0, 600.0
DEFAULT_PLAN = Plan()


def play_day(target: str | Path, day: date, seed: int, plan: Plan = DEFAULT_PLAN) -> Played:
    """Generate one day; a `str` is the address of an emulator, a `Path` the home of a stopped one.

    The same seed, day, plan and account give the same traffic.
    """
    return play(target, day, 1, seed, plan)


def play(
    target: str | Path, start: date, days: int, seed: int, plan: Plan = DEFAULT_PLAN
) -> Played:
    """Generate several days."""
    played = Played()
    for number in range(days):
        day = start + timedelta(days=number)
        if isinstance(target, Path):
            one = _in_folder(target, day, seed, plan)
        else:
            one = _over_http(target, day, seed, plan)
        played.messages += one.messages
        played.events += one.events
    return played


def _in_folder(home: Path, day: date, seed: int, plan: Plan) -> Played:
    home.mkdir(parents=True, exist_ok=True)
    store = Store(home / DATABASE)
    try:
        plant(store)
        return campaigns.play_day(store, day, seed, plan, Settings().zone)
    finally:
        store.close()


def _over_http(url: str, day: date, seed: int, plan: Plan) -> Played:
    body = {"day": day.isoformat(), "seed": seed, **asdict(plan)}
    answer = requests.post(
        f"{url.rstrip('/')}/_sandbox/play", json=body, timeout=(CONNECT_SECONDS, PLAY_SECONDS)
    )
    if not answer.ok:
        raise RuntimeError(f"the emulator refused to play (HTTP {answer.status_code})")
    played = answer.json()
    return Played(played["messages"], Counter(played["events"]))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.traffic", description=__doc__)
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="address of a running emulator")
    where.add_argument("--home", type=Path, help="state folder of one that is not running")
    add("--start", type=date.fromisoformat, required=True, help="first day, YYYY-MM-DD")
    add("--days", type=int, default=1)
    add("--seed", type=int, default=1)
    add("--lists", type=int, nargs="+", default=list(DEFAULT_PLAN.lists), help="e-mail lists")
    add("--sms-list", type=int, default=DEFAULT_PLAN.sms_list, help="0 plays no SMS")
    add("--recipients", type=int, default=DEFAULT_PLAN.recipients, help="readers in each list")
    add("--messages", type=int, default=DEFAULT_PLAN.messages, help="per list and day")
    add("--resends", type=int, default=DEFAULT_PLAN.resends, help="older messages sent again")
    add("--late", type=float, default=DEFAULT_PLAN.late, help="share of late events")
    return parser


def main() -> int:
    """Generate traffic and print its counts; 1 if the target cannot be reached or refuses."""
    given = _arguments().parse_args()
    target = given.url or given.home
    plan = Plan(
        tuple(given.lists), given.sms_list or None, given.recipients, given.messages, given.late,
        given.resends,
    )  # fmt: skip
    try:
        played = play(target, given.start, given.days, given.seed, plan)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"The traffic is incomplete or missing: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"messages": len(played.messages), "events": played.events}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
