"""Reading, importing and failing, against the emulator."""

import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from blocks.errors import (
    ConfigurationError,
    ImportUnfinished,
    MailUpRefused,
    MailUpUnavailable,
    SyncError,
)
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.pacing import Pacer
from blocks.mailup.resources.imports import ImportTarget
from blocks.mailup.resources.models import Optin
from sandbox.mailup.server import Emulator, start
from tests.core.emulated import settings_of

DEFAULTS = {
    "calls_per_second": 0,
    "import_seconds": 0.0,
    "concurrent_imports": "queued",
    "page_size_cap": None,
    "slow_page_size": None,
}
RECIPIENTS = "/Console/List/1/Recipients"


@pytest.fixture(scope="module")
def module_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for the file."""
    with start(tmp_path_factory.mktemp("mailup")) as emulator:
        yield emulator


@pytest.fixture
def emulator(module_emulator: Emulator) -> Emulator:
    """The emulator without faults, log, limits and delays."""
    base = module_emulator.base_url
    requests.delete(f"{base}/_sandbox/faults", timeout=5)
    requests.delete(f"{base}/_sandbox/log", timeout=5)
    control(module_emulator, "settings", **DEFAULTS)
    return module_emulator


def control(emulator: Emulator, what: str, **body: Any) -> None:
    """Call the emulator's control API."""
    answer = requests.post(f"{emulator.base_url}/_sandbox/{what}", json=body, timeout=5)
    answer.raise_for_status()


def calls(emulator: Emulator, method: str, path: str) -> list[int]:
    """Status of each logged call to a path that ends so."""
    log = requests.get(f"{emulator.base_url}/_sandbox/log", timeout=5).json()
    return [
        call["status"] for call in log if call["method"] == method and call["path"].endswith(path)
    ]


