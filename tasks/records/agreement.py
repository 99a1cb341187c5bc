"""What was agreed with a client for importing its files: the parameters of `import_recipients`."""

import hashlib
from typing import Literal

from pydantic import Field, model_validator

from tasks.agreements.base import Agreement, BlockName, ServerReference, Settings
from tasks.agreements.due import Due
from tasks.records.consent.settings import Consent
from tasks.records.delta.settings import Delta
from tasks.records.mapping.settings import Mapping
from tasks.records.reading.dialect import Dialect
from tasks.records.reading.unpack import Unpacking
from tasks.records.source import Source
from tasks.records.validation.history import HistoryLimits
from tasks.records.validation.limits import Thresholds


class Results(Settings):
    """What a client gets back for each file."""

    folder: str = Field(
        default="results",
        pattern=r"[^./]",
        description=(
            "Folder, below the source folder, for the result and reject files; never the source "
            "folder itself, so that a corrected reject file can be dropped there as it is."
        ),
    )
    names: Literal["as-the-file", "unique"] = Field(
        default="as-the-file",
        description=(
            "Results are named after the file, so that a later file of the same name replaces "
            "them, or get a unique name as well."
        ),
    )
    language: Literal["en", "it"] = Field(
        default="en", description="Language of the reasons in the reject file."
    )


class Archive(Settings):
    """Whether a client's files are kept after their import, and for how long."""

    days: int = Field(
        default=0,
        ge=0,
        le=3660,
        description=(
            "How many days each file is kept as it came, with what decided about it, so that it "
            "can be replayed; the client's later runs delete it. 0 keeps nothing."
        ),
    )
    key: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description=(
            "Name of the gpg-key block for which kept files are encrypted; empty leaves them "
            "open to whoever can read the ledger's storage."
        ),
    )

    @model_validator(mode="after")
    def _used(self) -> "Archive":
        if self.key and not self.days:
            raise ValueError("archive.key is of no use without archive.days; give the days.")
        return self


class ImportAgreement(Agreement):
    """Everything agreed with one client about importing recipients from its files."""

    server: ServerReference = Field(
        description="Block of the server that holds the files, for example sftp-server/acme.",
    )
    account: BlockName = Field(description="Name of the mailup-account block to import into.")
    ledger: BlockName = Field(
        default="default",
        description="Name of the ledger block that remembers what was done.",
    )
    decryption_key: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description="Name of the gpg-key block for encrypted files; empty where they are not.",
    )
    list_id: int = Field(
        default=0,
        ge=0,
        description="MailUp list to import into; 0 where a column of the file names the list.",
    )
    group: str = Field(
        default="",
        max_length=200,
        description="Group of the list, by id or name, for all recipients; empty for none.",
    )
    create_groups: bool = Field(
        default=False, description="Create a group that the list does not have yet."
    )
    replace_groups: bool = Field(
        default=False,
        description="Take recipients out of the list's other groups when they enter this one.",
    )
    mode: Literal["incremental", "full"] = Field(
        default="incremental",
        description=(
            "Incremental: a file holds changes. Full: a file holds everybody, so one that shrank "
            "beyond thresholds.max_shrink_percent is held; nobody is unsubscribed for being "
            "absent, unless delta.missing says so."
        ),
    )
    delta: Delta = Field(
        default=Delta(), description="Whether a full file sends only what has changed in it."
    )
    confirm_email: bool = Field(
        default=False,
        description=(
            "Ask recipients to confirm by e-mail before they are subscribed; MailUp then sets "
            "people who are subscribed already to pending, too."
        ),
    )
    same_content: Literal["skip", "import-after-others"] = Field(
        default="skip",
        description=(
            "A file whose content was imported before is skipped, or is imported again when "
            "another file was imported in between."
        ),
    )
    read_back_calls: int = Field(
        default=300,
        ge=0,
        description=(
            "Most MailUp calls per file spent on finding out who was refused when MailUp counts "
            "recipients as not valid: whoever is not in the list afterwards is listed among the "
            "rejects; and as many again before sending, on comparing the mobile numbers of known "
            "people with MailUp's: where that takes more, rows go without their second key. "
            "0 leaves it at the number, and compares nothing."
        ),
    )
    due: Due = Field(
        default=Due(), description="By when a file must have been imported; the watcher alerts."
    )
    source: Source = Field(default=Source(), description="Where the files are and where they go.")
    unpacking: Unpacking = Field(default=Unpacking(), description="Limits for compressed files.")
    dialect: Dialect = Field(default=Dialect(), description="How the files are written.")
    mapping: Mapping = Field(description="Which column goes where in MailUp.")
    consent: Consent = Field(
        default=Consent(), description="What happens to people's subscription status."
    )
    thresholds: Thresholds = Field(
        default=Thresholds(), description="When a file is held as a whole."
    )
    habit: HistoryLimits = Field(
        default=HistoryLimits(),
        description="When a file is held for being unlike the client's last ones.",
    )
    decision_days: int = Field(
        default=7,
        ge=1,
        le=60,
        description=(
            "How many days a run waits in the UI for somebody to release or refuse a held file; "
            "after that the file is still held, and the next run asks again."
        ),
    )
    results: Results = Field(default=Results(), description="What the client gets back.")
    archive: Archive = Field(
        default=Archive(), description="What is kept of a file after its import, for a replay."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ImportAgreement":
        by_row = {column.target for column in self.mapping.columns}
        if (self.list_id == 0) != ("list" in by_row):
            raise ValueError(
                "list_id: give either the id of one list, or 0 and a column with target 'list'."
            )
        if self.group and "group" in by_row:
            raise ValueError("group: leave it empty, or map no column to target 'group'.")
        if self.replace_groups and not (self.group or "group" in by_row):
            raise ValueError("replace_groups needs a group, or a column with target 'group'.")
        if self.consent.import_type == "opt-out" and "status" in by_row:
            raise ValueError(
                "consent.import_type 'opt-out' unsubscribes everybody in the file: map no column "
                "to target 'status', or choose 'default'."
            )
        if self.confirm_email and self.consent.import_type != "default":
            raise ValueError("confirm_email is possible only with consent.import_type 'default'.")
        if self.confirm_email and self.mapping.key == "mobile":
            raise ValueError("confirm_email needs e-mail addresses: mapping.key is 'mobile'.")
        if self.delta.on and (self.mode != "full" or not self.list_id):
            raise ValueError("delta.on needs mode 'full' and one list for all rows (list_id).")
        if self.delta.on and self.mapping.key == "both":
            raise ValueError(
                "delta.on needs mapping.key 'email' or 'mobile': with 'both' two rows may be one "
                "recipient of MailUp, and which was sent last would matter."
            )
        return self

    @property
    def lists(self) -> tuple[int, ...]:
        """Ids of every list that this agreement may write to."""
        return (self.list_id,) if self.list_id else tuple(self.mapping.lists)

    @property
    def uses_groups(self) -> bool:
        """Whether recipients enter groups of their list."""
        return bool(self.group or self.mapping.of("group"))

    @property
    def stream(self) -> str:
        """Name under which the ledger remembers the files of this agreement."""
        return "import:" + ",".join(map(str, sorted(self.lists)))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the agreement: batches of one attempt are all made with the same one."""
        return hashlib.sha256(self.model_dump_json(exclude={"due", "archive"}).encode()).hexdigest()
