"""The results as Markdown."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.exports import OURS as EXPORT
from benchmarks.imports import FLOOR
from benchmarks.limits import SINGLE_ROWS, TOGETHER, Limited
from benchmarks.measuring import Series

Cell = Callable[[Series], str]
"""From a series to the text of a table cell."""


def imports_table(found: Mapping[str, Series]) -> str:
    """Seconds, ratios to the floor, memory and rows of all contenders."""
    return _side_by_side(found, {
        "work, s": _spread("inside"),
        "× floor": _ratio("inside", found[FLOOR], 1),
        "CPU, s": lambda series: f"{series.median('cpu'):.1f}",
        "whole process, s": _spread("wall"),
        "memory, MB": _memory,
        "rows sent": lambda series: f"{series.runs[0].counted.get('rows', 0):,.0f}",
    })  # fmt: skip


def steps_table(series: Series) -> str:
    """The median seconds of each step of a series, and their share."""
    whole = series.median("inside")
    steps = {
        name: statistics.median(run.steps[name] for run in series.runs)
        for name in series.runs[0].steps
    }
    rows = [(name, f"{each:.2f}", f"{100 * each / whole:.0f} %") for name, each in steps.items()]
    return table((f"step of {series.name}", "seconds", "share of the work"), rows)


def exports_table(found: Mapping[str, Series]) -> str:
    """Seconds, the ratio to ours, memory and rows of all contenders."""
    return _side_by_side(found, {
        "work, s": _spread("inside"),
        "× ours": _ratio("inside", found[EXPORT], 1),
        "CPU of the process, s": lambda series: f"{series.median('cpu'):.1f}",
        "memory, MB": _memory,
        "rows delivered": lambda series: f"{series.runs[0].counted['rows']:,.0f}",
    })  # fmt: skip


def pairs_table(found: Mapping[str, Series], of: str, base: str) -> str:
    """Seconds of each, and the ratio to `base`."""
    return _side_by_side(found, {"seconds": _spread(of), f"× {base}": _ratio(of, found[base], 2)})


def listings_table(found: Mapping[str, Series], base: str) -> str:
    """Seconds and memory of each, and the ratio to `base`."""
    return _side_by_side(found, {
        "seconds": _spread("inside"),
        f"× {base}": _ratio("inside", found[base], 2),
        "memory of the process, MB": _memory,
    })  # fmt: skip


def sources_table(found: Mapping[str, Series], contacts: int) -> str:
    """Seconds of whole processes, rows per second and memory of each."""
    return _side_by_side(found, {
        "whole process, s": lambda series: f"{series.median('wall'):.1f}",
        "rows per second": lambda series: f"{contacts / series.median('wall'):,.0f}",
        "memory, MB": _memory,
    })  # fmt: skip


def limit_lines(limited: Limited) -> str:
    """An import under MailUp's limit, and a small one at the same time."""
    return table(
        ("at five calls per second", "result"),
        [
            (f"calls of the import of {SINGLE_ROWS:,} contacts", str(limited.calls)),
            ("their time at the limit", f"{limited.least:.1f} s"),
            ("work of the run", f"{limited.seconds:.1f} s ({limited.seconds / limited.least:.2f})"),
            ("500 contacts of another client, alone", f"{limited.alone:.1f} s"),
            ("the same while the large import runs", f"{limited.behind:.1f} s"),
            (f"calls per second of {TOGETHER} concurrent imports", f"{limited.together:.1f}"),
        ],
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _side_by_side(found: Mapping[str, Series], cells: Mapping[str, Cell]) -> str:
    """A row for each series, a column for each of `cells`, by its heading."""
    rows = [(name, *(cell(series) for cell in cells.values())) for name, series in found.items()]
    return table(("", *cells), rows)


def _spread(of: str) -> Cell:
    def cell(series: Series) -> str:
        least, most = series.spread(of)
        return f"{series.median(of):.1f} ({least:.1f} to {most:.1f})"

    return cell


def _ratio(of: str, base: Series, digits: int) -> Cell:
    return lambda series: f"{series.median(of) / base.median(of):.{digits}f}"


def _memory(series: Series) -> str:
    return f"{max(run.memory for run in series.runs):.0f}"
