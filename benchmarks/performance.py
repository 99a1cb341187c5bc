"""What was measured, as Markdown."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.exports import OURS as EXPORT
from benchmarks.imports import FLOOR
from benchmarks.limits import SINGLE_ROWS, Limited
from benchmarks.measuring import Series


def imports_table(found: Mapping[str, Series]) -> str:
    """Seconds, ratios to the floor, memory and calls of everyone."""
    floor = found[FLOOR].median("inside")
    rows = [
        (
            name,
            _spread(series, "inside"),
            f"{series.median('inside') / floor:.1f}",
            f"{series.median('cpu'):.1f}",
            _spread(series, "wall"),
            f"{max(run.memory for run in series.runs):.0f}",
            f"{series.runs[0].counted.get('rows', 0):,.0f}",
        )
        for name, series in found.items()
    ]
    head = ("", "work, s", "of the floor", "CPU, s", "whole process, s", "memory, MB", "rows sent")
    return table(head, rows)


def steps_table(series: Series) -> str:
    """Where the work of a series went: the median seconds of each step, and their share."""
    whole = series.median("inside")
    steps = {
        name: statistics.median(run.steps[name] for run in series.runs)
        for name in series.runs[0].steps
    }
    rows = [(name, f"{each:.2f}", f"{100 * each / whole:.0f} %") for name, each in steps.items()]
    return table((f"step of {series.name}", "seconds", "of the work"), rows)


def exports_table(found: Mapping[str, Series]) -> str:
    """Seconds, the ratio to ours, memory and rows of everyone."""
    ours = found[EXPORT].median("inside")
    rows = [
        (
            name,
            _spread(series, "inside"),
            f"{series.median('inside') / ours:.1f}",
            f"{series.median('cpu'):.1f}",
            f"{max(run.memory for run in series.runs):.0f}",
            f"{series.runs[0].counted['rows']:,.0f}",
        )
        for name, series in found.items()
    ]
    head = ("", "work, s", "of ours", "CPU of the process, s", "memory, MB", "rows delivered")
    return table(head, rows)


def pairs_table(found: Mapping[str, Series], of: str, base: str) -> str:
    """Seconds of each, and how often those of `base`."""
    least = found[base].median(of)
    rows = [
        (name, _spread(series, of), f"{series.median(of) / least:.2f}")
        for name, series in found.items()
    ]
    return table(("", "seconds", f"of {base}"), rows)


def listings_table(found: Mapping[str, Series], base: str) -> str:
    """Seconds and memory of each, and how often the seconds of `base`."""
    least = found[base].median("inside")
    rows = [
        (
            name,
            _spread(series, "inside"),
            f"{series.median('inside') / least:.2f}",
            f"{max(run.memory for run in series.runs):.0f}",
        )
        for name, series in found.items()
    ]
    return table(("", "seconds", f"of {base}", "memory of the process, MB"), rows)


def sources_table(found: Mapping[str, Series], contacts: int) -> str:
    """Seconds of whole processes, rows a second and memory of each."""
    rows = [
        (
            name,
            f"{series.median('wall'):.1f}",
            f"{contacts / series.median('wall'):,.0f}",
            f"{max(run.memory for run in series.runs):.0f}",
        )
        for name, series in found.items()
    ]
    return table(("", "whole process, s", "rows a second", "memory, MB"), rows)


def limit_lines(limited: Limited) -> str:
    """An import under MailUp's limit, and a small one beside it."""
    return table(
        ("under five calls a second", "figure"),
        [
            (f"calls of the import of {SINGLE_ROWS:,} contacts", str(limited.calls)),
            ("what they cost at the limit", f"{limited.least:.1f} s"),
            ("work of the run", f"{limited.seconds:.1f} s ({limited.seconds / limited.least:.2f})"),
            ("500 contacts of another client, alone", f"{limited.alone:.1f} s"),
            ("the same while the large import runs", f"{limited.behind:.1f} s"),
        ],
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _spread(series: Series, of: str) -> str:
    least, most = series.spread(of)
    return f"{series.median(of):.1f} ({least:.1f} to {most:.1f})"
