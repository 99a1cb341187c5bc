"""What a new account holds: 28 fields, three lists, groups, about 200 recipients; always the same.

Recipients are `NAME.SURNAME.NNN@example.it` and the like; `seeded()` tells what became of each, so
that example files and tests can aim at them.
"""

import json
import random
from dataclasses import dataclass

from sandbox.mailup.store import Store

SEED = 20_240_507
NEWSLETTER, OFFERS, SMS = 1, 2, 3
TEST_GROUP = 1
OPTIN_DATE = "2023-03-14 09:30:00.000"
OPTOUT_DATE = "2024-02-20 18:05:12.000"
PENDING_DATE = "2024-04-02 08:00:00.000"

FIELDS = (
    "nome", "cognome", "azienda", "città", "provincia", "cap", "regione", "paese",
    "indirizzo", "fax", "telefono", "IDCliente", "IDUltimoOrdine", "DataUltimoOrdine",
    "TotaleUltimoOrdine", "IDProdottiUltimoOrdine", "IDCategorieUltimoOrdine",
    "DataUltimoOrdineSpedito", "IDUltimoOrdineSpedito", "DataCarrelloAbbandonato",
    "TotaleCarrelloAbbandonato", "IDCarrelloAbbandonato", "TotaleFatturato",
    "TotaleFatturatoUltimi12Mesi", "TotaleFatturatoUltimi30gg", "sesso", "data di nascita",
    "consenso privacy",
)  # fmt: skip
LISTS = (
    (NEWSLETTER, "6a1f0a52-9f3d-4be2-8f0c-2f1de0a4b001", "Newsletter Italia", "Notizie mensili"),
    (OFFERS, "6a1f0a52-9f3d-4be2-8f0c-2f1de0a4b002", "Offerte", "Offerte settimanali"),
    (SMS, "6a1f0a52-9f3d-4be2-8f0c-2f1de0a4b003", "SMS Clienti", "Avvisi per SMS"),
)
GROUPS = (
    (TEST_GROUP, NEWSLETTER, "TEST", "Gruppo di sistema", 0),
    (2, NEWSLETTER, "Clienti", "", 1),
    (3, NEWSLETTER, "Prospect", "", 1),
    (4, OFFERS, "TEST", "Gruppo di sistema", 0),
    (5, OFFERS, "Negozi", "", 1),
    (6, SMS, "TEST", "Gruppo di sistema", 0),
)
NAMES = ("Anna", "Niccolò", "Giulia", "Luca", "Chiara", "Matteo", "Sofia", "Andrea", "Noè", "Zoë")
SURNAMES = ("Rossi", "Bianchi", "D'Angelo", "Ferrari", "De Luca", "Marà", "Conti", "Ricci")
CITIES = (("Milano", "MI", "20121"), ("Forlì", "FC", "47121"), ("Roma", "RM", "00184"))

SUBSCRIBED, UNSUBSCRIBED, BOUNCED, COMPLAINED, PENDING = (
    "subscribed", "unsubscribed", "bounced", "complained", "pending",
)  # fmt: skip
CAUSES = {UNSUBSCRIBED: 2, BOUNCED: 8, COMPLAINED: 16}
SHARES = ((SUBSCRIBED, 130), (UNSUBSCRIBED, 30), (BOUNCED, 15), (COMPLAINED, 5), (PENDING, 20))


@dataclass(frozen=True)
class Seeded:
    """One recipient of a new account and its state in the Newsletter list."""

    id: int
    email: str
    state: str
    fields: dict[str, str]
    number: str | None


def seeded() -> list[Seeded]:
    """The recipients of a new account, in order of their ids."""
    chance = random.Random(SEED)
    states = [state for state, share in SHARES for _ in range(share)]
    return [_person(number, state, chance) for number, state in enumerate(states, start=1)]


def _person(number: int, state: str, chance: random.Random) -> Seeded:
    name, surname = chance.choice(NAMES), chance.choice(SURNAMES)
    city, province, postcode = chance.choice(CITIES)
    fields = {
        "1": name, "2": surname, "4": city, "5": province, "6": postcode,
        "8": "Italia", "12": f"C{number:05d}", "27": f"{chance.randint(1950, 2005)}-06-15",
    }  # fmt: skip
    phone = f"34712{number:05d}" if number % 3 == 0 else None
    return Seeded(number, f"{state}.{number:03d}@example.it", state, fields, phone)


def plant(store: Store) -> None:
    """Fill an empty store; a store that holds lists already is left alone."""
    if store.value("SELECT count(*) FROM list"):
        return
    people = seeded()
    with store.writing() as connection:
        run = connection.executemany
        run("INSERT INTO list VALUES (?, ?, ?, ?, 'Esempio S.p.A.', '0039')", LISTS)
        run("INSERT INTO grp VALUES (?, ?, ?, ?, ?)", GROUPS)
        run("INSERT INTO field VALUES (?, ?)", enumerate(FIELDS, start=1))
        run("INSERT INTO recipient VALUES (?, ?, ?, ?, ?, NULL, ?)", map(_recipient, people))
        run(
            "INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
            [row for person in people for row in _subscriptions(person)],
        )
        run(
            "INSERT INTO membership VALUES (?, ?)",
            [(2 if p.id % 2 else 3, p.id) for p in people if p.state == SUBSCRIBED],
        )


def _recipient(person: Seeded) -> tuple[object, ...]:
    prefix = "0039" if person.number else None
    key = f"39{person.number}" if person.number else None
    fields = json.dumps(person.fields, ensure_ascii=False)
    return (person.id, person.email, prefix, person.number, key, fields)


def _subscription(list_id: int, channel: str, person: Seeded, state: str) -> tuple[object, ...]:
    status = state if state in (SUBSCRIBED, PENDING) else UNSUBSCRIBED
    optin = OPTIN_DATE if status != PENDING else ""
    requested = PENDING_DATE if status == PENDING else ""
    out = OPTOUT_DATE if status == UNSUBSCRIBED else ""
    cause = CAUSES.get(state)
    dates = (optin, requested, "203.0.113.7", out)
    return (list_id, channel, person.id, status, *dates, cause, None if cause is None else 0)


def _subscriptions(person: Seeded) -> list[tuple[object, ...]]:
    """Newsletter for all; bounced addresses are out of every list; numbers are in the SMS list."""
    rows = [_subscription(NEWSLETTER, "email", person, person.state)]
    if person.state == BOUNCED:
        rows.extend(_subscription(one, "email", person, BOUNCED) for one in (OFFERS, SMS))
    elif person.id % 2:
        rows.append(_subscription(OFFERS, "email", person, SUBSCRIBED))
    if person.number:
        rows.append(_subscription(SMS, "sms", person, SUBSCRIBED))
    return rows
