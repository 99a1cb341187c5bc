"""The table of a run's steps, with duration and calls to MailUp."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.texts.markdown import markdown_table


@dataclass
class Step:
    """One task of a run, with all attempts and the waits between them.

    `began` and `ended`: seconds of one clock; `ended` is None while it runs. `title`: what it works
    on. `run`: id of its task run. `reached`: its progress.
    """

    name: str
    began: float
    title: str = ""
    run: str = ""
    ended: float | None = None
    attempts: int = 1
    calls: int = 0
    reached: str = ""
    failed: bool = False


def steps_table(steps: Sequence[Step], now: float) -> str:
    """The steps and their total as a table; empty without steps."""
    if not steps:
        return ""
    lasted = [(now if step.ended is None else step.ended) - step.began for step in steps]
    rows = [
        (step.name, duration(seconds), step.calls, _remarks(step))
        for step, seconds in zip(steps, lasted, strict=True)
    ]
    rows.append(("together", duration(sum(lasted)), sum(step.calls for step in steps), ""))
    return markdown_table(("step", "duration", "MailUp calls", ""), rows)


def duration(seconds: float) -> str:
    """Seconds as readable text."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _remarks(step: Step) -> str:
    remarks = [step.reached]
    if step.attempts > 1:
        remarks.append(f"{step.attempts} attempts")
    if step.ended is None:
        remarks.append("until here")
    elif step.failed:
        remarks.append("failed")
    return ", ".join(filter(None, remarks))
