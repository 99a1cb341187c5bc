"""An archive is replayed only if the ledger knows what is in it, also after a person was taken out;
archives of older versions are read as before (tests/cases/archives, made at 0ac88d2)."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from blocks.errors import ConfigurationError, RunStopped
from blocks.ledger import archives, files
from blocks.ledger.archives import ArchiveEntry
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from tasks.files.hashing import sha256_of
from tasks.imports.archive import erase_from_archive, open_stored
from tasks.imports.replay import ArchivedFile, without_grant
from tasks.records.agreement import ImportAgreement
from tasks.records.archive.bundle import (
    FILE,
    INPUTS,
    SNAPSHOT,
    OpenedArchive,
    decision_inputs,
    write_archive,
)
from tasks.records.archive.erase import Person
from tasks.records.batching.payloads import array, encoded
from tasks.records.read_file import read_file
from tasks.records.stages import AccountFacts, Claim, Fetched

pytestmark = pytest.mark.core

CASES = Path(__file__).resolve().parents[2] / "cases" / "archives"
OLD = {case.pop("case"): case for case in json.loads((CASES / "ledger.json").read_text())}
AGREED = ImportAgreement.model_validate({
    "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
    "mapping": {"columns": [{"column": "email", "target": "email"}]},
    "archive": {"days": 30}, "consent": {"unsubscribed": "block"},
})  # fmt: skip
TEXT = b"email;nome\r\nanna@example.it;Anna\r\nbruno@example.it;Bruno\r\n"
WITHOUT_ANNA = b"email;nome\r\n\r\nbruno@example.it;Bruno\r\n"
DAY = datetime(2026, 11, 30, tzinfo=UTC)
ANNA, BRUNO = Person.of("anna@example.it"), Person.of("bruno@example.it")
PART = "refusals/000001.parquet"


@dataclass
class Kept:
    """A ledger with its storage, and one archived file in it."""

    home: Path
    store: Store
    storage: Storage
    file_id: int = 0

    @property
    def entry(self) -> ArchiveEntry:
        found = archives.newest(self.store, self.file_id)
        assert found is not None
        return found

    @property
    def path(self) -> Path:
        return self.home / "storage" / self.entry.stored

    def folder(self) -> Path:
        made = self.home / "opened"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        return made

    def opened(self) -> OpenedArchive:
        return open_stored(self.storage, self.entry, self.folder())

    def forget(self, person: Person) -> int:
        return erase_from_archive(self.store, self.storage, self.entry, person, self.folder())

    def enter(self, sha256: str, size: int) -> None:
        key = files.FileKey("acme", AGREED.stream, sha256)
        agreement = AGREED.model_dump_json()
        entry = files.enter(
            self.store, key, name="a.csv", size=size, agreement=agreement, run=""
        )  # fmt: skip
        self.file_id = entry.id

    def keep(self, packed: Path, grounds: str) -> None:
        name = self.storage.new_name("archive", "acme-1", ".zip")
        row = archives.announce(
            self.store, self.file_id, 1, stored=name, grounds=grounds, key="", days=30
        )
        self.storage.put_as(packed, name)
        archives.keep(self.store, row)

    def forge(self, changed: dict[str, bytes]) -> None:
        """Put other members into the archive, as somebody who can write to the storage alone."""
        with zipfile.ZipFile(self.path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, content in {**members, **changed}.items():
                if content:
                    archive.writestr(name, content)

    def grounds(self, **changes: Any) -> dict[str, bytes]:
        """The archive's decision inputs with some of them changed."""
        with zipfile.ZipFile(self.path) as archive:
            values = json.loads(archive.read(INPUTS))
        return {INPUTS: json.dumps(values | changes, separators=(",", ":")).encode()}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Kept]:
    """A ledger and its storage with nothing in them."""
    with Store(f"sqlite:///{tmp_path}/ledger.db") as store:
        yield Kept(tmp_path, store, Storage(str(tmp_path / "storage")))


@pytest.fixture
def kept(bare: Kept) -> Kept:
    """An archived file, with people who were not subscribed, and a snapshot."""
    source = bare.home / "source"
    (source / "refusals").mkdir(parents=True)
    people = pl.DataFrame({"address": ["anna@example.it", "dora@example.it"]})
    people.write_parquet(source / PART)
    people.write_parquet(source / SNAPSHOT)
    file = source / "a.csv"
    file.write_bytes(TEXT)
    fetched = Fetched("a.csv", file, len(TEXT), sha256_of(file), None)
    facts = AccountFacts(
        {1: "Nome"}, {}, source / "refusals", date(2026, 11, 30), 500, "", source / SNAPSHOT
    )
    grounds = decision_inputs(AGREED, fetched, facts, DAY)
    bare.enter(fetched.sha256, fetched.size)
    bare.keep(write_archive(source / "a.zip", grounds, file, facts), grounds.hash)
    return bare


