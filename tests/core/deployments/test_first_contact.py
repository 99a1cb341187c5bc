"""The first contact with an account, played against emulators that answer differently."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from deployments import first_contact
from deployments.cli.connecting import tried
from deployments.cli.shell import ExitCode, Outcome, run
from deployments.onboarding.account_trial import Trial
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start
from tests.core.emulated import KNOWN

LIST, NAME = 9, "Prova prima del via"
ADDRESSES = tuple(f"persona.{number}@azienda.example" for number in range(10))
SAID = ["none", NAME]

Play = Callable[..., int]


@contextmanager
def emulated(home: Path, **settings: Any) -> Iterator[Emulator]:
    """An emulator with an empty list made for this, and one whose name another one has, too."""
    with start(home / "mailup", calls_per_second=0, import_seconds=0, **settings) as emulator:
        new_list(emulator, LIST, NAME)
        new_list(emulator, 8, "Offerte")
        yield emulator


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests that end before anything is written."""
    with emulated(tmp_path_factory.mktemp("untouched")) as emulator:
        yield emulator
        assert posts(emulator) == []


@pytest.fixture
def mailup(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """An emulator with the behaviours that a test asks for."""
    with emulated(tmp_path, **getattr(request, "param", {})) as emulator:
        yield emulator


def new_list(emulator: Emulator, number: int, name: str) -> None:
    with closing(sqlite3.connect(emulator.home / "mailup.sqlite", isolation_level=None)) as store:
        store.execute(
            "INSERT INTO list (id, guid, name, description, company, default_prefix) "
            "VALUES (?, ?, ?, '', '', '0039')",
            (number, f"list-{number}", name),
        )


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Plays the command; what is typed is given, and its end is that of the input."""

    def played(
        mailup: Emulator, *said: str, addresses: tuple[str, ...] = ADDRESSES, list_id: int = LIST,
        domain: str = "azienda.example",
    ) -> int:  # fmt: skip
        known = {name: getattr(mailup, name) for name in KNOWN}
        account = MailUpAccount(**known, calls_per_second=10_000)
        monkeypatch.setattr(first_contact, "load", lambda *_: account)
        file, answers = tmp_path / "ten.txt", iter(said)
        file.write_text("\n".join(addresses))
        monkeypatch.setattr("builtins.input", lambda _: _next(answers))
        wanted = (list_id, domain, file) if list_id else (0, "", None)

        def made() -> Outcome:
            trial = first_contact.trial_of(*wanted)
            named = "mailup-account/acme"
            return tried(first_contact.contact_with(named, tmp_path, "Europe/Rome", trial))

        return run(made, "Nothing was asked.")

    return played


def _next(answers: Iterator[str]) -> str:
    try:
        return next(answers)
    except StopIteration:
        raise EOFError from None


def posts(emulator: Emulator) -> list[dict[str, Any]]:
    """Calls that may have changed something, log-ins aside."""
    calls = Caller(emulator).control("log")
    return [call for call in calls if call["method"] != "GET" and "/Token" not in call["path"]]


VARIANTS = [
    {},
    {"filters": "refused", "page_size_cap": 50, "total_at_once": False},
    {"filters": "ignored", "refresh_token": "kept", "event_dates": True},
]


@pytest.mark.parametrize("mailup", VARIANTS, indirect=True, ids=str)
def test_ten_people_go_in_and_come_out(mailup: Emulator, play: Play, tmp_path: Path) -> None:
    """Questions, one import, one export: all reported; ten people subscribed once, no more."""
    assert play(mailup, *SAID) == 0
    people = Caller(mailup).people(LIST)
    assert {each: people[each]["status"] for each in people} == dict.fromkeys(
        ADDRESSES, "subscribed"
    )
    assert [post["path"].rpartition("/Console")[2] for post in posts(mailup)] == [
        f"/List/{LIST}/Recipients"
    ]
    report = json.loads((tmp_path / "first-contact.json").read_text())
    assert [step["outcome"] for step in report["steps"]] == ["well"] * 3
    exported = (tmp_path / "first-contact-subscribed.csv").read_text()
    assert sorted(line.partition(";")[0] for line in exported.splitlines()[1:]) == list(ADDRESSES)


@pytest.mark.parametrize("mailup", VARIANTS, indirect=True, ids=str)
def test_without_a_list_nothing_is_written(mailup: Emulator, play: Play, tmp_path: Path) -> None:
    """The questions alone change nothing, and their answers are in the report."""
    assert play(mailup, list_id=0) == 0
    assert posts(mailup) == []
    text = (tmp_path / "first-contact.md").read_text()
    for question in ("filter grammar", "unknown sort", "forms of dates", "queues", "pages"):
        assert f"| API: {question} | note | settled" in text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "Stopped"),
        (["yes", NAME], "automation was not said"),
        (["none", NAME.lower()], "name of the list was not typed"),
        (["welcome"], "Stopped"),
    ],
)
def test_nothing_is_written_before_all_is_typed(
    untouched: Emulator, play: Play, said: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither without the answer about a welcome automation nor without the list's exact name."""
    assert play(untouched, *said) == 1
    shown = capsys.readouterr().out
    assert why in shown
    assert "for each of the 10 addresses: they get its mail" in shown


@pytest.mark.parametrize(
    ("list_id", "why"),
    [
        (1, "is not empty"),
        (3, "is not empty"),
        (77, "does not see list 77"),
        (8, "name of its own"),
    ],
)
def test_another_list_is_refused(
    untouched: Emulator, play: Play, list_id: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One in which anybody is, one that is not there, and one whose name another one has, too."""
    assert play(untouched, "none", "Offerte", list_id=list_id) == 1
    assert why in capsys.readouterr().out


def test_a_list_with_one_who_left_is_refused(
    mailup: Emulator, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who unsubscribed is somebody, too: the list is not new."""
    caller = Caller(mailup)
    body = [{"Email": "x@azienda.example"}]
    caller.import_all(f"/Console/List/{LIST}/Recipients?importType=asOptout", body)
    assert play(mailup, *SAID) == 1
    assert "is not empty" in capsys.readouterr().out
    assert len(posts(mailup)) == 1


def test_a_list_that_fills_while_the_name_is_typed_is_refused(
    mailup: Emulator, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at once more right before the import."""
    caller = Caller(mailup)

    def say(text: str = "") -> None:
        if "are imported into list" in text:
            caller.import_all(f"/Console/List/{LIST}/Recipients", [{"Email": "x@azienda.example"}])

    monkeypatch.setattr("deployments.prompts.terminal.say", say)
    assert play(mailup, *SAID) == 1
    assert list(caller.people(LIST)) == ["x@azienda.example"]


@pytest.mark.parametrize(
    ("addresses", "domain", "why"),
    [
        ((*ADDRESSES, "persona.10@azienda.example"), "azienda.example", "11 addresses"),
        ((), "azienda.example", "0 addresses"),
        (("a@azienda.example", "b@altra.example"), "azienda.example", "1 of the addresses are not"),
        (("a@sub.azienda.example",), "azienda.example", "are not of the domain"),
        (("nobody",), "azienda.example", "1 of the lines are no address"),
        (("a@azienda.example",), "", "together"),
    ],
)
def test_addresses_have_to_be_ones_own(
    untouched: Emulator, play: Play, addresses: tuple[str, ...], domain: str, why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Ten at most, all of the domain that was given; otherwise MailUp is not even asked."""
    before = len(Caller(untouched).control("log"))
    refused = play(untouched, *SAID, addresses=addresses, domain=domain)
    assert refused == ExitCode.SETTING
    assert why in capsys.readouterr().err
    assert len(Caller(untouched).control("log")) == before + 1  # this second log-in


def test_the_report_names_nobody(mailup: Emulator, play: Play, tmp_path: Path) -> None:
    """No address, no name of a list, a field or a person, no secret and no account."""
    assert play(mailup, *SAID) == 0
    caller = Caller(mailup)
    seeded = [each for each in caller.people(1)]
    planted = [*ADDRESSES, *seeded, "azienda.example", NAME, "Newsletter", "acme", "cognome"]
    planted += [mailup.username, mailup.password, mailup.client_id, mailup.client_secret, "@"]
    for name in ("first-contact.json", "first-contact.md"):
        content = (tmp_path / name).read_text()
        assert [text for text in planted if text in content.replace("@example.invalid", "")] == []


def test_an_answer_that_is_lost_is_not_sent_again(
    mailup: Emulator, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """The import may be there: the report says so, and how to find out."""
    fault = {"kind": "drop_after_accept", "path": f"List/{LIST}/Recipients$", "times": 1}
    Caller(mailup).control("faults", fault)
    assert play(mailup, *SAID) == 1
    assert "Look in MailUp's console whether the import is there" in capsys.readouterr().out
    assert len(posts(mailup)) == 1


def test_dates_in_another_zone_are_found(
    mailup: Emulator, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """An account that writes its dates in another zone than agreed has the setting named."""
    Caller(mailup).control("settings", {"zone": "America/New_York"})
    assert play(mailup, *SAID) == 1
    shown = capsys.readouterr().out
    assert "off by 6.0 h" in shown or "off by 5.0 h" in shown
    assert "Set mailup_zone" in shown


def test_a_trial_takes_lines_as_people_write_them() -> None:
    """Blank lines, capitals and repetitions are no other people."""
    trial = Trial.of(1, "@Azienda.Example", ["A@azienda.example", "", " a@AZIENDA.example "])
    assert trial.addresses == ("a@azienda.example",)
    with pytest.raises(ConfigurationError, match="no address"):
        Trial.of(1, "azienda.example", ["a b@azienda.example"])
