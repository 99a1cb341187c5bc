"""The journeys of the matrix: what is done, and the state in which it has to leave everything."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect.states import Completed, Failed
from world import COLUMNS, HEADER, World

from blocks.errors import SyncError
from tasks import contact
from tasks.checks.findings import Finding, Subject, conclusion, to_mend
from tasks.contact import Trial

MAYBE_SENT = "is held (maybe_sent)"
ROME_LEFT = "20240220T180512"
"""When the people of a new emulator have left, in Rome."""

Check = Callable[[World], None]


def _nothing(_: World) -> None:
    """Nothing to do."""


@dataclass(frozen=True)
class Step:
    """One run of a flow with its parameters: what comes before it, and what mends it."""

    flow: str
    parameters: Callable[[World], dict[str, Any]]
    before: Check = _nothing
    mend: Check = _nothing

    def run(self, world: World, *, release: bool = False) -> Any:
        """Run it; the state in which it ends."""
        more = {"release": True} if release else {}
        return world.run(self.flow, **self.parameters(world), **more)


@dataclass(frozen=True)
class FindingStep(Step):
    """What is looked at without a flow; it stops where something has to be mended."""

    look: Callable[[World], list[Finding]] = lambda _: []

    def run(self, world: World, *, release: bool = False) -> Any:  # noqa: ARG002 - nothing is held
        """Look; the state in which it ends."""
        try:
            found = self.look(world)
        except SyncError as error:
            return world.note(Failed(message=str(error), data=error))
        state = Failed if to_mend(found) else Completed
        return world.note(state(message=f"MailUp: {conclusion(found)}", data=found))


@dataclass(frozen=True)
class Journey:
    """Runs one after the other, and what has to be true behind them.

    `returns` are people who may be subscribed again, by a grant; `held` is the reason for which
    its file may stay held for somebody to look.
    """

    name: str
    steps: tuple[Step, ...]
    check: Check
    returns: frozenset[str] = frozenset()
    held: str = ""

    def safe(self, world: World) -> None:
        """What has to be true wherever a run has stopped: nobody came back unasked, and nobody was
        asked twice to confirm one import."""
        for list_id in (1, 2, 3):
            for who, person in world.people(list_id).items():
                was = who.partition(".")[0]
                gone = was in ("unsubscribed", "bounced", "complained", "pending")
                back = list_id == 1 and gone and person.status == "subscribed"
                assert not back or who in self.returns, f"{who} was subscribed again"
        sent = world.rows("SELECT count(*) FROM sending WHERE state = 'sent' GROUP BY import_id")
        assert {times for (times,) in sent} <= {1}


def _import(before: Callable[[World], None], **agreed: Any) -> Step:
    return Step("import-recipients", lambda world: {"agreement": world.importing(**agreed)}, before)


def statuses(world: World, list_id: int, wanted: dict[str, str]) -> None:
    """The status of each of these people; everybody else of a new account is as they were."""
    people = world.people(list_id)
    found = {who: people[who].status if who in people else "unknown" for who in wanted}
    assert found == wanted
    for who, person in people.items():
        if who in wanted or "." not in who:
            continue
        state = who.partition(".")[0]
        if state in ("subscribed", "unsubscribed", "bounced", "complained", "pending"):
            was = state if state in ("subscribed", "pending") else "unsubscribed"
            assert person.status == was, who


def never(world: World, *emails: str, list_id: int = 1) -> None:
    """None of these people is subscribed."""
    people = world.people(list_id)
    assert [each for each in emails if people[each].status == "subscribed"] == []


# --- Imports ------------------------------------------------------------------------------------

FILE = (
    "nuova.1@example.it;Anna;3330000001;1;1",
    "nuova.2@example.it;Bea;;1;1",
    "nuova.3@example.it;Ciro;;1;1",
    "nuova.3@example.it;Ciro;;1;1",
    "nuova.4@example.it;Dario;;1;1",
    "nuova.5@example.it;Elena;;1;1",
    "nuova.6@example.it;Fabio;;1;2",
    "no address;Gino;;1;1",
    "subscribed.001@example.it;Rinominata;;1;1",
    "subscribed.002@example.it;Lasciata;;0;1",
    "unsubscribed.131@example.it;Uscita;;1;1",
    "bounced.161@example.it;Tornata;;1;1",
    "complained.176@example.it;Seccata;;1;1",
    "pending.181@example.it;Incerta;;1;1",
)
WIDE = [
    *COLUMNS, {"column": "stato", "target": "status"}, {"column": "lista", "target": "list"},
]  # fmt: skip


def _imported(world: World) -> None:
    new = {f"nuova.{number}@example.it": "subscribed" for number in range(1, 6)}
    gone = ("unsubscribed.131", "bounced.161", "complained.176", "subscribed.002")
    statuses(
        world, 1,
        new | {"subscribed.001@example.it": "subscribed", "pending.181@example.it": "pending"}
        | {f"{who}@example.it": "unsubscribed" for who in gone},
    )  # fmt: skip
    people = world.people(1)
    assert people["subscribed.001@example.it"].name == "Rinominata"
    assert people["nuova.1@example.it"].number == "3330000001"
    assert world.people(2)["nuova.6@example.it"].status == "subscribed"
    assert "nuova.6@example.it" not in people
    counts = world.result("a.csv")["counts"]
    assert (counts["records"], counts["rejected"], counts["duplicate"]) == (14, 1, 1)
    assert len(world.listed("a.csv")) == 1


IMPORT = Journey(
    "import",
    (
        _import(
            lambda world: world.drop("a.csv", *FILE, header=f"{HEADER};stato;lista"),
            list_id=0, mapping={"columns": WIDE, "lists": [1, 2]},
        ),
    ),
    _imported,
)  # fmt: skip


def _grouped(world: World) -> None:
    (group,) = (number for (number,) in world.rows("SELECT id FROM grp WHERE name = 'Nuovi'"))
    people = world.people(1)
    for who in ("g1@example.it", "g2@example.it", "g3@example.it", "subscribed.004@example.it"):
        assert people[who].status == "subscribed"
        assert group in people[who].groups
    statuses(world, 1, {"unsubscribed.132@example.it": "unsubscribed"})


GROUP = Journey(
    "import into a group",
    tuple(
        _import(before, group="Nuovi", create_groups=True)
        for before in (
            lambda world: world.drop("a.csv", "g1@example.it;A;", "g2@example.it;B;"),
            lambda world: world.drop(
                "b.csv", "g3@example.it;C;", "subscribed.004@example.it;D;",
                "unsubscribed.132@example.it;E;",
            ),
        )
    ),
    _grouped,
)  # fmt: skip


def _by_number(world: World) -> None:
    people = world.people(3, "sms")
    for number in ("3330000011", "3330000012", "3330000013"):
        assert people[number].status == "subscribed", number
    assert len(world.rows("SELECT 1 FROM recipient WHERE number = '3330000011'")) == 1


SMS = Journey(
    "import by number",
    (
        _import(
            lambda world: world.drop(
                "a.csv", "3330000011;A", "+393330000012;B", "0039 333 0000013;C",
                header="cellulare;nome",
            ),
            list_id=3, mapping={"columns": [*COLUMNS[1:]], "key": "mobile"},
        ),
    ),
    _by_number,
)  # fmt: skip


def _opted_out(world: World) -> None:
    people = world.people(1)
    for who in ("subscribed.010", "subscribed.011", "unsubscribed.133"):
        assert people[f"{who}@example.it"].status == "unsubscribed"
    never(world, "pending.182@example.it")
    assert "mai.vista@example.it" not in people or (
        people["mai.vista@example.it"].status == "unsubscribed"
    )
    assert people["subscribed.012@example.it"].status == "subscribed"


OPT_OUT = Journey(
    "opt-out file",
    (
        _import(
            lambda world: world.drop(
                "a.csv", "subscribed.010@example.it;A;", "subscribed.011@example.it;B;",
                "unsubscribed.133@example.it;C;", "pending.182@example.it;D;",
                "mai.vista@example.it;E;",
            ),
            consent={"import_type": "opt-out"},
        ),
    ),
    _opted_out,
)  # fmt: skip

GRANT = {
    "import_type": "opt-in", "grant_date": "2025-01-01", "grant_expires": "2999-12-31",
    "grant_by": "Acme DPO", "grant_reason": "asked for again on the web form",
}  # fmt: skip
LEFT_LATER = {"list": 1, "email": "subscribed.020@example.it", "when": "2025-06-01T10:00:00Z"}


def _granted(world: World) -> None:
    never(world, "bounced.162@example.it", "complained.177@example.it", "subscribed.020@example.it")
    back = world.people(1)["unsubscribed.140@example.it"].status
    listed = any("unsubscribed.140" in line for line in world.listed("a.csv", "skipped"))
    # Where MailUp does not tell why somebody left, a grant brings nobody back, which is listed.
    assert back == "subscribed" or listed
    statuses(
        world, 1,
        {"unsubscribed.140@example.it": back, "subscribed.020@example.it": "unsubscribed",
         "pending.183@example.it": "pending", "nuova.9@example.it": "subscribed"},
    )  # fmt: skip


OPT_IN = Journey(
    "granted opt-in",
    (
        _import(
            lambda world: (
                world.order("unsubscribe", LEFT_LATER),
                world.drop(
                    "a.csv", "unsubscribed.140@example.it;A;", "bounced.162@example.it;B;",
                    "complained.177@example.it;C;", "subscribed.020@example.it;D;",
                    "pending.183@example.it;E;", "nuova.9@example.it;F;",
                ),
            )[-1],
            consent=GRANT,
        ),
    ),
    _granted,
    frozenset({"unsubscribed.140@example.it"}),
)  # fmt: skip


def _asked_to_confirm(world: World) -> None:
    statuses(
        world, 1,
        {f"c{number}@example.it": "pending" for number in range(1, 7)}
        | {"unsubscribed.134@example.it": "unsubscribed"},
    )  # fmt: skip
    sent = world.rows("SELECT import_id, count(*) FROM sending WHERE state = 'sent' GROUP BY 1")
    prepared = world.rows("SELECT id FROM import WHERE json_extract(flags, '$.confirm')")
    assert sorted(sent) == [(number, 1) for (number,) in sorted(prepared)]
    assert len(prepared) == 2


def _to_confirm(world: World) -> None:
    world.drop(
        "a.csv", *(f"c{number}@example.it;C;" for number in range(1, 7)),
        "unsubscribed.134@example.it;D;",
    )  # fmt: skip


CONFIRM = Journey(
    "import with confirmation", (_import(_to_confirm, confirm_email=True),), _asked_to_confirm
)


def _numbers_kept(world: World) -> None:
    """Nobody's number moves to somebody else; who is known is told with every difference."""
    people = world.people(1)
    assert people["subscribed.006@example.it"].number == "3471200006"
    assert people["subscribed.006@example.it"].name != "Un altro"
    owners = world.rows("SELECT email FROM recipient WHERE number = '3471200006'")
    assert owners == [("subscribed.006@example.it",)]
    assert people["subscribed.003@example.it"].status == "subscribed"
    assert people["subscribed.005@example.it"].name == "Senza"
    listed = world.listed("a.csv") + world.listed("a.csv", "skipped")
    told = any("subscribed.003" in line for line in listed)
    assert people["subscribed.003@example.it"].name == "Cambiata" or told
    if "di.un.altro@example.it" not in people:
        assert any("di.un.altro" in line for line in listed)


