"""Exports, from MailUp to the client's server."""

import csv
import gzip
import hashlib
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow

from blocks.keys import GpgKey, GpgRecipient
from flows.export_cumulative import export_cumulative
from flows.export_email_statistics import export_email_statistics
from flows.export_sms_outcomes import export_sms_outcomes
from flows.export_subscribed import export_subscribed
from flows.export_unsubscribed import export_unsubscribed
from tasks.gpg.decrypt import decrypt
from tests.journeys.harness.artifacts import newest
from tests.keyrings import PASSPHRASE, Keyring, needs_gpg
from tests.waiting import next_second

FLOWS = [
    export_unsubscribed, export_email_statistics, export_cumulative, export_sms_outcomes,
    export_subscribed,
]  # fmt: skip


def run(flow: Flow[..., Any], agreed: dict[str, Any] | None = None, **how: Any) -> Any:
    """One run of an export; windows end on whole seconds, so the next one needs a later second."""
    next_second()
    agreement = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "ledger": "acme",
        "lists": [1], "folder": "out",
    } | (agreed or {})  # fmt: skip
    if flow in (export_email_statistics, export_cumulative):
        agreement["message_days"] = 4000
    return flow(agreement=agreement, **how, return_state=True)


def delivered(world: Any) -> dict[str, list[dict[str, str]]]:
    """Rows of every delivered file, by name, in the order of the names."""
    folder: Path = world.home / "files" / "out"
    files = sorted(folder.glob("*.csv")) if folder.exists() else []
    return {path.name: rows_of(path) for path in files}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=";"))


def test_each_one_who_leaves_is_exported_once(world: Any) -> None:
    """The first window has everybody who has left, the next ones only who left since."""
    gone = {e for e, p in world.people().items() if p["status"] == "unsubscribed"}
    assert run(export_unsubscribed).is_completed()
    stays = next(e for e, p in world.people().items() if p["status"] == "subscribed")
    world.control("POST", "unsubscribe", {"list": 1, "email": stays})
    assert run(export_unsubscribed).is_completed()
    assert run(export_unsubscribed).is_completed()

    first, second, third = delivered(world).values()
    assert {row["email"] for row in first} == gone
    assert [(row["email"], row["optout_type"]) for row in second] == [(stays, "2")]
    assert third == []
    assert next(iter(first[0])) == "email"


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_nothing_is_exported_twice(world: Any, flow: Flow[..., Any]) -> None:
    """Without anything new the second window delivers a header alone."""
    lists = {"lists": [1, 2, 3]}
    first, second = run(flow, lists), run(flow, lists)
    assert first.is_completed(), first.message
    assert second.is_completed(), second.message

    one, two = delivered(world).values()
    assert len(one) > 0
    assert two == []


def test_a_window_that_was_not_delivered_comes_first_and_unchanged(world: Any) -> None:
    """What a refusing server did not get comes first: the same bytes under the same name."""
    blocked = world.home / "files" / "out"
    blocked.write_text("a file where the folder should be")
    assert run(export_unsubscribed).is_failed()
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        state, name, sha256 = ledger.execute(
            "SELECT state, file_name, sha256 FROM exports"
        ).fetchone()
    assert state == "rendered"
    assert not list(world.home.rglob(name))

    blocked.unlink()
    stays = next(e for e, p in world.people().items() if p["status"] == "subscribed")
    world.control("POST", "unsubscribe", {"list": 1, "email": stays})
    assert run(export_unsubscribed).is_completed()
    files = delivered(world)
    assert next(iter(files)) == name
    assert stays not in {row["email"] for row in files[name]}
    assert [row["email"] for row in list(files.values())[1]] == [stays]
    assert sha256 == _sha256(blocked / name)


