"""Checking the connections of a client from this machine: of its file, or of what is deployed."""

from dataclasses import asdict, dataclass
from typing import Any

from deployments.client_files import file_of, shown
from flows.check_connections import check_connections
from tasks.checks.findings import Finding, findings_lines, to_mend
from tasks.connections.deployed_agreements import client_of_file


@dataclass(frozen=True)
class CheckedClient:
    """What was found, and the sentence that sums it up."""

    findings: tuple[Finding, ...]
    conclusion: str

    @property
    def is_well(self) -> bool:
        """Whether something was found, and nothing is to fix."""
        return bool(self.findings) and not to_mend(self.findings)


def check_client(client: str, *, deployed: bool) -> CheckedClient:
    """Check what a client's file names, or what its deployments do."""
    file = "" if deployed else shown(file_of(client))
    name = client_of_file(file) if file else client
    state = check_connections(name, file, return_state=True)
    found: Any = state.result(raise_on_failure=False)
    findings = tuple(found) if isinstance(found, list) else ()
    return CheckedClient(findings, state.message or "")


def client_lines(checked: CheckedClient) -> list[str]:
    """All findings, then what they amount to."""
    return [*findings_lines(checked.findings), "", checked.conclusion]


def finding_data(checked: CheckedClient) -> dict[str, Any]:
    """The same as data."""
    return {
        "well": checked.is_well,
        "conclusion": checked.conclusion,
        "findings": [asdict(each) for each in checked.findings],
    }
