"""What a run did, step by step: how long each step took, and how often it called MailUp."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.texts.markdown import markdown_table


@dataclass
class Step:
    """One task of a run, with all its attempts and the waits between them.

    `began` and `ended` are seconds of one clock, `ended` None while it is at work. `title` names
    what it works on, `run` is the id of its task run, `reached` says how far it has come.
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
    """The steps and their sum as a table; empty where nothing was measured."""
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
    """Seconds as people say them."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _remarks(step: Step) -> str:
    told = [step.reached]
    if step.attempts > 1:
        told.append(f"{step.attempts} attempts")
    if step.ended is None:
        told.append("until here")
    elif step.failed:
        told.append("failed")
    return ", ".join(filter(None, told))
