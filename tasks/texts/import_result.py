"""Result of an imported file: JSON for the client, a summary for operators."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import polars as pl

from blocks.errors.shown import in_markdown
from blocks.ledger.decisions import Decision
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import Batch
from tasks.records.consent.second_key import NOT_COMPARED
from tasks.records.counts import Counts
from tasks.records.results.mailup_rejects import MAILUP_REFUSED
from tasks.records.results.reasons import sentence
from tasks.records.stages import (
    COUNTS_DIFFER,
    MAYBE_SENT,
    Claim,
    DeltaResult,
    Fetched,
    FileOutcome,
    Prepared,
    Submission,
)
from tasks.texts.markdown import markdown_table

RESULT_VERSION = 1
"""Version of the result document; increased when a key changes its meaning or is removed."""

FIRST_REJECTS = 20
"""Maximum number of rejects that a dry run lists."""

SENT_ALL = {
    "first": "there is no snapshot of an earlier file",
    "changed": "the agreement or the account's fields have changed since the previous file",
    "interrupted": "another file was started since the last imported one",
    "lost": "the ledger's storage lacks the snapshot, or it is damaged",
    "asked": "send_all was set",
    "due": "delta.resend_after_days has passed",
}
"""Why all rows of a file were sent, as the end of a sentence."""

LEFT = {
    "report": "they were only reported, as agreed (delta.missing)",
    "unreadable": "they were not unsubscribed, because the file has {rows} rows without a "
    "readable address (delta.max_nameless_rows); the next file decides",
    "limit": "they were not unsubscribed, because they are more than agreed and the release was "
    "for another reason; the next file without them is held",
    "replay": "they were not unsubscribed, because the file is replayed",
}
"""Why missing people were not unsubscribed, as the end of a sentence."""

OUTCOME_TITLES = {
    "imported": "Imported",
    "already_imported": "Imported before, nothing was sent",
    "held": "Held, nothing was sent",
    "refused": "Refused, nothing was sent",
    "dry_run": "Dry run, nothing was sent or written",
}
HELD_WHEN_SENT = "Held after batches were sent"
EXTRA = (
    "MailUp may have {} more imports of this file than listed: a run was interrupted, and batches "
    "that MailUp was not known to have were sent again."
)

KEYS_NOT_COMPARED = (
    "**Second keys of {0:,} rows were not compared** with MailUp's: that takes {1:,} calls, more "
    "than `read_back_calls` allows. These rows are sent without their second key and count as not "
    "confirmed. Set `read_back_calls` to at least {1} to compare them and send both keys."
)


def result_document(
    agreement: ImportAgreement,
    fetched: Fetched,
    claim: Claim,
    prepared: Prepared,
    submission: Submission,
    outcome: FileOutcome,
) -> dict[str, Any]:
    """The client's result file as JSON, without values of records."""
    language = agreement.results.language
    return {
        "version": RESULT_VERSION,
        "client": agreement.client,
        "file": fetched.name,
        "sha256": fetched.sha256,
        "bytes": fetched.size,
        "first_seen_as": claim.earlier_name,
        "first_seen_at": _utc(claim.seen_at),
        "reported_at": _utc(datetime.now(UTC)),
        "outcome": outcome.outcome,
        "held": _held(outcome, claim),
        "decision": _decision(outcome.decision),
        "consent": agreement.stated_basis,
        "counts": asdict(outcome.counts),
        "reasons": [
            {"code": code, "records": records, "meaning": sentence(code, language)}
            for code, records in sorted(reasons(prepared, submission).items())
        ],
        "cells_left_blank": [
            {"code": code, "cells": cells, "meaning": sentence(code, language)}
            for code, cells in sorted(prepared.blanked.items())
        ],
        "delta": _delta(outcome),
        "mailup": {
            "imports": list(submission.imports),
            "extra_imports": submission.extra,
            "refused": submission.refused.count,
            "refused_listed": len(submission.refused.lines),
            "read_back": submission.refused.state or None,
            "second_keys": _second_keys(submission),
        },
    }


def reasons(prepared: Prepared, submission: Submission) -> dict[str, int]:
    """Number of records per reason, including those that MailUp rejected and that were found."""
    found = len(submission.refused.lines)
    numbers = prepared.reasons
    if submission.consent is not None:
        others = {code: n for code, n in numbers.items() if not code.startswith("consent_")}
        numbers = others | submission.consent
    return numbers | ({MAILUP_REFUSED: found} if found else {}) | submission.second_key


def _held(outcome: FileOutcome, claim: Claim) -> dict[str, str] | None:
    if outcome.outcome == "refused":
        return {"reason": claim.reason, "message": "The file was held and then refused."}
    hold = outcome.hold
    return None if hold is None else {"reason": hold.reason, "message": hold.message}


def _delta(outcome: FileOutcome) -> dict[str, Any] | None:
    """The result of delta; None without delta."""
    compared = outcome.compared
    if compared is None:
        return None
    return {
        "sent_all_because": compared.why or None,
        "missing": compared.missing,
        "unsubscribed": outcome.unsubscribed,
        "nameless_rows": compared.unidentified_rows,
        "left_because": (compared.left_because or None) if compared.missing else None,
    }


