"""The structure of a folder's imports: boxes, layers and arrows.

`python -m benchmarks.structure [FOLDER ...]` prints a line per folder. A box is a file, or a
subfolder with its content; an arrow is an import from one box by another; layers are the length of
the longest chain of imports. Boxes of a circle count as one layer, and are listed.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    "tasks", "tasks/records", "tasks/reports", "blocks/transport", "blocks/mailup", "deployments",
)  # fmt: skip


@dataclass(frozen=True)
class Structure:
    """Counts of one folder."""

    boxes: int
    layers: int
    arrows: int
    circles: tuple[tuple[str, ...], ...]


def structure(folder: str, root: Path = ROOT) -> Structure:
    """Measured from import statements, including those in functions."""
    arrows = _arrows(folder, root)
    groups = _circles(arrows)
    group_of = {box: group for group in groups for box in group}
    below = {
        group: {group_of[used] for box in group for used in arrows[box]} - {group}
        for group in groups
    }
    heights: dict[tuple[str, ...], int] = {}

    def height(group: tuple[str, ...]) -> int:
        if group not in heights:
            heights[group] = 1 + max(map(height, below[group]), default=0)
        return heights[group]

    return Structure(
        boxes=len(arrows),
        layers=max(map(height, groups), default=0),
        arrows=sum(map(len, arrows.values())),
        circles=tuple(group for group in groups if len(group) > 1),
    )


def _arrows(folder: str, root: Path) -> dict[str, set[str]]:
    """Each box with the boxes that it imports; an `__init__.py` is no box."""
    base = root / folder
    package = folder.replace("/", ".")
    found: dict[str, set[str]] = {}
    for path in sorted(base.rglob("*.py")):
        box = path.relative_to(base).parts[0].removesuffix(".py")
        if box != "__init__":
            used = {_box(name, package) for name in _imported(path)}
            found.setdefault(box, set()).update(used)
    return {box: used & found.keys() - {box} for box, used in found.items()}


def _box(name: str, package: str) -> str:
    inside = name.removeprefix(f"{package}.")
    return inside.partition(".")[0] if inside != name else ""


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _circles(arrows: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Boxes that reach each other, together; every other box alone."""
    reached = {box: _reachable(box, arrows) for box in arrows}
    groups = {
        tuple(sorted({box, *(other for other in far if box in reached[other])}))
        for box, far in reached.items()
    }
    return sorted(groups)


def _reachable(start: str, arrows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = arrows[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def main() -> None:
    print(f"{'folder':18} boxes  layers  arrows")
    for folder in sys.argv[1:] or FOLDERS:
        seen = structure(folder)
        circles = "".join(f"  circle: {', '.join(circle)}" for circle in seen.circles)
        print(f"{folder:18} {seen.boxes:5}  {seen.layers:6}  {seen.arrows:6}{circles}")


if __name__ == "__main__":
    main()
