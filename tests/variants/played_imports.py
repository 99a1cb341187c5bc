"""Imports of each kind: the file, and the state of everybody afterwards."""

from tests.variants.journey import Journey, every_row_ends, importing, never, statuses
from tests.variants.world import COLUMNS, HEADER, World

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
        importing(
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
        importing(before, group="Nuovi", create_groups=True)
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
        importing(
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
        importing(
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
ASKED_FOR = (
    "unsubscribed.140@example.it;A;", "bounced.162@example.it;B;", "complained.177@example.it;C;",
    "subscribed.020@example.it;D;", "pending.183@example.it;E;", "nuova.9@example.it;F;",
)  # fmt: skip
LEFT_LATER = {"list": 1, "email": "subscribed.020@example.it", "when": "2025-06-01T10:00:00Z"}


def _granted(world: World) -> None:
    never(world, "bounced.162@example.it", "complained.177@example.it", "subscribed.020@example.it")
    every_row_ends(world, "a.csv", ASKED_FOR)
    # Where MailUp does not say why somebody left, a grant brings nobody back.
    back = world.people(1)["unsubscribed.140@example.it"].status
    assert ("is subscribed again" in world.reasons_of("a.csv")[2]) == (back == "subscribed")
    statuses(
        world, 1,
        {"unsubscribed.140@example.it": back, "subscribed.020@example.it": "unsubscribed",
         "pending.183@example.it": "pending", "nuova.9@example.it": "subscribed"},
    )  # fmt: skip


OPT_IN = Journey(
    "granted opt-in",
    (
        importing(
            lambda world: (
                world.order("unsubscribe", LEFT_LATER),
                world.drop("a.csv", *ASKED_FOR),
            )[-1],
            consent=GRANT,
        ),
    ),
    _granted,
    frozenset({"unsubscribed.140@example.it"}),
)


def _askedto_confirm(world: World) -> None:
    statuses(
        world, 1,
        {f"c{number}@example.it": "pending" for number in range(1, 7)}
        | {"unsubscribed.134@example.it": "unsubscribed"},
    )  # fmt: skip
    sent = world.rows("SELECT import_id, count(*) FROM sending WHERE state = 'sent' GROUP BY 1")
    prepared = world.rows("SELECT id FROM import WHERE json_extract(flags, '$.confirm')")
    assert sorted(sent) == [(number, 1) for (number,) in sorted(prepared)]
    assert len(prepared) == 2


def to_confirm(world: World) -> None:
    world.drop(
        "a.csv", *(f"c{number}@example.it;C;" for number in range(1, 7)),
        "unsubscribed.134@example.it;D;",
    )  # fmt: skip


CONFIRM = Journey(
    "import with confirmation", (importing(to_confirm, confirm_email=True),), _askedto_confirm
)


def _numbers_kept(world: World) -> None:
    """Nobody's number moves to somebody else; who is known is reported with every difference."""
    people = world.people(1)
    assert people["subscribed.006@example.it"].number == "3471200006"
    assert people["subscribed.006@example.it"].name != "Un altro"
    owners = world.rows("SELECT email FROM recipient WHERE number = '3471200006'")
    assert owners == [("subscribed.006@example.it",)]
    assert people["subscribed.003@example.it"].status == "subscribed"
    assert people["subscribed.005@example.it"].name == "Senza"
    every_row_ends(world, "a.csv", OTHER_NUMBERS)
    reported = world.reasons_of("a.csv")
    assert 2 in reported and 3 in reported and 4 not in reported
    owners = world.rows("SELECT email FROM recipient WHERE number = '3338888888'")
    assert owners == [] if 5 in reported else [("doppia.1@example.it",)]
    assert 6 in reported


OTHER_NUMBERS = (
    "subscribed.003@example.it;Cambiata;3339999999",
    "di.un.altro@example.it;Un altro;3471200006",
    "subscribed.005@example.it;Senza;",
    "doppia.1@example.it;Prima;3338888888",
    "doppia.2@example.it;Seconda;3338888888",
)
SECOND_KEY = Journey(
    "another number",
    (
        importing(
            lambda world: world.drop("a.csv", *OTHER_NUMBERS)
        ),
    ),
    _numbers_kept,
)  # fmt: skip
