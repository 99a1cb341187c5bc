"""Findings: the result of a check, its severity, and a remedy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from blocks.errors import SyncError
from blocks.errors.shown import in_markdown, visible

Severity = Literal["ok", "note", "fix"]
EXPIRES_SOON = timedelta(days=30)
EXPIRES_NOW = timedelta(days=7)


@dataclass(frozen=True)
class Finding:
    """The result of one check of a subject (a block, a deployment, this worker).

    `text`: the result, without secrets or personal data. `remedy`: what to do; always given for
    "fix".
    """

    subject: str
    check: str
    verdict: Severity
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Subject:
    """The subject of findings; creates them."""

    name: str

    def ok(self, check: str, text: str) -> Finding:
        """Nothing to do."""
        return Finding(self.name, check, "ok", text)

    def note(self, check: str, text: str, remedy: str = "") -> Finding:
        """Information; nothing fails because of it."""
        return Finding(self.name, check, "note", text, remedy)

    def fix(self, check: str, text: str, remedy: str) -> Finding:
        """Something to fix; runs will fail or be wrong until then."""
        return Finding(self.name, check, "fix", text, remedy)

    def dated(self, check: str, what: str, end: datetime, now: datetime, remedy: str) -> Finding:
        """Something that expires: a note a month before, to fix a week before."""
        left = end - now
        facts = f"{what} until {end:%Y-%m-%d}, {left.days} days from now"
        if left < EXPIRES_NOW:
            return self.fix(check, facts, remedy)
        if left < EXPIRES_SOON:
            return self.note(check, facts, remedy)
        return self.ok(check, facts)

    def tried(
        self, check: str, remedy: str, look: Callable[[], Iterable[Finding]]
    ) -> Iterator[Finding]:
        """The findings of a check; an error that ends it is one more, to fix."""
        try:
            yield from look()
        except SyncError as error:
            yield self.fix(check, finding_text(error), remedy)


@dataclass(frozen=True)
class Asked:
    """Findings, and the number of calls to MailUp that they took."""

    findings: tuple[Finding, ...]
    calls: int = 0


def no_block(name: str, error: SyncError) -> Finding:
    """A block that is missing or unusable."""
    return Subject(name).fix(
        "block",
        str(error),
        "Create or correct the block, in the UI or with `mailup-exchange provision`.",
    )


def finding_text(error: SyncError) -> str:
    """The text of an error; of a file server's error only path and reason."""
    path, reason = error.context.get("path"), error.context.get("reason")
    if not reason:
        return str(error)
    return f"{path!r}: {reason}" if path else str(reason)


def to_fix(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that have to be fixed."""
    return [finding for finding in findings if finding.verdict == "fix"]


def conclusion(findings: Sequence[Finding]) -> str:
    """One sentence: what has to be fixed, or that everything is correct."""
    wrong = to_fix(findings)
    if not wrong:
        return f"All is well: {len(findings)} findings, nothing to fix."
    things = "1 thing" if len(wrong) == 1 else f"{len(wrong)} things"
    return f"{things} to fix: " + "; ".join(
        f"{each.subject} {each.check}: {each.text.rstrip('.')}" for each in wrong
    )


def findings_table(findings: Sequence[Finding], api_calls: int) -> str:
    """All findings as Markdown: first the remedies, then a table per subject."""
    parts = [f"MailUp was called {api_calls} times.\n"]
    parts += _listed("To fix", to_fix(findings))
    parts += _listed("Worth a look", [each for each in findings if each.verdict == "note"])
    for subject, group in grouped(findings):
        # Without remedies: Prefect shows a cell as one line and hides what follows a long one.
        parts.append(f"## {in_markdown(subject)}\n\n| | check | found |\n| --- | --- | --- |")
        parts += [
            f"| {each.verdict} | {in_markdown(each.check)} | {in_markdown(each.text)} |"
            for each in group
        ]
        parts.append("")
    return "\n".join(parts)


def _listed(title: str, findings: Iterable[Finding]) -> list[str]:
    items = [
        f"- **{in_markdown(each.subject)}**, "
        f"{in_markdown(f'{each.check}: {each.text}'.rstrip('. '))}. *{in_markdown(each.remedy)}*"
        for each in findings
        if each.remedy
    ]
    return [f"## {title}\n", *items, ""] if items else []


def findings_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """All findings as lines for a terminal."""
    for subject, group in grouped(findings):
        yield visible(subject)
        for each in group:
            yield visible(f"  {each.verdict:<4}  {each.check}: {each.text}")
            if each.remedy:
                yield visible(f"        -> {each.remedy}")


def grouped(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Findings by subject, in order."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.subject, []).append(finding)
    yield from groups.items()
