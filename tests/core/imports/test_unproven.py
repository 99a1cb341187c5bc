"""Batches without proof: sent again where that is harmless, held where it is not, and nobody's
newer data is lost; against the emulated MailUp, with several clients of one ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from blocks.errors import MailUpUnavailable
from blocks.ledger import batches, bodies, files, leases
from blocks.ledger.batches import BatchEntry, Purpose
from blocks.ledger.files import FileKey
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledgers import Ledger
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget, may_be
from blocks.mailup.resources.models import ImportDetail
from deployments.forget import Report, _without_bodies
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start
from tasks.imports.batch_sender import BatchRequest, BatchSender
from tasks.imports.unproven import KnownImports, MaybeSent, ResendCheck, everybody
from tests.core.emulated import settings_of

PLAIN = ImportTarget(list_id=2)
OPT_OUT = ImportTarget(list_id=2, import_type="optout")
OPT_IN = ImportTarget(list_id=2, import_type="optin")
CONFIRMED = ImportTarget(list_id=2, confirm_email=True)


class _NobodyWaits:
    def yield_to_others(self) -> None:
        pass


def nobody(people: pl.DataFrame) -> pl.DataFrame:
    return people.clear()


@dataclass
class Desk:
    """One ledger, one MailUp account, and runs of several clients that are killed and repeated."""

    store: Store
    client: MailUpClient
    storage: Storage
    caller: Caller

    def run(self, client: str, known: KnownImports = nobody, **of_judge: Any) -> BatchSender:
        """A run of a client's file; each call is the next run of the same file."""
        key = FileKey(client, "import:2", (client * 64)[:64])
        entry = files.enter(self.store, key, name="a.csv", size=1, agreement="v1", run="")
        files.move_to(self.store, entry.id, "submitting")
        name = f"client/{client}"
        lease = leases.take(self.store, name, seconds=-1)
        assert lease is not None
        leases.renew(self.store, lease)
        guard = leases.Guard(self.store, lease)
        return BatchSender(
            self.store, self.client, entry.id, 1, guard, _NobodyWaits(), 20.0, "acme",
            lambda: self.storage, ResendCheck(self.client, 300, known, **of_judge),
            sleep=lambda _: None,
        )  # fmt: skip

    def dies(self, client: str, batch: BatchRequest, *, arrives: bool) -> None:
        """A run that is killed while it sends: before or after MailUp accepted the batch."""
        counter = self.run(client)
        counter._record_before_sending(batch, self.client.latest_import_id())
        if arrives:
            self.client.start_import(batch.target, batch.content)
        leases.release(self.store, counter.guard.lease)

    def lives(self, client: str, batch: BatchRequest, *args: Any, **of_judge: Any) -> BatchEntry:
        """A run that completes the batch."""
        counter = self.run(client, *args, **of_judge)
        try:
            counter.send(batch, newest_import=self.client.latest_import_id())
            counter.finish()
        finally:
            leases.release(self.store, counter.guard.lease)
        return batches.of_file(self.store, counter.file_id, 1)[0]

    @property
    def people(self) -> dict[str, dict[str, Any]]:
        return self.caller.people(2)

    @property
    def kept(self) -> list[Path]:
        folder = Path(self.storage._root) / bodies.KIND
        return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    home = tmp_path_factory.mktemp("mailup")
    with start(home, calls_per_second=0, import_seconds=0, refused=("no@example.it",)) as running:
        yield running


@pytest.fixture
def desk(mailup: Emulator, tmp_path: Path) -> Iterator[Desk]:
    with (
        Store(f"sqlite:///{tmp_path}/ledger.db") as store,
        MailUpClient(settings_of(mailup), pace=lambda: None) as client,
    ):
        yield Desk(store, client, Storage(str(tmp_path / "storage")), Caller(mailup))


def batch(
    *people: str, name: str = "N", target: ImportTarget = PLAIN, purpose: Purpose = "records"
) -> BatchRequest:
    rows = [{"Email": each, "Fields": [{"Id": 1, "Value": name}]} for each in people]
    return BatchRequest.of(1, len(rows), json.dumps(rows).encode(), target, purpose)


def some(who: str, number: int = 20) -> list[str]:
    return [f"{who}{each}@example.it" for each in range(number)]


