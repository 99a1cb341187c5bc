"""The emulator's table of unproven behaviours of MailUp, and that each row is implemented."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.mailup import fresh
from sandbox.mailup.caller import Caller
from sandbox.mailup.options import add_options, markdown, settings_of
from sandbox.mailup.seed import replant
from sandbox.mailup.server import Emulator, start
from sandbox.mailup.store import Store
from sandbox.mailup.variants import TABLE, Variant
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
LIST = "/Console/List/1"
IMPORT = f"{LIST}/Recipients"
ANNA = {"Email": "Anna@example.it", "MobilePrefix": "+39", "MobileNumber": "3331112223"}
PREFIXED = "with a prefix"
PENDING, UNSUBSCRIBED = "pending.181@example.it", "unsubscribed.131@example.it"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    home = tmp_path_factory.mktemp("variants")
    with start(home, import_seconds=0, calls_per_second=0, late_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mailup(running: Emulator) -> Caller:
    running.reset()
    return Caller(running)


def seen(answer: requests.Response) -> Any:
    """What distinguishes two behaviours: the status, one header, and the body."""
    return answer.status_code, answer.headers.get("Retry-After"), answer.text


def got(path: str) -> Callable[[Caller], Any]:
    return lambda mailup: seen(mailup.call("GET", path))


def imported(mailup: Caller, *rows: Any, to: str = IMPORT) -> None:
    """Import rows, and wait with the control API: MailUp's answers may be unreadable."""
    assert mailup.call("POST", to, list(rows)).status_code == 200
    until(lambda: all(i["status"] >= 3 for i in mailup.control("imports")), "the import's end")


def after(path: str, *rows: Any, to: str = IMPORT) -> Callable[[Caller], Any]:
    """What a call answers after an import."""

    def probe(mailup: Caller) -> Any:
        imported(mailup, *rows, to=to)
        return seen(mailup.call("GET", path)), seen(mailup.call("GET", "/Console/Import/1"))

    return probe


def person(rows: list[Any], who: str = "anna@example.it", to: str = IMPORT) -> Callable[..., Any]:
    """A person's state after imports of one row each, and the counters of the last one."""

    def probe(mailup: Caller) -> Any:
        answers = [seen(mailup.call("POST", to, [row])) for row in rows]
        if answers[-1][0] == 200:
            mailup.finished(len(rows))
        lists = [mailup.people(1, channel) for channel in ("email", "sms")]
        found = [(p["email"] or "").lower() == who and p for one in lists for p in one.values()]
        status = seen(mailup.call("GET", f"/Console/Import/{len(rows)}"))
        return [answers, [{**p, "optin_date": 0, "optout_date": 0} for p in found if p], status]

    return probe


def somebody_elses_number(mailup: Caller) -> Any:
    # What a refused second key refuses as well would hide the difference.
    mailup.control("settings", {"second_key": "overwritten"})
    return person([ANNA, ANNA | {"Email": "b@example.it"}], "b@example.it")(mailup)


def concurrent(mailup: Caller) -> Any:
    mailup.control("settings", {"import_seconds": 30})
    numbers = [mailup.call("POST", IMPORT, [ANNA]).json() for _ in range(2)]
    if not isinstance(numbers[1], int):
        return "refused"
    looks = ([one["status"] for one in mailup.control("imports")] for _ in range(100))
    beside = [2, 2] in looks
    mailup.control("settings", {"import_seconds": 0})
    return [mailup.finished(number)["StatusCode"] for number in numbers], beside


def refused_import(mailup: Caller) -> Any:
    mailup.control("settings", {"import_seconds": 30, "concurrent_imports": "refused"})
    return [seen(mailup.call("POST", IMPORT, [ANNA])) for _ in range(2)][1]


def failed(mailup: Caller) -> Any:
    mailup.control("settings", {"failing_imports": 1})
    imported(mailup, ANNA)
    return mailup.get("/Console/Import/1")["Completed"]


def confirmed(path: str) -> Callable[[Caller], Any]:
    def probe(mailup: Caller) -> Any:
        imported(mailup, ANNA, to=f"{IMPORT}?ConfirmEmail=true")
        return seen(mailup.call("GET", path))

    return probe


def two_imports(mailup: Caller) -> Any:
    imported(mailup, ANNA)
    imported(mailup, ANNA)
    return [one["IdImport"] for one in mailup.items("/Console/Imports")]