@needs_gpg
def test_an_encrypted_export_keeps_its_bytes(world: Any, ring: Keyring) -> None:
    """However often it is delivered, it is the file that was encrypted first, and the client's."""
    GpgKey(private_key=ring.private("us"), passphrase=PASSPHRASE).save("own", overwrite=True)
    GpgRecipient(public_keys=[ring.public("client")]).save("acme", overwrite=True)
    packing = {"compression": "gzip", "encrypt_for": "acme", "sign_with": "own"}
    agreed = {"packing": packing | {"done_marker": "{name}.ok", "done_content": "sha256"}}
    out = world.home / "files" / "out"
    out.write_text("a file where the folder should be")
    assert run(export_unsubscribed, agreed).is_failed()
    out.unlink()
    hashes = []
    for _ in range(2):
        state = run(export_unsubscribed, agreed, again=True)
        assert state.is_completed(), state.message
        (path,) = out.glob("*.csv.gz.gpg")
        hashes.append(_sha256(path))
        assert (out / f"{path.name}.ok").read_text() == f"{hashes[-1]}  {path.name}\n"
        path.rename(world.home / "taken.gpg")
    assert hashes[0] == hashes[1] == _windows(world, "sha256")[0]
    assert _windows(world, "state") == ["delivered"]

    reader = GpgKey(private_key=ring.private("client"), signers=[ring.public("us")])
    opened = decrypt(world.home / "taken.gpg", reader, world.home)
    rows = csv.DictReader(gzip.decompress(opened.read_bytes()).decode().splitlines(), delimiter=";")
    gone = {e for e, p in world.people().items() if p["status"] == "unsubscribed"}
    assert {row["email"] for row in rows} == gone


def test_a_lost_file_is_delivered_again(world: Any) -> None:
    """The last window is delivered again, with nothing new; the next one continues from it."""
    assert "no window to repeat" in run(export_unsubscribed, again=True).message
    run(export_unsubscribed)
    (before,) = (world.home / "files" / "out").iterdir()
    content = before.read_bytes()
    before.unlink()
    stays = next(e for e, p in world.people().items() if p["status"] == "subscribed")
    world.control("POST", "unsubscribe", {"list": 1, "email": stays})

    assert "would be delivered" in run(export_unsubscribed, again=True, dry_run=True).message
    assert delivered(world) == {}
    assert run(export_unsubscribed, again=True).is_completed()
    assert before.read_bytes() == content
    assert len(_windows(world, "number")) == 1
    run(export_unsubscribed)
    assert [row["email"] for row in list(delivered(world).values())[1]] == [stays]


def _windows(world: Any, column: str) -> list[Any]:
    """What the ledger says of each window."""
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        found = ledger.execute(f"SELECT {column} FROM exports ORDER BY number")  # noqa: S608 - ours
        return [value for (value,) in found]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_storage_keeps_what_is_needed_and_no_more(world: Any) -> None:
    """However many windows there were, two snapshots are kept, and the last file delivered."""
    for _ in range(4):
        stays = next(e for e, p in world.people().items() if p["status"] == "subscribed")
        world.control("POST", "unsubscribe", {"list": 1, "email": stays})
        assert run(export_unsubscribed).is_completed()

    assert len(list((world.home / "storage" / "snapshots").iterdir())) == 2
    (kept,) = (world.home / "storage" / "staged").iterdir()
    assert kept.read_bytes() == max((world.home / "files" / "out").iterdir()).read_bytes()


def test_a_window_by_hand_leaves_the_watermark(world: Any) -> None:
    """A backfill exports again what is dated in it, under a name of its own."""
    run(export_unsubscribed)
    state = run(export_unsubscribed, since="2000-01-01", until="2027-06-01")
    run(export_unsubscribed)

    files = delivered(world)
    by_hand = [name for name in files if "manual" in name]
    assert state.is_completed(), state.message
    assert len(files) == 3
    everybody, nobody = (rows for name, rows in files.items() if name not in by_hand)
    assert files[by_hand[0]] == everybody
    assert nobody == []