SECOND_KEY = Journey(
    "another number",
    (
        _import(
            lambda world: world.drop(
                "a.csv", "subscribed.003@example.it;Cambiata;3339999999",
                "di.un.altro@example.it;Un altro;3471200006", "subscribed.005@example.it;Senza;",
            )
        ),
    ),
    _numbers_kept,
)  # fmt: skip

# --- Broken connections, refusals, deltas -------------------------------------------------------


def _lost(*kinds: str) -> Callable[[World], None]:
    def before(world: World) -> None:
        for kind in kinds:
            world.order("faults", {"kind": kind, "path": r"/1/Recipients(\?|$)", "method": "POST",
                                   "times": 1})  # fmt: skip

    return before


def _looked_up(world: World) -> None:
    statuses(world, 1, {f"l{number}@example.it": "subscribed" for number in range(1, 7)})
    counts = world.result("a.csv")["counts"]
    assert (counts["records"], counts["submitted"]) == (6, 6)


def _two_batches(world: World, name: str = "a.csv", who: str = "l") -> None:
    world.drop(name, *(f"{who}{number}@example.it;L;" for number in range(1, 7)))


def _crash(name: str, *kinds: str) -> Journey:
    def before(world: World) -> None:
        _two_batches(world)
        _lost(*kinds)(world)

    return Journey(name, (_import(before),), _looked_up)


