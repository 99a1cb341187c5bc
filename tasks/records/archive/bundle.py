"""Archives: a file with its decision inputs, so that it can be replayed.

An archive is a zip of the original file, grounds.json (the decision inputs), the Parquet parts of
people who were not subscribed, and the snapshot with which the file was compared, if any. The
ledger stores the hash of grounds.json, which contains the hashes of all the rest: whoever can write
only to the storage cannot replace anything without notice.
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

FILE, INPUTS, UNSUBSCRIBED, SNAPSHOT = "file", "grounds.json", "refusals", "snapshot.parquet"
FASTEST = 1
"""Level of compression: an archive is written before the file is sent."""


class DecisionInputs(Settings):
    """Everything other than the file that decided about its records.

    `sha256` and `size`: of the original file. `refusals`: hash of the people who were not
    subscribed, empty if they were not requested. `snapshot`: hash of the snapshot that the file was
    compared with, empty if all rows were sent. `opened`: the archived file is decrypted and
    unpacked, because records were erased from it; `forgotten`: how many; `content`: the hash of
    that file, empty if an older version erased the first ones.
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
        """SHA-256 of grounds.json, as stored in the ledger."""
        return hash_of(self.model_dump_json().encode())

    def as_kept(self, agreement: ImportAgreement) -> ImportAgreement:
        """The agreement, changed so that it can read the archived file."""
        if not self.opened:
            return agreement
        unpacked = {"decryption_key": "", "unpacking": Unpacking(kind="none")}
        return agreement.model_copy(update=unpacked)


@dataclass(frozen=True)
class OpenedArchive:
    """An opened archive: the file and its decision inputs."""

    inputs: DecisionInputs
    fetched: Fetched
    facts: AccountFacts

    @property
    def proven(self) -> bool:
        """Whether the file's hash was verified; impossible if an older version changed the file."""
        return not self.inputs.opened or bool(self.inputs.content)


@dataclass(frozen=True)
class KnownHashes:
    """The hashes in the ledger: `inputs` of grounds.json, `sha256` of the original file.

    `rewritten`: an older version erased a person without updating `inputs`. Then only `opened` and
    `forgotten` may differ.
    """

    inputs: str
    sha256: str
    rewritten: bool = False


def decision_inputs(
    agreement: ImportAgreement, fetched: Fetched, facts: AccountFacts, first_seen_at: datetime
) -> DecisionInputs:
    """The decision inputs of a file that a run is about to send."""
    return DecisionInputs(
        name=fetched.name, sha256=fetched.sha256, size=fetched.size, first_seen_at=first_seen_at,
        agreement=agreement, today=facts.today, batch_size=facts.batch_size,
        fields=facts.fields, groups=facts.groups, refusals=unsubscribed_hash(facts.unsubscribed),
        snapshot=sha256_of(facts.snapshot) if facts.snapshot else "",
    )  # fmt: skip


def write_archive(target: Path, inputs: DecisionInputs, file: Path, facts: AccountFacts) -> Path:
    """Write the archive of a file."""
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_DEFLATED, compresslevel=FASTEST, allowZip64=True
    ) as archive:
        archive.writestr(INPUTS, inputs.model_dump_json())
        archive.write(file, FILE)
        for part in part_paths(facts.unsubscribed):
            archive.write(part, f"{UNSUBSCRIBED}/{part.name}")
        if facts.snapshot:
            archive.write(facts.snapshot, SNAPSHOT)
    return target


def open_archive(path: Path, folder: Path, known: KnownHashes) -> OpenedArchive:
    """Extract an archive to `folder`; RunStopped if it is damaged or does not match its hashes."""
    try:
        with zipfile.ZipFile(path) as archive:
            written = archive.read(INPUTS)
            _require(hash_of(_unmarked(written) if known.rewritten else written) == known.inputs)
            inputs = DecisionInputs.model_validate_json(written)
            with archive.open(FILE) as source, (folder / FILE).open("wb") as target:
                shutil.copyfileobj(source, target)
            parts = (f"{UNSUBSCRIBED}/", SNAPSHOT)
            members = [name for name in archive.namelist() if name.startswith(parts)]
            archive.extractall(folder, members)
        _require(_matches(inputs, folder, known))
    except ValidationError:
        raise RunStopped(
            "This file was archived by a version whose agreements this version cannot read. Replay "
            "it with that version, or import the client's own copy with today's agreement."
        ) from None
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise RunStopped(
            f"The archived file is damaged ({type(error).__name__}). Restore the ledger's storage "
            "from its backup."
        ) from None
    return _opened_archive(inputs, folder)


def _require(matches: bool) -> None:
    if not matches:
        raise RunStopped(
            "The archive does not match the hashes in the ledger: somebody has changed the "
            "ledger's storage. Restore it from its backup; nothing was sent."
        )


def _unmarked(written: bytes) -> bytes:
    """Decision inputs as they were before an older version erased a person."""
    ending = rb',"opened":true,"forgotten":[0-9]+}\Z'
    return re.sub(ending, b',"opened":false,"forgotten":0}', written)


def _matches(inputs: DecisionInputs, folder: Path, known: KnownHashes) -> bool:
    """Whether the extracted files match the hashes in the decision inputs and in the ledger."""
    if inputs.sha256 != known.sha256:
        return False
    if inputs.snapshot and sha256_of(folder / SNAPSHOT) != inputs.snapshot:
        return False
    if known.rewritten:
        return inputs.opened
    content = inputs.content if inputs.opened else inputs.sha256
    if content and sha256_of(folder / FILE) != content:
        return False
    return not inputs.refusals or unsubscribed_hash(folder / UNSUBSCRIBED) == inputs.refusals


def _opened_archive(inputs: DecisionInputs, folder: Path) -> OpenedArchive:
    file, unsubscribed = folder / FILE, folder / UNSUBSCRIBED
    if inputs.refusals:
        unsubscribed.mkdir(exist_ok=True)
    facts = AccountFacts(
        inputs.fields,
        inputs.groups,
        unsubscribed if inputs.refusals else None,
        inputs.today,
        inputs.batch_size,
        snapshot=folder / SNAPSHOT if inputs.snapshot else None,
    )
    # Hash and size stay those of the original file, which identify it in the ledger.
    return OpenedArchive(
        inputs, Fetched(inputs.name, file, inputs.size, inputs.sha256, None), facts
    )


def unsubscribed_hash(folder: Path | None) -> str:
    """SHA-256 of the people who were not subscribed; empty if they were not requested."""
    if folder is None:
        return ""
    return hash_of("".join(map(sha256_of, part_paths(folder))).encode())


def hash_of(content: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()
