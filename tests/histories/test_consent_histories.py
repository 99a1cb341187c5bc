"""Random histories of people and files, against the emulated MailUp: nobody comes back unasked.

A machine of hypothesis lets people come, leave, bounce and complain, and sends files of random rows
under random agreements through the real reading, the real client and MailUp; also the same file
again, and each batch twice. After every file it compares everybody's status with the one before.
`make histories` plays many more of them and writes down what they met (docs/histories.md).
"""

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from sandbox.mailup.caller import Caller
from tasks.imports.account_facts import write_unsubscribed
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.payloads import array, recipient_objects
from tasks.records.read_file import read_file
from tasks.records.results.parts import read_parts
from tasks.records.stages import AccountFacts, Prepared
from tests.core.emulated import emulated
from tests.histories.histories_page import write_page

TODAY = date(2026, 5, 15)
GRANT_DAY = "2026-05-01"
GRANT = {
    "import_type": "opt-in", "grant_date": GRANT_DAY, "grant_expires": "2026-05-31",
    "grant_by": "Chief of marketing", "grant_reason": "New subscription form",
}  # fmt: skip
CONSENTS: dict[str, dict[str, str]] = {
    "update": {}, "block": {"unsubscribed": "block"}, "leave": {"import_type": "opt-out"},
    "grant": GRANT,
}  # fmt: skip
LEFT_BY_THEMSELVES = (0, 2, 4)
MOMENTS = ("2026-04-30T10:00:00Z", "2026-05-01T10:00:00Z", "2026-05-10T10:00:00Z")
GOOD_DAY, NO_DAY = "01/02/1990", "31/02/1990"
UNSUBSCRIBES, UNREADABLE = "0", "x"


@dataclass(frozen=True)
class Row:
    """One row of a file: whose (by number), in which spelling, its status cell and its date."""

    who: int
    capitals: bool
    status: str
    day: str

    @property
    def is_good(self) -> bool:
        """Whether the row can be sent."""
        return self.day == GOOD_DAY and self.status != UNREADABLE

    @property
    def may_leave(self) -> bool:
        """Whether the row unsubscribes, or may have been meant to."""
        return self.status in (UNSUBSCRIBES, UNREADABLE)


@dataclass(frozen=True)
class File:
    """A file and the terms under which it is imported."""

    rows: tuple[Row, ...]
    has_status: bool
    consent: str
    last_decides: bool

    @property
    def agreement(self) -> ImportAgreement:
        columns = [
            {"column": "email", "target": "email"},
            {"column": "nato", "target": "field", "field": "nato", "date_in": "%d/%m/%Y"},
        ]
        if self.has_status:
            columns.append({"column": "stato", "target": "status"})
        mapping = {"columns": columns, "last_row_decides_status": self.last_decides}
        return ImportAgreement(
            client="acme", server="sftp-server/acme", account="acme", list_id=1,
            mapping=mapping, consent=CONSENTS[self.consent], dialect={"separator": ";"},
        )  # fmt: skip

    def content(self, people: list[str]) -> bytes:
        lines = ["email;nato;stato"]
        for row in self.rows:
            address = people[row.who].upper() if row.capitals else people[row.who]
            lines.append(f"{address};{row.day};{row.status}")
        return "".join(f"{line}\r\n" for line in lines).encode()

    def of(self, who: int) -> list[Row]:
        """Rows of one person; without a status column their status cells mean nothing."""
        mine = [row for row in self.rows if row.who == who]
        plain = [Row(row.who, row.capitals, "", row.day) for row in mine]
        return mine if self.has_status else plain


rows = st.builds(
    Row, st.integers(0, 3), st.booleans(), st.sampled_from(["", "1", UNSUBSCRIBES, UNREADABLE]),
    st.sampled_from([GOOD_DAY, GOOD_DAY, NO_DAY]),
)  # fmt: skip
drawn_files = st.builds(
    File, st.lists(rows, min_size=1, max_size=7).map(tuple), st.booleans(),
    st.sampled_from(sorted(CONSENTS)), st.booleans(),
).filter(lambda file: not (file.has_status and file.consent == "leave"))  # fmt: skip

