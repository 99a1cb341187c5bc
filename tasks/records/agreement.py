"""The agreement with a client about importing its files: parameters of `import_recipients`."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from tasks.agreements.base import Agreement, BlockName, ServerReference, Settings
from tasks.agreements.due import Due
from tasks.records.consent.grounds import ground_mistakes
from tasks.records.consent.settings import Consent
from tasks.records.delta.settings import Delta
from tasks.records.mapping.settings import Mapping
from tasks.records.reading.around import Wanted
from tasks.records.reading.dialect import Dialect
from tasks.records.reading.tables import FileTable, dialect_of_csv, positions
from tasks.records.reading.unpack import Unpacking
from tasks.records.source import Source
from tasks.records.validation.history import HistoryLimits
from tasks.records.validation.limits import Thresholds


class Results(Settings):
    """The files that the client receives for each imported file."""

    folder: str = Field(
        default="results",
        pattern=r"[^./]",
        description=(
            "Folder for result and reject files, below the source folder; never the source folder "
            "itself, so that a corrected reject file can be uploaded there under its name."
        ),
    )
    names: Literal["as-the-file", "unique"] = Field(
        default="as-the-file",
        description=(
            "as-the-file: results are named after the file, and a later file of that name replaces "
            "them. unique: each gets a unique name."
        ),
    )
    language: Literal["en", "it"] = Field(
        default="en", description="Language of the reasons in the reject file."
    )


class Archive(Settings):
    """Whether and how long a client's files are archived after their import."""

    days: int = Field(
        default=0,
        ge=0,
        le=3660,
        description=(
            "Number of days for which each file is archived with its decision inputs, so that it "
            "can be replayed; later runs delete it. 0 for no archive."
        ),
    )
    key: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description=(
            "Name of the gpg-key block for which archived files are encrypted; empty leaves them "
            "unencrypted in the ledger's storage."
        ),
    )

    @model_validator(mode="after")
    def _used(self) -> "Archive":
        if self.key and not self.days:
            raise ValueError("archive.key has no effect without archive.days; set archive.days.")
        return self