Connect = Callable[..., MailUpClient]


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """Creates clients that wait with *nap*, by *clock*."""
    clients = []

    def make(
        *,
        nap: Callable[[float], None] = lambda seconds: time.sleep(seconds / 100),
        pace: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> MailUpClient:
        client = MailUpClient(settings_of(emulator, **options), pace=pace, clock=clock, sleep=nap)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def body(count: int, stem: str = "x") -> bytes:
    """A JSON array of recipients."""
    rows = [{"Email": f"{stem}{n}@example.it", "Fields": []} for n in range(count)]
    return json.dumps(rows).encode()


def state(emulator: Emulator, list_id: int, channel: str = "email") -> list[dict[str, Any]]:
    """Everybody in a list, from the emulator's control API."""
    params: dict[str, str] = {"list": str(list_id), "channel": channel}
    answer = requests.get(f"{emulator.base_url}/_sandbox/state", params=params, timeout=5)
    found: list[dict[str, Any]] = answer.json()
    return found


def test_lists_groups_and_all_fields_are_read(connect: Connect) -> None:
    """Nothing is lost after the default page of 20, and fields come by id."""
    client = connect(page_size=7)
    assert [each.name for each in client.lists()][:2] == ["Newsletter Italia", "Offerte"]
    assert "TEST" in [group.name for group in client.groups(1)]
    assert {group.list_id for group in client.groups(1)} == {1}
    assert [field.id for field in client.dynamic_fields()] == list(range(1, 29))


def test_a_created_group_is_found_again(connect: Connect) -> None:
    """A new group carries its list, and shows among the groups."""
    group = connect().create_group(2, "Nuovi d'estate")
    assert group.list_id == 2
    assert group in connect().groups(2)


@pytest.mark.parametrize("cap", [None, 13])
def test_reading_agrees_with_what_mailup_holds(
    emulator: Emulator, connect: Connect, cap: int | None
) -> None:
    """Subscribed and not subscribed together are everybody, whatever the page size."""
    control(emulator, "settings", page_size_cap=cap)
    client, held = connect(page_size=17), state(emulator, 1)
    inside = [each.id for page in client.subscribed(1, "email") for each in page]
    outside = [each.recipient_id for page in client.unsubscribed(1, "email") for each in page]
    assert len(set(inside)) == len(inside)
    assert len(set(outside)) == len(outside)
    assert sorted(inside + outside) == sorted(row["id"] for row in held)


def test_an_opt_out_tells_cause_and_date(emulator: Emulator, connect: Connect) -> None:
    """Link, bounce and complaint are distinguished, pending ones are marked."""
    client = connect()
    keys = [each.email for page in client.subscribed(1, "email") for each in page][:3]
    for what, email in zip(["unsubscribe", "bounce", "complain"], keys, strict=True):
        control(emulator, what, list=1, email=email, when="2026-03-01 10:00:00Z")
    found = {each.email: each for page in client.unsubscribed(1, "email") for each in page}
    assert [found[email].optout_type for email in keys] == ["2", "8", "16"]
    assert all(found[email].optout_date.startswith("2026-03-01") for email in keys)
    pending = {each for each in found.values() if each.pending}
    assert pending
    assert not any(each.optout_date for each in pending)


def test_sms_recipients_are_read_by_number(connect: Connect) -> None:
    """The SMS channel answers prefix and number."""
    found = [each for page in connect().subscribed(3, "sms") for each in page]
    assert found
    assert all(each.prefix and each.number for each in found)
    assert not any(each.opted_in for page in connect().unsubscribed(3, "sms") for each in page)


def test_a_page_that_is_too_slow_is_asked_for_smaller(emulator: Emulator, connect: Connect) -> None:
    """Pages that time out become smaller until they arrive; nobody is lost or seen twice."""
    whole = [each.id for page in connect().subscribed(1, "email") for each in page]
    control(emulator, "settings", slow_page_size=60, slow_page_seconds=1.0)
    client = connect(page_size=100, read_seconds=0.3)
    assert [each.id for page in client.subscribed(1, "email") for each in page] == whole


@pytest.mark.parametrize("kind", ["500", "503", "html", "empty"])
def test_a_failed_get_is_repeated(emulator: Emulator, connect: Connect, kind: str) -> None:
    """Server errors and unreadable answers of a GET are retried."""
    control(emulator, "faults", path=r"/Console/List(\?|$)", kind=kind, times=2)
    assert connect().lists()
    assert len(calls(emulator, "GET", "/Console/List")) == 3


@pytest.mark.parametrize(
    ("kind", "tries"),
    [("500", 16), ("503", 4), ("html", 4), ("empty", 4), ("drop_after_accept", 4)],
)
def test_a_get_that_keeps_failing_ends(
    emulator: Emulator, connect: Connect, kind: str, tries: int
) -> None:
    """A GET is tried four times, not for ever; a 500 may be about the order, so as often again
    without it."""
    control(emulator, "faults", path=r"/Console/List(\?|$)", kind=kind, times=100)
    with pytest.raises(MailUpUnavailable):
        connect().lists()
    assert len(calls(emulator, "GET", "/Console/List")) == tries


@pytest.mark.parametrize("kind", ["500", "503", "html", "empty", "drop_after_accept"])
def test_an_import_is_never_repeated_blindly(
    emulator: Emulator, connect: Connect, kind: str
) -> None:
    """A POST without a usable answer is sent once, and says that it may have been accepted."""
    control(emulator, "faults", path=f"{RECIPIENTS}$", kind=kind, times=1)
    with pytest.raises(MailUpUnavailable) as caught:
        connect().start_import(ImportTarget(list_id=1), body(2, "once"))
    assert caught.value.context["maybe_accepted"] is True
    assert len(calls(emulator, "POST", RECIPIENTS)) == 1


@pytest.mark.parametrize("kind", ["429", "expire_token"])
def test_an_import_refused_before_anything_was_done_is_repeated(
    emulator: Emulator, connect: Connect, kind: str
) -> None:
    """After a rate limit or an expired token the import is sent again: it was not accepted."""
    control(emulator, "faults", path=f"{RECIPIENTS}$", kind=kind, times=1)
    before = connect().latest_import_id()
    assert connect().start_import(ImportTarget(list_id=1), body(2)) == before + 1
    assert calls(emulator, "POST", RECIPIENTS)[-1] == 200
    assert connect().latest_import_id() == before + 1


def test_a_rate_limit_storm_is_waited_out(emulator: Emulator, connect: Connect) -> None:
    """Threads without a pace reach the real limit, wait, and all get their answers."""
    control(emulator, "settings", calls_per_second=5)
    client = connect(nap=time.sleep)
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.account_info().username))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [emulator.username] * 12
    assert 429 in calls(emulator, "GET", "/Authentication/Info")