some = st.sets(st.integers(0, 3), min_size=1)
happenings = st.sampled_from(["unsubscribe"] * 4 + ["bounce", "complain"])

_numbers = itertools.count()
HISTORIES = int(os.environ.get("HISTORIES", "40"))
STEPS = 12


def may_come_back(person: dict[str, Any]) -> bool:
    """Whether a grant concerns somebody: they left by themselves, before its day."""
    left = person["status"] == "unsubscribed" and person["type"] in LEFT_BY_THEMSELVES
    return left and person["optout_date"][:10] < GRANT_DAY


def wanted(file: File, mine: list[Row], before: str | None) -> str | None:
    """The status that the rows of one person have to leave them in, grants aside."""
    good = [row for row in mine if row.is_good]
    if file.consent == "leave":
        leaves, silenced = bool(good), False
    else:
        counted = [row for row in mine if row.is_good or row.may_leave]
        by_last = file.last_decides and bool(counted) and (
            counted[-1].is_good or not counted[-1].may_leave
        )  # fmt: skip
        deciding = counted[-1:] if by_last else counted
        leaves = any(row.is_good and row.may_leave for row in deciding)
        silenced = not leaves and any(row.may_leave for row in deciding)
    if leaves:
        return "pending" if before == "pending" else "unsubscribed"
    return before if silenced or not good else (before or "subscribed")


ALL_KINDS = {
    "histories", "files imported", "files replayed", "files each batch of which was sent twice",
    "statuses compared", "people who unsubscribe", "people who bounce", "people who complain",
    "people who fill in the form", "people who are asked to confirm",
    "people who are unsubscribed and have a good row", "people who are pending and have a good row",
    "people subscribed again, each by a grant that lists them",
}  # fmt: skip
"""What histories have to meet together, by the words of the page."""