def test_a_dry_run_delivers_nothing(world: Any) -> None:
    """What would be delivered is counted; server and ledger stay as they were."""
    state = run(export_unsubscribed, dry_run=True)

    assert state.is_completed(), state.message
    assert "rows would be delivered" in state.message
    assert delivered(world) == {}
    assert not (world.home / "ledger.db").exists()


def test_the_cumulative_file_is_the_union_of_the_two(world: Any) -> None:
    """Statistics rows and UNS rows stand in one file, instead of the two."""
    for flow in (export_unsubscribed, export_email_statistics, export_cumulative):
        assert run(flow).is_completed()
    both, statistics, unsubscribed = (
        rows for _, rows in sorted(delivered(world).items())
    )  # cumulative < email_statistics < unsubscribed
    assert len(statistics) > 0
    left = [row for row in both if row["statusType"] == "UNS"]
    others = [row["statusType"] + row["email"] for row in both if row["statusType"] != "UNS"]

    assert {row["email"] for row in left} == {row["email"] for row in unsubscribed}
    assert sorted(others) == sorted(row["statusType"] + row["email"] for row in statistics)


def test_campaign_tags_are_added_on_request(world: Any) -> None:
    """The column has the tags of each row's message, comma-separated."""
    world.control("POST", "play", {"recipients": 20})
    assert run(export_email_statistics, {"columns": ["idNl", "Campaign Tags"]}).is_completed()
    (rows,) = delivered(world).values()
    found = {row["idNl"]: row["Campaign Tags"] for row in rows}
    assert "promo,settimanale" in found.values()


def test_fields_of_people_can_be_added(world: Any) -> None:
    """Dynamic fields follow the documented columns, under their names."""
    assert run(export_subscribed, {"fields": ["nome", "12"]}).is_completed()

    (rows,) = delivered(world).values()
    columns = ["email", "Phone Number", "idList", "Subscription Date", "nome", "IDCliente"]
    assert list(rows[0]) == columns
    people = world.people()
    assert {row["email"]: row["nome"] for row in rows} == {
        email: person["fields"].get("1", "")
        for email, person in people.items()
        if person["status"] == "subscribed"
    }


def test_receivers_of_sms_are_named_on_request(world: Any) -> None:
    """Address and fields follow the compulsory columns; unknown receivers stay, counted."""
    sms = {"lists": [3], "columns": ["email"], "fields": ["nome"]}
    run(export_sms_outcomes, {"lists": [3]})
    assert not any("/Sms/List/3/Recipients" in call["path"] for call in world.control("GET", "log"))
    with sqlite3.connect(world.mailup.home / "mailup.sqlite") as mailup:
        gone = mailup.execute(
            "SELECT r.number_key FROM recipient r JOIN subscription b ON b.recipient_id = r.id "
            "WHERE b.list_id = 3 AND channel = 'sms' ORDER BY r.id LIMIT 1"
        ).fetchone()[0]
        mailup.execute(
            "DELETE FROM subscription WHERE list_id = 3 AND channel = 'sms' AND recipient_id IN "
            "(SELECT id FROM recipient WHERE number_key = ?)", (gone,)
        )  # fmt: skip
    state = run(export_sms_outcomes, sms, since="2024-01-01")
    assert state.is_completed(), state.message

    rows, named = sorted(delivered(world).values(), key=lambda rows: len(rows[0]))
    assert list(named[0]) == [*rows[0], "email", "nome"]
    assert Counter(row["recipient"] for row in named) == Counter(row["recipient"] for row in rows)
    people = {
        "39" + person["number"]: (email, person["fields"].get("1", ""))
        for email, person in world.people().items()
        if person["number"]
    } | {gone: ("", "")}
    assert {row["recipient"]: (row["email"], row["nome"]) for row in named} == {
        row["recipient"]: people[row["recipient"]] for row in rows
    }
    assert "1 receivers whose number no recipient" in str(
        newest("acme-export-sms-outcomes")[0].data
    )