LOST_ANSWER = _crash("answer lost", "drop_after_accept")
LOST_REQUEST = _crash("request lost", "drop", "drop_after_accept")


def _asked_at_most_once(world: World) -> None:
    """What is uncertain is held for somebody to look, and until then nobody is asked twice."""
    people = world.people(1)
    found = {people[who].status for n in range(1, 7) if (who := f"c{n}@example.it") in people}
    assert found <= {"pending"}
    held = any(MAYBE_SENT in told for told in world.told)
    assert held or len(found) == 1
    sent = world.rows("SELECT count(*) FROM sending WHERE state = 'sent' GROUP BY import_id")
    assert {times for (times,) in sent} <= {1}
    assert len(sent) <= 1 if held else len(sent) == 2


LOST_CONFIRM = Journey(
    "answer lost with confirmation",
    (
        _import(
            lambda world: (_to_confirm(world), _lost("drop_after_accept")(world))[-1],
            confirm_email=True,
        ),
    ),
    _asked_at_most_once,
    held=MAYBE_SENT,
)


def _refused_are_told(world: World) -> None:
    statuses(world, 1, {f"l{number}@example.it": "subscribed" for number in (1, 2, 4, 6)})
    people = world.people(1)
    assert "l3@example.it" not in people
    result, listed = world.result("a.csv"), world.listed("a.csv")
    assert result["mailup"]["refused"] == 2
    if result["mailup"]["read_back"] == "complete":
        assert sorted(line.partition(";")[0] for line in listed) == [
            "l3@example.it",
            "l5@example.it",
        ]
    else:
        assert not [line for line in listed if "l3@" not in line and "l5@" not in line]


