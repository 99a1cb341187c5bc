"""The account block with a Prefect server: the shared pace, and refresh tokens stored back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.accounts import MailUpAccount
from blocks.errors import MailUpUnavailable
from blocks.pace import request_slot
from sandbox.mailup.server import Emulator, start

WORK_SECONDS = 6
WORK = """
import sys, time
from pathlib import Path
from prefect import flow
from blocks.accounts import MailUpAccount
from blocks.ledger.store import Store

@flow
def work(name, folder, seconds):
    others = [folder / "1", folder / "2"]
    with Store(f"sqlite:///{folder}/ledger.db") as store:
        with MailUpAccount.load(name).connect(store) as client:
            client.account_info()
            (folder / sys.argv[3]).touch()
            while not all(each.exists() for each in others):
                time.sleep(0.01)
            before, end = client.calls, time.monotonic() + seconds
            while time.monotonic() < end:
                client.account_info()
            (folder / sys.argv[3]).write_text(str(client.calls - before))

work(sys.argv[1], Path(sys.argv[2]), float(sys.argv[4]))
"""


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator with MailUp's limit of 5 calls per second."""
    with start(tmp_path / "mailup", calls_per_second=5) as running:
        yield running


def save(emulator: Emulator, name: str, **changes: object) -> MailUpAccount:
    """A saved block for the emulator."""
    known: dict[str, object] = {
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "username": emulator.username,
        "password": emulator.password,
        "console_url": emulator.console_url,
        "statistics_url": emulator.statistics_url,
        "token_url": emulator.token_url,
    }
    account = MailUpAccount.model_validate(known | changes)
    account.save(name, overwrite=True)
    return account


def test_the_rate_limit_is_made_once_and_kept_up_to_date(emulator: Emulator) -> None:
    """Ensuring the limit is repeatable, and follows the block."""
    account = save(emulator, "limit")
    account.ensure_rate_limit()
    account.ensure_rate_limit()
    faster = account.model_copy(update={"calls_per_second": 2.0})
    faster.ensure_rate_limit()
    with get_client(sync_client=True) as client:
        limit = client.read_global_concurrency_limit_by_name(account.rate_limit_name)
    assert (limit.limit, limit.slot_decay_per_second) == (1, 2.0)


def test_two_processes_share_the_pace(emulator: Emulator, tmp_path: Path) -> None:
    """Two runs of one account in two processes are never refused for calling too often; they share
    alike, and together get nearly all that the pace allows."""
    save(emulator, "shared")
    script = [sys.executable, "-c", WORK, "shared", str(tmp_path)]
    environment = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    processes = [
        subprocess.Popen([*script, number, str(WORK_SECONDS)], env=environment)
        for number in ("1", "2")
    ]
    assert [process.wait(timeout=90) for process in processes] == [0, 0]
    log = requests.get(f"{emulator.base_url}/_sandbox/log", timeout=5).json()
    assert {call["status"] for call in log} == {200}
    calls = [int((tmp_path / number).read_text()) for number in ("1", "2")]
    # A server on SQLite may have one of them wait for two seconds.
    assert min(calls) >= sum(calls) / 4
    assert sum(calls) >= 0.6 * 4 * WORK_SECONDS


def test_a_slot_is_given_refused_or_missed(emulator: Emulator) -> None:
    """Prefect is asked once at a time: its message is shown, and what is no answer is an error."""
    account = save(emulator, "asked", username="asked", calls_per_second=0.01)
    account.ensure_rate_limit()

    assert request_slot(account.rate_limit_name) is None
    assert 50 < (request_slot(account.rate_limit_name) or 0) < 200
    with pytest.raises(MailUpUnavailable, match="no such limit"):
        request_slot("no such limit")
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(MailUpUnavailable, match=account.rate_limit_name),
    ):
        request_slot(account.rate_limit_name)


def test_a_rotated_refresh_token_is_stored_in_the_block(emulator: Emulator) -> None:
    """After a run the block holds the new refresh token; what else changed meanwhile is kept."""
    form = {
        "grant_type": "password",
        "username": emulator.username,
        "password": emulator.password,
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
    }
    first = requests.post(emulator.token_url, data=form, timeout=5).json()["refresh_token"]
    save(emulator, "rotating", password=None, refresh_token=first)

    @flow
    def call() -> str:
        account = MailUpAccount.load("rotating")
        save(emulator, "rotating", password=None, refresh_token=first, page_size=77)
        with account.connect() as client:
            return client.account_info().username

    assert call() == emulator.username
    stored = MailUpAccount.load("rotating")
    assert stored.refresh_token is not None
    assert stored.refresh_token.get_secret_value() != first
    assert stored.page_size == 77
    with stored.connect() as client:
        assert client.account_info().username == emulator.username
