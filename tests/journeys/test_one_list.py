"""Two clients of one list, and runs that are killed or held in the middle of a batch."""

from typing import Any

import pytest
from prefect.settings import get_current_settings

from tests.grounds import with_basis
from tests.journeys.harness.child_run import Instant
from tests.journeys.harness.run_process import Runner
from tests.servers.databases import Database

SENDING = Instant("blocks.mailup.resources.imports:start_import")
SENT = Instant("blocks.mailup.resources.imports:start_import", after=True)


def people(who: str) -> list[str]:
    return [f"{who}{number}@example.it" for number in range(20)]


def die(world: Any, agreed: dict[str, Any], death: Instant) -> None:
    """A run that is killed, and whose leases have ended."""
    runner = Runner(str(get_current_settings().api.url), world.home)
    assert runner.kill(
        "import_recipients", {"agreement": with_basis(world.agreement | agreed)}, death
    )
    Database("sqlite", f"sqlite:///{world.home}/ledger.db").let_leases_expire()


@pytest.mark.timeout(600)
def test_two_clients_whose_runs_both_died_while_sending_lose_no_row(world: Any) -> None:
    """One before MailUp had its batch, one after: equal batches, and each has its own people."""
    shops = {who: {"client": who, "source": world.agreement["source"] | {"folder": who}}
             for who in ("shop-a", "shop-b")}  # fmt: skip
    for who in shops:
        (world.home / "files" / who).mkdir()
        lines = "".join(f"{each};N;\r\n" for each in people(who))
        (world.home / "files" / who / "list.csv").write_text("email;nome;cellulare\r\n" + lines)
    die(world, shops["shop-a"], SENDING)
    die(world, shops["shop-b"], SENT)
    for who, agreed in shops.items():
        state = world.run(agreed=agreed)
        assert state.message == "list.csv: 20 of 20 submitted"
        assert set(people(who)) <= set(world.people())


@pytest.mark.timeout(600)
def test_a_batch_that_may_have_been_sent_waits_for_somebody_to_look(world: Any) -> None:
    """Asking people twice to confirm is no harm that is risked: held with what to compare, and
    released by hand."""
    asking = {"confirm_email": True}
    world.drop("a.csv", *(f"{each};N;" for each in people("p")))
    die(world, asking, SENT)

    held = world.run(agreed=asking)
    assert held.is_failed()
    assert "a.csv is held (maybe_sent): A run was interrupted" in held.message
    assert "batch 1 (20 recipients) for list 1" in held.message
    assert world.result("a.csv")["held"]["reason"] == "maybe_sent"
    assert world.run(agreed=asking).message == held.message
    assert len(world.posts()) == 1

    state = world.run(agreed=asking, file="a.csv", release=True)
    assert state.is_completed(), state.message
    assert (len(world.posts()), world.result("a.csv")["mailup"]["extra_imports"]) == (2, 1)
    calls = world.control("GET", "log")
    assert sum(call["path"].endswith("/Immediate") for call in calls) == 1