READ_BACK = Journey(
    "refused by MailUp",
    (
        _import(
            lambda world: (
                world.set(refused=("l3@example.it", "l5@example.it")), _two_batches(world)
            )[-1]
        ),
    ),
    _refused_are_told,
)  # fmt: skip

DELTA = {
    "mode": "full", "thresholds": {"max_shrink_percent": 100},
    "delta": {"on": True, "missing": "unsubscribe", "max_missing_percent": 50},
}  # fmt: skip
DAYS = (
    [f"d{number}@example.it;Nome {number};" for number in range(1, 9)],
    [f"d{number}@example.it;{'Nuovo' if number == 2 else f'Nome {number}'};"
     for number in range(1, 7)],
    [f"d{number}@example.it;{'Nuovo' if number == 2 else f'Nome {number}'};"
     for number in range(1, 6)],
)  # fmt: skip


def _unchanged_left_out(world: World) -> None:
    stay = {f"d{number}@example.it": "subscribed" for number in range(1, 6)}
    statuses(world, 1, stay | {f"d{n}@example.it": "unsubscribed" for n in (6, 7, 8)})
    assert world.people(1)["d2@example.it"].name == "Nuovo"
    assert world.result("day1.csv")["counts"]["unchanged"] == 5
    assert world.result("day2.csv")["counts"]["unchanged"] == 5


def _day(number: int) -> Callable[[World], None]:
    return lambda world: world.drop(f"day{number}.csv", *DAYS[number])


DELTAS = Journey(
    "delta", tuple(_import(_day(number), **DELTA) for number in range(3)), _unchanged_left_out
)

# --- Exports and checks -------------------------------------------------------------------------

KINDS = ("unsubscribed", "email-statistics", "cumulative", "sms-outcomes", "subscribed")
EVENTS = """SELECT kind, lower(r.email), e.message_id, d.text FROM event e
JOIN recipient r ON r.id = e.recipient_id JOIN detail d ON d.id = e.detail_id
WHERE kind IN ('SNT', 'OPN', 'CLK', 'NCO')"""


