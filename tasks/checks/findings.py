"""Findings: what a check saw, whether it has to be mended, and how."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from blocks.errors import SyncError
from blocks.errors.shown import in_markdown, visible

Severity = Literal["ok", "note", "mend"]
EXPIRES_SOON = timedelta(days=30)
EXPIRES_NOW = timedelta(days=7)


@dataclass(frozen=True)
class Finding:
    """One check of one subject (a block, a deployment, this worker). No secret, nothing personal.

    `finding_text` is what was seen; `remedy` what to do, always there for "mend".
    """

    subject: str
    check: str
    verdict: Severity
    told: str
    remedy: str = ""


@dataclass(frozen=True)
class Subject:
    """What findings are about; makes them."""

    name: str

    def ok(self, check: str, told: str) -> Finding:
        """Nothing to do."""
        return Finding(self.name, check, "ok", told)

    def note(self, check: str, told: str, remedy: str = "") -> Finding:
        """Worth knowing; nothing fails because of it."""
        return Finding(self.name, check, "note", told, remedy)

    def mend(self, check: str, told: str, remedy: str) -> Finding:
        """Something will fail, or go wrong, until this is done."""
        return Finding(self.name, check, "mend", told, remedy)

    def dated(self, check: str, what: str, end: datetime, now: datetime, remedy: str) -> Finding:
        """Something that ends on a day: a note a month before, to mend a week before."""
        left = end - now
        facts = f"{what} until {end:%Y-%m-%d}, {left.days} days from now"
        if left < EXPIRES_NOW:
            return self.mend(check, facts, remedy)
        if left < EXPIRES_SOON:
            return self.note(check, facts, remedy)
        return self.ok(check, facts)

    def tried(
        self, check: str, remedy: str, look: Callable[[], Iterable[Finding]]
    ) -> Iterator[Finding]:
        """The findings of one look; an error of ours that ends it is one more, to mend."""
        try:
            yield from look()
        except SyncError as error:
            yield self.mend(check, finding_text(error), remedy)


@dataclass(frozen=True)
class Asked:
    """Findings, and in how many calls MailUp was asked for them."""

    findings: tuple[Finding, ...]
    calls: int = 0


def no_block(name: str, error: SyncError) -> Finding:
    """A block that is missing or cannot be used."""
    return Subject(name).mend(
        "block",
        str(error),
        "Create or correct the block, in the UI or with `mailup-exchange provision`.",
    )


def finding_text(error: SyncError) -> str:
    """What an error says happened; of a file server's only the reason, for the rest is known."""
    path, reason = error.context.get("path"), error.context.get("reason")
    if not reason:
        return str(error)
    return f"{path!r}: {reason}" if path else str(reason)


def to_mend(findings: Iterable[Finding]) -> list[Finding]:
    """Those that have to be mended."""
    return [finding for finding in findings if finding.verdict == "mend"]


def conclusion(findings: Sequence[Finding]) -> str:
    """One sentence: what has to be mended, or that all is well."""
    wrong = to_mend(findings)
    if not wrong:
        return f"All is well: {len(findings)} findings, nothing to mend."
    things = "1 thing" if len(wrong) == 1 else f"{len(wrong)} things"
    return f"{things} to mend: " + "; ".join(
        f"{each.subject} {each.check}: {each.told.rstrip('.')}" for each in wrong
    )


def findings_table(findings: Sequence[Finding], api_calls: int) -> str:
    """All findings as markdown: first what to do about which, then tables by subject."""
    parts = [f"MailUp was asked in {api_calls} calls.\n"]
    parts += _listed("To mend", to_mend(findings))
    parts += _listed("Worth a look", [each for each in findings if each.verdict == "note"])
    for subject, group in grouped(findings):
        # Without what to do: Prefect shows a cell as one line, and behind a long one nothing.
        parts.append(f"## {in_markdown(subject)}\n\n| | check | found |\n| --- | --- | --- |")
        parts += [
            f"| {each.verdict} | {in_markdown(each.check)} | {in_markdown(each.told)} |"
            for each in group
        ]
        parts.append("")
    return "\n".join(parts)


def _listed(title: str, findings: Iterable[Finding]) -> list[str]:
    items = [
        f"- **{in_markdown(each.subject)}**, "
        f"{in_markdown(f'{each.check}: {each.told}'.rstrip('. '))}. *{in_markdown(each.remedy)}*"
        for each in findings
        if each.remedy
    ]
    return [f"## {title}\n", *items, ""] if items else []


def findings_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """All findings as lines for a terminal."""
    for subject, group in grouped(findings):
        yield visible(subject)
        for each in group:
            yield visible(f"  {each.verdict:<4}  {each.check}: {each.told}")
            if each.remedy:
                yield visible(f"        -> {each.remedy}")


def grouped(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Findings by subject, both in the order in which they came."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.subject, []).append(finding)
    yield from groups.items()