def joined(mailup: Caller) -> Any:
    mailup.call("POST", "/Console/Group/2/Subscribe/131")
    return mailup.people(1)[UNSUBSCRIBED]["status"]


def slow_or_not(mailup: Caller) -> Any:
    mailup.control("settings", {"slow_page_seconds": 0.1})
    begun = time.monotonic()
    answer = mailup.call("GET", f"{IMPORT}/EmailOptins?PageSize=100")
    return answer.status_code, time.monotonic() - begun > 0.1, answer.text


def unfinished(mailup: Caller) -> Any:
    mailup.control("settings", {"import_seconds": 5})
    mailup.call("POST", IMPORT, [ANNA])
    return mailup.get("/Console/Imports/1").get("EndDate", "missing")


def uncounted(mailup: Caller) -> Any:
    mailup.control("settings", {"import_seconds": 5})
    mailup.call("POST", IMPORT, [ANNA])
    return mailup.get("/Console/Imports/1")["Rows"]["Total"]


def refreshed(mailup: Caller) -> Any:
    old = mailup.tokens["refresh_token"]
    answer = mailup.token(grant_type="refresh_token", refresh_token=old)
    again = mailup.token(grant_type="refresh_token", refresh_token=old).status_code
    return answer.status_code, answer.json().get("refresh_token") == old, again


def twice_logged_in(mailup: Caller) -> Any:
    Caller(mailup.emulator)
    return mailup.call("GET", "/Console/List").status_code


def mistaken(mailup: Caller) -> Any:
    return seen(mailup.token(grant_type="password", username="m1", password="wrong"))


def token_life(mailup: Caller) -> Any:
    return "expires_in" in Caller(mailup.emulator).tokens


def expired(mailup: Caller) -> Any:
    mailup.control("expire_tokens", {})
    return mailup.call("GET", "/Console/List").status_code


def too_often(mailup: Caller) -> Any:
    mailup.control("settings", {"calls_per_second": 1})
    again = Caller(mailup.emulator)
    calls = ((mailup, "List"), (mailup, "User/Lists"), (again, "List"), (mailup, "List"))
    return [one.call("GET", f"/Console/{path}").status_code for one, path in calls]


def one_too_many(mailup: Caller) -> Any:
    mailup.control("settings", {"calls_per_second": 1})
    answers = [mailup.call("GET", "/Console/List") for _ in range(2)]
    return answers[1].status_code, answers[1].headers.get("Retry-After", "-")[:3]


def counted_refusals(mailup: Caller) -> Any:
    mailup.control("settings", {"calls_per_second": 1})
    return [mailup.call("GET", "/Console/List").text[-60:] for _ in range(4)][2:]


def counts_of_today(mailup: Caller) -> Any:
    mailup.control("clock", {"now": "2024-02-20T09:30:00Z"})
    return mailup.get("/Message/11/Count/Recipients")


def tagged(mailup: Caller) -> Any:
    mailup.call("PUT", f"{LIST}/Email/11", {"Tags": ["saldi"]})
    return mailup.get(f"{LIST}/Email/11").get("Tags")


