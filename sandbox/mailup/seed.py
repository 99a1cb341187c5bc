"""The initial account: 28 fields, three lists, groups, 200 recipients; always the same."""

import json
import sqlite3

from sandbox.mailup.seed_messages import SPRING, plant_messages
from sandbox.mailup.seed_people import (
    BOUNCED,
    CAUSES,
    PENDING,
    SUBSCRIBED,
    UNSUBSCRIBED,
    Seeded,
    seeded,
)
from sandbox.mailup.store import Store

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


def plant(store: Store) -> None:
    """Fill an empty store; in one that already has lists, add only a missing event log."""
    people = seeded()
    if not store.value("SELECT count(*) FROM event"):
        with store.writing() as connection:
            plant_messages(connection, people)
    if store.value("SELECT count(*) FROM list"):
        return
    with store.writing() as connection:
        _plant_lists(connection, people)


def replant(store: Store) -> None:
    """Restore the initial account in one transaction; tokens stay valid."""
    people = seeded()
    with store.writing() as connection:
        store.wipe(connection)
        plant_messages(connection, people)
        _plant_lists(connection, people)


def _plant_lists(connection: sqlite3.Connection, people: list[Seeded]) -> None:
    run = connection.executemany
    run("INSERT INTO list VALUES (?, ?, ?, ?, 'Esempio S.p.A.', '0039')", LISTS)
    run("INSERT INTO grp VALUES (?, ?, ?, ?, ?)", GROUPS)
    run("INSERT INTO field VALUES (?, ?)", enumerate(FIELDS, start=1))
    run("INSERT INTO recipient VALUES (?, ?, ?, ?, ?, NULL, ?)", map(_recipient, people))
    run(
        "INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    message = SPRING if state == UNSUBSCRIBED else None
    causes = (message, cause, None if cause is None else 0)
    return (list_id, channel, person.id, status, *dates, *causes)


def _subscriptions(person: Seeded) -> list[tuple[object, ...]]:
    """Newsletter for all; bounced addresses are unsubscribed from all lists; numbers get SMS."""
    rows = [_subscription(NEWSLETTER, "email", person, person.state)]
    if person.state == BOUNCED:
        rows.extend(_subscription(one, "email", person, BOUNCED) for one in (OFFERS, SMS))
    elif person.id % 2:
        rows.append(_subscription(OFFERS, "email", person, SUBSCRIBED))
    if person.number:
        rows.append(_subscription(SMS, "sms", person, SUBSCRIBED))
    return rows
