"""A YAML file with the line of everything in it, anchors and merge keys included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from blocks.yaml_files import compose

PathStep = str | int
Fault = tuple[tuple[PathStep, ...], str]
"""Steps to what is wrong, and a sentence: what is wrong, what is accepted, what to do."""

MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Located:
    """The content of a YAML file as plain values, and its nodes, which know their lines.

    `repeated` are keys that occur twice in one mapping, with the line of the second: YAML keeps
    only that one, silently.
    """

    value: Any
    root: Node | None
    repeated: list[tuple[int, str]] = field(default_factory=list)

    def line(self, steps: Sequence[PathStep]) -> int:
        """Line of what these steps lead to; of the nearest thing above it where it is missing.

        A key's line is that of its name, wherever an anchor or a merge key takes it from.
        """
        line, node = 1, self.root
        for step in steps:
            found = _child(node, step)
            if found is None:
                break
            line, node = found[0], found[1]
        return line


def read(path: Path) -> Located:
    """Read a file; yaml.YAMLError where it is no YAML."""
    repeated: list[tuple[int, str]] = []
    # Looked at first, for building the values flattens merge keys into their mappings.
    value, root = compose(path, lambda root: repeated.extend(_repeated(root, set())))
    return Located(value, root, repeated)


def _child(node: Node | None, step: PathStep) -> tuple[int, Node] | None:
    """Line and node of an item of a list, or of a key of a mapping."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    if isinstance(node, MappingNode):
        for key, value in reversed(node.value):
            if isinstance(key, ScalarNode) and key.value == str(step):
                return key.start_mark.line + 1, value
    return None


def _repeated(node: Node, seen: set[int]) -> Iterator[tuple[int, str]]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _repeated(item, seen)
    if isinstance(node, MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if key.tag != MERGE and isinstance(key, ScalarNode) and key.value in names:
                yield key.start_mark.line + 1, key.value
            names.add(str(key.value))
            yield from _repeated(value, seen)