@pytest.mark.parametrize(("arrived", "order"), [("", "ab"), ("b", "ab"), ("b", "ba"), ("ab", "ba")])
def test_two_clients_of_one_list_both_dead_while_sending_lose_nothing(
    desk: Desk, arrived: str, order: str
) -> None:
    """Batches of one size to one list: none is taken for the other, whatever has arrived."""
    whose = {each: some(f"{each}-{arrived}-{order}-") for each in "ab"}
    for each in "ab":
        desk.dies(each, batch(*whose[each]), arrives=each in arrived)
    entries = [desk.lives(each, batch(*whose[each])) for each in order]

    assert {*whose["a"], *whose["b"]} <= set(desk.people)
    assert {each.state for each in entries} == {"done"}
    assert desk.kept == []


@pytest.mark.parametrize(
    "answers",
    [
        {"import_list": "summary"},
        {"import_list": "detail", "import_file_name": "filled"},
        {"import_shown": "late", "late_seconds": 0.3},
        {"import_counters": "late", "late_seconds": 0.3},
        {"import_status_codes": "unknown"},
        {"import_status_codes": "missing", "import_list_order": "newest_first"},
    ],
    ids=lambda answers: "-".join(map(str, answers.values())),
)
def test_nothing_is_lost_however_mailup_tells_of_imports(
    desk: Desk, answers: dict[str, Any]
) -> None:
    """The list of imports short, in full or late, counters late, names of files, any order."""
    known = desk.caller.control("settings")
    desk.caller.control("settings", answers)
    try:
        old, who = some(f"told-{len(str(answers))}-", 3), f"new-{len(str(answers))}@example.it"
        desk.dies("a", batch(*old, name="OLD"), arrives=True)
        desk.dies("b", batch(who, *some(f"b-{len(str(answers))}-", 2)), arrives=False)
        desk.lives("c", batch(old[0], name="NEW"))
        for client, again in (
            ("a", batch(*old, name="OLD")),
            ("b", batch(who, *some(f"b-{len(str(answers))}-", 2))),
        ):
            assert desk.lives(client, again).state == "done"
        names = [desk.people[each]["fields"]["1"] for each in (*old, who)]
    finally:
        desk.caller.control("settings", {name: known[name] for name in answers})
    assert names == ["NEW", "OLD", "OLD", "N"]


def test_three_clients_of_one_list_lose_nothing(desk: Desk) -> None:
    """Two are dead, into different groups and into none, one lives in between."""
    group = replace(PLAIN, group_id=3)
    groups = {row["idGroup"] for row in desk.caller.items("/Console/List/2/Groups")}
    group = replace(PLAIN, group_id=min(groups))
    parts = {each: some(f"three-{each}-") for each in "abc"}
    desk.dies("a", batch(*parts["a"], target=group), arrives=False)
    desk.dies("b", batch(*parts["b"]), arrives=True)
    desk.lives("c", batch(*parts["c"], target=group))
    for each, target in (("b", PLAIN), ("a", group)):
        desk.lives(each, batch(*parts[each], target=target))

    people = desk.people
    assert all(name in people for part in parts.values() for name in part)
    assert all(people[name]["groups"] == [group.group_id] for name in parts["a"] + parts["c"])


@pytest.mark.parametrize("arrives", [True, False])
def test_newer_values_of_another_file_win(desk: Desk, arrives: bool) -> None:
    """What was sent to the list since then is sent again after it, and only of its people; that
    it was is counted, and the bodies that were kept for it are gone."""
    old, new = some(f"old-{arrives}-", 3), some(f"new-{arrives}-", 2)
    desk.dies("a", batch(*old, name="OLD"), arrives=arrives)
    desk.lives("b", batch(old[0], *new, name="NEW"))
    assert [each.stat().st_mode & 0o77 for each in desk.kept] == [0] or len(desk.kept) == 1
    before = desk.client.latest_import_id()
    entry = desk.lives("a", batch(*old, name="OLD"))

    names = {each: desk.people[each]["fields"]["1"] for each in (*old, *new)}
    assert names == dict.fromkeys(old[1:], "OLD") | dict.fromkeys([old[0], *new], "NEW")
    assert desk.client.latest_import_id() == before + 2
    assert desk.client.import_detail(before + 2).rows_total == 1
    assert (entry.extra, desk.kept) == (1 + arrives, [])


def test_newer_values_win_where_the_run_dies_once_more(desk: Desk) -> None:
    """Killed between the batch and what is sent again after it: the next run continues there."""
    who = some("twice-", 2)
    desk.dies("a", batch(*who, name="OLD"), arrives=True)
    desk.lives("b", batch(who[0], name="NEW"))
    counter = desk.run("a")
    (entry,) = batches.of_file(desk.store, counter.file_id, 1)
    counter._resend(replace(entry, account="acme"), batch(*who, name="OLD"))
    leases.release(desk.store, counter.guard.lease)
    desk.lives("c", batch(who[1], name="NEWER"))
    desk.lives("a", batch(*who, name="OLD"))

    assert [desk.people[each]["fields"]["1"] for each in who] == ["NEW", "NEWER"]
    assert desk.kept == []