class ImportAgreement(Agreement):
    """The agreement with one client about importing recipients from its files."""

    server: ServerReference = Field(
        description="Block of the server with the files, for example sftp-server/acme.",
    )
    account: BlockName = Field(description="Name of the mailup-account block to import into.")
    ledger: BlockName = Field(
        default="default",
        description="Name of the ledger block that records what has been done.",
    )
    decryption_key: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description="Name of the gpg-key block for encrypted files; empty if they are not.",
    )
    list_id: int = Field(
        default=0,
        ge=0,
        description="MailUp list to import into; 0 if a column of the file gives the list.",
    )
    group: str = Field(
        default="",
        max_length=200,
        description="Group of the list, by id or name, for all recipients; empty for none.",
    )
    create_groups: bool = Field(
        default=False, description="Create groups that the list does not have yet."
    )
    replace_groups: bool = Field(
        default=False,
        description="Remove recipients from the list's other groups when they enter this one.",
    )
    mode: Literal["incremental", "full"] = Field(
        default="incremental",
        description=(
            "Incremental: a file contains changes. Full: a file contains all recipients, so it is "
            "held if it shrank by more than thresholds.max_shrink_percent. Missing recipients are "
            "unsubscribed only if delta.missing says so."
        ),
    )
    delta: Delta = Field(
        default=Delta(), description="Whether only new and changed rows of a full file are sent."
    )
    confirm_email: bool = Field(
        default=False,
        description=(
            "Ask recipients to confirm by e-mail before they are subscribed; MailUp then also sets "
            "people who are already subscribed to pending."
        ),
    )
    same_content: Literal["skip", "import-after-others"] = Field(
        default="skip",
        description=(
            "A file whose content was imported before is skipped, or imported again if another "
            "file was imported in between."
        ),
    )
    read_back_calls: int = Field(
        default=300,
        ge=0,
        description=(
            "Maximum number of MailUp calls per file for finding the recipients that MailUp "
            "counted as not valid: those who are not in the list are listed as rejects. The same "
            "number again, before sending, for comparing the mobile numbers of known people with "
            "MailUp's: if that takes more calls, rows are sent without their second key. 0 only "
            "reports the count and compares nothing."
        ),
    )
    due: Due = Field(
        default=Due(), description="When a file must have been imported; the watcher alerts if not."
    )
    source: Source = Field(
        default=Source(), description="Where the files are, and what happens to them afterwards."
    )
    unpacking: Unpacking = Field(default=Unpacking(), description="Limits for compressed files.")
    table: FileTable | None = Field(
        default=None,
        description=(
            "What files are if not CSV: an Excel workbook, or text of fixed width. Empty for CSV."
        ),
    )
    dialect: Dialect = Field(default=Dialect(), description="Format of the files.")
    mapping: Mapping = Field(description="Which column goes to which field in MailUp.")
    consent: Consent = Field(
        default=Consent(), description="What happens to the subscription status of people."
    )
    thresholds: Thresholds = Field(
        default=Thresholds(), description="Limits beyond which a file is held."
    )
    habit: HistoryLimits = Field(
        default=HistoryLimits(),
        description="Limits from history: how far a file may differ from the last ones.",
    )
    decision_days: int = Field(
        default=7,
        ge=1,
        le=60,
        description=(
            "Number of days for which a run stays paused until somebody releases or refuses a held "
            "file; after that the file is still held, and the next run asks again."
        ),
    )
    results: Results = Field(
        default=Results(), description="Result and reject files for the client."
    )
    archive: Archive = Field(
        default=Archive(), description="Whether imported files are archived, for a replay."
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
                "to target 'status', or use 'default'."
            )
        if self.confirm_email and self.consent.import_type != "default":
            raise ValueError("confirm_email is possible only with consent.import_type 'default'.")
        if self.confirm_email and self.mapping.key == "mobile":
            raise ValueError("confirm_email needs e-mail addresses: mapping.key is 'mobile'.")
        if self.delta.on and (self.mode != "full" or not self.list_id):
            raise ValueError("delta.on needs mode 'full' and one list for all rows (list_id).")
        if self.delta.on and self.mapping.key == "both":
            raise ValueError(
                "delta.on needs mapping.key 'email' or 'mobile': with 'both', two rows may be the "
                "same recipient in MailUp."
            )
        for mistake in _several_groups_mistakes(self):
            raise ValueError(mistake)
        limit = self.thresholds.max_opt_out_percent
        for mistake in ground_mistakes(self.consent, self.mapping, limit):
            raise ValueError(mistake)
        return self

    @property
    def lists(self) -> tuple[int, ...]:
        """Ids of all lists that this agreement may write to."""
        return (self.list_id,) if self.list_id else tuple(self.mapping.lists)

    @property
    def csv_dialect(self) -> Dialect:
        """How the CSV file is written that a file is, or becomes."""
        return dialect_of_csv(self.table, self.dialect)

    @property
    def wanted(self) -> Wanted:
        """What is looked for in a file, to tell its table from what is around it."""
        keys = ("email", "mobile") if self.mapping.key == "both" else (self.mapping.key,)
        places = positions(self.table)
        held = {
            each.target: places.get(each.column, each.column)
            for each in self.mapping.columns
            if each.target in keys
        }
        names = (places.get(name, name) for name in self.column_names)
        return Wanted(
            names=tuple(name for name in names if not re.fullmatch(r"#\d+", name)),
            email=held.get("email", ""),
            mobile=held.get("mobile", ""),
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of the file that the agreement names."""
        mapped = (each.column for each in self.mapping.columns)
        return tuple(dict.fromkeys((*mapped, *self.consent.basis.columns)))

    @property
    def stated_basis(self) -> dict[str, Any]:
        """The import type, and the ground of each channel that is used, to be written down."""
        return {
            "import_type": self.consent.import_type,
            **self.consent.basis.stated(self.mapping.channels),
        }

    @property
    def uses_groups(self) -> bool:
        """Whether recipients enter groups of their list."""
        return bool(self.group or self.mapping.of("group"))

    @property
    def stream(self) -> str:
        """Name of this agreement's stream of files in the ledger."""
        return "import:" + ",".join(map(str, sorted(self.lists)))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the agreement: all batches of an attempt are made with the same one."""
        return hashlib.sha256(self.model_dump_json(exclude={"due", "archive"}).encode()).hexdigest()


def _several_groups_mistakes(agreement: ImportAgreement) -> Iterator[str]:
    """What is not possible where a person is sent once for each of several groups."""
    if not agreement.mapping.several_groups:
        return
    refused = {
        "replace_groups (each group would remove the person from the one before)": (
            agreement.replace_groups
        ),
        "confirm_email (each group would ask the person again)": agreement.confirm_email,
        "consent.import_type 'opt-in'": agreement.consent.import_type == "opt-in",
    }
    for name, is_set in refused.items():
        if is_set:
            yield (
                f"A group column with separator is not possible with {name}: leave one of the two "
                "out."
            )
