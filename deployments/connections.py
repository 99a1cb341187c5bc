"""Checking the connections of a client from this machine: of its file, or of what is deployed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from prefect.logging.handlers import PrefectConsoleHandler

from blocks.errors import ConfigurationError
from deployments.client_files import file_of
from flows.check_connections import check_connections
from tasks.checks.findings import Finding, findings_lines, to_fix
from tasks.connections.deployed_agreements import client_of_file

_ABOUT_API = "API: "


@dataclass(frozen=True)
class CheckedClient:
    """What was found, and the sentence that sums it up."""

    findings: tuple[Finding, ...]
    conclusion: str

    @property
    def is_well(self) -> bool:
        """Whether something was found, and nothing is to fix."""
        return bool(self.findings) and not to_fix(self.findings)


def check_client(client: str, *, deployed: bool) -> CheckedClient:
    """Check what a client's file names, or what its deployments do."""
    file = "" if deployed else _file(client)
    name = client_of_file(file) if file else client
    with _without_console():
        state = check_connections(name, file, return_state=True)
    found: Any = state.result(raise_on_failure=False)
    findings = tuple(found) if isinstance(found, list) else ()
    return CheckedClient(findings, state.message or "")


def _file(client: str) -> str:
    try:
        return str(file_of(client))
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} With --deployed, what is deployed is checked.") from None


def client_lines(checked: CheckedClient, *, everything: bool) -> list[str]:
    """The findings, then what they amount to; how MailUp's API answers only if wanted."""
    about_api = [each for each in checked.findings if each.check.startswith(_ABOUT_API)]
    shown_findings = [each for each in checked.findings if everything or each not in about_api]
    left = len(checked.findings) - len(shown_findings)
    more = [f"How MailUp's API answers: {left} notes, with --all."] if left else []
    wrong = len(to_fix(checked.findings))
    total = f"{len(checked.findings)} findings, {wrong} to fix."
    ending = total if checked.findings else checked.conclusion
    return [*findings_lines(shown_findings), "", *more, ending]


@contextmanager
def _without_console() -> Iterator[None]:
    """Without Prefect's log lines at the terminal, where the findings follow; its page has them."""
    names = ("", "prefect", "prefect.flow_runs", "prefect.task_runs")
    handlers = {
        handler: handler.level
        for name in names
        for handler in logging.getLogger(name).handlers
        if isinstance(handler, PrefectConsoleHandler)
    }
    for handler in handlers:
        handler.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for handler, level in handlers.items():
            handler.setLevel(level)


def finding_data(checked: CheckedClient) -> dict[str, Any]:
    """The same as data."""
    return {
        "well": checked.is_well,
        "conclusion": checked.conclusion,
        "findings": [asdict(each) for each in checked.findings],
    }