@pytest.mark.parametrize("lost", [True, False], ids=["body lost", "opt-out"])
def test_what_cannot_be_brought_again_holds_the_batch(desk: Desk, lost: bool) -> None:
    """A later batch of its people that is not plain, or that the storage lacks: somebody looks;
    released, the batch is sent."""
    who = some(f"held-{lost}-", 2)
    desk.dies("a", batch(*who), arrives=True)
    desk.lives("b", batch(who[0], target=PLAIN if lost else OPT_OUT))
    if lost:
        desk.kept[0].unlink()
    with pytest.raises(MaybeSent, match="later batch to the list"):
        desk.lives("a", batch(*who))
    entry = desk.lives("a", batch(*who), released_at=naive_utc_now() + timedelta(seconds=1))
    assert (entry.state, entry.extra) == ("done", 1)


def test_whoever_was_deleted_since_is_not_brought_back_by_a_second_sending(desk: Desk) -> None:
    """One whom the client's files may have brought before, and who is in the list no more."""
    who = some("gone-", 3)
    desk.lives("z", batch(*who))
    desk.dies("a", batch(*who), arrives=True)
    gone = desk.people[who[0]]["id"]
    desk.caller.call("DELETE", f"/Console/Recipients/{gone}").raise_for_status()

    with pytest.raises(MaybeSent, match="1 of its recipients are not in the list"):
        desk.lives("a", batch(*who), everybody)
    assert who[0] not in desk.people


def test_whom_mailup_refuses_is_not_taken_for_deleted(desk: Desk) -> None:
    """As many are not there as MailUp counts as not valid: the batch is sent again."""
    who = ["no@example.it", *some("refused-", 2)]
    desk.dies("a", batch(*who), arrives=True)
    assert desk.lives("a", batch(*who), everybody).state == "done"


def test_looking_up_is_bounded(desk: Desk) -> None:
    """A look-up that takes more calls than agreed is not made, and the file is held."""
    who = some("bounded-", 3)
    desk.dies("a", batch(*who), arrives=True)
    counter = desk.run("a", everybody)
    counter.resend_check = replace(counter.resend_check, calls=0)
    with pytest.raises(MaybeSent, match="more calls than read_back_calls"):
        counter.send(batch(*who), newest_import=0)


@pytest.mark.parametrize("target", [OPT_OUT, OPT_IN], ids=["opt-out", "opt-in"])
def test_what_changes_statuses_is_sent_again_only_where_nothing_is_left_to_do(
    desk: Desk, target: ImportTarget
) -> None:
    """Somebody who has changed the status since then keeps it."""
    who = some(f"status-{target.import_type}-", 2)
    desk.dies("a", batch(*who, target=target), arrives=True)
    assert desk.lives("a", batch(*who, target=target)).state == "done"

    desk.dies("b", batch(*who, target=target), arrives=True)
    person = desk.people[who[0]]["id"]
    verb = "Subscribe" if target is OPT_OUT else "Unsubscribe"
    method = "POST" if target is OPT_OUT else "DELETE"
    desk.caller.call(method, f"/Console/List/2/{verb}/{person}").raise_for_status()
    status = desk.people[who[0]]["status"]
    with pytest.raises(MaybeSent, match="it changes statuses, groups or fields"):
        desk.lives("b", batch(*who, target=target), everybody)
    assert desk.people[who[0]]["status"] == status


def test_nobody_is_asked_twice_to_confirm(desk: Desk) -> None:
    """An import with confirmation that may be there is not made again; one that is not, is."""
    who = some("confirm-", 2)
    desk.dies("a", batch(*who, target=CONFIRMED), arrives=True)
    with pytest.raises(MaybeSent):
        desk.lives("a", batch(*who, target=CONFIRMED))
    desk.dies("b", batch(*some("ask-"), target=CONFIRMED), arrives=False)
    assert desk.lives("b", batch(*some("ask-"), target=CONFIRMED)).sending_id is not None


def test_a_batch_of_missing_people_is_brought_to_its_end_by_its_body(desk: Desk) -> None:
    """It cannot be made again once it has arrived: its people are not subscribed any more."""
    who = some("missing-", 2)
    desk.lives("z", batch(*who))
    before = batch(*who, target=OPT_OUT, purpose="missing")
    desk.dies("a", before, arrives=True)
    counter = desk.run("a")
    (entry,) = batches.of_file(desk.store, counter.file_id, 1)
    counter.finish_stored(entry)
    counter.finish()

    (entry,) = batches.of_file(desk.store, counter.file_id, 1)
    assert (entry.state, entry.counters["rows"], entry.purpose) == ("done", 2, "missing")
    assert desk.people[who[0]]["status"] == "unsubscribed"
    assert desk.kept == []


