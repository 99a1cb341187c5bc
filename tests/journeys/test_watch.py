"""Trouble is reported once, its end too; dead runs are ended, and the next run continues."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import SetStateStatus
from prefect.events.actions import DoNothing
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Cancelled, Late, Pending, Running, Suspended

from blocks.errors import ConfigurationError
from blocks.ledger import conditions, leases
from blocks.ledger.store import Store
from deployments.automations import FILE, OWNER, apply
from flows.watch_clients import watch_clients
from tasks.health.diagnosis import SILENT, SilenceLimits
from tasks.monitoring import prefect_api
from tasks.monitoring.dead_runs import end_dead_runs
from tests.journeys.conftest import World, merged
from tests.journeys.harness.watched_client import (
    POOL,
    Worker,
    deploy,
    deployed_yesterday,
    new_run,
    receiver,
    run_here,
    state_of,
    until,
)

pytestmark = pytest.mark.journeys

ANNA = "anna@example.it;Anna;3331234567"
SOON = 10
"""Seconds of silence after which the automation takes a run for dead, here."""
AT_ONCE = SilenceLimits(timedelta(0), timedelta(0))


@dataclass
class Watched:
    """A deployed client, and the notices to the operators."""

    world: World
    deployment: UUID
    notices: list[dict[str, str]]

    def wait_for_notices(self, number: int) -> list[str]:
        """All notices so far, one line each; waits until there are so many."""
        until(lambda: len(self.notices) >= number, f"{number} notices, got {self.notices}")
        return [f"{each['subject']}: {each['body'].splitlines()[0]}" for each in self.notices]

    def look(self) -> str:
        """Run the watcher; its message."""
        state = watch_clients(return_state=True)
        assert state.is_completed(), state.message
        return str(state.message)

    @property
    def ledger(self) -> str:
        return f"sqlite:///{self.world.home}/ledger.db"

    def condition(self) -> tuple[str, str]:
        """State and reason of the client's function, reminders aside."""
        with Store(self.ledger) as store:
            (found,) = [each for each in conditions.all_of(store) if "/reminded" not in each.name]
        return found.state, found.reason

    def trouble_lasts(self, time: timedelta) -> None:
        """Let every condition of the ledger be so much older."""
        with Store(self.ledger) as store, store.transaction() as ledger:
            before = f"{datetime.now(UTC) - time:%Y-%m-%d %H:%M:%S.%f}"
            ledger.exec_driver_sql(f"UPDATE conditions SET changed_at = '{before}'")  # noqa: S608


@pytest.fixture
def client(world: World) -> Iterator[Watched]:
    """A client deployed yesterday whose file is due since the last full minute."""
    now = datetime.now(UTC)
    due = {"by": f"{now:%H:%M}", "zone": "UTC", "hours_before": 1}
    with get_client(sync_client=True) as api, receiver() as (address, notices):
        with suppress(ObjectAlreadyExists):
            api.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        deployment = deploy(merged(world.agreement, {"due": due}))
        deployed_yesterday(deployment)
        CustomWebhookNotificationBlock(  # type: ignore[call-arg]
            name="operators", url=address,
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
        ).save("mailup-alerts", overwrite=True)  # fmt: skip
        apply(_impatient(world.home))
        yield Watched(world, deployment, notices)
        api.delete_resource_owned_automations(OWNER)
        api.delete_deployment(deployment)


def _impatient(home: Path) -> Path:
    """The project's automations, with a shorter time limit for heartbeats."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    trigger = content["automations"][2]["trigger"]
    trigger["within"] = SOON
    # The client of these tests has an import, which never waits for a decision here.
    trigger["match_related"]["prefect.resource.id"] = "prefect.tag.function:*"
    path = home / "automations.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_trouble_is_reported_once_and_so_is_its_end(client: Watched) -> None:
    """An overdue file, its arrival, and a run that fails again and again: three notices."""
    assert client.look() == "1 functions watched, 1 in trouble"
    client.look()
    client.world.drop("a.csv", ANNA)
    assert run_here(client.deployment).is_completed()
    assert client.look() == "1 functions watched, 0 in trouble"
    client.world.control("POST", "settings", {"password": "changed"})
    for name in ("b.csv", "c.csv"):
        client.world.drop(name, ANNA)
        assert run_here(client.deployment).is_failed()
        client.look()

    overdue, well, failed = client.wait_for_notices(3)
    assert overdue.startswith("acme: import-recipients needs a look: import-recipients of acme: no")
    assert well == "acme: import-recipients is well again: import-recipients of acme is well again."
    assert "import-recipients of acme has failed. " in failed
    assert "anna" not in str(client.notices)
    assert "What to do: " in client.notices[0]["body"]


def test_a_file_sent_once_more_is_no_missing_file(client: Watched) -> None:
    """A client without changes sends the same file again, and no notice is sent."""
    client.world.drop("a.csv", ANNA)
    run_here(client.deployment)
    with Store(f"sqlite:///{client.world.home}/ledger.db") as store, store.transaction() as ledger:
        ledger.exec_driver_sql("UPDATE files SET changed_at = '2026-01-01 00:00:00.000000'")
    assert client.look() == "1 functions watched, 1 in trouble"
    client.world.drop("again.csv", ANNA)
    run_here(client.deployment)
    assert client.look() == "1 functions watched, 0 in trouble"


def test_a_run_dies_with_its_worker_and_the_next_one_goes_on(
    client: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both killed at once: the run is ended, a notice is sent, and the file arrives once. What the
    run had in its scratch folder is gone when the watcher has looked."""
    scratch = client.world.home / "scratch"
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", str(scratch))
    client.world.drop("a.csv", ANNA)
    slow = merged(client.world.agreement, {"source": {"settle_seconds": 100}})
    worker = Worker(client.world.home)
    dead = new_run(client.deployment, agreement=slow)
    until(lambda: _has_beaten(dead.id), "the first heartbeat")
    until(lambda: any(scratch.glob("*")), "its scratch folder")
    worker.kill()
    assert state_of(dead).is_running()
    until(lambda: state_of(dead).is_crashed(), "the end of the dead run")
    assert str(state_of(dead).message).startswith(SILENT)
    assert list(scratch.iterdir())
    client.look()
    assert not list(scratch.iterdir())
    assert client.condition() == ("trouble", "run_dead")

    apply(FILE)  # the next run waits for the dead one's lease, longer than the impatience here
    worker = Worker(client.world.home)
    following = new_run(client.deployment)
    until(lambda: state_of(following).is_final(), "the next run")
    worker.kill()
    assert state_of(following).is_completed(), state_of(following).message
    assert len(client.world.posts()) == 1
    client.look()
    assert [each.split(": ")[1] for each in client.wait_for_notices(2)] == [
        "import-recipients needs a look", "import-recipients is well again",
    ]  # fmt: skip


