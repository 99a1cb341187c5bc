"""The report of a first contact, without private data, so that it can be passed on.

It contains no people, client, account, lists or fields: only MailUp's API names, codes, figures and
forms of values.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks.checks.findings import Finding, to_fix

SHAREABLE = ("page size", "clock", "import", "counters", "people", "export", "dates", "pace")
"""Checks whose texts contain only figures; of others, unless they start with API, only the verdict
is reported."""
_ID = re.compile(r"/\d+")


@dataclass
class ContactStep:
    """One step: its name, what it proves, and its findings; `stopped`: why it was aborted."""

    name: str
    proves: str
    findings: list[Finding] = field(default_factory=list)
    stopped: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it was completed with nothing to fix."""
        return not self.stopped and not to_fix(self.findings)


def document(steps: Sequence[ContactStep], day: date, private: Collection[str]) -> dict[str, Any]:
    """All steps as JSON; `private`: texts to be removed, such as the name of the list."""
    return {
        "report": "first contact with a MailUp account",
        "version": 1,
        "day": day.isoformat(),
        "steps": [
            {
                "step": step.name,
                "proves": step.proves,
                "outcome": "well" if step.is_well else "stopped" if step.stopped else "to fix",
                "findings": [_shown(finding, private) for finding in step.findings],
            }
            for step in steps
        ],
    }


def _shown(finding: Finding, private: Collection[str]) -> dict[str, str]:
    shareable = finding.check in SHAREABLE or finding.check.startswith("API:")
    return {
        "check": finding.check,
        "verdict": finding.verdict,
        "told": without(finding.text, private) if shareable else "",
    }


def without(text: str, private: Collection[str]) -> str:
    """Remove ids in paths and all private texts."""
    for each in sorted(filter(None, private), key=len, reverse=True):
        text = re.sub(re.escape(each), "***", text, flags=re.IGNORECASE)
    return _ID.sub("/#", text)


def readable(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [f"# First contact, {report['day']}", ""]
    for step in report["steps"]:
        lines += [f"## {step['step']}: {step['outcome']}", "", f"Proves {step['proves']}.", ""]
        lines += ["| check | verdict | result |", "| --- | --- | --- |"]
        lines += [_row(each) for each in step["findings"]] + [""]
    return "\n".join(lines)


def _row(finding: dict[str, str]) -> str:
    return f"| {finding['check']} | {finding['verdict']} | {finding['told'].replace('|', '¦')} |"


def private_texts(*texts: Iterable[str]) -> frozenset[str]:
    """Texts to remove from a report; very short ones, which are also words, are not removed."""
    return frozenset(each.strip() for group in texts for each in group if len(each.strip()) > 2)