def _second_keys(submission: Submission) -> dict[str, Any] | None:
    """Rows whose second key was not compared, the reason, and what to set; None if all were."""
    rows = submission.second_key.get(NOT_COMPARED, 0)
    if not rows:
        return None
    return {
        "not_compared": rows,
        "because": "too_many_calls",
        "calls_needed": submission.second_key_calls,
        "setting": "read_back_calls",
    }


def _decision(decision: Decision | None) -> dict[str, str] | None:
    """The decision about a hold, without the person who decided."""
    if decision is None:
        return None
    return {
        "verdict": decision.verdict,
        "decided_at": _utc(decision.decided_at),
        "note": decision.note,
    }


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def import_summary(
    outcome: FileOutcome,
    prepared: Prepared,
    submission: Submission,
    steps: str,
    first_rejects: Sequence[tuple[int, str, str]],
    delivered: Sequence[str],
) -> str:
    """Summary for operators: counts, reasons, MailUp's counters, and the table of steps.

    No personal data.
    """
    known = f" File {outcome.entry_id} of the ledger." if outcome.entry_id else ""
    sent = outcome.hold is not None and outcome.hold.reason in (COUNTS_DIFFER, MAYBE_SENT)
    title = HELD_WHEN_SENT if sent else OUTCOME_TITLES[outcome.outcome]
    parts = [f"## {in_markdown(outcome.name)}", f"**{title}.**{known}"]
    if outcome.hold:
        parts.append(f"> {in_markdown(f'{outcome.hold.reason}: {outcome.hold.message}')}")
    if outcome.asks:
        parts.append("Press **Resume** on this run to release or refuse the file.")
    if outcome.decision:
        parts.append(_decided(outcome.decision))
    parts.append(markdown_table(("outcome", "records"), [*asdict(outcome.counts).items()]))
    if outcome.compared:
        parts += _comparison(outcome.compared, outcome)
    codes = sorted(reasons(prepared, submission).items())
    if codes:
        rows = [(code, n, sentence(code, "en")) for code, n in codes]
        parts.append(markdown_table(("reason", "times", "meaning"), rows))
    if prepared.blanked:
        cells = [(code, n, sentence(code, "en")) for code, n in sorted(prepared.blanked.items())]
        parts.append(markdown_table(("not sent: reason", "cells", "meaning"), cells))
    if submission.imports:
        names = ("import_id", "list_id", "import_type", "sent", "created", "updated", "not_valid")
        rows = [tuple(entry.get(name, "") for name in names) for entry in submission.imports[:50]]
        parts.append(markdown_table(names, rows))
    if outcome.not_compared:
        calls = submission.second_key_calls
        parts.append(KEYS_NOT_COMPARED.format(outcome.not_compared, calls))
    if submission.extra:
        parts.append(EXTRA.format(submission.extra))
    if outcome.outcome == "dry_run":
        parts.append(_planned(prepared.batches))
    if first_rejects:
        parts.append(markdown_table(("line", "column", "reason"), first_rejects))
    if delivered:
        parts.append("Delivered to the client: " + ", ".join(map(in_markdown, delivered)))
    if steps:
        parts.append(steps)
    return "\n\n".join(parts) + "\n"


def _decided(decision: Decision) -> str:
    note = f": {decision.note}" if decision.note else ""
    return in_markdown(
        f"Decision about the hold ({decision.reason}): {decision.verdict}, by "
        f"{decision.decided_by} at {_utc(decision.decided_at)}{note}"
    )


def _comparison(compared: DeltaResult, outcome: FileOutcome) -> Iterator[str]:
    if compared.why:
        yield f"All rows of the file were sent: {SENT_ALL[compared.why]}."
    else:
        yield "Unchanged rows are those that MailUp confirmed for the previous file."
    if compared.missing is not None:
        done = f"{outcome.unsubscribed:,} of them were still subscribed and were unsubscribed"
        if outcome.outcome in ("held", "dry_run"):
            done = "those who are still subscribed would be unsubscribed"
        if compared.left_because:
            done = LEFT[compared.left_because].format(rows=compared.unidentified_rows)
        missing = f"{compared.missing:,} people of the client's earlier files are missing"
        yield f"{missing}; {done}." if compared.missing else "No people are missing."


def _planned(batches: Sequence[Batch]) -> str:
    """What would be sent: records and batches per destination."""
    plan: dict[tuple[Any, ...], list[int]] = {}
    for batch in batches:
        to = batch.destination
        key = (to.channel, to.list_id, to.group or "", to.import_type)
        plan.setdefault(key, []).append(batch.rows)
    head = ("channel", "list", "group", "import type", "records", "batches")
    return markdown_table(head, [(*key, sum(rows), len(rows)) for key, rows in plan.items()])


def counted(counts: Counts) -> str:
    """The counts as one line for the log."""
    return ", ".join(f"{number} {outcome}" for outcome, number in asdict(counts).items())


def first_lines(
    parts: Iterable[pl.DataFrame], names: Mapping[str, str]
) -> list[tuple[int, str, str]]:
    """Line, columns and sentences of the first rejects, without their cells.

    `names`: display names of the file's columns.
    """
    shown: list[tuple[int, str, str]] = []
    for frame in parts:
        for line, columns, reasons in frame.select("line", "columns", "reasons").iter_rows():
            if len(shown) == FIRST_REJECTS:
                return shown
            sentences = " ".join(sentence(code, "en") for code in reasons)
            columns_text = ", ".join(names[column] for column in columns if column)
            shown.append((line, columns_text or "(line)", sentences))
    return shown
