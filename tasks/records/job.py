"""The import job: what every stage of one import has at hand."""

from dataclasses import dataclass, field
from pathlib import Path

from blocks.ledger.leases import Lease
from tasks.records.agreement import ImportAgreement
from tasks.records.stages import AccountFacts


@dataclass(frozen=True)
class ImportJob:
    """One import of one client's files.

    `facts` are what MailUp said about the account; `scratch` is the run's folder. `lease` proves
    that no other run of the client is at work; None in a dry run, which changes nothing anywhere.
    `release` imports a file that a limit holds, or that was reported or refused before; `send_all`
    sends what MailUp is known to have, too.
    """

    agreement: ImportAgreement
    facts: AccountFacts = field(repr=False)
    scratch: Path
    lease: Lease | None = None
    release: bool = False
    send_all: bool = False

    @property
    def dry_run(self) -> bool:
        """Whether this job only shows what would be done."""
        return self.lease is None
