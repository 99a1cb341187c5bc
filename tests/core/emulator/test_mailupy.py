"""mailupy, a client that others wrote, unchanged against the emulator: its whole surface."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import start

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(os.environ.get("MAILUPY_PYTHON", ROOT / ".peers/mailupy/bin/python"))
TOUR = ROOT / "tests/peers/mailupy_tour.py"
KEYS = ("base_url", "username", "password", "client_id", "client_secret")

pytestmark = pytest.mark.skipif(
    not PYTHON.exists() and not os.environ.get("CI"), reason="mailupy: `make peers` installs it"
)


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Caller]]:
    """What mailupy answered, and the emulator afterwards."""
    with start(
        tmp_path_factory.mktemp("mailupy"), calls_per_second=0, import_seconds=0
    ) as emulator:
        keys = json.dumps({name: getattr(emulator, name) for name in KEYS})
        tour = subprocess.run(
            [PYTHON, TOUR, keys], capture_output=True, text=True, timeout=60, check=False
        )
        assert tour.returncode == 0, tour.stderr
        yield json.loads(tour.stdout), Caller(emulator)


@pytest.fixture(scope="module")
def results(toured: tuple[dict[str, Any], Caller]) -> dict[str, Any]:
    return toured[0]


def test_it_reads_fields_groups_and_messages(results: dict[str, Any]) -> None:
    """All 28 fields over two pages, groups in order and filtered, messages and those of a tag."""
    assert (len(results["fields"]), results["fields"][-1]) == (28, "nome")
    assert results["groups"] == ["Clienti", "Prospect", "TEST"]
    assert results["filtered groups"] == [2]
    assert results["messages"] == ["Novità di primavera", "Saldi d'estate"]
    assert results["tagged"] == []


def test_it_reads_people(results: dict[str, Any]) -> None:
    """Lists and groups page by page, filtered and sorted, and one person by address."""
    assert (results["everybody"], results["unsubscribed"], results["of a group"]) == (200, 50, 65)
    assert results["subscribed"] == [f"subscribed.00{n}@example.it" for n in range(9, 0, -1)]
    assert (results["one"], results["one unsubscribed"]) == ("OPTOUT", None)
    assert results["one subscribed"]["idRecipient"] == 1
    assert results["one of a group"] == "subscribed.001@example.it"


def test_an_item_is_what_its_own_fixtures_show(results: dict[str, Any]) -> None:
    """The ten keys of a subscription."""
    assert set(results["first"]) == {
        "Email", "Optin_Date", "Optin_Request_Date", "Optin_Request_IP", "Optout_Date",
        "Optout_MsgID", "Optout_Subtype", "Optout_Type", "Status", "idRecipient",
    }  # fmt: skip


def test_it_subscribes_updates_unsubscribes_and_removes(results: dict[str, Any]) -> None:
    """One person through all states, and one who is asked to confirm."""
    assert results["made"] == [[2, False], True, True]
    assert results["ids"] == ["int", "int"]
    assert results["again"] is True
    assert (results["pending"], results["members"]) == ("PENDING", ["anna@example.it"])
    values = {field["Description"]: field["Value"] for field in results["updated"]["Fields"]}
    assert (results["updated"]["Name"], values["nome"], values["cognome"]) == (
        "Anna",
        "Anna",
        "Rossi",
    )
    assert (results["left the group"], results["left the list"]) == (True, True)
    assert results["afterwards"] == "OPTOUT"
    assert (results["removed"], results["in the list"]) == (True, None)
    assert (results["removed from all"], results["in the account"]) == (True, None)


def test_what_it_sends_shows_in_the_statistics(toured: tuple[dict[str, Any], Caller]) -> None:
    """A mail and an SMS to one person each are in history, statistics and report."""
    results, mailup = toured
    assert (results["mail"], results["sms"]) == (True, True)
    sent = mailup.items("/Console/List/1/Email/11/SendHistory?orderby=Id+desc")
    assert (len(sent), sent[0]["Recipients"]) == (2, 1)
    summary = mailup.get("/Console/Sms/13/Sendings/Report")
    assert (summary["IsCompleted"], summary["TotalSmsSent"]) == (True, 67)


def test_it_gets_the_cause_of_a_failed_call(results: dict[str, Any]) -> None:
    """Each refusal becomes mailupy's own exception with status and text."""
    assert "Error 403" in results["unknown list"]
    assert "Error 400" in results["not an address"]
    assert results["wrong password"].startswith("MailupyRequestException: Error 400")


def test_it_renews_an_expired_token(results: dict[str, Any]) -> None:
    """A 401 makes mailupy take a new token by its refresh token, and continue."""
    assert (results["renewed"], results["login"]) == (2, True)