def test_ids_of_another_account_hide_nothing(desk: Desk) -> None:
    """Two accounts of one ledger count their imports each for itself."""
    counter = desk.run("a")
    entry = counter._record_before_sending(batch("a@example.it"), 5)
    other = batches.accepted(desk.store, replace(entry, account="other"), 6)
    assert batches.claimed_imports(desk.store, 0, replace(entry, id=-1, account="there")) == set()
    assert batches.claimed_imports(desk.store, 0, replace(entry, id=-1)) == {other.import_id}


def test_an_id_that_another_batch_has_is_no_answer(desk: Desk) -> None:
    """After an invalid answer of MailUp the batch is not done."""
    first = desk.lives("a", batch("a@example.it"))
    entry = desk.run("b")._record_before_sending(batch("b@example.it"), 0)
    with pytest.raises(MailUpUnavailable, match="the id of another batch"):
        batches.accepted(desk.store, entry, first.import_id or 0)


def test_requests_that_are_kept_go_with_a_person_who_is_forgotten(
    desk: Desk, tmp_path: Path
) -> None:
    """Of that client alone; the batch that would need them is held."""
    who = some("forgotten-", 2)
    desk.dies("a", batch(*who), arrives=True)
    for client in "bc":
        desk.lives(client, batch(*who))
    ledger, report = (
        Ledger(url=f"sqlite:///{tmp_path}/ledger.db", storage=desk.storage._root),
        Report(),
    )
    _without_bodies("b", ledger, report)
    assert (report.lines, len(desk.kept)) == (
        ["1 requests that were kept to be sent again were deleted"], 1,
    )  # fmt: skip
    with pytest.raises(MaybeSent, match="are not stored"):
        desk.lives("a", batch(*who))


SUMMARY = {
    "Filename": "import.csv", "IdImport": 7, "IdList": 2, "Rows": 20, "StartDate": "x",
    "StatusCode": 3,
}  # fmt: skip
DETAIL = SUMMARY | {
    "IdGroups": [3], "EndDate": "2026-01-01 00:00:00Z", "ImportAsUnsubscribed": False,
    "Rows": {"Total": 20, "Valid": {"Total": 19}, "Invalid": {"Total": 1}},
}  # fmt: skip
GROUP = replace(PLAIN, group_id=3)


@pytest.mark.parametrize(
    ("answers", "target", "rows", "possible"),
    [
        (SUMMARY, PLAIN, 20, True),
        (SUMMARY, GROUP, 20, True),
        (SUMMARY, OPT_OUT, 20, True),
        (SUMMARY, replace(PLAIN, list_id=1), 20, False),
        (SUMMARY, PLAIN, 19, False),
        (SUMMARY, PLAIN, 21, False),
        (SUMMARY, OPT_OUT, 21, True),
        (SUMMARY | {"Rows": 0}, PLAIN, 20, True),
        (SUMMARY | {"StatusCode": 2}, PLAIN, 21, True),
        (SUMMARY | {"IdList": None, "Rows": None}, PLAIN, 20, True),
        (DETAIL, GROUP, 20, True),
        (DETAIL, PLAIN, 20, False),
        (DETAIL, replace(PLAIN, group_id=4), 20, False),
        (DETAIL | {"IdGroups": []}, GROUP, 20, True),
        (DETAIL | {"IdGroups": None}, PLAIN, 20, True),
        (DETAIL, replace(OPT_OUT, group_id=3), 20, True),
        (DETAIL | {"ImportAsUnsubscribed": True}, GROUP, 20, False),
        (DETAIL | {"SendConfirmationEmail": True}, GROUP, 20, False),
        (DETAIL | {"ReplaceExistingGroup": True}, GROUP, 20, False),
    ],
)
def test_only_what_mailup_says_excludes_an_import(
    answers: dict[str, Any], target: ImportTarget, rows: int, possible: bool
) -> None:
    """In the short form of the list and in the full one; what is not given excludes nothing."""
    assert may_be(ImportDetail.read(answers), target, rows) is possible


@pytest.mark.parametrize("wrong", [{"IdImport": -3}, {"IdImport": 0}, {"Rows": "many"}])
def test_nonsense_about_an_import_is_an_error_of_ours(wrong: dict[str, Any]) -> None:
    """Ids that no import can have, and text where a number is expected."""
    with pytest.raises(MailUpUnavailable):
        ImportDetail.read(SUMMARY | wrong)