class Histories(RuleBasedStateMachine):
    """People and files in any order; addresses of their own for each history."""

    def __init__(
        self, mailup: Caller, client: MailUpClient, folder: Path, met: Counter[str]
    ) -> None:
        super().__init__()
        self.met = met
        self.mailup, self.client, self.folder = mailup, client, folder
        number = next(_numbers)
        self.people = [f"p{who}.h{number}@example.it" for who in range(4)]
        self.sent: list[File] = []
        met["histories"] += 1

    def states(self) -> dict[str, dict[str, Any]]:
        found = self.mailup.people(1)
        return {email.lower(): person for email, person in found.items()}

    @initialize()
    def people_are_there(self) -> None:
        """All but one are subscribed at first."""
        path = "/Console/List/1/Recipients"
        self.mailup.import_all(path, [{"Email": email} for email in self.people[:3]])

    @rule(who=some, when=st.sampled_from(MOMENTS), what=happenings)
    def something_happens(self, who: set[int], what: str, when: str) -> None:
        """People in the list leave by a link, bounce or complain."""
        there = self.states()
        for email in (self.people[each] for each in sorted(who)):
            if email in there:
                self.mailup.control(what, {"list": 1, "email": email, "when": when})
                self.met[f"people who {what}"] += 1

    @rule(who=st.integers(0, 3))
    def subscribes(self, who: int) -> None:
        """Somebody fills in the form on the web site; MailUp refuses bounced ones."""
        person = self.states().get(self.people[who])
        if person:
            self.met["people who fill in the form"] += 1
            self.mailup.call("POST", f"/Console/List/1/Subscribe/{person['id']}")

    @rule(who=st.integers(0, 3))
    def is_asked_to_confirm(self, who: int) -> None:
        """Somebody waits for their confirmation."""
        path = "/Console/List/1/Recipients?ConfirmEmail=true"
        self.mailup.import_all(path, [{"Email": self.people[who]}])
        self.met["people who are asked to confirm"] += 1

    @rule(file=drawn_files, twice=st.booleans())
    def a_file_is_imported(self, file: File, twice: bool) -> None:
        """A new file; `twice` sends each batch twice, as after an answer that was lost."""
        self.sent.append(file)
        self.bring(file, twice=twice)

    @rule(which=st.integers(0, 20), twice=st.booleans())
    def a_file_is_imported_again(self, which: int, twice: bool) -> None:
        """A file of before, replayed under its own terms."""
        if self.sent:
            self.met["files replayed"] += 1
            self.bring(self.sent[which % len(self.sent)], twice=twice)

    @rule(file=drawn_files)
    def a_file_with_a_grant_is_imported(self, file: File) -> None:
        """A file like any other, whose people asked to be subscribed again."""
        self.bring(replace(file, consent="grant"), twice=False)

    def bring(self, file: File, *, twice: bool) -> None:
        self.met["files imported"] += 1
        self.met["files each batch of which was sent twice"] += twice
        before = self.states()
        prepared = self.read(file)
        for batch in prepared.batches:
            target = ImportTarget(list_id=1, import_type=batch.destination.import_type)
            for _ in range(1 + twice):
                content = array(recipient_objects(batch.records()))
                import_id = self.client.start_import(target, content)
                self.client.wait_for_import(import_id, timeout_seconds=20, poll_seconds=0.002)
        self.compare(file, before, self.states(), granted(prepared))

    def read(self, file: File) -> Prepared:
        folder = self.folder / f"file{next(_numbers)}"
        folder.mkdir()
        path = folder / "file.csv"
        path.write_bytes(file.content(self.people))
        agreement = file.agreement
        asks = agreement.consent.asks_mailup
        refusals = (
            write_unsubscribed(folder / "no", agreement, self.client, "Europe/Rome")
            if asks
            else None
        )
        facts = AccountFacts(fields={1: "nato"}, unsubscribed=refusals)
        return read_file(path, agreement, facts, folder, batch_size=2, today=TODAY)

    def compare(
        self,
        file: File,
        before: dict[str, dict[str, Any]],
        after: dict[str, dict[str, Any]],
        granted_lines: set[int],
    ) -> None:
        """Hold everybody's status against the rules; who is not in the file stays as they were."""
        mine = {self.people[who]: file.of(who) for who in range(4)}
        for email in {*before, *after, *self.people}:
            was, now = before.get(email), after.get(email)
            status = was["status"] if was else None
            is_now = now["status"] if now else None
            goal = wanted(file, mine[email], status) if email in mine else status
            self.met["statuses compared"] += 1
            asks = email in mine and any(
                each.is_good and not each.may_leave for each in mine[email]
            )
            if was and status != "subscribed" and asks:
                self.met[f"people who are {status} and have a good row"] += 1
            if was and status != "subscribed" and is_now == "subscribed":
                self.met["people subscribed again, each by a grant that lists them"] += 1
                lines = {n for n, row in enumerate(file.rows, 2) if self.people[row.who] == email}
                assert file.consent == "grant"
                assert may_come_back(was)
                assert lines & granted_lines
                assert goal == status
            else:
                assert is_now == goal


def granted(prepared: Prepared) -> set[int]:
    """Lines that are listed as subscribed again because of a grant."""
    parts = [part.filter(reason="consent_granted") for part in read_parts(prepared.skipped)]
    return {line for part in parts for line in part["line"]}


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Caller, MailUpClient]]:
    with emulated(tmp_path_factory.mktemp("mailup")) as both:
        yield both


def test_nobody_comes_back_and_who_leaves_has_left(
    mailup: tuple[Caller, MailUpClient], tmp_path: Path
) -> None:
    """Whatever happened before: a file subscribes nobody again without a grant that concerns them
    and lists them, a row that unsubscribes wins, and nobody else's status changes."""
    met: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: Histories(*mailup, tmp_path, met),
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
        ),
    )
    # All that was drawn up has to have happened, else this shows less than it says.
    assert set(+met) == ALL_KINDS
    if "HISTORIES" in os.environ:
        write_page(met)