def test_the_sweep_ends_what_gives_no_sign_of_life_and_spares_the_rest(client: Watched) -> None:
    """A lease that is renewed saves a run; ended, it gives its place to the next one."""
    run, following = new_run(client.deployment), new_run(client.deployment)
    url = f"sqlite:///{client.world.home}/ledger.db"
    with Store(url) as store, get_client(sync_client=True) as api:
        for state in (Pending(), Running()):
            assert api.set_flow_run_state(run.id, state).status == SetStateStatus.ACCEPT
        watched = prefect_api.watched_functions(api)
        end_dead_runs(store, api, watched, SilenceLimits(timedelta(hours=1), timedelta(hours=1)))
        lease = leases.take(store, "client/acme/import:1")
        end_dead_runs(store, api, watched, AT_ONCE)
        assert state_of(run).is_running()
        assert lease is not None
        leases.release(store, lease)
        assert api.set_flow_run_state(following.id, Pending()).status != SetStateStatus.ACCEPT

        end_dead_runs(store, api, watched, AT_ONCE)
        assert state_of(run).is_crashed()
        assert "process and worker are gone" in str(state_of(run).message)
        assert api.set_flow_run_state(following.id, Pending()).status == SetStateStatus.ACCEPT


@pytest.mark.parametrize("reason", ["run_late", "waiting_for_decision"])
def test_what_waits_is_trouble_until_somebody_takes_it(client: Watched, reason: str) -> None:
    """A run that no worker takes, and one that asks somebody, are reported once, reminded of once a
    day, never ended as dead, and forgotten when they are gone."""
    client.world.drop("a.csv", ANNA)
    assert run_here(client.deployment).is_completed()
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    waits = {
        "run_late": Late(scheduled_time=an_hour_ago),
        "waiting_for_decision": Suspended(timeout_seconds=3600),
    }[reason]
    with get_client(sync_client=True) as api:
        run = api.create_flow_run_from_deployment(client.deployment, state=waits)
        client.look()
        client.look()
        assert client.condition() == ("trouble", reason)
        client.wait_for_notices(1)
        client.trouble_lasts(timedelta(hours=25))
        client.look()
        client.look()
        assert client.wait_for_notices(2)[1].startswith(
            "acme: import-recipients needs a look: Still: "
        )
        with Store(client.ledger) as store:
            assert end_dead_runs(store, api, prefect_api.watched_functions(api), AT_ONCE) == []
        assert state_of(run).name == waits.name
        api.set_flow_run_state(run.id, Cancelled(), force=True)
    client.look()
    assert client.condition() == ("ok", "")
    assert [each.split(": ")[1] for each in client.wait_for_notices(3)] == [
        "import-recipients needs a look", "import-recipients needs a look",
        "import-recipients is well again",
    ]  # fmt: skip


def test_automations_are_what_the_file_says_however_often_it_is_applied(client: Watched) -> None:
    """Repeating it changes nothing; removed automations are deleted, others are kept."""
    path = client.world.home / "automations.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    ours = {each["name"] for each in content["automations"]}
    with get_client(sync_client=True) as api:
        trigger = EventTrigger(expect={"somebody.elses"})
        foreign = api.create_automation(
            AutomationCore(name=min(ours), trigger=trigger, actions=[DoNothing()])
        )
        before = {each.id: each.name for each in api.read_automations()}
        assert [line.partition(" ")[0] for line in apply(path)] == ["kept"] * 3
        assert {each.id: each.name for each in api.read_automations()} == before

        content["automations"].pop()
        content["automations"][0]["description"] = "another one"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        done = [line.partition(" ")[0] for line in apply(path)]
        assert done == ["changed", "kept", "removed"]
        after = {each.id for each in api.read_automations()}
        assert after < set(before)
        assert foreign in after
        api.delete_automation(foreign)


def test_a_missing_notification_block_is_named_before_anything_changes(client: Watched) -> None:
    """Without a notification block, no automation is created."""
    path = client.world.home / "automations.yaml"
    path.write_text(path.read_text().replace("mailup-alerts", "nobody"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no notification block named 'nobody'"):
        apply(path)


def _has_beaten(run: UUID) -> bool:
    wanted = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"]),
    )
    with get_client(sync_client=True) as api:
        return bool(api.read_events(wanted, limit=1).events)