def test_a_paced_client_meets_no_rate_limit(emulator: Emulator, connect: Connect) -> None:
    """At 4 calls per second MailUp never answers 429."""
    control(emulator, "settings", calls_per_second=5)
    client = connect(pace=Pacer(4))
    for _ in range(10):
        client.account_info()
    assert 429 not in calls(emulator, "GET", "/Authentication/Info")


def test_a_rate_limit_that_stays_ends(emulator: Emulator, connect: Connect) -> None:
    """Waiting for the rate limit is bounded, and no wait is shorter than a second."""
    control(emulator, "faults", path=r"/Console/List(\?|$)", kind="429", times=1000)
    naps: list[float] = []
    with pytest.raises(MailUpUnavailable, match="429") as caught:
        connect(nap=naps.append).lists()
    assert caught.value.context["throttled"] is True
    assert min(naps) >= 1
    assert 30 < sum(naps) <= 60


def test_an_import_that_was_only_throttled_was_not_accepted(
    emulator: Emulator, connect: Connect
) -> None:
    """If the rate limit refuses an import every time, it was not accepted."""
    control(emulator, "faults", path=f"{RECIPIENTS}$", kind="429", times=1000)
    with pytest.raises(MailUpUnavailable) as caught:
        connect(nap=lambda _: None).start_import(ImportTarget(list_id=1), body(2))
    assert caught.value.context["maybe_accepted"] is False


def test_every_request_is_paced_and_counted(emulator: Emulator, connect: Connect) -> None:
    """Log-ins and repeats go through the pace too."""
    control(emulator, "faults", path=r"/Console/List(\?|$)", kind="503", times=1)
    paced: list[int] = []
    client = connect(pace=lambda: paced.append(1))
    client.lists()
    log = requests.get(f"{emulator.base_url}/_sandbox/log", timeout=5).json()
    assert len(paced) == client.calls == len(log) == 3


def test_a_wrong_request_is_refused_at_once(emulator: Emulator, connect: Connect) -> None:
    """A list that is not there is asked for once; the error names path and status."""
    with pytest.raises(MailUpRefused, match="/Console/List/999/Groups") as caught:
        connect().groups(999)
    assert caught.value.context["status"] in {400, 403, 404}
    assert len(calls(emulator, "GET", "/Console/List/999/Groups")) == 1


@pytest.mark.parametrize(
    "kind", ["500", "503", "html", "empty", "drop_after_accept", "403_contract"]
)
def test_errors_tell_no_secret_and_no_recipient(
    emulator: Emulator, connect: Connect, kind: str
) -> None:
    """Neither message, context nor traceback of a failed import shows keys or people."""
    control(emulator, "faults", path=f"{RECIPIENTS}$", kind=kind, times=1)
    # Made here, so that the source lines of a traceback cannot show it.
    rows, client = body(2, ".".join(["anna", "rossi"])), connect()
    with pytest.raises(SyncError) as caught:
        client.start_import(ImportTarget(list_id=1), rows)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.context)
    for secret in (emulator.password, emulator.client_secret, "anna.rossi", "Bearer"):
        assert secret not in shown


def test_an_import_is_followed_to_its_counters(emulator: Emulator, connect: Connect) -> None:
    """An import is started, polled and counted; bad addresses are counted, not refused."""
    control(emulator, "settings", import_seconds=0.3)
    client = connect(nap=time.sleep)
    rows = [*json.loads(body(20, "followed")), {"Email": "no address"}]
    number = client.start_import(ImportTarget(list_id=2), json.dumps(rows).encode())
    status = client.wait_for_import(number, timeout_seconds=20, poll_seconds=0.05)
    assert (status.created, status.imported, status.not_valid) == (20, 20, 1)
    detail = client.import_detail(number)
    assert (detail.list_id, detail.rows_total, detail.rows_invalid) == (2, 21, 1)
    assert detail.ended


