"""Imports, from the client's file to MailUp and the results."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import get_current_settings

ANNA = "anna@example.it;Anna;3331234567"


def test_good_rows_arrive_and_bad_ones_come_back(world: Any) -> None:
    """Every row is in the list or in the reject file, and the source file is moved."""
    world.drop("a.csv", ANNA, "bruno@example.it;Bruno;", "carla@@example.it;Carla;", "dario;short")
    state = world.run()

    assert state.is_completed(), state.message
    assert state.message == "a.csv: 2 of 4 submitted, 2 rejected"
    people = world.people()
    assert people["anna@example.it"]["status"] == "subscribed"
    assert people["anna@example.it"]["number"] == "3331234567"
    assert "bruno@example.it" in people
    assert world.result("a.csv")["counts"] == {
        "records": 4, "submitted": 2, "unchanged": 0, "duplicate": 0, "rejected": 2, "blocked": 0,
    }  # fmt: skip
    assert [line.split(";")[3] for line in world.rejects("a.csv")[1:]] == ["4", "5"]
    assert not (world.inbox / "a.csv").exists()
    assert len(list((world.inbox / "imported").iterdir())) == 1


def test_nothing_waiting_is_a_quiet_success(world: Any) -> None:
    """Without a file the run ends well and MailUp is not asked at all."""
    state = world.run()

    assert state.is_completed()
    assert "Nothing to do" in state.message
    assert world.control("GET", "log") == []


def test_the_same_content_is_imported_once_whatever_its_name(world: Any) -> None:
    """A file sent twice does nothing twice, and the client gets a result."""
    world.drop("a.csv", ANNA)
    world.run()
    world.drop("again.csv", ANNA)
    state = world.run()

    assert state.message == "again.csv: imported before, nothing sent"
    assert len(world.posts()) == 1
    assert world.result("again.csv")["outcome"] == "already_imported"
    assert world.result("again.csv")["first_seen_as"] == "a.csv"
    assert not (world.inbox / "again.csv").exists()


def test_a_released_file_is_imported_once_more(world: Any) -> None:
    """An operator may repeat an import on purpose."""
    world.drop("a.csv", ANNA)
    world.run()
    world.drop("a.csv", ANNA)
    state = world.run(file="a.csv", release=True)

    assert state.is_completed()
    assert len(world.posts()) == 2


def test_a_cut_file_is_held_as_a_whole(world: Any) -> None:
    """Nothing of a cut file is sent; it stays where it is and the client gets the reason."""
    path = world.drop("a.csv", ANNA)
    path.write_bytes(path.read_bytes() + b"bruno@exam")
    world.drop("b.csv", "carla@example.it;Carla;")
    state = world.run()

    assert state.is_failed()
    assert "a.csv is held (cut)" in state.message
    assert "1 later files wait" in state.message
    assert world.posts() == []
    assert world.result("a.csv")["held"]["reason"] == "cut"
    assert path.exists()

    world.drop("a.csv", ANNA, "bruno@example.it;Bruno;")
    assert world.run().is_completed()
    assert {"anna@example.it", "bruno@example.it", "carla@example.it"} <= set(world.people())


def test_a_file_beyond_a_threshold_waits_for_its_release(world: Any) -> None:
    """A file that differs from the agreement is held; after a release its good rows arrive."""
    bad = [f"nobody{number};X;" for number in range(20)]
    world.drop("a.csv", ANNA, *bad)
    held = world.run()
    assert held.is_failed()
    assert "too_many_rejects" in held.message
    assert world.posts() == []
    listed = world.inbox / "results" / "a.csv.held.csv"
    first, _, *rows = listed.read_text(encoding="utf-8").splitlines()
    assert first.startswith("NOTHING OF THIS FILE WAS IMPORTED") and len(rows) == 20
    assert rows[0].startswith("nobody0;X;;3;email;")
    assert not (world.inbox / "results" / "a.csv.rejects.csv").exists()

    released = world.run(file="a.csv", release=True)
    assert released.message == "a.csv: 1 of 21 submitted, 20 rejected, released by a run by hand"
    assert not listed.exists()
    assert len(world.rejects("a.csv")) == 21


def test_a_file_unlike_the_ones_before_is_held_with_its_figures(world: Any) -> None:
    """Limits derived from earlier files apply, also in a dry run."""
    agreed = {"habit": {"at_least": 2}}
    for name, records in (("a", 110), ("b", 120)):
        world.drop(f"{name}.csv", *(f"{name}{number}@example.it;N;" for number in range(records)))
        assert world.run(agreed=agreed).is_completed()
    world.drop("c.csv", "anna@example.it;Anna;;", header="email;nome;cellulare;nuova\r\n")

    for dry_run in (True, False):
        held = world.run(agreed=agreed, dry_run=dry_run)
        assert held.is_failed()
        assert "1 records; the last 2 files had 110 to 120." in held.message
        assert "4 columns differ from those of the last 2 files (3)" in held.message
    assert world.result("c.csv")["held"]["reason"] == "unusual_records"
    assert len(world.posts()) == 2


def test_a_dry_run_changes_nothing_anywhere(world: Any) -> None:
    """What would be sent is counted; server, MailUp and ledger stay as they were."""
    path = world.drop("a.csv", ANNA, "carla@@example.it;Carla;")
    state = world.run(dry_run=True)

    assert state.message == "a.csv: 1 of 2 would be submitted, 1 rejected"
    assert [entry.name for entry in world.inbox.iterdir()] == [path.name]
    assert world.posts() == []
    assert not (world.home / "ledger.db").exists()
    assert world.run().is_completed()


def test_rows_that_unsubscribe_do_so_and_win(world: Any) -> None:
    """A status column subscribes and unsubscribes; of two rows the one that unsubscribes counts."""
    columns = [*world.agreement["mapping"]["columns"], {"column": "stato", "target": "status"}]
    header = "email;nome;cellulare;stato\r\n"
    world.drop(
        "a.csv", "anna@example.it;Anna;;0", "anna@example.it;Anna;;1", "bruno@example.it;B;;1",
        header=header,
    )  # fmt: skip
    state = world.run(agreed={"mapping": {"columns": columns}})

    assert state.message == "a.csv: 2 of 3 submitted, 1 duplicate"
    assert world.people()["anna@example.it"]["status"] == "unsubscribed"
    assert world.people()["bruno@example.it"]["status"] == "subscribed"


def test_nobody_is_subscribed_again_by_a_file(world: Any) -> None:
    """Who unsubscribed, bounced or complained stays off, with and without listing them."""
    world.drop("a.csv", ANNA, "bruno@example.it;B;", "carla@example.it;C;", "dario@example.it;D;")
    world.run()
    world.control("POST", "unsubscribe", {"list": 1, "email": "anna@example.it"})
    world.control("POST", "bounce", {"list": 1, "email": "bruno@example.it"})
    world.control("POST", "complain", {"list": 1, "email": "carla@example.it"})
    rows = [
        "anna@example.it;AA;3331234567",
        "bruno@example.it;BB;",
        "carla@example.it;CC;",
        "dario@example.it;DD;",
    ]

    world.drop("b.csv", *rows)
    world.run()
    gone = ("anna@example.it", "bruno@example.it", "carla@example.it")
    assert {world.people()[email]["status"] for email in gone} == {"unsubscribed"}

    world.drop("c.csv", *rows, "elena@example.it;E;")
    state = world.run(agreed={"consent": {"unsubscribed": "block"}})
    assert state.message == "c.csv: 2 of 5 submitted, 3 blocked"
    assert {world.people()[email]["status"] for email in gone} == {"unsubscribed"}
    codes = {reason["code"] for reason in world.result("c.csv")["reasons"]}
    assert codes == {"consent_unsubscribed", "consent_bounced", "consent_complained"}


def test_a_grant_subscribes_only_those_it_may(world: Any) -> None:
    """With a dated grant people who left come back and are listed; who bounced, or left after the
    grant, does not."""
    world.drop("a.csv", ANNA, "bruno@example.it;B;", "carla@example.it;C;")
    world.run()
    before = {"list": 1, "email": "anna@example.it", "when": "2025-12-30T10:00:00Z"}
    world.control("POST", "unsubscribe", before)
    world.control("POST", "unsubscribe", {"list": 1, "email": "carla@example.it"})
    world.control("POST", "bounce", {"list": 1, "email": "bruno@example.it"})
    world.drop("b.csv", "anna@example.it;A;", "bruno@example.it;B2;", "carla@example.it;C2;")
    grant = {
        "import_type": "opt-in", "grant_date": "2026-01-01", "grant_expires": "2999-12-31",
        "grant_by": "Acme DPO", "grant_reason": "asked for again on the web form",
    }  # fmt: skip
    state = world.run(agreed={"consent": grant})

    assert state.message == "b.csv: 1 of 3 submitted, 2 blocked"
    assert world.people()["anna@example.it"]["status"] == "subscribed"
    assert world.people()["bruno@example.it"]["status"] == "unsubscribed"
    assert world.people()["carla@example.it"]["status"] == "unsubscribed"
    granted = {reason["code"]: reason["records"] for reason in world.result("b.csv")["reasons"]}
    assert granted == {"consent_granted": 1, "consent_bounced": 1, "consent_unsubscribed": 1}


def test_an_import_that_may_have_arrived_is_sent_again_and_counted(world: Any) -> None:
    """The connection breaks after MailUp took the batch: everybody is there, and the result says
    that MailUp may have an import more."""
    world.control(
        "POST", "faults", {"path": "List/1/Recipients$", "kind": "drop_after_accept", "times": 1}
    )
    world.drop("a.csv", ANNA)
    state = world.run()

    assert state.is_completed(), state.message
    assert "anna@example.it" in world.people()
    assert world.result("a.csv")["mailup"]["extra_imports"] == 1
    with sqlite3.connect(world.home / "ledger.db") as ledger:
        assert ledger.execute("SELECT state, import_id FROM batches").fetchall() == [("done", 2)]


def test_a_wrong_password_is_tried_once(world: Any) -> None:
    """Nothing is repeated that could lock the account; the message says what to fix."""
    world.control("POST", "settings", {"password": "changed"})
    world.drop("a.csv", ANNA)
    state = world.run()

    assert state.is_failed()
    calls = world.control("GET", "log")
    assert len([call for call in calls if call["path"].endswith("/Token")]) == 1


def test_groups_are_created_once_and_filled(world: Any) -> None:
    """A group that is named and missing is created when agreed, and found by the next run."""
    agreed = {"group": "Nuovi clienti", "create_groups": True}
    for number in (1, 2):
        world.drop(f"{number}.csv", f"p{number}@example.it;P;")
        state = world.run(agreed=agreed)
        assert state.is_completed(), state.message

    one, two = (world.people()[f"p{number}@example.it"]["groups"] for number in (1, 2))
    assert one == two != []


def test_a_cell_names_several_groups(world: Any) -> None:
    """Each person enters every group of the cell and counts once, also if MailUp refuses them or
    their number differs; groups in another order are no change."""
    world.control("POST", "settings", {"refused": ["carla@example.it"]})
    tags = {"column": "tags", "target": "group", "separator": ","}
    columns = [*world.agreement["mapping"]["columns"], tags]
    agreed = {"mode": "full", "delta": {"on": True}, "create_groups": True}
    agreed |= {"mapping": {"columns": columns, "second_key": "reject"}}
    header = "email;nome;cellulare;tags\r\n"
    anna = 'anna@example.it;A;3331234567;"""VIP"",""Milano"""'
    carla = "carla@example.it;C;;VIP, Milano"
    world.drop("1.csv", anna, "bruno@example.it;B;;Soci,VIP", carla, header=header)
    first = world.run(agreed=agreed)
    anna, dario = anna.replace("333123", "333999"), "dario@example.it;D;;Milano,Soci"
    world.drop("2.csv", anna, "bruno@example.it;B;;VIP, Soci", dario, header=header)
    second = world.run(agreed=agreed)

    assert first.message.startswith("1.csv: 2 of 3 submitted, 1 rejected, MailUp rejected 1,")
    assert second.message.startswith("2.csv: 1 of 3 submitted, 1 unchanged, 1 rejected")
    assert len(world.rejects("1.csv")) == len(world.rejects("2.csv")) == 2
    groups = {who: set(found["groups"]) for who, found in world.people().items()}
    of_anna, of_bruno, of_dario = (groups[f"{w}@example.it"] for w in ("anna", "bruno", "dario"))
    assert len(of_anna) == len(of_bruno) == len(of_dario) == 2
    assert len(of_anna | of_bruno | of_dario) == 3


def test_one_file_feeds_several_lists(world: Any) -> None:
    """A column names the list of each row; a list that was not agreed is a reject."""
    columns = [*world.agreement["mapping"]["columns"], {"column": "lista", "target": "list"}]
    world.drop(
        "a.csv", "anna@example.it;A;;1", "anna@example.it;A;;2", "bruno@example.it;B;;3",
        header="email;nome;cellulare;lista\r\n",
    )  # fmt: skip
    state = world.run(agreed={"list_id": 0, "mapping": {"columns": columns, "lists": [1, 2]}})

    assert state.message == "a.csv: 2 of 3 submitted, 1 rejected"
    assert "anna@example.it" in world.people(1)
    assert "anna@example.it" in world.people(2)


def test_nothing_personal_is_left_behind(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    """After good, bad and held files no address, name, number or secret is in Prefect's database,
    in the log, in the ledger or in the scratch folder."""
    caplog.set_level("DEBUG")
    world.drop("a.csv", "pianta.buona@example.it;Piantabuona;3339876543", "pianta.rotta@@x;Rotta;")
    world.run()
    path = world.drop("b.csv", "pianta.tagliata@example.it;Piantatagliata;")
    path.write_bytes(path.read_bytes()[:-4])
    assert world.run().is_failed()
    world.control("POST", "settings", {"password": "another"})
    world.drop("b.csv", "pianta.terza@example.it;Terza;")
    assert world.run().is_failed()

    planted = [b"pianta.", b"Pianta", b"Rotta", b"3339876543", b"files-secret"]
    planted += [text.encode() for text in (world.mailup.client_secret, "sandbox-password")]
    left = {"log": caplog.text.encode()}
    url = get_current_settings().server.database.connection_url.get_secret_value()
    database = Path(url.partition("///")[2])
    folders = [database.parent, world.home]
    for file in (found for folder in folders for found in folder.rglob("*") if found.is_file()):
        if world.home / "files" not in file.parents and world.home / "mailup" not in file.parents:
            left[str(file)] = file.read_bytes()
    assert {str(database), str(world.home / "ledger.db")} <= set(left)
    assert any(b"b.csv is held (cut)" in content for name, content in left.items() if name != "log")
    for name, content in left.items():
        assert [word for word in planted if word in content] == [], name


def test_who_mailup_refuses_is_found_and_listed(world: Any) -> None:
    """MailUp only counts whom it refuses: they come back by line and name their reason, and a run
    that was cut off before it reported says the same."""
    world.control("POST", "settings", {"refused": ["carla@example.it", "dario@example.it"]})
    world.drop("a.csv", ANNA, "bruno@@example.it;B;", "carla@example.it;C;", "dario@example.it;D;")
    state = world.run(agreed={"results": {"language": "it"}, "source": {"afterwards": "leave"}})

    text = "a.csv: 1 of 4 submitted, 3 rejected, MailUp rejected 2, listed as rejected"
    assert state.message == text
    result, rejects = world.result("a.csv"), world.rejects("a.csv")
    assert result["counts"]["records"] == 4
    assert {each["code"]: each["records"] for each in result["reasons"]} == {
        "email_invalid": 1, "mailup_refused": 2,
    }  # fmt: skip
    assert [result["mailup"][key] for key in ("refused", "refused_listed", "read_back")] == [
        2, 2, "complete",
    ]  # fmt: skip
    assert [line.split(";")[:5] for line in rejects[2:]] == [
        ["carla@example.it", "C", "", "4", "email"], ["dario@example.it", "D", "", "5", "email"],
    ]  # fmt: skip
    assert "MailUp non accetta" in rejects[2]

    with sqlite3.connect(world.home / "ledger.db") as ledger:
        ledger.execute("UPDATE files SET state = 'submitted'")
    (world.inbox / "results" / "a.csv.rejects.csv").unlink()
    world.control("POST", "settings", {"refused": []})
    world.control("DELETE", "log")
    assert world.run(agreed={"results": {"language": "it"}}).message == text
    assert (world.rejects("a.csv"), world.posts()) == (rejects, [])
