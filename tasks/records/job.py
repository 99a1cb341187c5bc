"""The import job: the settings and state shared by the stages of an import."""

from dataclasses import dataclass, field
from pathlib import Path

from blocks.ledger.leases import Lease
from tasks.records.agreement import ImportAgreement
from tasks.records.stages import AccountFacts


@dataclass(frozen=True)
class ImportJob:
    """One import of one client's files.

    `facts` is what MailUp reported about the account; `scratch` is the run's folder. `lease` is
    None in a dry run, which changes nothing. `release` imports a file that a limit holds, or that
    was reported or refused before; `send_all` also sends unchanged records.
    """

    agreement: ImportAgreement
    facts: AccountFacts = field(repr=False)
    scratch: Path
    lease: Lease | None = None
    release: bool = False
    send_all: bool = False

    @property
    def dry_run(self) -> bool:
        """Whether this job only reports what it would do."""
        return self.lease is None