def _all_told(world: World) -> None:
    files = {name: rows for name, rows in world.delivered().items()}
    by_kind = {kind: rows for kind in KINDS for name, rows in files.items()
               if name.startswith(f"acme_{kind.replace('-', '_')}_")}  # fmt: skip
    assert set(by_kind) == set(KINDS)
    for kind, status in (("unsubscribed", "unsubscribed"), ("subscribed", "subscribed")):
        told = [(row["email"].lower(), int(row["idList"])) for row in by_kind[kind]]
        wanted = [
            (who, list_id) for list_id in (1, 2, 3)
            for who, person in world.people(list_id).items() if person.status == status
        ]  # fmt: skip
        assert sorted(told) == sorted(wanted), kind
    assert {row["OptOut_Date"] for row in by_kind["unsubscribed"]} == {ROME_LEFT}
    _events_told(world, by_kind["email-statistics"])
    left = [row for row in by_kind["cumulative"] if row["statusType"] == "UNS"]
    assert len(left) == len(by_kind["unsubscribed"])
    _events_told(world, [row for row in by_kind["cumulative"] if row["statusType"] != "UNS"])
    numbers = world.rows("SELECT number_key FROM recipient WHERE number_key IS NOT NULL")
    receivers = [row["recipient"] for row in by_kind["sms-outcomes"]]
    assert sorted(receivers) == sorted(number for (number,) in numbers)
    assert {row["sentdate"] for row in by_kind["sms-outcomes"]} == {"20240305T113000"}


def _events_told(world: World, rows: list[dict[str, str]]) -> None:
    """Everything that happened is told, and nothing oftener than it happened. Where MailUp does not
    count, or names no link, that is all that can be told."""
    happened = Counter((kind, who, str(number)) for kind, who, number, _ in world.rows(EVENTS))
    told = Counter((row["statusType"], row["email"].lower(), row["idNl"]) for row in rows)
    once = {key for key in happened if key[0] == "SNT"}
    assert set(told) == set(happened)
    assert not told - happened
    assert all(told[key] == 1 for key in once)


EXPORTS = Journey(
    "exports",
    tuple(
        Step(f"export-{kind}", lambda world, kind=kind: {"agreement": world.exporting(kind)})  # type: ignore[misc]
        for kind in KINDS
    ),
    _all_told,
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
    assert not [told for told in world.told if "broke off" in told]
    assert any("nothing to mend" in told for told in world.told), world.told


CHECK = Journey(
    "check connections",
    (
        Step("check-connections", lambda world: {"client": "acme", "file": _client_file(world)}),
    ),
    _found_out,
)  # fmt: skip


def _wrong_password(world: World) -> None:
    _two_batches(world)
    world.log_in_with(refresh_token=None, password="wrong")


def _tried_once(world: World) -> None:
    """The stop says what is wrong, and the account was not locked by trying it again."""
    assert "refused" in world.told[0]
    assert "check client id, client secret, user and password" in world.told[0]
    assert world.logins[0] == 1
    _looked_up(world)


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
        found = list(contact.ask(subject, client, (), 100))
        if not any(world.people(9)):
            contact.look(client, trial)
    with world.account.connect() as client:
        if not any(world.people(9)):
            found += contact.bring_in(subject, client, trial, 100, 60)
        folder = Path(tempfile.mkdtemp(dir=world.home))
        found += contact.take_out(subject, client, trial, folder, "Europe/Rome")
    return found


def _ten_people(world: World) -> None:
    people = world.people(9)
    assert {who: people[who].status for who in people} == dict.fromkeys(OWN, "subscribed")
    assert len(world.rows("SELECT 1 FROM import WHERE list_id = 9")) == 1


FIRST_CONTACT = Journey(
    "first contact", (FindingStep("", lambda _: {}, _new_list, look=_contact),), _ten_people
)

JOURNEYS = (
    IMPORT, GROUP, SMS, OPT_OUT, OPT_IN, CONFIRM, SECOND_KEY, LOST_ANSWER, LOST_REQUEST,
    LOST_CONFIRM, READ_BACK, DELTAS, EXPORTS, CHECK,
    WRONG_PASSWORD, FIRST_CONTACT,
)  # fmt: skip
