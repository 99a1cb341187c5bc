"""What was agreed with a client about its exports: the parameters of the export flows."""

import hashlib
from typing import Literal

from pydantic import Field, model_validator

from tasks.agreements.base import Agreement, BlockName, ServerReference
from tasks.agreements.due import Due
from tasks.reports.output.filenames import Naming
from tasks.reports.output.formats import Format, is_zone
from tasks.reports.output.packing import Packing, Publishing, contradictions
from tasks.reports.output.retention import retention_mistake


class ExportAgreement(Agreement):
    """Everything agreed with one client about one kind of export."""

    server: ServerReference = Field(
        description="Block of the server that gets the files, for example sftp-server/acme.",
    )
    account: BlockName = Field(description="Name of the mailup-account block to read from.")
    ledger: BlockName = Field(
        default="default",
        description="Name of the ledger block that remembers what was delivered.",
    )
    lists: list[int] = Field(
        min_length=1, description="Ids of the MailUp lists that the export covers."
    )
    folder: str = Field(default=".", description="Folder on the server for the files.")
    columns: list[str] = Field(
        default=[],
        description="Headers of the columns to write, beside the compulsory ones; none for usual.",
    )
    fields: list[str] = Field(
        default=[],
        description="Dynamic fields added as columns, by id or name; not for e-mail statistics.",
    )
    mode: Literal["incremental", "full"] = Field(
        default="incremental",
        description="Incremental: what is new since the last delivery; full: everything each time.",
    )
    empty: Literal["header-only", "no-file"] = Field(
        default="header-only", description="What is delivered when there is nothing to tell."
    )
    keep_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="Delete our own files in the folder when they are older; 0 keeps all.",
    )
    mailup_zone: str = Field(
        default="Europe/Rome",
        description="Time zone of the dates that MailUp writes without one.",
    )
    due: Due = Field(
        default=Due(), description="By when a delivery must have been made; the watcher alerts."
    )
    naming: Naming = Field(default=Naming(), description="Names of the files.")
    format: Format = Field(default=Format(), description="How the files are written.")
    packing: Packing = Field(default=Packing(), description="Compression and done-markers.")
    publishing: Publishing = Field(
        default=Publishing(), description="What the client's server allows."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ExportAgreement":
        for mistake in contradictions(self.publishing, self.naming, self.packing):
            raise ValueError(mistake)
        if self.keep_days and (mistake := retention_mistake(self.naming)):
            raise ValueError(mistake)
        if not is_zone(self.mailup_zone):
            raise ValueError(
                f"mailup_zone '{self.mailup_zone}' is not known; give a name such as Europe/Rome."
            )
        return self

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the agreement, kept with every window."""
        return hashlib.sha256(self.model_dump_json(exclude={"due"}).encode()).hexdigest()

    def stream(self, kind: str) -> str:
        """Name under which the ledger remembers the windows of a kind of export."""
        return f"{kind}:" + ",".join(map(str, sorted(self.lists)))


class StatisticsAgreement(ExportAgreement):
    """What was agreed about an export of e-mail statistics."""

    reading: Literal["every-event", "latest-action"] = Field(
        default="every-event",
        description=(
            "Every event: each open and click. Latest action: one row per recipient and message, "
            "or one per link for those who clicked."
        ),
    )
    sent: bool = Field(default=True, description="Write a SNT row for each message sent.")
    bounces: bool = Field(default=True, description="Write a NCO row for each bounce.")
    message_days: int = Field(
        default=90,
        ge=1,
        le=4000,
        description="Messages whose last sending is older than this are not read any more.",
    )