STATISTICS = "/Message/11/List"
OTHER = ANNA | {"MobileNumber": "3339998887"}
PROBES: dict[str, Callable[[Caller], Any]] = {
    "import_list": after("/Console/Imports", ANNA),
    "import_list_order": two_imports,
    "import_file_name": after("/Console/Imports/1", ANNA),
    "import_shown": after("/Console/Imports", ANNA),
    "total_at_once": uncounted,
    "import_counters": after("/Console/Imports/1", ANNA),
    "import_status_codes": after("/Console/Imports/1", ANNA),
    "failed_import": failed,
    "concurrent_imports": concurrent,
    "import_refusal": refused_import,
    "import_groups": after("/Console/Imports/1", ANNA, to="/Console/Group/2/Recipients"),
    "import_flags": after("/Console/Imports/1", ANNA),
    "second_key": person([ANNA, OTHER]),
    "number_of_another": somebody_elses_number,
    "number_subscribes": person([ANNA]),
    "sms_flags": person([ANNA], to=f"{IMPORT}?ignoreMobile=true"),
    "optin_of_pending": person([{"Email": PENDING}], PENDING, f"{IMPORT}?importType=asOptin"),
    "optout_of_pending": person([{"Email": PENDING}], PENDING, f"{IMPORT}?importType=asOptout"),
    "optout_of_unknown": person([ANNA], to=f"{IMPORT}?importType=asOptout"),
    "group_subscribe": joined,
    "import_sending": confirmed("/Console/Import/1/Sending"),
    "no_import_sending": after("/Console/Import/1/Sending", ANNA),
    "queue_ids": confirmed("/Console/Email/Sendings/Undefined"),
    "unknown_list": got("/Console/List/99/Groups"),
    "unknown_sort": got("/Console/List?orderby=Mood+asc"),
    "filters": lambda mailup: [
        seen(mailup.call("GET", f"/Console/List?filterby={text}"))
        for text in ("%22IdList==2%22", "Name.Trim().Equals('Offerte')")
    ],
    "large_pages": slow_or_not,
    "past_the_end": got("/Console/List?PageNumber=9"),
    "totals": got("/Console/List?PageSize=2&PageNumber=1"),
    "items_of_none": got("/Console/Imports"),
    "optin_statuses": got(f"{IMPORT}/EmailOptins?PageSize=200"),
    "optout_types": got(f"{IMPORT}/EmailOptins?PageSize=200"),
    "addresses": after(f"{IMPORT}/EmailOptins?filterby=Email=='anna@example.it'", ANNA),
    "prefixes": after(
        f"{IMPORT}/Subscribed?filterby=Name=='{PREFIXED}'",
        *(
            {
                "Email": f"{n}@example.it",
                "Name": PREFIXED,
                "MobilePrefix": prefix,
                "MobileNumber": f"333111222{n}",
            }
            for n, prefix in enumerate(("+39", "0039", "39"))
        ),
    ),
    "message_rows": got(f"{LIST}/Emails"),
    "message_tags": tagged,
    "sending_ids": got(f"{LIST}/Email/11/SendHistory"),
    "sending_end": unfinished,
    "statistics_rows": lambda mailup: [
        seen(mailup.call("GET", f"{STATISTICS}/{kind}")) for kind in ("Views", "Bounces")
    ],
    "click_details": lambda mailup: [
        seen(mailup.call("GET", f"{STATISTICS}/UrlClickDetails?PageSize=200"))
    ],
    "bounce_types": got(f"{STATISTICS}/Bounces"),
    "statistics_counts": counts_of_today,
    "sms_report": got("/Console/Sms/13/Sendings/ReportDetails"),
    "sms_statuses": got("/Console/Sms/13/Sendings/ReportDetails"),
    "numbers": after("/Console/Imports/1", ANNA),
    "booleans": got("/Console/List/1/Groups"),
    "empties": got(f"{IMPORT}/EmailOptins"),
    "key_case": got("/Console/User/Lists"),
    "dates": lambda mailup: [
        seen(mailup.call("GET", path)) for path in (f"{LIST}/Emails", f"{IMPORT}/EmailOptins")
    ],
    "errors": got("/Console/List/99/Groups"),
    "refresh_token": refreshed,
    "logins": twice_logged_in,
    "token_errors": mistaken,
    "token_life": token_life,
    "expired_token": expired,
    "rate_limit": too_often,
    "rate_limit_status": one_too_many,
    "retry_after": one_too_many,
    "count_refused_calls": counted_refusals,
}


@pytest.mark.parametrize("variant", TABLE, ids=lambda variant: variant.name)
def test_every_value_is_another_behaviour(mailup: Caller, variant: Variant) -> None:
    """Each value of each row shows, differently from every other value of that row."""
    shown = {}
    for value in variant.values:
        mailup.emulator.reset()
        mailup.control("settings", {variant.name: value})
        shown[value] = PROBES[variant.name](Caller(mailup.emulator))
    for one, other in combinations(variant.values, 2):
        assert shown[one] != shown[other], (one, other)


def test_the_table_is_served_with_the_values_in_force(mailup: Caller) -> None:
    """The control API gives every row, its evidence, and the value now."""
    mailup.control("settings", {"dates": "iso"})
    served = {row["name"]: row for row in mailup.control("variants")}
    assert list(served) == [row.name for row in TABLE]
    assert (served["dates"]["now"], served["dates"]["values"][0]) == ("iso", "documented")
    assert all(row["meaning"] and row["evidence"] for row in served.values())
    assert all(row["source"] or row["evidence"] == "open" for row in served.values())


def test_a_value_that_is_none_changes_nothing(mailup: Caller) -> None:
    """Of several settings with one wrong value none is taken, and the answer lists the values."""
    url = f"{mailup.emulator.base_url}/_sandbox/settings"
    answer = requests.post(url, json={"dates": "iso", "second_key": "maybe"}, timeout=10)
    assert answer.status_code == 400
    assert "overwritten" in answer.json()["ErrorDescription"]
    assert mailup.control("settings")["dates"] == "documented"


