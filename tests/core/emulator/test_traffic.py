"""Played traffic: the same for one seed, hard where windows break, and seen through the API."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import requests

from sandbox.mailup import eventlog
from sandbox.mailup.caller import Caller
from sandbox.mailup.crowd import Plan
from sandbox.mailup.eventlog import Selection
from sandbox.mailup.hours import LocalDay
from sandbox.mailup.server import DATABASE, start
from sandbox.mailup.store import Store
from sandbox.traffic import play, play_day

AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)
PLAN = Plan(recipients=600)
HOUR = timedelta(hours=1)
AT = pl.col("at")


def log(home: Path) -> pl.DataFrame:
    """The events played at a home; those of the planted account are older."""
    store = Store(home / DATABASE)
    try:
        return eventlog.frame(
            store, Selection(since=int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()))
        )
    finally:
        store.close()


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Some days around the end of summer time."""
    home = tmp_path_factory.mktemp("month")
    play(home, AUTUMN - timedelta(days=3), 6, 5, PLAN)
    return log(home)


def test_one_seed_is_one_traffic(tmp_path: Path) -> None:
    """Seed, day, plan and account decide everything; another seed is other traffic."""
    logs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        play(tmp_path / name, AUTUMN, 2, seed, PLAN)
        logs.append(log(tmp_path / name))
    assert logs[0].equals(logs[1])
    assert not logs[0].equals(logs[2])


def test_a_running_emulator_plays_the_same(tmp_path: Path) -> None:
    """Over HTTP the traffic is that of a home at rest, and the answer counts it by kind."""
    play_day(tmp_path / "rest", AUTUMN, 1, PLAN)
    with start(tmp_path / "runs", calls_per_second=0) as emulator:
        played = play_day(emulator.base_url, AUTUMN, 1, PLAN)
    found = log(tmp_path / "runs")
    assert found.equals(log(tmp_path / "rest"))
    counts = dict(found.group_by("kind").len().rows())
    assert (dict(played.events), len(played.messages)) == (counts, 5)


def test_every_kind_of_event_is_played(month: pl.DataFrame) -> None:
    """Sent, opened, clicked, bounced, unsubscribed for every reason, subscribed, SMS states."""
    assert set(month["kind"]) == {"SNT", "OPN", "CLK", "NCO", "UNS", "SUB", "SMS"}
    assert {2, 8, 16, 32, 0} <= set(month.filter(kind="UNS")["status"])
    assert set(month.filter(kind="SMS")["status"]) == {0, 1, 2}
    opened = month.filter(kind="OPN").group_by("message_id", "recipient_id").len()
    clicked = month.filter(kind="CLK").group_by("message_id", "recipient_id")
    assert opened["len"].max() > 2
    assert clicked.agg(pl.col("detail").n_unique())["detail"].max() == 3


def test_only_links_are_blamed_on_a_message(month: pl.DataFrame) -> None:
    """Link and list-unsubscribe name their message; bounce, complaint and administrator none."""
    left = month.filter(kind="UNS")
    named = left.filter(pl.col("message_id").is_not_null())
    assert set(named["status"]) <= {2, 32, 64}
    assert set(left.filter(pl.col("message_id").is_null())["status"]) <= {0, 8, 16}


def test_nobody_leaves_twice_without_coming_back(tmp_path: Path) -> None:
    """In each list leaving and joining alternate for each recipient, by registration."""
    busy = Plan(lists=(1,), sms_list=None, recipients=2500, messages=8, late=0.5)
    play(tmp_path, AUTUMN, 4, 1, busy)
    moves = log(tmp_path).filter(pl.col("kind").is_in(["UNS", "SUB"])).sort("registered", "id")
    for _, one in moves.group_by("list_id", "recipient_id", maintain_order=True):
        kinds = one["kind"].to_list()
        assert all(a != b for a, b in pairwise(kinds))


def test_a_hard_bounce_leads_out_of_all_lists(month: pl.DataFrame) -> None:
    """Who is in both lists leaves both at the same moment."""
    bounced = month.filter(pl.col("kind") == "UNS", pl.col("status") == 8)
    lists = bounced.group_by("recipient_id").agg("list_id", AT.n_unique().alias("moments"))
    assert lists["list_id"].list.len().max() == 2
    assert set(lists["moments"]) == {1}


def test_some_events_are_late_and_none_early(month: pl.DataFrame) -> None:
    """MailUp learns of a few hours or days afterwards, of none before it happened."""
    delay = month["registered"] - month["at"]
    assert delay.min() == timedelta(0)
    assert timedelta(days=2) < delay.max() < timedelta(days=3, seconds=1)
    late = (delay > timedelta(0)).sum() / month.filter(~pl.col("kind").is_in(["SNT", "SUB"])).height
    assert 0.02 < late < 0.08


def test_nothing_happens_before_it_was_sent(month: pl.DataFrame) -> None:
    """No reaction comes before its sending began."""
    assert month.filter(pl.col("sent_at") > AT).is_empty()


