"""What decided about a file, and the file itself, in one archive: enough to decide once more.

The archive is a zip of the file as it came, grounds.json, the Parquet parts of people who were not
subscribed, and the snapshot of hashes with which the file was compared, if it was. The ledger knows
the hash of grounds.json, and this the hashes of all the rest: who can write to the storage alone
cannot put another file, or other grounds, into its place.
"""

import hashlib
import re
import shutil
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from blocks.errors import RunStopped
from tasks.agreements.base import Settings
from tasks.files.hashing import sha256_of
from tasks.records.agreement import ImportAgreement
from tasks.records.reading.unpack import Unpacking
from tasks.records.results.parts import part_paths
from tasks.records.stages import AccountFacts, Fetched

FILE, GROUNDS, REFUSALS, SNAPSHOT = "file", "grounds.json", "refusals", "snapshot.parquet"
FASTEST = 1
"""Level of compression: an archive is written while a client waits for its import."""


class DecisionInputs(Settings):
    """All that was looked at beside the file when its records were decided about.

    `sha256` and `size` are those of the file as it came. `refusals` is the hash of the people who
    were not subscribed, empty where nobody asked; `snapshot` that of what the file was compared
    with, empty where all of it was sent. `opened` where the file is decrypted and
    unpacked here, because records were taken out of it; `forgotten` how many, and `content` the
    hash of the file as it is here then, empty where an older version took the first ones out.
    """

    version: Literal[1] = 1
    name: str
    sha256: str
    size: int
    first_seen_at: datetime
    agreement: ImportAgreement
    today: date
    batch_size: int
    fields: dict[int, str] = Field(default_factory=dict)
    groups: dict[int, dict[int, str]] = Field(default_factory=dict)
    refusals: str = ""
    snapshot: str = ""
    opened: bool = False
    forgotten: int = 0
    content: str = ""

    @property
    def hash(self) -> str:
        """SHA-256 of grounds.json, by which the ledger knows an archive."""
        return hash_of(self.model_dump_json().encode())

    def as_kept(self, agreement: ImportAgreement) -> ImportAgreement:
        """An agreement that reads the file as it is in the archive."""
        if not self.opened:
            return agreement
        plain = {"decryption_key": "", "unpacking": Unpacking(kind="none")}
        return agreement.model_copy(update=plain)


@dataclass(frozen=True)
class OpenedArchive:
    """An archive that was opened: the file and what decided about it, as a run has them."""

    grounds: DecisionInputs
    fetched: Fetched
    facts: AccountFacts

    @property
    def proven(self) -> bool:
        """Whether the ledger knows the file's hash: not where an older version changed it."""
        return not self.grounds.opened or bool(self.grounds.content)


@dataclass(frozen=True)
class Known:
    """What the ledger knows of an archive: the hashes of grounds.json and of the file as it came.

    `rewritten` where an older version took a person out and left the hash of the grounds as it
    was: only what says that this was done, and how often, may differ then.
    """

    grounds: str
    sha256: str
    rewritten: bool = False


def decision_inputs(
    agreement: ImportAgreement, fetched: Fetched, facts: AccountFacts, first_seen_at: datetime
) -> DecisionInputs:
    """The grounds on which a run is about to send a file."""
    return DecisionInputs(
        name=fetched.name, sha256=fetched.sha256, size=fetched.size, first_seen_at=first_seen_at,
        agreement=agreement, today=facts.today, batch_size=facts.batch_size,
        fields=facts.fields, groups=facts.groups, refusals=refusals_hash(facts.refusals),
        snapshot=sha256_of(facts.snapshot) if facts.snapshot else "",
    )  # fmt: skip


def write_archive(target: Path, grounds: DecisionInputs, file: Path, facts: AccountFacts) -> Path:
    """Write `target` with a file, its grounds, and what of the facts lies in files."""
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_DEFLATED, compresslevel=FASTEST, allowZip64=True
    ) as archive:
        archive.writestr(GROUNDS, grounds.model_dump_json())
        archive.write(file, FILE)
        for part in part_paths(facts.refusals):
            archive.write(part, f"{REFUSALS}/{part.name}")
        if facts.snapshot:
            archive.write(facts.snapshot, SNAPSHOT)
    return target


def open_archive(path: Path, folder: Path, known: Known) -> OpenedArchive:
    """The content of an archive, laid down in `folder`; RunStopped where it cannot be read, or the
    ledger does not know it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            written = archive.read(GROUNDS)
            _require(hash_of(_before(written) if known.rewritten else written) == known.grounds)
            grounds = DecisionInputs.model_validate_json(written)
            with archive.open(FILE) as source, (folder / FILE).open("wb") as target:
                shutil.copyfileobj(source, target)
            parts = (f"{REFUSALS}/", SNAPSHOT)
            members = [name for name in archive.namelist() if name.startswith(parts)]
            archive.extractall(folder, members)
        _require(_as_known(grounds, folder, known))
    except ValidationError:
        raise RunStopped(
            "This file was archived by a version of the program whose agreements this one does "
            "not read. Replay it with that version, or with today's agreement from the client's "
            "own copy."
        ) from None
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise RunStopped(
            f"The archived file is damaged ({type(error).__name__}). Restore the ledger's storage "
            "from its backup."
        ) from None
    return _reopened(grounds, folder)


def _require(known: bool) -> None:
    if not known:
        raise RunStopped(
            "The archived file, or what decided about it, is not what the ledger knows: somebody "
            "has changed the ledger's storage. Restore it from its backup; nothing was sent."
        )


def _before(written: bytes) -> bytes:
    """Grounds as they were before an older version took a person out."""
    ending = rb',"opened":true,"forgotten":[0-9]+}\Z'
    return re.sub(ending, b',"opened":false,"forgotten":0}', written)


def _as_known(grounds: DecisionInputs, folder: Path, known: Known) -> bool:
    """Whether what lies beside the grounds is what they, and the ledger, know by its hash."""
    if grounds.sha256 != known.sha256:
        return False
    if grounds.snapshot and sha256_of(folder / SNAPSHOT) != grounds.snapshot:
        return False
    if known.rewritten:
        return grounds.opened
    content = grounds.content if grounds.opened else grounds.sha256
    if content and sha256_of(folder / FILE) != content:
        return False
    return not grounds.refusals or refusals_hash(folder / REFUSALS) == grounds.refusals


def _reopened(grounds: DecisionInputs, folder: Path) -> OpenedArchive:
    file, refusals = folder / FILE, folder / REFUSALS
    if grounds.refusals:
        refusals.mkdir(exist_ok=True)
    facts = AccountFacts(
        grounds.fields,
        grounds.groups,
        refusals if grounds.refusals else None,
        grounds.today,
        grounds.batch_size,
        snapshot=folder / SNAPSHOT if grounds.snapshot else None,
    )
    # Its hash and size stay those of the file as it came: that is how the ledger knows it.
    return OpenedArchive(
        grounds, Fetched(grounds.name, file, grounds.size, grounds.sha256, None), facts
    )


def refusals_hash(refusals: Path | None) -> str:
    """SHA-256 of the people who were not subscribed; empty where nobody asked."""
    if refusals is None:
        return ""
    return hash_of("".join(map(sha256_of, part_paths(refusals))).encode())


def hash_of(content: bytes) -> str:
    """SHA-256 of bytes that are in memory."""
    return hashlib.sha256(content).hexdigest()