def test_settings_go_back_to_those_of_the_start(mailup: Caller) -> None:
    """DELETE of the settings leaves the ones that the emulator was started with."""
    mailup.control("settings", {"late_seconds": 1.0, "errors": "html"})
    requests.delete(f"{mailup.emulator.base_url}/_sandbox/settings", timeout=10)
    now = mailup.control("settings")
    assert (now["late_seconds"], now["errors"]) == (30, "status")


def test_a_reset_leaves_a_new_account_in_a_moment(mailup: Caller) -> None:
    """People, imports, groups, clock, faults, log and settings are new; the token stays good."""
    mailup.import_all(IMPORT, [ANNA])
    mailup.call("POST", f"{LIST}/Group", {"Name": "Neu"})
    mailup.control("clock", {"now": "2024-06-01T00:00:00Z"})
    mailup.control("faults", {"kind": "500"})
    mailup.control("settings", {"errors": "html"})
    begun = time.monotonic()
    mailup.control("reset", {})
    assert time.monotonic() - begun < 1
    assert mailup.control("log") == []
    assert mailup.items("/Console/Imports") == []
    assert len(mailup.people(1)) == 200
    assert len(mailup.items(f"{LIST}/Groups")) == 3
    assert mailup.control("clock")["fixed"] is False


def at_work(emulator: Emulator) -> Caller:
    """A caller whose import the emulator has taken up, and works at until it is reset."""
    mailup = Caller(emulator)
    mailup.control("settings", {"import_seconds": 30})
    mailup.call("POST", "/Console/List/2/Recipients", [ANNA])
    until(lambda: mailup.control("imports")[0]["status"] == 2, "the import's begin")
    return mailup


def test_an_import_at_work_does_not_outlive_a_reset(tmp_path: Path) -> None:
    """The rows and the id of an abandoned import are in no later account."""
    with start(tmp_path, calls_per_second=0, import_seconds=0) as emulator:
        mailup = at_work(emulator)
        emulator.reset()
        detail = mailup.import_all(IMPORT, [{"Email": "b@example.it"}])
        assert detail["IdImport"] == 1
        assert "b@example.it" in mailup.people(1)
        assert not {"Anna@example.it", "b@example.it"} & set(mailup.people(2))


def test_an_import_taken_up_in_a_reset_takes_nothing_from_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that continues before the account is reset does not change the new account."""
    with start(tmp_path, calls_per_second=0, import_seconds=0.3) as emulator:
        mailup = at_work(emulator)

        def replanted(store: Store) -> None:
            # Taking an import up is the one thing that is written meanwhile.
            before = store.version
            until(lambda: store.version != before, "the import's next step")
            replant(store)

        monkeypatch.setattr(fresh, "replant", replanted)
        emulator.reset()
        assert mailup.import_all(IMPORT, [{"Email": "b@example.it"}])["IdImport"] == 1
        assert "b@example.it" in mailup.people(1)


def test_every_row_can_be_set_on_the_command_line() -> None:
    """`--set NAME=VALUE` takes each value of the table, and the help has them all."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    choices = [(row.name, value) for row in TABLE for value in row.values]
    for name, value in choices:
        found = settings_of(parser.parse_args(["--set", f"{name}={value}"]))
        assert found[name] == value
        assert type(found[name]) is type(value)
    assert all(row.meaning.split()[0] in parser.format_help() for row in TABLE)
    with pytest.raises(SystemExit):
        parser.parse_args(["--set", "second_key=maybe"])


def test_the_readme_has_the_table() -> None:
    """README.md shows each row as it is: replace it by `python -m sandbox.mailup --table`."""
    text = (ROOT / "sandbox/mailup/README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("--table -->\n")
    assert rest.partition("<!-- end -->")[0] == markdown()


def test_the_emulator_starts_alone(tmp_path: Path) -> None:
    """It prints address and credentials, answers with the chosen variant, and stops on a signal."""
    command = [sys.executable, "-m", "sandbox.mailup", "--home", tmp_path, "--set", "errors=html"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = dict(process.stdout.readline().split() for _ in range(8))
        answer = requests.get(output["base_url"] + "/_sandbox/settings", timeout=10).json()
        process.terminate()
        assert process.wait(20) == 0
    assert (answer["errors"], answer["password"]) == ("html", output["password"])