def test_events_fall_on_the_seconds_of_windows(month: pl.DataFrame) -> None:
    """On full hours, one second before and one after, there is more than chance would give."""
    opens = month.filter(kind="OPN")
    second = opens["at"].dt.epoch("s") % 3600
    for exact in (3599, 0, 1):
        assert (second == exact).sum() > 3 * opens.height / 3600


@pytest.mark.parametrize("day", [AUTUMN, SPRING])
def test_clock_changes_have_traffic_on_both_sides(tmp_path: Path, day: date) -> None:
    """On such a day a message goes out an hour before, and is opened in the hours around."""
    play_day(tmp_path, day, 1, PLAN)
    change = LocalDay(day, "Europe/Rome").change_of_offset()
    assert change is not None
    border = datetime.fromtimestamp(change, UTC)
    assert border.hour == 1
    opens = log(tmp_path).filter(kind="OPN")
    for begin in (border - HOUR, border):
        hour = opens.filter(AT.is_between(begin, begin + HOUR, closed="left"))
        assert hour.height > 20
    local = (opens["at"].dt.convert_time_zone("Europe/Rome").dt.hour() == 2).sum()
    assert (local > 40) == (day == AUTUMN)


def test_local_hours_are_what_clocks_show() -> None:
    """A moment of a local day is that of the first of two equal hours."""
    zone = ZoneInfo("Europe/Rome")
    moment = datetime.fromtimestamp(LocalDay(AUTUMN, "Europe/Rome").at(2, 30), UTC)
    assert (moment.hour, moment.astimezone(zone).hour) == (0, 2)
    assert LocalDay(date(2026, 10, 24), "Europe/Rome").change_of_offset() is None


def test_a_message_can_be_sent_again(tmp_path: Path) -> None:
    """A resend is a second sending of the same message; its retention starts again."""
    plan = Plan(lists=(2,), recipients=300, sms_list=None, resends=1)
    message = play(tmp_path, date(2026, 5, 4), 2, 1, plan).messages[0]
    sent = log(tmp_path).filter(kind="SNT", message_id=message)
    assert sent["sending_id"].n_unique() == 2
    with start(tmp_path, calls_per_second=0, retention_days=10) as emulator:
        caller = Caller(emulator)
        caller.control("clock", {"now": "2026-05-15T00:00:00Z"})
        seen = caller.get(f"/Message/{message}/Count/Recipients")
    assert seen == sent["recipient_id"].n_unique()


def test_subscriptions_follow_the_log(tmp_path: Path) -> None:
    """After days of traffic, lists hold exactly who has not left, or has come back."""
    with start(tmp_path, calls_per_second=0) as emulator:
        caller = Caller(emulator)
        caller.control("clock", {"now": "2026-05-01T00:00:00Z"})
        play(emulator.base_url, date(2026, 5, 4), 4, 1, Plan(recipients=800, sms_list=None))
        caller.control("clock", {"now": "2026-06-01T00:00:00Z"})
        last = {
            (one["list_id"], one["recipient_id"]): one["kind"]
            for one in caller.control("events?since=2026-05-01")
            if one["kind"] in ("UNS", "SUB")
        }
        for list_id in (1, 2):
            people = {row["id"]: row["status"] for row in caller.people(list_id).values()}
            moved = {who: kind for (one, who), kind in last.items() if one == list_id}
            assert {people[who] for who, kind in moved.items() if kind == "UNS"} == {"unsubscribed"}
            assert {people[who] for who, kind in moved.items() if kind == "SUB"} == {"subscribed"}


@pytest.mark.parametrize("body", [{"lists": [77]}, {"moods": 3}, {"late": 2}, {"day": "soon"}])
def test_a_senseless_order_is_refused(tmp_path: Path, body: dict[str, object]) -> None:
    """Unknown lists and names, shares above one, days that are none: 400, and nothing is played."""
    with start(tmp_path) as emulator:
        answer = requests.post(f"{emulator.base_url}/_sandbox/play", json=body, timeout=10)
    assert answer.status_code == 400
    assert log(tmp_path).is_empty()


def test_the_day_is_yesterday_unless_given(tmp_path: Path) -> None:
    """For a demo: one call, and all but the late events can be seen."""
    with start(tmp_path, calls_per_second=0) as emulator:
        caller = Caller(emulator)
        found = caller.control("play", {"recipients": 300})
        yesterday = datetime.now(ZoneInfo("Europe/Rome")).date() - timedelta(days=1)
        assert found["day"] in (str(yesterday), str(yesterday - timedelta(days=1)))
        assert caller.get(f"/Message/{found['messages'][0]}/Count/Recipients") > 300


@pytest.mark.parametrize("target", ["--home", "--url"])
def test_the_command_line_plays(tmp_path: Path, target: str, run: Callable[..., str]) -> None:
    """`python -m sandbox.traffic` prints what was played."""
    with start(tmp_path / "runs") as emulator:
        where = emulator.base_url if target == "--url" else str(tmp_path / "rest")
        reported = run(
            target, where, "--start", "2026-05-04", "--recipients", "50", "--sms-list", "0"
        )
    assert '"messages": 2' in reported
    assert '"SMS"' not in reported


@pytest.fixture
def run() -> Callable[..., str]:
    """Runs the command line in a process of its own."""

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sandbox.traffic", *arguments],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    return command
