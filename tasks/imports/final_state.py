"""The final state of an import run, with its message."""

from collections.abc import Iterator, Sequence

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.errors.shown import in_line
from tasks.imports.decisions import where
from tasks.records.stages import Decided, FileOutcome, Hold

_LISTED = {
    "": "",
    "complete": ", listed as rejected",
    "partial": ", those of them who are not in the list are listed as rejected",
    "unclear": ", but more are missing from the list, so none is listed",
    "too_many_calls": "; finding them takes more calls than read_back_calls allows",
}
"""Result of the read-back, after the number of rejected recipients."""


def final_state(
    outcomes: Sequence[FileOutcome], files: int, decided: Decided | None, *, skipped_names: int = 0
) -> State[None]:
    """Completed with a summary; Failed if a file is held and no decision can be waited for."""
    texts = [_summary(outcome, files - len(outcomes)) for outcome in outcomes]
    if decided and decided.entry_id not in [outcome.entry_id for outcome in outcomes]:
        texts.insert(0, _void(decided))
    if any(outcome.outcome == "held" for outcome in outcomes):
        return Failed(message=texts[-1] + _skipped(skipped_names))
    nothing = "Nothing to do." if files else "Nothing to do: no file is waiting."
    return Completed(message=("; ".join(texts) or nothing) + _skipped(skipped_names))


def _skipped(number: int) -> str:
    if not number:
        return ""
    return f" ({number} files are skipped for their names; see the artifact passed-over)"


def _held(name: str, hold: Hold, waiting: int) -> str:
    behind = f" {waiting} later files wait." if waiting else ""
    remedy = " If it is correct, run the deployment with its name and release=true."
    return (
        f"{in_line(name)} is held ({hold.reason}): {hold.message}{remedy * hold.decidable}{behind}"
    )


def _void(decided: Decided) -> str:
    verb = {"release": "released", "refuse": "refused"}[decided.verdict]
    return (
        f"{in_line(decided.name)} was {verb} by {in_line(decided.decided_by)}, but this content is "
        "no longer in the folder: nothing was done with it"
    )


def _missing(outcome: FileOutcome) -> Iterator[str]:
    """What happened to missing people, if they may be unsubscribed."""
    compared = outcome.compared
    if compared is None or not compared.missing or compared.left_because == "report":
        return
    if compared.left_because:
        yield f"{compared.missing} missing people not unsubscribed ({compared.left_because})"
    elif outcome.outcome == "dry_run":
        yield f"up to {compared.missing} missing people would be unsubscribed"
    else:
        yield f"{outcome.unsubscribed} missing people unsubscribed"


def _summary(outcome: FileOutcome, behind: int) -> str:
    counts, decision = outcome.counts, outcome.decision
    if outcome.hold:
        return _held(outcome.name, outcome.hold, behind)
    if outcome.outcome == "waiting":
        return f"{in_line(outcome.name)} waits for a decision: {where(outcome.waiting_run)}"
    if outcome.outcome == "refused":
        who = f" by {in_line(decision.decided_by)}" if decision else ""
        return f"{in_line(outcome.name)}: refused{who}, nothing sent"
    if outcome.outcome == "already_imported":
        return f"{in_line(outcome.name)}: imported before, nothing sent"
    verb = "would be submitted" if outcome.outcome == "dry_run" else "submitted"
    parts = [f"{counts.submitted} of {counts.records} {verb}"]
    words = ("unchanged", "duplicate", "rejected", "blocked")
    parts += [f"{getattr(counts, word)} {word}" for word in words if getattr(counts, word)]
    if outcome.refused.count:
        parts.append(f"MailUp rejected {outcome.refused.count}{_LISTED[outcome.refused.state]}")
    if outcome.not_compared:
        without = f"{outcome.not_compared} without their second key"
        parts.append(f"{without}: comparing takes more calls than read_back_calls allows")
    parts += _missing(outcome)
    if decision and outcome.outcome == "imported":
        parts.append(f"released by {in_line(decision.decided_by)}")
    return f"{in_line(outcome.name)}: " + ", ".join(parts)
