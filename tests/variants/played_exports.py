"""Exports of each kind, checks, and the first contact with an account."""

import tempfile
from collections import Counter
from pathlib import Path

import yaml

from deployments.onboarding import account_trial
from deployments.onboarding.account_trial import Trial
from tasks.checks.findings import Finding, Subject
from tests.variants.journey import FindingStep, Journey, Step
from tests.variants.played_faults import all_there, two_batches
from tests.variants.world import World

ROME_LEFT = "20240220T180512"
"""When the unsubscribed people of a new emulator have left, in Rome's time."""

KINDS = ("unsubscribed", "email-statistics", "cumulative", "sms-outcomes", "subscribed")
EVENTS = """SELECT kind, lower(r.email), e.message_id, d.text FROM event e
JOIN recipient r ON r.id = e.recipient_id JOIN detail d ON d.id = e.detail_id
WHERE kind IN ('SNT', 'OPN', 'CLK', 'NCO')"""


def _all_exported(world: World) -> None:
    files = {name: rows for name, rows in world.delivered().items()}
    by_kind = {kind: rows for kind in KINDS for name, rows in files.items()
               if name.startswith(f"acme_{kind.replace('-', '_')}_")}  # fmt: skip
    assert set(by_kind) == set(KINDS)
    for kind, status in (("unsubscribed", "unsubscribed"), ("subscribed", "subscribed")):
        found = [(row["email"].lower(), int(row["idList"])) for row in by_kind[kind]]
        wanted = [
            (who, list_id) for list_id in (1, 2, 3)
            for who, person in world.people(list_id).items() if person.status == status
        ]  # fmt: skip
        assert sorted(found) == sorted(wanted), kind
    assert {row["OptOut_Date"] for row in by_kind["unsubscribed"]} == {ROME_LEFT}
    _events_exported(world, by_kind["email-statistics"])
    left = [row for row in by_kind["cumulative"] if row["statusType"] == "UNS"]
    assert len(left) == len(by_kind["unsubscribed"])
    _events_exported(world, [row for row in by_kind["cumulative"] if row["statusType"] != "UNS"])
    numbers = world.rows("SELECT number_key FROM recipient WHERE number_key IS NOT NULL")
    receivers = [row["recipient"] for row in by_kind["sms-outcomes"]]
    assert sorted(receivers) == sorted(number for (number,) in numbers)
    assert {row["sentdate"] for row in by_kind["sms-outcomes"]} == {"20240305T113000"}


def _events_exported(world: World, rows: list[dict[str, str]]) -> None:
    """All that happened is exported, and nothing oftener than it happened. Where MailUp does not
    count, or names no link, that is all that can be exported."""
    happened = Counter((kind, who, str(number)) for kind, who, number, _ in world.rows(EVENTS))
    found = Counter((row["statusType"], row["email"].lower(), row["idNl"]) for row in rows)
    once = {key for key in happened if key[0] == "SNT"}
    assert set(found) == set(happened)
    assert not found - happened
    assert all(found[key] == 1 for key in once)


EXPORTS = Journey(
    "exports",
    tuple(
        Step(f"export-{kind}", lambda world, kind=kind: {"agreement": world.exporting(kind)})  # type: ignore[misc]
        for kind in KINDS
    ),
    _all_exported,
)


def _client_file(world: World) -> str:
    """The client's file, with an import and an export."""
    entries = [
        {
            "name": "acme", "entrypoint": f"flows.{module}.{module}", "tags": ["client:acme"],
            "parameters": {"agreement": agreement},
        }
        for module, agreement in (
            ("import_recipients", world.importing(group="Clienti")),
            ("export_unsubscribed", world.exporting("unsubscribed")),
        )
    ]  # fmt: skip
    world.inbox.mkdir(parents=True, exist_ok=True)
    path = world.home / "acme.yaml"
    path.write_text(yaml.safe_dump({"deployments": entries}))
    return str(path)


def _found_out(world: World) -> None:
    assert not [reported for reported in world.said if "check itself failed" in reported]
    assert any("nothing to fix" in reported for reported in world.said), world.said


CHECK = Journey(
    "check connections",
    (
        Step("check-connections", lambda world: {"client": "acme", "file": _client_file(world)}),
    ),
    _found_out,
)  # fmt: skip


def _wrong_password(world: World) -> None:
    two_batches(world)
    world.log_in_with(refresh_token=None, password="wrong")


def _tried_once(world: World) -> None:
    """The stop says what is wrong, and the account was not locked by trying it again."""
    assert "refused" in world.said[0]
    assert "check client id, client secret, user and password" in world.said[0]
    assert world.logins[0] == 1
    all_there(world)


WRONG_PASSWORD = Journey(
    "wrong password",
    (
        Step(
            "import-recipients", lambda world: {"agreement": world.importing()}, _wrong_password,
            lambda world: world.log_in_with(),
        ),
    ),
    _tried_once,
)  # fmt: skip

OWN = tuple(f"persona.{number}@azienda.example" for number in range(10))


def _new_list(world: World) -> None:
    world.add_list(9, "Prova")


def _contact(world: World) -> list[Finding]:
    """All steps of a first contact, as its command makes them."""
    trial, subject = Trial.of(9, "azienda.example", OWN), Subject("MailUp account")
    with world.account.connect(patient=False) as client:
        found = list(account_trial.ask(subject, client, (), 100))
        if not any(world.people(9)):
            account_trial.look(client, trial)
    with world.account.connect() as client:
        if not any(world.people(9)):
            found += account_trial.bring_in(subject, client, trial, 100, 60)
        folder = Path(tempfile.mkdtemp(dir=world.home))
        found += account_trial.take_back(subject, client, trial, folder, "Europe/Rome")
    return found


def _ten_people(world: World) -> None:
    people = world.people(9)
    assert {who: people[who].status for who in people} == dict.fromkeys(OWN, "subscribed")
    assert len(world.rows("SELECT 1 FROM import WHERE list_id = 9")) == 1


FIRST_CONTACT = Journey(
    "first contact", (FindingStep("", lambda _: {}, _new_list, look=_contact),), _ten_people
)
