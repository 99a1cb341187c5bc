"""Read YAML files within limits, so that a small file cannot expand into a huge one.

Anchors, aliases and merge keys may be used; their expansion counts towards the limits.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent
from yaml.nodes import Node, ScalarNode

MOST_YAML_BYTES = 256 * 1024
MOST_NODES = 50_000
MOST_DEPTH = 50
MOST_DIGITS = 100
_NUMBERS = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}


class _Loader(yaml.SafeLoader):
    """Counts nodes and depth, aliases expanded, before any value is built."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = self._depth = self._reached = 0
        self._unfolded: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose the next node and count its nodes and levels."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, AliasEvent):
            node = super().compose_node(parent, index)
            nodes, levels = self._unfolded.get(id(node), (MOST_NODES, MOST_DEPTH))  # still open
        else:
            before, above, self._reached = self._nodes, self._reached, self._depth
            self._depth += 1
            self._count(event, 1, 0)
            node = super().compose_node(parent, index)
            self._depth -= 1
            nodes, levels = self._nodes - before, self._reached - self._depth
            self._unfolded[id(node)] = nodes, levels
            self._reached = max(self._reached, above)
            nodes = 0
        self._count(event, nodes, levels)
        _check_number(node)
        return node

    def _count(self, event: Any, nodes: int, levels: int) -> None:
        self._nodes += nodes
        self._reached = max(self._reached, self._depth + levels)
        if self._nodes > MOST_NODES or self._reached > MOST_DEPTH:
            raise ComposerError(
                None,
                None,
                f"more than {MOST_NODES:,} values or {MOST_DEPTH} levels with its aliases "
                "expanded; an alias may not be part of its own anchor",
                event.start_mark,
            )


def compose(path: Path, look: Callable[[Node], None] = lambda _: None) -> tuple[Any, Node | None]:
    """The content of a file as Python values, and its root node; yaml.YAMLError if it is invalid.

    `look` is called with the nodes as written, before merge keys are expanded.
    """
    if path.stat().st_size > MOST_YAML_BYTES:
        raise yaml.YAMLError(f"more than {MOST_YAML_BYTES:,} bytes")
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
        if root is None:
            return None, None
        look(root)
        return loader.construct_document(root), root
    except (ValueError, ArithmeticError, LookupError, RecursionError):
        raise yaml.YAMLError("an invalid number or date") from None
    finally:
        loader.dispose()


def load_yaml(path: Path) -> Any:
    """The content of a file as Python values; yaml.YAMLError if it is invalid."""
    return compose(path)[0]


def _check_number(node: Node | None) -> None:
    if isinstance(node, ScalarNode) and node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
        raise ComposerError(None, None, "a number with too many digits", node.start_mark)