OTHER = b"email;nome\r\nmallory@example.it;Mallory\r\n"
FORGED: dict[str, Callable[[Kept], dict[str, bytes]]] = {
    "another file": lambda _: {FILE: OTHER},
    "another file and its hash": lambda kept: {
        FILE: OTHER, **kept.grounds(sha256=sha256_text(OTHER), size=len(OTHER)),
    },
    "another list": lambda kept: kept.grounds(agreement={"client": "acme", "list_id": 2}),
    "the same grounds, written otherwise": lambda kept: {
        INPUTS: b" " + kept.grounds()[INPUTS]
    },
    "as if a person had been taken out": lambda kept: {
        FILE: OTHER, **kept.grounds(opened=True, forgotten=1),
    },
    "the same in the form of older versions": lambda kept: {FILE: OTHER, INPUTS: older(kept)},
    "nobody is unsubscribed": lambda _: {PART: parquet(["nobody@example.it"])},
    "no parts of who is unsubscribed": lambda _: {PART: b""},
    "another part": lambda _: {"refusals/000002.parquet": parquet(["b@example.it"])},
    "another snapshot": lambda _: {SNAPSHOT: parquet(["c@example.it"])},
    "no snapshot": lambda _: {SNAPSHOT: b""},
}  # fmt: skip


def sha256_text(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def older(kept: Kept) -> bytes:
    """Grounds as versions before these hashes wrote them when they had taken a person out."""
    written = kept.grounds()[INPUTS]
    ending = b'"opened":false,"forgotten":0'
    return written.replace(ending, ending.replace(b"false", b"true").replace(b"0", b"1"))


def parquet(addresses: list[str]) -> bytes:
    written = io.BytesIO()
    pl.DataFrame({"address": addresses}).write_parquet(written)
    return written.getvalue()


def test_an_archive_is_opened_as_it_was_stored(kept: Kept) -> None:
    """File, decision inputs, people who were not subscribed and snapshot are restored."""
    found = kept.opened()
    assert found.fetched.path.read_bytes() == TEXT
    assert found.inputs.agreement == AGREED
    assert found.proven
    assert found.facts.snapshot
    assert found.facts.snapshot.exists()


@pytest.mark.parametrize("how", FORGED)
@pytest.mark.parametrize("forgotten", [False, True], ids=["as it came", "after forgetting"])
def test_what_the_ledger_does_not_know_is_refused(kept: Kept, how: str, forgotten: bool) -> None:
    """Any change by somebody who can write to the storage but not to the ledger is found."""
    if forgotten:
        kept.forget(ANNA)
    kept.forge(FORGED[how](kept))
    with pytest.raises(RunStopped, match=r"match the hashes in the ledger|damaged"):
        kept.opened()


def test_an_archive_in_the_place_of_another_is_refused(kept: Kept) -> None:
    """Both are known to the ledger, each as its own."""
    first = kept.path.read_bytes()
    kept.forget(ANNA)
    kept.path.write_bytes(first)
    with pytest.raises(RunStopped, match="match the hashes in the ledger"):
        kept.opened()


def test_forgetting_keeps_the_chain(kept: Kept) -> None:
    """What is left is known by new hashes, written with the archive that takes the old one's place;
    a second person can be taken out of it as well."""
    before = kept.entry
    assert kept.forget(ANNA) == 2
    found = kept.opened()
    assert found.proven
    assert found.fetched.path.read_bytes() == WITHOUT_ANNA
    assert pl.read_parquet(kept.home / "opened" / PART)["address"].to_list() == ["dora@example.it"]
    assert (kept.entry.forgotten, kept.entry.grounds != before.grounds) == (1, True)
    assert kept.forget(BRUNO) == 1
    assert kept.opened().proven
    assert [path.name for path in kept.path.parent.iterdir()] == [kept.path.name]


CUTS = [
    (archives, "announce_instead", False), (archives, "keep_instead", False),
    (archives, "keep_instead", True), (archives, "removed", False), (Storage, "put_as", False),
    (Storage, "put_as", True), (Storage, "remove", False), (Storage, "remove", True),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "step", "done"), CUTS)
