"""The report of a first contact: what each step proved, fit to be sent on: nobody is named in it.

Neither people nor the client, the account, its lists and fields are in it: only what MailUp's API
calls things, codes, figures and forms of values.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks.checks.findings import Finding, to_mend

TOLD = ("page size", "clock", "import", "counters", "people", "export", "dates", "pace")
"""Checks whose words hold figures only; of those that are not in here, nor begin with API, only
the outcome is reported."""
_ID = re.compile(r"/\d+")


@dataclass
class ContactStep:
    """One step: its name, what it proves, and what was found; `stopped` why it went no further."""

    name: str
    proves: str
    findings: list[Finding] = field(default_factory=list)
    stopped: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it came to its end with nothing to mend."""
        return not self.stopped and not to_mend(self.findings)


def document(steps: Sequence[ContactStep], day: date, private: Collection[str]) -> dict[str, Any]:
    """All steps as JSON. `private` are texts that must not be in it, such as the list's name."""
    return {
        "report": "first contact with a MailUp account",
        "version": 1,
        "day": day.isoformat(),
        "steps": [
            {
                "step": step.name,
                "proves": step.proves,
                "outcome": "well" if step.is_well else "stopped" if step.stopped else "to mend",
                "findings": [_shown(finding, private) for finding in step.findings],
            }
            for step in steps
        ],
    }


def _shown(finding: Finding, private: Collection[str]) -> dict[str, str]:
    open_to_all = finding.check in TOLD or finding.check.startswith("API:")
    return {
        "check": finding.check,
        "verdict": finding.verdict,
        "told": without(finding.told, private) if open_to_all else "",
    }


def without(text: str, private: Collection[str]) -> str:
    """The text without ids in addresses of calls, and without any of the private texts."""
    for each in sorted(filter(None, private), key=len, reverse=True):
        text = re.sub(re.escape(each), "***", text, flags=re.IGNORECASE)
    return _ID.sub("/#", text)


def readable(report: dict[str, Any]) -> str:
    """The same as markdown."""
    lines = [f"# First contact, {report['day']}", ""]
    for step in report["steps"]:
        lines += [f"## {step['step']}: {step['outcome']}", "", f"Proves {step['proves']}.", ""]
        lines += ["| check | verdict | told |", "| --- | --- | --- |"]
        lines += [_row(each) for each in step["findings"]] + [""]
    return "\n".join(lines)


def _row(finding: dict[str, str]) -> str:
    return f"| {finding['check']} | {finding['verdict']} | {finding['told'].replace('|', '¦')} |"


def private_texts(*texts: Iterable[str]) -> frozenset[str]:
    """Texts to keep out of a report; those too short to be told from words are left in."""
    return frozenset(each.strip() for group in texts for each in group if len(each.strip()) > 2)