def test_waiting_for_an_import_is_bounded(emulator: Emulator, connect: Connect) -> None:
    """For an import that does not end the error has its id; the task is not retried."""
    control(emulator, "settings", import_seconds=30.0)
    client = connect(nap=time.sleep)
    number = client.start_import(ImportTarget(list_id=2), body(1, "slow"))
    with pytest.raises(ImportUnfinished, match="has not completed") as caught:
        client.wait_for_import(number, timeout_seconds=0.3, poll_seconds=0.1)
    assert caught.value.context["import_id"] == number
    assert not caught.value.retry
    control(emulator, "settings", import_seconds=0.0)
    client.wait_for_import(number, timeout_seconds=20, poll_seconds=0.1)


def test_a_long_import_is_asked_for_ever_more_seldom(emulator: Emulator, connect: Connect) -> None:
    """A quick import is looked at as often as the limit lets us, a slow one every two seconds."""
    control(emulator, "settings", import_seconds=0.5)
    now = [0.0]

    def nap(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds
        time.sleep(seconds / 20)

    def pace() -> None:
        now[0] += 0.2

    naps: list[float] = []
    client = connect(nap=nap, pace=pace, clock=lambda: now[0])
    number = client.start_import(ImportTarget(list_id=2), body(1, "seldom"))
    client.wait_for_import(number, timeout_seconds=60)
    assert naps[0] < 0.2 < 2.0 == max(naps)
    assert naps == sorted(naps)
    assert naps.index(2.0) < 8


@pytest.mark.parametrize("group_id", [None, 2])
def test_an_import_whose_answer_is_lost_may_be_found(
    emulator: Emulator, connect: Connect, group_id: int | None
) -> None:
    """After a dropped connection there is an import that may be it; before there was none."""
    client, target = connect(), ImportTarget(list_id=1, group_id=group_id)
    before = client.latest_import_id()
    assert client.possible_imports(target, 7, after_id=before) == []
    control(emulator, "faults", path="/Recipients$", kind="drop_after_accept", times=1)
    with pytest.raises(MailUpUnavailable):
        client.start_import(target, body(7, f"lost{group_id}"))
    (found,) = client.possible_imports(target, 7, after_id=before)
    assert found.id == before + 1 == client.latest_import_id()


def test_what_contradicts_an_import_excludes_it(connect: Connect) -> None:
    """Another list or number of rows, a group where there is none, and known imports."""
    client, target = connect(), ImportTarget(list_id=1)
    before = client.latest_import_id()
    number = client.start_import(target, body(5, "mine"))
    client.wait_for_import(number, timeout_seconds=20, poll_seconds=0.05)

    def possible(target: ImportTarget, rows: int, **known: Any) -> list[int]:
        found = client.possible_imports(target, rows, **{"after_id": before} | known)
        return [each.id for each in found]

    assert possible(target, 5) == [number]
    assert [possible(target, rows) for rows in (4, 6)] == [[], []]
    assert possible(target, 5, after_id=number) == possible(target, 5, not_ids={number}) == []
    assert possible(ImportTarget(list_id=2), 5) == []


def test_a_long_history_is_read_only_as_far_as_needed(emulator: Emulator, connect: Connect) -> None:
    """Looking for a recent import does not walk through years of imports."""
    client = connect()
    for number in range(60):
        client.start_import(ImportTarget(list_id=2), body(1, f"long{number}"))
    requests.delete(f"{emulator.base_url}/_sandbox/log", timeout=5)
    latest = client.latest_import_id()
    assert client.possible_imports(ImportTarget(list_id=2), 9, after_id=latest - 3) == []
    assert len(calls(emulator, "GET", "/Console/Imports")) == 2


def test_an_opt_out_import_unsubscribes_and_a_default_one_does_not_bring_back(
    emulator: Emulator, connect: Connect
) -> None:
    """The import type reaches MailUp, and the default never changes a status."""
    client = connect()
    for kind in ("default", "optout", "default"):
        target = ImportTarget(list_id=2, import_type=kind)  # type: ignore[arg-type]
        number = client.start_import(target, body(1, "gone"))
        client.wait_for_import(number, timeout_seconds=20, poll_seconds=0.05)
    statuses = {row["email"]: row["status"] for row in state(emulator, 2)}
    out = {each.email for page in client.unsubscribed(2, "email") for each in page}
    assert "gone0@example.it" in statuses
    assert "gone0@example.it" in out


def test_a_busy_account_is_a_reason_to_wait(emulator: Emulator, connect: Connect) -> None:
    """Where MailUp takes one import at a time, the second was surely not accepted."""
    control(emulator, "settings", import_seconds=1.0, concurrent_imports="refused")
    client = connect(nap=time.sleep)
    first = client.start_import(ImportTarget(list_id=2), body(1, "busy"))
    with pytest.raises(MailUpUnavailable) as caught:
        client.start_import(ImportTarget(list_id=2), body(1, "busier"))
    assert caught.value.context["busy"] is True
    assert caught.value.context["maybe_accepted"] is False
    client.wait_for_import(first, timeout_seconds=20, poll_seconds=0.1)


def test_a_confirmation_is_prepared_and_sent(connect: Connect) -> None:
    """Only an import that asks for consent has a sending, and it can be sent."""
    client = connect()
    plain = client.start_import(ImportTarget(list_id=1), body(1, "plain"))
    asking = client.start_import(ImportTarget(list_id=1, confirm_email=True), body(1, "asked"))
    for number in (plain, asking):
        client.wait_for_import(number, timeout_seconds=20, poll_seconds=0.05)
    assert client.confirmation_sending(plain) is None
    sending = client.confirmation_sending(asking)
    assert sending is not None
    assert client.send_confirmation(sending) is True


def test_a_target_names_its_resource_and_switches() -> None:
    """Lists, groups and both channels have their own resources; defaults send nothing."""
    plain = ImportTarget(list_id=4)
    assert (plain.path, plain.params) == ("/Console/List/4/Recipients", {})
    sms = ImportTarget(
        list_id=4,
        group_id=5,
        channel="sms",
        import_type="optout",
        clear_missing_fields=True,
        replace_groups=True,
    )
    assert sms.path == "/Console/Sms/Group/5/Recipients"
    assert sms.params == {
        "importType": "asOptout",
        "clearMissingOrEmptyFields": "true",
        "removeFromPrevGroups": "true",
    }
    assert ImportTarget(list_id=4, confirm_email=True).params == {"ConfirmEmail": "true"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"replace_groups": True},
        {"confirm_email": True, "channel": "sms"},
        {"confirm_email": True, "import_type": "optin"},
    ],
)
def test_contradictions_in_a_target_are_refused(wrong: dict[str, Any]) -> None:
    """A contradictory target is never sent."""
    with pytest.raises(ConfigurationError):
        ImportTarget(list_id=1, **wrong)


def optin(status: object) -> Optin:
    """A subscription with this status."""
    return Optin.read({"idRecipient": 1, "Status": status})


def test_a_status_is_read_as_a_word_or_a_code_and_never_guessed() -> None:
    """Who has left is known, who is subscribed, too; of any other spelling neither is said."""
    assert [optin(each).opted_out for each in ("OPTOUT", "Unsubscribed", 3, "3")] == [True] * 4
    known = ("OPTIN", "Subscribed", 2, "Pending", "4")
    assert [optin(each).opted_out for each in known] == [False] * 5
    for strange in ("7", "ARCHIVED"):
        with pytest.raises(MailUpRefused, match="unknown status"):
            _ = optin(strange).opted_out


def test_counters_that_come_after_the_end_are_waited_for(
    emulator: Emulator, connect: Connect
) -> None:
    """An import that is completed and has counted nobody yet is asked for again."""
    control(emulator, "settings", import_counters="late", late_seconds=0.3)
    client = connect(nap=lambda _: time.sleep(0.1))
    number = client.start_import(ImportTarget(list_id=2), body(3, "late"))
    assert client.wait_for_import(number, timeout_seconds=60).valid == 3
    control(emulator, "settings", import_counters="at_end")