def test_forgetting_can_be_cut_off_at_any_step(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, done: bool
) -> None:
    """Before or after each of its steps: archives can be opened, with or without the person,
    and doing it again takes them out."""
    real = getattr(owner, step)

    def cut_off(*arguments: Any, **named: Any) -> None:
        if done:
            real(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(owner, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            kept.forget(ANNA)
    assert kept.opened().fetched.path.read_bytes() in (TEXT, WITHOUT_ANNA)
    kept.forget(ANNA)
    assert kept.opened().proven
    assert kept.opened().fetched.path.read_bytes() == WITHOUT_ANNA


@pytest.fixture(params=OLD)
def old(bare: Kept, request: pytest.FixtureRequest) -> tuple[Kept, str]:
    """An archive as a version before these hashes left it, in a ledger as it left that."""
    name, case = request.param, OLD[request.param]
    bare.enter(case["sha256"], case["size"])
    bare.keep(CASES / f"{name}.zip", case["grounds"])
    for again in range(1, {"as_it_came": 1, "forgotten_twice": 3}.get(name, 2)):
        stored = bare.storage.new_name("archive", "acme-1", ".zip")
        former, forgotten = bare.entry, min(again, case["forgotten"])
        row = archives.announce_instead(
            bare.store, former, stored=stored, grounds=case["grounds"], forgotten=forgotten
        )
        bare.storage.put_as(CASES / f"{name}.zip", stored)
        archives.keep_instead(bare.store, former, row)
        archives.removed(bare.store, former.id)
    return bare, name


def test_archives_of_older_versions_are_read_as_before(old: tuple[Kept, str]) -> None:
    """As they came, or after people were taken out; what nothing proves is compared and never
    sent, also after the next person is taken out."""
    kept, name = old
    found = kept.opened()
    assert found.fetched.sha256 == OLD[name]["sha256"]
    assert found.proven == (name == "as_it_came")
    assert_sent_only_if_proven(kept, found)
    assert kept.forget(Person.of("dora@example.it")) == 1
    again = kept.opened()
    assert again.fetched.path.read_bytes() == found_file(name)
    assert again.proven == found.proven
    assert_sent_only_if_proven(kept, again)


def assert_sent_only_if_proven(kept: Kept, found: OpenedArchive) -> None:
    claim = Claim("a.csv", kept.file_id, 1, DAY, "nothing", "", None, ())
    recalled = ArchivedFile(
        found.inputs.agreement, found.fetched, found.facts, claim, kept.entry, "its-day",
        found.proven,
    )  # fmt: skip
    if found.proven:
        # It says no ground on which to send it once more; today's agreement does.
        with pytest.raises(ConfigurationError, match="today's agreement"):
            without_grant(recalled)
        today = replace(recalled, replay_with="today")
        assert without_grant(today) == found.inputs.agreement
    else:
        with pytest.raises(RunStopped, match="not sent"):
            without_grant(recalled)


def test_an_archive_of_before_there_were_grounds_makes_the_requests_of_its_day(bare: Kept) -> None:
    """Its status column and its blank cells mean what they meant (tests/cases/archives/status.zip,
    made at 0ac88d2), so that it can be compared."""
    known = json.loads((CASES / "status.json").read_text(encoding="utf-8"))
    bare.enter(known["sha256"], known["size"])
    bare.keep(CASES / "status.zip", known["grounds"])
    found = bare.opened()
    folder = bare.home / "read"
    folder.mkdir()
    prepared = read_file(
        found.fetched.path, found.inputs.agreement, found.facts, folder,
        batch_size=found.facts.batch_size, today=found.facts.today,
    )  # fmt: skip
    made = [
        [to.channel, to.import_type, batch.rows, hashlib.sha256(array(texts)).hexdigest()]
        for batch, texts in encoded(prepared.batches)
        for to in (batch.destination,)
    ]
    assert made == known["requests"]
    assert {**asdict(prepared.counts), **known["counts"]} == asdict(prepared.counts)


def found_file(name: str) -> bytes:
    with zipfile.ZipFile(CASES / f"{name}.zip") as archive:
        return archive.read(FILE)


def test_an_older_archive_that_was_changed_is_refused(old: tuple[Kept, str]) -> None:
    """The ledger has the hashes of its decision inputs in any case, and of a snapshot."""
    kept, _ = old
    kept.forge({SNAPSHOT: parquet(["c@example.it"])})
    with pytest.raises(RunStopped, match="match the hashes in the ledger"):
        kept.opened()
    kept.path.write_bytes(kept.path.read_bytes())
    kept.forge(kept.grounds(batch_size=1))
    with pytest.raises(RunStopped, match="match the hashes in the ledger"):
        kept.opened()
