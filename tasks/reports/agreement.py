"""The agreement with a client about its exports: the parameters of the export flows."""

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
    """The agreement with one client about one kind of export."""

    server: ServerReference = Field(
        description="Block of the server that receives the files, for example sftp-server/acme.",
    )
    account: BlockName = Field(description="Name of the mailup-account block to read from.")
    ledger: BlockName = Field(
        default="default",
        description="Name of the ledger block that records what has been delivered.",
    )
    lists: list[int] = Field(
        min_length=1, description="Ids of the MailUp lists that the export covers."
    )
    folder: str = Field(default=".", description="Folder on the server for the files.")
    columns: list[str] = Field(
        default=[],
        description="Headers of the optional columns to write; empty for the default columns.",
    )
    fields: list[str] = Field(
        default=[],
        description="Dynamic fields added as columns, by id or name; not for e-mail statistics.",
    )
    mode: Literal["incremental", "full"] = Field(
        default="incremental",
        description="Incremental: what is new since the last delivery. Full: everything each time.",
    )
    empty: Literal["header-only", "no-file"] = Field(
        default="header-only", description="What is delivered if there are no rows."
    )
    keep_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="Days after which delivered files are deleted from the folder; 0 keeps all.",
    )
    mailup_zone: str = Field(
        default="Europe/Rome",
        description="Time zone of the dates that MailUp sends without one.",
    )
    due: Due = Field(
        default=Due(), description="When a delivery must have been made; the watcher alerts if not."
    )
    naming: Naming = Field(default=Naming(), description="Names of the files.")
    format: Format = Field(default=Format(), description="Format of the files.")
    packing: Packing = Field(default=Packing(), description="Compression and done-markers.")
    publishing: Publishing = Field(
        default=Publishing(), description="How files are published on the client's server."
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
        """SHA-256 of the agreement, stored with every window."""
        return hashlib.sha256(self.model_dump_json(exclude={"due"}).encode()).hexdigest()

    def stream(self, kind: str) -> str:
        """Name of the stream of windows of a kind of export in the ledger."""
        return f"{kind}:" + ",".join(map(str, sorted(self.lists)))


class StatisticsAgreement(ExportAgreement):
    """The agreement about an export of e-mail statistics."""

    reading: Literal["every-event", "latest-action"] = Field(
        default="every-event",
        description=(
            "every-event: each open and click. latest-action: one row per recipient and message, "
            "or one per link for those who clicked."
        ),
    )
    sent: bool = Field(default=True, description="Write an SNT row for each message sent.")
    bounces: bool = Field(default=True, description="Write an NCO row for each bounce.")
    message_days: int = Field(
        default=90,
        ge=1,
        le=4000,
        description="Messages whose last sending is older than this are not read.",
    )
